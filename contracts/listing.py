"""Which fields a list can be filtered by; for mailboxes the same in the list and in the export of a list.

The columns are those of the rows in `contracts.views`. The grammar is that of `services.runtime.filtering`.
"""

from typing import Final, Literal, get_args

from msgspec import Struct

from contracts.archive import ArchiveKind, HoldScope
from contracts.permissions import Role
from contracts.views.access import TenantStatus, UserStatus
from contracts.views.archive import ArchiveState, RetrievalState
from contracts.views.mailbox import DomainStatus, KnownMailboxStatus

FilterKind = Literal["text", "joined", "word", "choice", "flag", "present", "time", "number"]
FilterSpelling = Literal["exact", "lower", "host"]

FILTER_LENGTH_MAX: Final = 2_000
"""Characters in a filter; the same as in an export's command."""


class FilterField(Struct, frozen=True, kw_only=True):
    """One name that a filter may use.

    `column` holds the value; of a joined field it holds the part before `separator`, and `second` the part after it.
    A "present" field is true when its column is not null; a `nullable` text that is null differs from every text.
    `spelling` brings what people write into the one form that is stored: "lower" is NFC and lower case, "host" is a
    domain name as its A-label.
    """

    column: str
    kind: FilterKind
    choices: tuple[str, ...] = ()
    second: str = ""
    separator: str = ""
    spelling: FilterSpelling = "exact"
    nullable: bool = False


MAILBOX_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "address": FilterField(
        column="local_part", second="domain", separator="@", kind="joined", spelling="lower"
    ),
    "local_part": FilterField(column="local_part", kind="text", spelling="lower"),
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "status": FilterField(column="status", kind="choice", choices=get_args(KnownMailboxStatus)),
    "self_service": FilterField(column="self_service", kind="flag"),
    "has_password": FilterField(column="credential_id", kind="present"),
    "note": FilterField(column="note", kind="word"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}

TENANT_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "tenant": FilterField(column="tenant", kind="text", spelling="lower"),
    "title": FilterField(column="title", kind="text"),
    "status": FilterField(column="status", kind="choice", choices=get_args(TenantStatus)),
    "created_at": FilterField(column="created_at", kind="time"),
}

USER_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "email": FilterField(column="email", kind="text", spelling="lower"),
    "role": FilterField(column="role", kind="choice", choices=get_args(Role)),
    "status": FilterField(column="status", kind="choice", choices=get_args(UserStatus)),
    "created_at": FilterField(column="created_at", kind="time"),
}

DOMAIN_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "status": FilterField(column="status", kind="choice", choices=get_args(DomainStatus)),
    "group": FilterField(column="group_id", kind="text", spelling="lower", nullable=True),
    "assigned": FilterField(column="assigned_to", kind="text", spelling="lower", nullable=True),
    "in_group": FilterField(column="group_id", kind="present"),
    "is_assigned": FilterField(column="assigned_to", kind="present"),
    "has_catch_all": FilterField(column="catch_all_id", kind="present"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}

JobKind = Literal["import", "export", "bulk_action"]

JOB_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "kind": FilterField(column="kind", kind="choice", choices=get_args(JobKind)),
    "state": FilterField(column="state", kind="text"),
    "actor": FilterField(column="actor", kind="text"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}

ShownArchiveState = Literal[ArchiveState, "held"]
"""The state of an archive as lists show it: one that is stored is "held" while an active hold covers it."""

# `shown_state`, `size_bytes` and `local_part` are worked out for each archive: services/gateway/archive_queries.py.
ARCHIVE_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "address": FilterField(
        column="local_part", second="domain", separator="@", kind="joined", spelling="lower", nullable=True
    ),
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "mailbox_id": FilterField(column="mailbox_id", kind="text", spelling="lower"),
    "kind": FilterField(column="kind", kind="choice", choices=get_args(ArchiveKind)),
    "state": FilterField(column="shown_state", kind="choice", choices=get_args(ShownArchiveState)),
    "size": FilterField(column="size_bytes", kind="number"),
    "expires_at": FilterField(column="expires_at", kind="time"),
    "created_at": FilterField(column="created_at", kind="time"),
}

HOLD_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "scope": FilterField(column="scope", kind="choice", choices=get_args(HoldScope)),
    "by_provider": FilterField(column="by_provider", kind="flag"),
    "released": FilterField(column="released", kind="flag"),
    "created_at": FilterField(column="created_at", kind="time"),
}

RETRIEVAL_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "state": FilterField(column="state", kind="choice", choices=get_args(RetrievalState)),
    "created_at": FilterField(column="created_at", kind="time"),
}
