"""Archives: content put away for a year, and the holds that keep it longer. Stream key: the mail domain.

The mailbox stream says that a mailbox was cleaned, deleted or restored; here is told what became of its content. The
subject is the id of the archive or of the hold. `contracts.retrieval` holds the orders that bring content back.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contracts.ids import CredentialId, MailboxId, SealKeyId
from contracts.job_fields import BlobName, Count, Sha256Hex
from contracts.mailbox import Reason
from contracts.message import STORABLE, Command, Event, UuidText
from contracts.outcome import RefusalCode
from contracts.retrieval import RetrievalCommand, RetrievalEvent

HOLD_IDS_MAX: Final = 1_000
"""Mailboxes or archives that one hold names; a hold on more is one on the domain."""

HOLDS_MAX: Final = 10_000
"""Holds of one tenant on archives of one domain that are not released."""

ArchiveKind = Literal["deleted", "cleaned"]
HoldScope = Literal["domain", "mailboxes", "archives"]
HoldIds = Annotated[tuple[UuidText, ...], Meta(max_length=HOLD_IDS_MAX)]
Authority = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE)]
StatedReason = Annotated[str, Meta(min_length=1, max_length=500, pattern=STORABLE)]
Generation = Annotated[int, Meta(ge=1)]


class Content(Struct, frozen=True, kw_only=True):
    """What was packed: messages and their bytes, and the sealed object with its size, SHA-256 and key."""

    messages: Count
    size_bytes: Count
    packed_bytes: Count
    sha256: Sha256Hex
    blob: BlobName
    key_id: UuidText


class ChainHead(Struct, frozen=True, kw_only=True):
    """Where the mailbox stream of the domain stood: the number of an event, and the SHA-256 of its value."""

    streamseq: Annotated[int, Meta(ge=1)]
    sha256: Sha256Hex


class OpenArchive(Command, frozen=True, kw_only=True, tag="open_archive"):
    """Begin an archive as the mailbox stream's event tells. Sent by the system.

    `empty` says that the mailbox held no message: then the archive is stored at once, without content or key.
    """

    archive_id: UuidText
    mailbox_id: UuidText
    kind: ArchiveKind
    generation: Generation
    expires_at: Annotated[datetime, Meta(tz=True)]
    retention_years: Annotated[int, Meta(ge=1)]
    empty: bool = False


class ReportArchivePacked(Command, frozen=True, kw_only=True, tag="report_archive_packed"):
    """The content is packed and was read back. Sent by the system; of two packings the first reported counts."""

    archive_id: UuidText
    content: Content


class ReportArchiveStored(Command, frozen=True, kw_only=True, tag="report_archive_stored"):
    """What was packed is no longer in the live mailbox. Sent by the system."""

    archive_id: UuidText


class ReturnArchive(Command, frozen=True, kw_only=True, tag="return_archive"):
    """Give content back to its mailbox, which is in use. Sent by the system."""

    archive_id: UuidText


class ReportArchiveReturned(Command, frozen=True, kw_only=True, tag="report_archive_returned"):
    """All content is in the mailbox again and was compared. Sent by the system."""

    archive_id: UuidText


class ReportReturnFailed(Command, frozen=True, kw_only=True, tag="report_return_failed"):
    """The content can't be given back now, because of what `refusal` says of the mailbox. Sent by the system."""

    archive_id: UuidText
    refusal: RefusalCode


class ExpireArchive(Command, frozen=True, kw_only=True, tag="expire_archive"):
    """End the archive if its time has come: only the writer's clock judges that. Sent by the system."""

    archive_id: UuidText


class DestroyArchive(Command, frozen=True, kw_only=True, tag="destroy_archive"):
    """End the archive before its time, which also frees the address of a deleted mailbox."""

    archive_id: UuidText
    reason: StatedReason


class ReportArchivePurged(Command, frozen=True, kw_only=True, tag="report_archive_purged"):
    """Content, keys and credentials are destroyed. Sent by the system.

    `mailbox_purged` says whether the mailbox went with it: then `credential_id` is that of the password that was destroyed,
    and `head` is what the event of its purge followed in the mailbox stream of the domain.
    """

    archive_id: UuidText
    mailbox_purged: bool
    credential_id: UuidText | None = None
    head: ChainHead | None = None


