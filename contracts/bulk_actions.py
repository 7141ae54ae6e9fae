"""Bulk actions: one thing done to many mailboxes, as a job. Stream key: the tenant id; subject: the job id.

The gateway asks for them; the bulkio reactor fixes which mailboxes they are, orders one command for each and reports
how far it has got. They join the messages of `contracts.bulkio`.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from contracts.ids import JobId, SealKeyId
from contracts.job_fields import BlobName, Count, FilterText, Sha256Hex, Within
from contracts.mailbox import Note, Reason
from contracts.message import STORABLE, Command, Event, UuidText
from contracts.outcome import RefusalCode

BulkStep = Literal[
    "delete",
    "clean",
    "restore",
    "change_note",
    "set_password",
    "allow_self_service",
    "forbid_self_service",
    "suspend",
    "resume",
]
"""What can be done to each mailbox of a job."""

BulkActionKind = Literal[
    "delete",
    "clean",
    "restore",
    "change_note",
    "set_password",
    "allow_self_service",
    "forbid_self_service",
    "suspend",
    "resume",
    "undo",
]
"""What a job does: one step to each, or to each the opposite of what another job did, be it an import."""

DESTROYING: Final[frozenset[BulkActionKind]] = frozenset({"delete", "clean"})
"""What needs the permission to destroy, and is confirmed by a word."""


def statuses_meant(action: BulkActionKind) -> tuple[str, ...]:
    """Give the statuses of the mailboxes that a filter means which says nothing of the status."""
    return ("deleted",) if action == "restore" else ("active", "suspended")


APPROVAL_DAYS: Final = 7
PASSWORDS_KEPT_HOURS: Final = 24

GOAL_REACHED: Final[frozenset[tuple[BulkActionKind, RefusalCode]]] = frozenset(
    {("delete", RefusalCode.MAILBOX_DELETED), ("restore", RefusalCode.MAILBOX_NOT_DELETED)}
)
"""Refusals that, of many mailboxes, only say that one is as it should be already."""

RefusalCounts = dict[str, Count]
"""How many mailboxes were refused, by code."""


class StartBulkAction(Command, frozen=True, kw_only=True, tag="start_bulk_action"):
    """Do `action` to the mailboxes of the sealed list `wanted`, or else to all that match `filter`.

    An undo has neither: it is about what the bulk action or import `undo_of` changed. The job fails when the mailboxes are not as many as
    expected, or where that is given, not those of the digest. `passwords_key_id` is the key of generated passwords.
    """

    job_id: UuidText
    action: BulkActionKind
    filter: FilterText = ""
    wanted: BlobName | None = None
    undo_of: UuidText | None = None
    note: Note = ""
    drop_targets: bool = False
    reason: Reason = ""
    expected_count: Annotated[int, Meta(ge=1)]
    expected_digest: Sha256Hex | None = None
    needs_approval: bool = False
    key_id: UuidText
    passwords_key_id: UuidText | None = None
    within: Within = None


class ReportBulkActionSelected(Command, frozen=True, kw_only=True, tag="report_bulk_action_selected"):
    """These are the mailboxes, as they were at `snapshot` (topic/partition → next offset); the list is sealed."""

    job_id: UuidText
    count: Count
    digest: Sha256Hex
    snapshot: dict[str, int]


class ApproveBulkAction(Command, frozen=True, kw_only=True, tag="approve_bulk_action"):
    """Let the job begin. Only for a person who did not ask for it."""

    job_id: UuidText


class DeclineBulkAction(Command, frozen=True, kw_only=True, tag="decline_bulk_action"):
    """Let the job never begin. Only for a person who did not ask for it."""

    job_id: UuidText
    reason: Reason = ""


class LapseBulkAction(Command, frozen=True, kw_only=True, tag="lapse_bulk_action"):
    """Give up a job that nobody approved in time. Sent by the system."""

    job_id: UuidText


class ReportBulkActionApplied(Command, frozen=True, kw_only=True, tag="report_bulk_action_applied"):
    """The mailboxes number `first` to `last` (from 1, as selected) are decided; the counts add up to their number."""

    job_id: UuidText
    first: Annotated[int, Meta(ge=1)]
    last: Annotated[int, Meta(ge=1)]
    changed: Count = 0
    unchanged: Count = 0
    refusals: RefusalCounts


class FinishBulkAction(Command, frozen=True, kw_only=True, tag="finish_bulk_action"):
    """Nothing is left to do, and the result's files are there."""

    job_id: UuidText


