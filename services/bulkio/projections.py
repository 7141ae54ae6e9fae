"""What bulkio keeps of the log: the mailboxes and domains that files are checked against and exported from, and jobs."""

from typing import Final

from msgspec import Struct

from contracts.bulkio import BulkioEvent, ImportRowsApplied, RowRefusal
from contracts.envelope import EventEnvelope
from contracts.topics import BULKIO, MAILBOX
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from contracts.views.jobs import (
    ChangedRows,
    ExportRow,
    ImportRow,
    JobOrderRow,
    changes_of,
    fold_changes,
    fold_export,
    fold_import,
    fold_job_order,
    job_of,
)
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of, stream_of
from services.runtime.kafka.projection import Projection, RowTable

SCHEMA: Final = "bulkio"


class RefusedRows(Struct, kw_only=True):
    """The refused rows of one report about the good rows number `first` to `last`."""

    event_id: str
    job_id: str
    first: int
    last: int
    refused: list[RowRefusal]


def report_of(event: EventEnvelope[BulkioEvent]) -> str | None:
    """The report that an event is, if it names refused rows."""
    return event.id if isinstance(event.data, ImportRowsApplied) and event.data.refused else None


def fold_refused(_row: RefusedRows | None, event: EventEnvelope[BulkioEvent]) -> RefusedRows | None:
    """What the report says; there is only one event of its id."""
    if not isinstance(event.data, ImportRowsApplied):
        return None
    return RefusedRows(
        event_id=event.id,
        job_id=event.subject,
        first=event.data.first,
        last=event.data.last,
        refused=list(event.data.refused),
    )


MAILBOXES: Final = Projection(
    name="mailboxes",
    family=MAILBOX,
    tables=(
        RowTable(
            name="mailboxes",
            row=MailboxRow,
            key="mailbox_id",
            key_of=mailbox_of,
            fold=fold_mailbox,
        ),
        RowTable(name="domains", row=DomainRow, key="domain", key_of=stream_of, fold=fold_domain),
    ),
)
JOBS: Final = Projection(
    name="jobs",
    family=BULKIO,
    tables=(
        RowTable(name="imports", row=ImportRow, key="job_id", key_of=job_of, fold=fold_import),
        RowTable(name="exports", row=ExportRow, key="job_id", key_of=job_of, fold=fold_export),
        RowTable(name="bulk_actions", row=BulkActionRow, key="job_id", key_of=job_of, fold=fold_bulk_action),
        RowTable(
            name="job_orders",
            row=JobOrderRow,
            key="job_id",
            key_of=job_of,
            fold=fold_job_order,
        ),
        RowTable(
            name="refused_rows",
            row=RefusedRows,
            key="event_id",
            key_of=report_of,
            fold=fold_refused,
        ),
        RowTable(name="changed_rows", row=ChangedRows, key="event_id", key_of=changes_of, fold=fold_changes),
    ),
)
PROJECTIONS: Final = {projection.name: projection for projection in (MAILBOXES, JOBS)}
