"""Who may have a say about archives at all: judged first, and in the same words whoever asks."""

from contracts.archive import ArchiveEvent
from contracts.decision import Accepted, Order, Refused
from contracts.outcome import RefusalCode
from services.archive.core.state import Archive, DomainArchives, Hold, Retrieval

Decision = Accepted[ArchiveEvent] | Refused


def not_the_provider(subject: str, order: Order) -> Refused | None:
    """Refuse people and keys of tenants what is the system's or an operator's to say."""
    if order.by_provider:
        return None
    return Refused(subject, RefusalCode.PERMISSION_EXCEEDED, "only the provider orders this")


def id_of_something_else(subject: str) -> Refused:
    """Refuse an order to make something under an id that is known, in the same words whosever it is."""
    return Refused(subject, RefusalCode.MALFORMED, "the id is that of something else")


def find_archive(archive_id: str, state: DomainArchives, order: Order) -> Archive | Refused:
    """Give the archive, if it is that of the tenant that asks."""
    archive = state.archives.get(archive_id)
    if archive is None or archive.tenant != order.tenant:
        return Refused(archive_id, RefusalCode.ARCHIVE_UNKNOWN)
    return archive


def find_hold(hold_id: str, state: DomainArchives, order: Order) -> Hold | Refused:
    """Give the hold, if it is that of the tenant that asks."""
    hold = state.holds.get(hold_id)
    if hold is None or hold.tenant != order.tenant:
        return Refused(hold_id, RefusalCode.HOLD_UNKNOWN)
    return hold


def find_retrieval(retrieval_id: str, state: DomainArchives, order: Order) -> Retrieval | Refused:
    """Give the retrieval, if it is that of the tenant that asks."""
    retrieval = state.retrievals.get(retrieval_id)
    if retrieval is None or retrieval.tenant != order.tenant:
        return Refused(retrieval_id, RefusalCode.RETRIEVAL_UNKNOWN)
    return retrieval


def in_state(subject: str, archive: Archive) -> Refused:
    """Refuse what does not go with the state of the archive."""
    return Refused(subject, RefusalCode.ARCHIVE_STATE, f"the archive is {archive.state}")
