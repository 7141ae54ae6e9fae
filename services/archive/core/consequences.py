"""What becomes of a retrieval because of what becomes of one of its archives. It is told in the same decision."""

from contracts.archive import ArchiveEvent
from contracts.decision import About
from contracts.ids import ArchiveId
from contracts.retrieval import RetrievalExpired, RetrievalItemEnded, RetrievalRestored
from services.archive.core.state import DomainArchives

Also = tuple[About[ArchiveEvent], ...]


def item_ended(archive_id: str, state: DomainArchives, refusal: str | None = None) -> Also:
    """End the archive's part in a paid retrieval, and with the last part the retrieval. None is in one: nothing."""
    retrieval = state.retrieving(archive_id)
    if retrieval is None or not retrieval.paid:
        return ()
    retrieval_id = state.retrieval_of[archive_id]
    ended = RetrievalItemEnded(archive_id=ArchiveId(archive_id), refusal=refusal)
    if len(retrieval.left) > 1:
        return (About(retrieval_id, ended),)
    failed = retrieval.failed + (refusal is not None)
    restored = RetrievalRestored(restored=len(retrieval.archive_ids) - failed, failed=failed)
    return (About(retrieval_id, ended), About(retrieval_id, restored))


def no_longer_offered(archive_id: str, state: DomainArchives) -> Also:
    """End the unpaid retrieval of an archive that is over. In a paid one it would not be over, or be back already."""
    retrieval = state.retrieving(archive_id)
    if retrieval is None or retrieval.paid:
        return ()
    return (About(state.retrieval_of[archive_id], RetrievalExpired()),)
