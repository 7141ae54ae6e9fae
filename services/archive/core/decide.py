"""What becomes of a command about archives: events, nothing because it is so already, or a refusal."""

from typing import assert_never

from contracts.archive import (
    ArchiveCommand,
    DestroyArchive,
    ExpireArchive,
    OpenArchive,
    PlaceHold,
    ReleaseHold,
    ReportArchivePacked,
    ReportArchivePurged,
    ReportArchiveReturned,
    ReportArchiveStored,
    ReportReturnFailed,
    ReturnArchive,
)
from contracts.decision import Order
from contracts.retrieval import (
    AcceptRetrieval,
    BeginRetrieval,
    DeclineRetrieval,
    ExpireRetrieval,
    PayRetrieval,
    QuoteRetrieval,
    RequestRetrieval,
)
from services.archive.core import decide_archive as archives
from services.archive.core import decide_hold as holds
from services.archive.core import decide_retrieval as retrievals
from services.archive.core.standing import Decision
from services.archive.core.state import DomainArchives


def decide(command: ArchiveCommand, state: DomainArchives, order: Order) -> Decision:
    """Judge one command against the archives of a domain as they are. Only reads the state."""
    match command:
        case OpenArchive():
            return archives.open_archive(command, state, order)
        case ReportArchivePacked():
            return archives.report_packed(command, state, order)
        case ReportArchiveStored():
            return archives.report_stored(command, state, order)
        case ReturnArchive():
            return archives.return_archive(command, state, order)
        case ReportArchiveReturned():
            return archives.report_returned(command, state, order)
        case ReportReturnFailed():
            return archives.report_return_failed(command, state, order)
        case ExpireArchive():
            return archives.expire_archive(command, state, order)
        case DestroyArchive():
            return archives.destroy_archive(command, state, order)
        case ReportArchivePurged():
            return archives.report_purged(command, state, order)
        case PlaceHold():
            return holds.place_hold(command, state, order)
        case ReleaseHold():
            return holds.release_hold(command, state, order)
        case RequestRetrieval():
            return retrievals.request_retrieval(command, state, order)
        case QuoteRetrieval():
            return retrievals.quote_retrieval(command, state, order)
        case AcceptRetrieval():
            return retrievals.accept_retrieval(command, state, order)
        case DeclineRetrieval():
            return retrievals.decline_retrieval(command, state, order)
        case PayRetrieval():
            return retrievals.pay_retrieval(command, state, order)
        case BeginRetrieval():
            return retrievals.begin_retrieval(command, state, order)
        case ExpireRetrieval():
            return retrievals.expire_retrieval(command, state, order)
        case _:
            assert_never(command)
