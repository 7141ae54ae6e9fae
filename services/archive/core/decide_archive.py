"""What becomes of an order about one archive."""

from contracts.archive import (
    ArchiveAbandoned,
    ArchiveDestructionOrdered,
    ArchiveExpired,
    ArchiveExpiryBlocked,
    ArchiveOpened,
    ArchivePacked,
    ArchivePurged,
    ArchiveReturned,
    ArchiveReturnFailed,
    ArchiveReturning,
    ArchiveStored,
    DestroyArchive,
    ExpireArchive,
    OpenArchive,
    ReportArchivePacked,
    ReportArchivePurged,
    ReportArchiveReturned,
    ReportArchiveStored,
    ReportReturnFailed,
    ReturnArchive,
)
from contracts.decision import Accepted, Order, Refused
from contracts.ids import CredentialId, MailboxId, SealKeyId
from contracts.outcome import RefusalCode
from services.archive.core.consequences import item_ended, no_longer_offered
from services.archive.core.standing import (
    Decision,
    find_archive,
    id_of_something_else,
    in_state,
    not_the_provider,
)
from services.archive.core.state import Archive, DomainArchives


def open_archive(command: OpenArchive, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it is open already. An empty one has nothing to put away, so it is stored at once."""
    subject = command.archive_id
    if refused := not_the_provider(subject, order):
        return refused
    known = state.archives.get(subject)
    if known is not None and _is_the_same(command, known, order):
        return Accepted(subject)
    if state.version_of(subject):
        return id_of_something_else(subject)
    opened = ArchiveOpened(
        mailbox_id=MailboxId(command.mailbox_id),
        kind=command.kind,
        generation=command.generation,
        expires_at=command.expires_at,
        retention_years=command.retention_years,
        empty=command.empty,
    )
    return Accepted(subject, (opened, ArchiveStored()) if command.empty else (opened,))


def report_packed(command: ReportArchivePacked, state: DomainArchives, order: Order) -> Decision:
    """Of two packings the first counts: whoever reports another one is refused, and discards it.

    They are told apart by their SHA-256: each is sealed anew, so no two are equal.
    """
    archive = _for_the_provider(command.archive_id, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.sha256 == command.content.sha256:
        return Accepted(command.archive_id)
    if archive.state != "opened":
        return in_state(command.archive_id, archive)
    return Accepted(command.archive_id, (ArchivePacked(content=command.content),))


def report_stored(command: ReportArchiveStored, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it was stored before, whatever became of it since."""
    archive = _for_the_provider(command.archive_id, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.state in ("opened", "abandoned"):
        return in_state(command.archive_id, archive)
    return Accepted(command.archive_id, (ArchiveStored(),) if archive.state == "packed" else ())


def return_archive(command: ReturnArchive, state: DomainArchives, order: Order) -> Decision:
    """What was never packed never left the mailbox; and of an empty archive nothing is on its way."""
    subject = command.archive_id
    archive = _for_the_provider(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    match archive.state:
        case "opened":
            return Accepted(subject, (ArchiveAbandoned(),))
        case "packed" | "stored" | "expired" if archive.empty:
            return Accepted(subject, (ArchiveReturning(), ArchiveReturned()), item_ended(subject, state))
        case "packed" | "stored" | "expired":
            return Accepted(subject, (ArchiveReturning(),))
        case "purged":
            return in_state(subject, archive)
        case "returning" | "abandoned":
            return Accepted(subject)


def report_returned(command: ReportArchiveReturned, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it is not on its way."""
    subject = command.archive_id
    archive = _for_the_provider(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.state != "returning":
        return Accepted(subject)
    return Accepted(subject, (ArchiveReturned(),), item_ended(subject, state))


def report_return_failed(command: ReportReturnFailed, state: DomainArchives, order: Order) -> Decision:
    """It may fail before it began, when the mailbox can't be restored: then only the retrieval hears of it."""
    subject = command.archive_id
    archive = _for_the_provider(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    also = item_ended(subject, state, command.refusal)
    if archive.state == "returning":
        return Accepted(subject, (ArchiveReturnFailed(refusal=command.refusal),), also)
    return Accepted(subject, (), also if archive.state == "stored" else ())


def expire_archive(command: ExpireArchive, state: DomainArchives, order: Order) -> Decision:
    """Nothing while its time has not come, or when it is over, or on its way. A hold is told of once."""
    subject = command.archive_id
    archive = _for_the_provider(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.state != "stored" or order.now < archive.expires_at or _is_paid_for(subject, state):
        return Accepted(subject)
    if hold_ids := state.covering(subject, archive):
        blocked = ArchiveExpiryBlocked(hold_ids=hold_ids)
        return Accepted(subject, () if archive.blocked_by == hold_ids else (blocked,))
    return Accepted(subject, (ArchiveExpired(),), no_longer_offered(subject, state))


def destroy_archive(command: DestroyArchive, state: DomainArchives, order: Order) -> Decision:
    """Refused for what would keep it from expiring, but for its time."""
    subject = command.archive_id
    archive = find_archive(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.over:
        return Accepted(subject)
    if archive.state != "stored":
        return in_state(subject, archive)
    if state.covering(subject, archive):
        return Refused(subject, RefusalCode.ARCHIVE_HELD)
    if _is_paid_for(subject, state):
        return Refused(subject, RefusalCode.RETRIEVAL_PENDING, "the archive is being retrieved")
    ordered = ArchiveDestructionOrdered(reason=command.reason)
    return Accepted(subject, (ordered,), no_longer_offered(subject, state))


def report_purged(command: ReportArchivePurged, state: DomainArchives, order: Order) -> Decision:
    """Write the certificate. A hold that came after the archive was over comes too late."""
    subject = command.archive_id
    archive = _for_the_provider(subject, state, order)
    if isinstance(archive, Refused):
        return archive
    if archive.state == "purged":
        return Accepted(subject)
    if archive.state != "expired":
        return in_state(subject, archive)
    purged = ArchivePurged(
        mailbox_id=MailboxId(archive.mailbox_id),
        kind=archive.kind,
        mailbox_purged=command.mailbox_purged,
        early=archive.destroyed_early,
        retention_years=archive.retention_years,
        expires_at=archive.expires_at,
        key_id=None if archive.key_id is None else SealKeyId(archive.key_id),
        sha256=archive.sha256,
        credential_id=None if command.credential_id is None else CredentialId(command.credential_id),
        head=command.head,
    )
    return Accepted(subject, (purged,))


def _for_the_provider(archive_id: str, state: DomainArchives, order: Order) -> Archive | Refused:
    return not_the_provider(archive_id, order) or find_archive(archive_id, state, order)


def _is_the_same(command: OpenArchive, known: Archive, order: Order) -> bool:
    asked = (order.tenant, command.mailbox_id, command.generation)
    return asked == (known.tenant, known.mailbox_id, known.generation)


def _is_paid_for(archive_id: str, state: DomainArchives) -> bool:
    retrieval = state.retrieving(archive_id)
    return retrieval is not None and retrieval.paid
