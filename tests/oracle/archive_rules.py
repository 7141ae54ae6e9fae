"""The rules of archives once more, as plainly as they can be said."""

from collections.abc import Iterator
from typing import Final

from contracts import archive as a
from contracts.retrieval import RetrievalEvent
from tests.oracle.archive_facts import ArchiveFacts, DomainArchiveFacts, Event, HoldFacts
from tests.oracle.domain_facts import by_the_provider
from tests.oracle.retrieval_rules import left_offered, retrieval_step

# The states in which each event of an archive may happen, and the state after it.
_STEPS: Final = {
    a.ArchivePacked: ({"opened"}, "packed"),
    a.ArchiveStored: ({"packed"}, "stored"),
    a.ArchiveAbandoned: ({"opened"}, "abandoned"),
    a.ArchiveReturning: ({"packed", "stored", "expired"}, "returning"),
    a.ArchiveReturned: ({"returning"}, "stored"),
    a.ArchiveReturnFailed: ({"returning"}, "stored"),
    a.ArchiveExpiryBlocked: ({"stored"}, "stored"),
    a.ArchiveExpired: ({"stored"}, "expired"),
    a.ArchiveDestructionOrdered: ({"stored"}, "expired"),
    a.ArchivePurged: ({"expired"}, "purged"),
}


class ArchiveRules:
    """Archives, holds and retrievals (semantics: The archive year)."""

    def __init__(self) -> None:
        self._domains: dict[str, DomainArchiveFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        domain = self._domains.setdefault(event.stream, DomainArchiveFacts())
        yield from left_offered(domain, event)
        match event.data:
            case a.ArchiveOpened():
                yield from _opened(domain, event, event.data)
            case a.HoldPlaced():
                yield from _hold_placed(domain, event, event.data)
            case a.HoldReleased():
                yield from _hold_released(domain, event)
            case _ if isinstance(event.data, RetrievalEvent):
                yield from retrieval_step(domain, event)
            case _:
                yield from _archive_step(domain, event)


def _opened(domain: DomainArchiveFacts, event: Event, data: a.ArchiveOpened) -> Iterator[str]:
    if domain.is_known(event.subject):
        yield "an archive opened under an id that is known"
    if (data.mailbox_id, data.generation) in domain.generations:
        yield f"a second archive of generation {data.generation} of a mailbox"
    if data.retention_years < 1:
        yield "an archive kept for less than a year"
    if not by_the_provider(event):
        yield f"{event.type} ordered by a tenant"
    domain.generations.add((data.mailbox_id, data.generation))
    domain.archives[event.subject] = ArchiveFacts(
        event.tenant,
        data.mailbox_id,
        data.kind,
        data.expires_at,
        data.retention_years,
        data.empty,
        event.command,
    )


def _archive_step(domain: DomainArchiveFacts, event: Event) -> Iterator[str]:
    archive = domain.archives.get(event.subject)
    if archive is None:
        yield f"{event.type} of an archive that was never opened"
        return
    allowed, state_after = _STEPS[type(event.data)]
    if archive.empty and archive.told_by == event.command and archive.state == "opened":
        allowed = {"opened"}
    if archive.state not in allowed:
        yield f"{event.type} of an archive that is {archive.state}"
    if archive.tenant != event.tenant:
        yield f"{event.type} of another tenant's archive"
    if not isinstance(event.data, a.ArchiveDestructionOrdered) and not by_the_provider(event):
        yield f"{event.type} ordered by a tenant"
    match event.data:
        case a.ArchivePacked(content=content):
            if archive.empty:
                yield "an empty archive packed"
            archive.content = content
        case a.ArchiveReturning():
            archive.early = False
        case a.ArchiveExpiryBlocked(hold_ids=hold_ids):
            yield from _blocked(domain, archive, event, hold_ids)
        case a.ArchiveExpired() | a.ArchiveDestructionOrdered():
            yield from _ended(domain, archive, event)
        case a.ArchivePurged():
            yield from _purged(archive, event.data)
        case _:
            pass
    archive.state, archive.told_by = state_after, event.command


def _blocked(
    domain: DomainArchiveFacts, archive: ArchiveFacts, event: Event, hold_ids: tuple[str, ...]
) -> Iterator[str]:
    if event.time < archive.expires_at:
        yield "an archive blocked before its time"
    if hold_ids != domain.holds_on(event.subject) or not hold_ids:
        yield "an archive blocked by other holds than those that keep it"
    if hold_ids == archive.blocked_by:
        yield "an archive blocked by the holds that were told of before"
    archive.blocked_by = hold_ids


def _ended(domain: DomainArchiveFacts, archive: ArchiveFacts, event: Event) -> Iterator[str]:
    archive.early = isinstance(event.data, a.ArchiveDestructionOrdered)
    if not archive.early and event.time < archive.expires_at:
        yield "an archive expired before its time"
    if domain.holds_on(event.subject):
        yield f"{event.type} of an archive that is held"
    retrieval = domain.retrieval_of(event.subject)
    if retrieval is not None and retrieval.paid:
        yield f"{event.type} of an archive that is paid for and not back"
    elif retrieval is not None:
        domain.ended_by[domain.open_retrievals[event.subject]] = event.command


def _purged(archive: ArchiveFacts, data: a.ArchivePurged) -> Iterator[str]:
    packed = (None, None) if archive.content is None else (archive.content.key_id, archive.content.sha256)
    told = (data.mailbox_id, data.kind, data.early, data.retention_years, data.expires_at)
    if told != (
        archive.mailbox_id,
        archive.kind,
        archive.early,
        archive.retention_years,
        archive.expires_at,
    ) or packed != (data.key_id, data.sha256):
        yield "a certificate that says something else than the archive"
    if data.mailbox_purged and data.kind == "cleaned":
        yield "a mailbox purged with an archive that is not that of its deletion"


def _hold_placed(domain: DomainArchiveFacts, event: Event, data: a.HoldPlaced) -> Iterator[str]:
    if domain.is_known(event.subject):
        yield "a hold placed under an id that is known"
    if (data.scope == "domain") == bool(data.ids):
        yield "a hold on nothing, or on the domain and something else"
    if data.by_provider != by_the_provider(event):
        yield "a hold that names the wrong side as who placed it"
    domain.holds[event.subject] = HoldFacts(event.tenant, data.scope, data.ids, data.by_provider)
    domain.active_holds.add(event.subject)


def _hold_released(domain: DomainArchiveFacts, event: Event) -> Iterator[str]:
    hold = domain.holds.get(event.subject)
    if hold is None or hold.released:
        yield "a hold released that does not hold"
        return
    if hold.tenant != event.tenant:
        yield "another tenant's hold released"
    if hold.by_provider and not by_the_provider(event):
        yield "a hold of the provider released by a tenant"
    hold.released = True
    domain.active_holds.discard(event.subject)
