"""How the events of a mail domain's archives change what their writer knows."""

from typing import assert_never

from contracts.archive import (
    ArchiveAbandoned,
    ArchiveDestructionOrdered,
    ArchiveEvent,
    ArchiveExpired,
    ArchiveExpiryBlocked,
    ArchiveOpened,
    ArchivePacked,
    ArchivePurged,
    ArchiveReturned,
    ArchiveReturnFailed,
    ArchiveReturning,
    ArchiveStored,
    HoldPlaced,
    HoldReleased,
)
from contracts.envelope import EventEnvelope
from contracts.retrieval import (
    RetrievalAccepted,
    RetrievalBegun,
    RetrievalDeclined,
    RetrievalExpired,
    RetrievalItemEnded,
    RetrievalPaid,
    RetrievalQuoted,
    RetrievalRequested,
    RetrievalRestored,
)
from services.archive.core.state import Archive, DomainArchives, Hold, Retrieval

ChangeOfArchive = (
    ArchivePacked
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
ChangeOfRetrieval = (
    RetrievalQuoted
    | RetrievalAccepted
    | RetrievalDeclined
    | RetrievalExpired
    | RetrievalPaid
    | RetrievalBegun
    | RetrievalItemEnded
    | RetrievalRestored
)


def evolve(state: DomainArchives, event: EventEnvelope[ArchiveEvent]) -> None:
    """Change the state as the event tells. Never refuses: an event is a fact."""
    data = event.data
    match data:
        case ArchiveOpened():
            _open(state, event, data)
        case HoldPlaced():
            _place(state, event, data)
        case HoldReleased():
            state.release_hold(event.subject)
            state.holds[event.subject].version = event.version
        case RetrievalRequested():
            _request(state, event, data)
        case (
            RetrievalQuoted()
            | RetrievalAccepted()
            | RetrievalDeclined()
            | RetrievalExpired()
            | RetrievalPaid()
            | RetrievalBegun()
            | RetrievalItemEnded()
            | RetrievalRestored()
        ):
            retrieval = state.retrievals[event.subject]
            retrieval.version = event.version
            _evolve_retrieval(state, retrieval, data)
        case _:
            archive = state.archives[event.subject]
            archive.version = event.version
            _evolve_archive(archive, data)


def _open(state: DomainArchives, event: EventEnvelope[ArchiveEvent], data: ArchiveOpened) -> None:
    state.archives[event.subject] = Archive(
        tenant=state.shared(event.tenant),
        mailbox_id=data.mailbox_id,
        kind=data.kind,
        generation=data.generation,
        expires_at=data.expires_at,
        retention_years=data.retention_years,
        empty=data.empty,
        version=event.version,
    )


def _place(state: DomainArchives, event: EventEnvelope[ArchiveEvent], data: HoldPlaced) -> None:
    hold = Hold(
        tenant=state.shared(event.tenant),
        by_provider=data.by_provider,
        scope=data.scope,
        ids=data.ids,
        reason=data.reason,
        authority=data.authority,
        version=event.version,
    )
    state.add_hold(event.subject, hold)


def _request(state: DomainArchives, event: EventEnvelope[ArchiveEvent], data: RetrievalRequested) -> None:
    retrieval = Retrieval(
        tenant=state.shared(event.tenant),
        archive_ids=data.archive_ids,
        valid_until=data.valid_until,
        left=set(data.archive_ids),
        version=event.version,
    )
    state.add_retrieval(event.subject, retrieval)


def _evolve_archive(archive: Archive, data: ChangeOfArchive) -> None:
    match data:
        case ArchivePacked(content=content):
            archive.state, archive.sha256, archive.key_id = "packed", content.sha256, content.key_id
        case ArchiveStored() | ArchiveReturned() | ArchiveReturnFailed():
            archive.state = "stored"
        case ArchiveAbandoned():
            archive.state = "abandoned"
        case ArchiveReturning():
            archive.state, archive.destroyed_early = "returning", False
        case ArchiveExpiryBlocked(hold_ids=hold_ids):
            archive.blocked_by = hold_ids
        case ArchiveExpired():
            archive.state = "expired"
        case ArchiveDestructionOrdered():
            archive.state, archive.destroyed_early = "expired", True
        case ArchivePurged():
            archive.state = "purged"
            archive.sha256 = archive.key_id = None
        case _:
            assert_never(data)


def _evolve_retrieval(state: DomainArchives, retrieval: Retrieval, data: ChangeOfRetrieval) -> None:
    match data:
        case RetrievalQuoted():
            retrieval.state, retrieval.price = "quoted", data.price
            retrieval.valid_until = data.valid_until
        case RetrievalAccepted(valid_until=valid_until):
            retrieval.state, retrieval.valid_until = "accepted", valid_until
        case RetrievalPaid(reference=reference):
            retrieval.state, retrieval.reference, retrieval.valid_until = "paid", reference, None
        case RetrievalBegun():
            retrieval.state = "restoring"
        case RetrievalItemEnded():
            retrieval.left.discard(data.archive_id)
            retrieval.failed += data.refusal is not None
        case RetrievalRestored():
            state.close_retrieval(retrieval, "restored")
        case RetrievalDeclined():
            state.close_retrieval(retrieval, "declined")
        case RetrievalExpired():
            state.close_retrieval(retrieval, "expired")
        case _:
            assert_never(data)