class PlaceHold(Command, frozen=True, kw_only=True, tag="place_hold"):
    """Keep archives from expiring: those named, those of the mailboxes named, or all of the domain, future ones too."""

    hold_id: UuidText
    scope: HoldScope
    ids: HoldIds = ()
    reason: StatedReason
    authority: Authority


class ReleaseHold(Command, frozen=True, kw_only=True, tag="release_hold"):
    """End a hold. One that the provider placed is released by the provider alone."""

    hold_id: UuidText
    reason: Reason = ""


class ArchiveOpened(Event, frozen=True, kw_only=True, tag="archive_opened"):
    """There is an archive of the mailbox; its content is still to be put away, unless it is empty."""

    mailbox_id: MailboxId
    kind: ArchiveKind
    generation: int
    expires_at: datetime
    retention_years: int
    empty: bool = False


class ArchivePacked(Event, frozen=True, kw_only=True, tag="archive_packed"):
    """The content is in the archive, and may be in the live mailbox still."""

    content: Content


class ArchiveStored(Event, frozen=True, kw_only=True, tag="archive_stored"):
    """The content is in the archive alone."""


class ArchiveAbandoned(Event, frozen=True, kw_only=True, tag="archive_abandoned"):
    """The mailbox came back before anything was packed: its content never left it."""


class ArchiveReturning(Event, frozen=True, kw_only=True, tag="archive_returning"):
    """The content is on its way back to the mailbox; the archive keeps it too."""


class ArchiveReturned(Event, frozen=True, kw_only=True, tag="archive_returned"):
    """The mailbox has the content again. The archive keeps it until its day, so it can be given back once more."""


class ArchiveReturnFailed(Event, frozen=True, kw_only=True, tag="archive_return_failed"):
    """The content stays in the archive alone, because of what `refusal` says of the mailbox."""

    refusal: str


class ArchiveExpiryBlocked(Event, frozen=True, kw_only=True, tag="archive_expiry_blocked"):
    """The archive's time has come, and these holds keep it."""

    hold_ids: tuple[str, ...]


class ArchiveExpired(Event, frozen=True, kw_only=True, tag="archive_expired"):
    """The archive is over: from here on it is destroyed, and nothing brings it back but the mailbox's own return."""


class ArchiveDestructionOrdered(Event, frozen=True, kw_only=True, tag="archive_destruction_ordered"):
    """The archive is over before its time, because somebody wanted it."""

    reason: str


class ArchivePurged(Event, frozen=True, kw_only=True, tag="archive_purged"):
    """Nothing is left of the archive. This event is its certificate.

    `key_id` and `credential_id` are what was destroyed in the vault, `sha256` the object that nobody can read now.
    """

    mailbox_id: MailboxId
    kind: ArchiveKind
    mailbox_purged: bool
    early: bool
    retention_years: int
    expires_at: datetime
    key_id: SealKeyId | None
    sha256: str | None
    credential_id: CredentialId | None
    head: ChainHead | None


class HoldPlaced(Event, frozen=True, kw_only=True, tag="hold_placed"):
    """What the hold covers does not expire until it is released. `by_provider` says who may do that."""

    scope: HoldScope
    ids: tuple[str, ...]
    reason: str
    authority: str
    by_provider: bool


class HoldReleased(Event, frozen=True, kw_only=True, tag="hold_released"):
    """The hold covers nothing any more."""

    reason: str = ""


ArchiveOwnCommand = (
    OpenArchive
    | ReportArchivePacked
    | ReportArchiveStored
    | ReturnArchive
    | ReportArchiveReturned
    | ReportReturnFailed
    | ExpireArchive
    | DestroyArchive
    | ReportArchivePurged
)
ArchiveOwnEvent = (
    ArchiveOpened
    | ArchivePacked
    | ArchiveStored
    | ArchiveAbandoned
    | ArchiveReturning
    | ArchiveReturned
    | ArchiveReturnFailed
    | ArchiveExpiryBlocked
    | ArchiveExpired
    | ArchiveDestructionOrdered
    | ArchivePurged
)
HoldEvent = HoldPlaced | HoldReleased

ArchiveCommand = ArchiveOwnCommand | PlaceHold | ReleaseHold | RetrievalCommand
ArchiveEvent = ArchiveOwnEvent | HoldEvent | RetrievalEvent
