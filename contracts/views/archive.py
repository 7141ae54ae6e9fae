"""Archives, holds and retrievals as their readers know them."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from contracts.archive import (
    ArchiveAbandoned,
    ArchiveDestructionOrdered,
    ArchiveEvent,
    ArchiveExpired,
    ArchiveExpiryBlocked,
    ArchiveKind,
    ArchiveOpened,
    ArchiveOwnEvent,
    ArchivePacked,
    ArchivePurged,
    ArchiveReturned,
    ArchiveReturnFailed,
    ArchiveReturning,
    ArchiveStored,
    Content,
    HoldEvent,
    HoldPlaced,
    HoldScope,
)
from contracts.envelope import EventEnvelope
from contracts.retrieval import (
    Price,
    RetrievalAccepted,
    RetrievalBegun,
    RetrievalDeclined,
    RetrievalEvent,
    RetrievalExpired,
    RetrievalItemEnded,
    RetrievalPaid,
    RetrievalQuoted,
    RetrievalRequested,
    RetrievalRestored,
)

ArchiveState = Literal["opened", "packed", "stored", "returning", "expired", "purged", "abandoned"]
RetrievalState = Literal[
    "requested", "quoted", "accepted", "paid", "restoring", "restored", "declined", "expired"
]

OPEN_RETRIEVAL_STATES: Final[frozenset[RetrievalState]] = frozenset(
    {"requested", "quoted", "accepted", "paid", "restoring"}
)


class ArchiveRow(Struct, kw_only=True):
    """An archive. Without `content` it is empty, or not packed yet.

    `returned` says that its mailbox got the content back at least once. `blocked_by` are the holds that kept it when its
    time had come. `certificate` is there once it is purged, `destroyed_early` says that somebody wanted that before its time.
    `event_id` is the newest event about it, which the next step follows from.
    """

    archive_id: str
    tenant: str
    domain: str
    mailbox_id: str
    kind: ArchiveKind
    generation: int
    state: ArchiveState
    expires_at: datetime
    retention_years: int
    empty: bool
    content: Content | None
    returned: bool
    blocked_by: list[str]
    destroyed_early: bool
    version: int
    created_at: datetime
    changed_at: datetime
    event_id: str
    correlation: str
    certificate: "Certificate | None"


class Certificate(Struct, kw_only=True):
    """What proves a purge: the event that tells of it, where it stands in the chain of its stream, and who ordered it."""

    event_id: str
    streamseq: int
    prevhash: str
    time: datetime
    actor: str
    purged: ArchivePurged


class HoldRow(Struct, kw_only=True):
    """A hold, released or not. `ids` are those of mailboxes or archives as `scope` says; none for a whole domain."""

    hold_id: str
    tenant: str
    domain: str
    scope: HoldScope
    ids: list[str]
    reason: str
    authority: str
    by_provider: bool
    placed_by: str
    released: bool
    version: int
    created_at: datetime
    changed_at: datetime


class RetrievalItem(Struct, kw_only=True):
    """One archive of a retrieval: `ended` when it is back, or when it could not come back because of `refusal`."""

    archive_id: str
    ended: bool = False
    refusal: str | None = None


class RetrievalRow(Struct, kw_only=True):
    """A retrieval. `valid_until` is when it ends unless somebody answers; `reference` is that of the payment.

    `event_id` is the newest event about it, which the next step follows from.
    """

    retrieval_id: str
    tenant: str
    domain: str
    state: RetrievalState
    items: list[RetrievalItem]
    price: Price | None
    fixed_price: bool
    valid_until: datetime | None
    reference: str | None
    requested_by: str
    reason: str
    version: int
    created_at: datetime
    changed_at: datetime
    event_id: str
    correlation: str


def archive_of(event: EventEnvelope[Any]) -> str | None:
    """The archive that an event of a domain's stream is about, if it is about one."""
    return event.subject if isinstance(event.data, ArchiveOwnEvent) else None


def hold_of(event: EventEnvelope[Any]) -> str | None:
    """The hold that an event is about, if it is about one."""
    return event.subject if isinstance(event.data, HoldEvent) else None