class FailBulkAction(Command, frozen=True, kw_only=True, tag="fail_bulk_action"):
    """The job can't begin."""

    job_id: UuidText
    code: str
    detail: Annotated[str, Meta(max_length=500, pattern=STORABLE)] = ""


class CancelBulkAction(Command, frozen=True, kw_only=True, tag="cancel_bulk_action"):
    """Stop as soon as the mailboxes on their way are decided."""

    job_id: UuidText


class TakeBulkPasswords(Command, frozen=True, kw_only=True, tag="take_bulk_passwords"):
    """Hand the generated passwords over. Only for whoever asked for the job, and once."""

    job_id: UuidText


class BulkActionRequested(Event, frozen=True, kw_only=True, tag="bulk_action_requested"):
    """Somebody wants this done to these mailboxes."""

    job_id: JobId
    action: BulkActionKind
    filter: FilterText
    wanted: str | None
    undo_of: JobId | None
    note: Note
    drop_targets: bool
    reason: str
    expected_count: int
    expected_digest: str | None
    needs_approval: bool
    key_id: SealKeyId
    passwords_key_id: SealKeyId | None
    within: Within


class BulkActionSelected(Event, frozen=True, kw_only=True, tag="bulk_action_selected"):
    """From here on it is fixed which mailboxes the job is about, whatever changes meanwhile."""

    count: int
    digest: str
    snapshot: dict[str, int]


class BulkActionApprovalNeeded(Event, frozen=True, kw_only=True, tag="bulk_action_approval_needed"):
    """The job waits for another person, until `until` (UTC)."""

    until: datetime


class BulkActionApproved(Event, frozen=True, kw_only=True, tag="bulk_action_approved"):
    """Another person let the job begin."""


class BulkActionDeclined(Event, frozen=True, kw_only=True, tag="bulk_action_declined"):
    """Another person refused the job; nothing was changed."""

    reason: str


class BulkActionLapsed(Event, frozen=True, kw_only=True, tag="bulk_action_lapsed"):
    """Nobody approved the job in time; nothing was changed."""


class BulkActionApplied(Event, frozen=True, kw_only=True, tag="bulk_action_applied"):
    """These mailboxes are decided, each of them exactly once."""

    first: int
    last: int
    changed: int
    unchanged: int
    refusals: RefusalCounts


class BulkActionCancelRequested(Event, frozen=True, kw_only=True, tag="bulk_action_cancel_requested"):
    """Somebody wants the job to stop; what is decided stays."""


class BulkActionCancelled(Event, frozen=True, kw_only=True, tag="bulk_action_cancelled"):
    """The job stopped before its end. Passwords generated so far can be fetched until `passwords_until` (UTC)."""

    passwords_until: datetime | None = None


class BulkActionFinished(Event, frozen=True, kw_only=True, tag="bulk_action_finished"):
    """Every mailbox is decided. Generated passwords can be fetched until `passwords_until` (UTC)."""

    passwords_until: datetime | None = None


class BulkActionFailed(Event, frozen=True, kw_only=True, tag="bulk_action_failed"):
    """The job ended without changing anything."""

    code: str
    detail: str = ""


class BulkPasswordsTaken(Event, frozen=True, kw_only=True, tag="bulk_passwords_taken"):
    """Whoever asked for the job fetched the generated passwords."""


class BulkActionUndoBegun(Event, frozen=True, kw_only=True, tag="bulk_action_undo_begun"):
    """Another job is to take back what this one did."""

    undo_job_id: JobId


BulkActionCommand = (
    StartBulkAction
    | ReportBulkActionSelected
    | ApproveBulkAction
    | DeclineBulkAction
    | LapseBulkAction
    | ReportBulkActionApplied
    | FinishBulkAction
    | FailBulkAction
    | CancelBulkAction
    | TakeBulkPasswords
)
BulkActionEvent = (
    BulkActionRequested
    | BulkActionSelected
    | BulkActionApprovalNeeded
    | BulkActionApproved
    | BulkActionDeclined
    | BulkActionLapsed
    | BulkActionApplied
    | BulkActionCancelRequested
    | BulkActionCancelled
    | BulkActionFinished
    | BulkActionFailed
    | BulkPasswordsTaken
    | BulkActionUndoBegun
)
