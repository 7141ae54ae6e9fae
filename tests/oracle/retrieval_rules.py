"""The rules of retrievals: offered in time, paid as accepted, and at their end when all of their archives are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from contracts import retrieval as r
from tests.oracle.archive_facts import DomainArchiveFacts, Event, RetrievalFacts
from tests.oracle.domain_facts import by_the_provider

_OFFER_LASTS: Final = timedelta(days=30)
_UNPAID: Final = frozenset({"requested", "quoted", "accepted"})
_PAID: Final = frozenset({"paid", "restoring"})

# The states in which each event of a retrieval may happen, and the state after it; None leaves it as it is.
_STEPS: Final = {
    r.RetrievalQuoted: (frozenset({"requested", "quoted"}), "quoted"),
    r.RetrievalAccepted: (frozenset({"quoted"}), "accepted"),
    r.RetrievalDeclined: (_UNPAID, "declined"),
    r.RetrievalExpired: (_UNPAID, "expired"),
    r.RetrievalPaid: (frozenset({"accepted"}), "paid"),
    r.RetrievalBegun: (frozenset({"paid"}), "restoring"),
    r.RetrievalItemEnded: (_PAID, None),
    r.RetrievalRestored: (_PAID, "restored"),
}
_OF_THE_PROVIDER: Final = (
    r.RetrievalPaid,
    r.RetrievalBegun,
    r.RetrievalItemEnded,
    r.RetrievalRestored,
)


def left_offered(domain: DomainArchiveFacts, event: Event) -> Iterator[str]:
    """Give what is still offered after the command that ended one of its archives; one command's events are one."""
    for retrieval_id, command in list(domain.ended_by.items()):
        if command == event.command:
            continue
        del domain.ended_by[retrieval_id]
        if domain.retrievals[retrieval_id].open:
            yield "an archive ended, and its retrieval did not end with it"


def retrieval_step(domain: DomainArchiveFacts, event: Event) -> Iterator[str]:
    """Take an event of a retrieval and give the rules that it breaks."""
    if isinstance(event.data, r.RetrievalRequested):
        yield from _requested(domain, event, event.data)
        return
    retrieval = domain.retrievals.get(event.subject)
    if retrieval is None:
        yield f"{event.type} of a retrieval that was never requested"
        return
    allowed, state_after = _STEPS[type(event.data)]
    if retrieval.state not in allowed:
        yield f"{event.type} of a retrieval that is {retrieval.state}"
    if retrieval.tenant != event.tenant:
        yield f"{event.type} of another tenant's retrieval"
    if isinstance(event.data, _OF_THE_PROVIDER) and not by_the_provider(event):
        yield f"{event.type} ordered by a tenant"
    match event.data:
        case r.RetrievalQuoted():
            yield from _quoted(domain, retrieval, event, event.data)
        case r.RetrievalAccepted(valid_until=valid_until):
            yield from _in_time(retrieval, event)
            yield from _offered(domain, retrieval, event, valid_until)
        case r.RetrievalExpired():
            with_an_archive = domain.ended_by.get(event.subject) == event.command
            if not with_an_archive and event.time < retrieval.valid_until:
                yield "a retrieval expired before its time"
        case r.RetrievalPaid(price=price):
            if price != retrieval.price:
                yield "another price paid than was accepted"
        case r.RetrievalItemEnded():
            yield from _item_ended(domain, retrieval, event, event.data)
        case r.RetrievalRestored(restored=restored, failed=failed):
            if retrieval.left:
                yield f"restored with {len(retrieval.left)} archives not ended"
            if (restored + failed, failed) != (len(retrieval.archive_ids), retrieval.failed):
                yield f"{restored} restored and {failed} failed of {len(retrieval.archive_ids)}"
        case _:
            pass
    retrieval.state = state_after or retrieval.state
    if not retrieval.open:
        for archive_id in retrieval.archive_ids:
            domain.open_retrievals.pop(archive_id, None)


def _requested(domain: DomainArchiveFacts, event: Event, data: r.RetrievalRequested) -> Iterator[str]:
    if domain.is_known(event.subject):
        yield "a retrieval requested under an id that is known"
    if len(set(data.archive_ids)) != len(data.archive_ids) or not data.archive_ids:
        yield "a retrieval of nothing, or of an archive twice"
    for archive_id in data.archive_ids:
        archive = domain.archives.get(archive_id)
        if archive is None or archive.tenant != event.tenant:
            yield "a retrieval of an archive that is not the tenant's"
        elif archive.state != "stored":
            yield f"a retrieval of an archive that is {archive.state}"
        if archive_id in domain.open_retrievals:
            yield "a retrieval of an archive that is in another one"
        domain.open_retrievals[archive_id] = event.subject
    retrieval = RetrievalFacts(
        event.tenant, data.archive_ids, set(data.archive_ids), data.valid_until, event.command
    )
    domain.retrievals[event.subject] = retrieval
    yield from _offered(domain, retrieval, event, data.valid_until)


def _quoted(
    domain: DomainArchiveFacts, retrieval: RetrievalFacts, event: Event, data: r.RetrievalQuoted
) -> Iterator[str]:
    at_once = retrieval.asked_by == event.command
    if data.fixed != at_once or (at_once and len(retrieval.archive_ids) > 1):
        yield "a price of the list that was not asked for with a single archive"
    if not at_once and not by_the_provider(event):
        yield "a price named by a tenant"
    if data.price == retrieval.price:
        yield "a price changed to what it was"
    yield from _in_time(retrieval, event)
    yield from _offered(domain, retrieval, event, data.valid_until)
    retrieval.price = data.price


def _in_time(retrieval: RetrievalFacts, event: Event) -> Iterator[str]:
    if event.time >= retrieval.valid_until:
        yield f"{event.type} after the end of the offer"


def _offered(
    domain: DomainArchiveFacts, retrieval: RetrievalFacts, event: Event, valid_until: datetime
) -> Iterator[str]:
    archives = [domain.archives[each] for each in retrieval.archive_ids if each in domain.archives]
    ends = [each.expires_at for each in archives if each.expires_at > event.time]
    if valid_until != min([event.time + _OFFER_LASTS, *ends]):
        yield "an offer for another time than thirty days, or the end of its archives"
    retrieval.valid_until = valid_until


def _item_ended(
    domain: DomainArchiveFacts, retrieval: RetrievalFacts, event: Event, data: r.RetrievalItemEnded
) -> Iterator[str]:
    if data.archive_id not in retrieval.left:
        yield "an archive ended that the retrieval does not wait for"
    archive = domain.archives.get(data.archive_id)
    returned = archive is not None and (archive.state, archive.told_by) == ("stored", event.command)
    if data.refusal is None and not returned:
        yield "an archive counted as back that was not given back"
    retrieval.left.discard(data.archive_id)
    retrieval.failed += data.refusal is not None