def retrieval_of(event: EventEnvelope[Any]) -> str | None:
    """The retrieval that an event is about, if it is about one."""
    return event.subject if isinstance(event.data, RetrievalEvent) else None


def fold_archive(row: ArchiveRow | None, event: EventEnvelope[ArchiveEvent]) -> ArchiveRow | None:
    """The archive after the event."""
    data = event.data
    if isinstance(data, ArchiveOpened):
        return ArchiveRow(
            archive_id=event.subject,
            tenant=event.tenant,
            domain=event.stream,
            mailbox_id=data.mailbox_id,
            kind=data.kind,
            generation=data.generation,
            state="opened",
            expires_at=data.expires_at,
            retention_years=data.retention_years,
            empty=data.empty,
            content=None,
            returned=False,
            blocked_by=[],
            destroyed_early=False,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
            event_id=event.id,
            correlation=event.correlation,
            certificate=None,
        )
    assert row is not None
    match data:
        case ArchivePacked(content=content):
            row.state, row.content = "packed", content
        case ArchiveStored():
            row.state = "stored"
        case ArchiveAbandoned():
            row.state = "abandoned"
        case ArchiveReturning():
            # Whoever ordered its destruction has the mailbox back, and with it the content.
            row.state, row.destroyed_early = "returning", False
        case ArchiveReturned():
            row.state, row.returned = "stored", True
        case ArchiveReturnFailed():
            row.state = "stored"
        case ArchiveExpiryBlocked(hold_ids=hold_ids):
            row.blocked_by = list(hold_ids)
        case ArchiveExpired():
            row.state = "expired"
        case ArchiveDestructionOrdered():
            row.state, row.destroyed_early = "expired", True
        case ArchivePurged():
            row.state = "purged"
            row.certificate = Certificate(
                event_id=event.id,
                streamseq=event.streamseq,
                prevhash=event.prevhash,
                time=event.time,
                actor=event.actor,
                purged=data,
            )
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    row.event_id, row.correlation = event.id, event.correlation
    return row


def fold_hold(row: HoldRow | None, event: EventEnvelope[ArchiveEvent]) -> HoldRow | None:
    """The hold after the event."""
    data = event.data
    if isinstance(data, HoldPlaced):
        return HoldRow(
            hold_id=event.subject,
            tenant=event.tenant,
            domain=event.stream,
            scope=data.scope,
            ids=list(data.ids),
            reason=data.reason,
            authority=data.authority,
            by_provider=data.by_provider,
            placed_by=event.actor,
            released=False,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    row.released, row.version, row.changed_at = True, event.version, event.time
    return row


def fold_retrieval(row: RetrievalRow | None, event: EventEnvelope[ArchiveEvent]) -> RetrievalRow | None:
    """The retrieval after the event."""
    data = event.data
    if isinstance(data, RetrievalRequested):
        return RetrievalRow(
            retrieval_id=event.subject,
            tenant=event.tenant,
            domain=event.stream,
            state="requested",
            items=[RetrievalItem(archive_id=each) for each in data.archive_ids],
            price=None,
            fixed_price=False,
            valid_until=data.valid_until,
            reference=None,
            requested_by=event.actor,
            reason="",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
            event_id=event.id,
            correlation=event.correlation,
        )
    assert row is not None
    match data:
        case RetrievalQuoted():
            row.state, row.price, row.fixed_price = "quoted", data.price, data.fixed
            row.valid_until = data.valid_until
        case RetrievalAccepted(valid_until=valid_until):
            row.state, row.valid_until = "accepted", valid_until
        case RetrievalPaid(reference=reference):
            row.state, row.reference, row.valid_until = "paid", reference, None
        case RetrievalBegun():
            row.state = "restoring"
        case RetrievalItemEnded():
            for item in row.items:
                if item.archive_id == data.archive_id:
                    item.ended, item.refusal = True, data.refusal
        case RetrievalRestored():
            row.state = "restored"
        case RetrievalDeclined(reason=reason):
            row.state, row.reason, row.valid_until = "declined", reason, None
        case RetrievalExpired():
            row.state, row.valid_until = "expired", None
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    row.event_id, row.correlation = event.id, event.correlation
    return row
