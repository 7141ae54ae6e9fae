"""What becomes of a command: accepted, or refused with a stable code."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from contracts.ids import CommandId, TenantId


class RefusalCode(StrEnum):
    """Why a command was refused. The values are part of the API: they are shown, translated and never renamed."""

    MALFORMED = "malformed"
    VERSION_MISMATCH = "version_mismatch"
    TENANT_UNKNOWN = "tenant_unknown"
    TENANT_SUSPENDED = "tenant_suspended"
    TENANT_CLOSING = "tenant_closing"
    TENANT_NOT_EMPTY = "tenant_not_empty"
    USER_UNKNOWN = "user_unknown"
    USER_EXISTS = "user_exists"
    USER_STATE = "user_state"
    INVITATION_INVALID = "invitation_invalid"
    LAST_OWNER = "last_owner"
    PERMISSION_EXCEEDED = "permission_exceeded"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    PAID_GROUP_UNKNOWN = "paid_group_unknown"
    PAID_GROUP_NOT_EMPTY = "paid_group_not_empty"
    PLAN_EXCEEDED = "plan_exceeded"
    LIMIT_FROM_PAID_GROUP = "limit_from_paid_group"
    DOMAIN_UNKNOWN = "domain_unknown"
    DOMAIN_TAKEN = "domain_taken"
    DOMAIN_NOT_ACTIVE = "domain_not_active"
    DOMAIN_REMOVED = "domain_removed"
    DOMAIN_NOT_EMPTY = "domain_not_empty"
    ADDRESS_INVALID = "address_invalid"
    ADDRESS_TAKEN = "address_taken"
    ADDRESS_QUARANTINED = "address_quarantined"
    MAILBOX_LIMIT_REACHED = "mailbox_limit_reached"
    MAILBOX_UNKNOWN = "mailbox_unknown"
    MAILBOX_DELETED = "mailbox_deleted"
    MAILBOX_NOT_DELETED = "mailbox_not_deleted"
    MAILBOX_PURGED = "mailbox_purged"
    RETRIEVAL_NEEDED = "retrieval_needed"
    MAILBOX_IS_TARGET = "mailbox_is_target"
    PATTERN_INVALID = "pattern_invalid"
    RULE_UNKNOWN = "rule_unknown"
    RULE_LIMIT_REACHED = "rule_limit_reached"
    ALIAS_UNKNOWN = "alias_unknown"
    ALIAS_LIMIT_REACHED = "alias_limit_reached"
    TARGET_UNKNOWN = "target_unknown"
    ARCHIVE_UNKNOWN = "archive_unknown"
    ARCHIVE_STATE = "archive_state"
    ARCHIVE_HELD = "archive_held"
    ARCHIVE_BROKEN = "archive_broken"
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_OF_PROVIDER = "hold_of_provider"
    HOLD_LIMIT_REACHED = "hold_limit_reached"
    RETRIEVAL_UNKNOWN = "retrieval_unknown"
    RETRIEVAL_STATE = "retrieval_state"
    RETRIEVAL_PENDING = "retrieval_pending"
    PRICE_MISMATCH = "price_mismatch"
    JOB_UNKNOWN = "job_unknown"
    JOB_ENDED = "job_ended"
    JOB_STATE = "job_state"
    PLAN_MISMATCH = "plan_mismatch"
    PLAN_EXPIRED = "plan_expired"
    PLAN_APPLIED = "plan_applied"
    APPROVER_NEEDED = "approver_needed"


class Outcome(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The one answer to a command, written in the same transaction as its events.

    `streamseq` is the position of the key after the command, `version` that of the subject; `events` is how many
    events it caused (0: the goal was already reached, or it was refused). `repeated` marks an answer given again to
    a command seen before; it is not a second outcome.
    """

    command: CommandId
    tenant: TenantId
    stream: str
    correlation: str
    subject: str
    status: Literal["accepted", "refused"]
    decided_at: datetime
    streamseq: int
    version: int
    events: int = 0
    code: RefusalCode | None = None
    detail: str = ""
    repeated: bool = False


class OutcomeHeader(Struct, frozen=True, gc=False):
    """As much of an outcome as a listener needs to know whether it waits for it."""

    command: CommandId
