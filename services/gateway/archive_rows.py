"""An archive as the gateway keeps it: as all its readers do, and who ended it, which a certificate tells."""

from typing import Any

from msgspec import structs

from contracts.archive import ArchiveDestructionOrdered, ArchiveExpired
from contracts.envelope import EventEnvelope
from contracts.views.archive import ArchiveRow, fold_archive


class EndedArchiveRow(ArchiveRow, kw_only=True):
    """`ended_by` is the actor who ended it, the system itself when its time had come; `ended_why` is what somebody said."""

    ended_by: str | None = None
    ended_why: str = ""


def fold_ended_archive(row: EndedArchiveRow | None, event: EventEnvelope[Any]) -> EndedArchiveRow | None:
    """The archive after the event."""
    folded = fold_archive(row, event)
    if folded is None:
        return None
    if not isinstance(folded, EndedArchiveRow):
        folded = EndedArchiveRow(**structs.asdict(folded))
    match event.data:
        case ArchiveExpired():
            folded.ended_by = event.actor
        case ArchiveDestructionOrdered(reason=reason):
            folded.ended_by, folded.ended_why = event.actor, reason
        case _:
            pass
    return folded
