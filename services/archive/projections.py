"""What the archive service keeps of the log: archives, the holds on them, and retrievals."""

from typing import Final

from contracts.topics import ARCHIVE
from contracts.views.archive import (
    ArchiveRow,
    HoldRow,
    RetrievalRow,
    archive_of,
    fold_archive,
    fold_hold,
    fold_retrieval,
    hold_of,
    retrieval_of,
)
from services.runtime.kafka.projection import Projection, RowTable

ARCHIVES: Final = Projection(
    name="archives",
    family=ARCHIVE,
    tables=(
        RowTable(name="archives", row=ArchiveRow, key="archive_id", key_of=archive_of, fold=fold_archive),
        RowTable(name="holds", row=HoldRow, key="hold_id", key_of=hold_of, fold=fold_hold),
        RowTable(
            name="retrievals", row=RetrievalRow, key="retrieval_id", key_of=retrieval_of, fold=fold_retrieval
        ),
    ),
)
