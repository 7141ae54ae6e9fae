"""What becomes of an order about a retrieval."""

from datetime import datetime, timedelta

from contracts.decision import Accepted, Order, Refused
from contracts.ids import ArchiveId
from contracts.outcome import RefusalCode
from contracts.retrieval import (
    QUOTE_DAYS,
    AcceptRetrieval,
    BeginRetrieval,
    DeclineRetrieval,
    ExpireRetrieval,
    PayRetrieval,
    QuoteRetrieval,
    RequestRetrieval,
    RetrievalAccepted,
    RetrievalBegun,
    RetrievalDeclined,
    RetrievalExpired,
    RetrievalPaid,
    RetrievalQuoted,
    RetrievalRequested,
)
from services.archive.core.standing import (
    Decision,
    find_archive,
    find_retrieval,
    id_of_something_else,
    in_state,
    not_the_provider,
)
from services.archive.core.state import DomainArchives, Retrieval


def request_retrieval(command: RequestRetrieval, state: DomainArchives, order: Order) -> Decision:
    """A single archive with a price by the list is quoted in the same decision."""
    subject = command.retrieval_id
    known = find_retrieval(subject, state, order)
    if isinstance(known, Retrieval) and known.archive_ids == command.archive_ids:
        return Accepted(subject)
    if state.version_of(subject):
        return id_of_something_else(subject)
    if len(set(command.archive_ids)) < len(command.archive_ids):
        return Refused(subject, RefusalCode.MALFORMED, "an archive is named twice")
    for archive_id in command.archive_ids:
        if refused := _not_to_be_had(subject, archive_id, state, order):
            return refused
    until = _valid_until(command.archive_ids, state, order)
    requested = RetrievalRequested(
        archive_ids=tuple(ArchiveId(each) for each in command.archive_ids), valid_until=until
    )
    if command.fixed_price is None or len(command.archive_ids) > 1:
        return Accepted(subject, (requested,))
    return Accepted(
        subject, (requested, RetrievalQuoted(price=command.fixed_price, valid_until=until, fixed=True))
    )


def quote_retrieval(command: QuoteRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Another price takes the place of the former, as long as nobody has accepted that."""
    retrieval = _for_the_provider(command.retrieval_id, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    if retrieval.state not in ("requested", "quoted") or _is_too_late(retrieval, order):
        return _in_state(command.retrieval_id, retrieval)
    if retrieval.state == "quoted" and retrieval.price == command.price:
        return Accepted(command.retrieval_id)
    until = _valid_until(retrieval.archive_ids, state, order)
    return Accepted(
        command.retrieval_id, (RetrievalQuoted(price=command.price, valid_until=until, fixed=False),)
    )


def accept_retrieval(command: AcceptRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Only the price that is offered now can be accepted, and only in time."""
    retrieval = find_retrieval(command.retrieval_id, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    if retrieval.state not in ("quoted", "accepted"):
        return _in_state(command.retrieval_id, retrieval)
    if retrieval.price != command.price:
        return Refused(command.retrieval_id, RefusalCode.PRICE_MISMATCH)
    if retrieval.state == "accepted":
        return Accepted(command.retrieval_id)
    if _is_too_late(retrieval, order):
        return _in_state(command.retrieval_id, retrieval)
    until = _valid_until(retrieval.archive_ids, state, order)
    return Accepted(command.retrieval_id, (RetrievalAccepted(valid_until=until),))


def decline_retrieval(command: DeclineRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it is declined, whatever the reason."""
    retrieval = find_retrieval(command.retrieval_id, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    if retrieval.state == "declined":
        return Accepted(command.retrieval_id)
    if retrieval.state not in ("requested", "quoted", "accepted"):
        return _in_state(command.retrieval_id, retrieval)
    return Accepted(command.retrieval_id, (RetrievalDeclined(reason=command.reason),))


def pay_retrieval(command: PayRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Money that came in late is taken as long as the retrieval has not expired: until then nothing is over."""
    subject = command.retrieval_id
    retrieval = _for_the_provider(subject, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    if retrieval.reference is not None:
        if (retrieval.price, retrieval.reference) == (command.price, command.reference):
            return Accepted(subject)
        return Refused(subject, RefusalCode.RETRIEVAL_STATE, "it is paid under another reference or price")
    if retrieval.state != "accepted":
        return _in_state(subject, retrieval)
    if retrieval.price != command.price:
        return Refused(subject, RefusalCode.PRICE_MISMATCH)
    return Accepted(subject, (RetrievalPaid(price=command.price, reference=command.reference),))


def begin_retrieval(command: BeginRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it has begun, or is at its end already."""
    retrieval = _for_the_provider(command.retrieval_id, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    if retrieval.reference is None:
        return _in_state(command.retrieval_id, retrieval)
    return Accepted(command.retrieval_id, (RetrievalBegun(),) if retrieval.state == "paid" else ())


def expire_retrieval(command: ExpireRetrieval, state: DomainArchives, order: Order) -> Decision:
    """Nothing while somebody may still answer, or when it is paid or over."""
    retrieval = _for_the_provider(command.retrieval_id, state, order)
    if isinstance(retrieval, Refused):
        return retrieval
    return Accepted(command.retrieval_id, (RetrievalExpired(),) if _is_too_late(retrieval, order) else ())


def _for_the_provider(retrieval_id: str, state: DomainArchives, order: Order) -> Retrieval | Refused:
    return not_the_provider(retrieval_id, order) or find_retrieval(retrieval_id, state, order)


def _not_to_be_had(subject: str, archive_id: str, state: DomainArchives, order: Order) -> Refused | None:
    archive = find_archive(archive_id, state, order)
    if isinstance(archive, Refused):
        return Refused(subject, archive.code)
    if archive.state != "stored":
        return in_state(subject, archive)
    if archive_id in state.retrieval_of:
        return Refused(subject, RefusalCode.RETRIEVAL_PENDING, "an archive is in another retrieval")
    if archive.expires_at <= order.now and not state.covering(archive_id, archive):
        return Refused(subject, RefusalCode.ARCHIVE_STATE, "the archive's time has come")
    return None


def _valid_until(archive_ids: tuple[str, ...], state: DomainArchives, order: Order) -> datetime:
    """Give the end of the offer: never later than the first of the archives may be over.

    One whose time has come is there because it is held, and for how long nobody knows.
    """
    ends = (state.archives[each].expires_at for each in archive_ids)
    return min([order.now + timedelta(days=QUOTE_DAYS), *(end for end in ends if end > order.now)])


def _is_too_late(retrieval: Retrieval, order: Order) -> bool:
    return retrieval.valid_until is not None and order.now >= retrieval.valid_until


def _in_state(subject: str, retrieval: Retrieval) -> Refused:
    return Refused(
        subject, RefusalCode.RETRIEVAL_STATE, f"the retrieval is {retrieval.state}, or its time is over"
    )
