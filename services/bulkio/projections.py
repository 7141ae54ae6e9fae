"""What bulkio keeps of the log: the mailboxes and domains that files are checked against and exported from, and jobs."""

from typing import Final

from msgspec import Struct

from contracts.bulk_actions import BulkActionRequested
from contracts.bulkio import BulkioEvent, ExportRequested, ImportUploaded
from contracts.envelope import EventEnvelope
from contracts.topics import BULKIO, MAILBOX
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from contracts.views.jobs import ExportRow, ImportRow, fold_export, fold_import, job_of
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of, stream_of
from services.runtime.kafka.projection import Projection, RowTable

SCHEMA: Final = "bulkio"


class JobOrderRow(Struct, kw_only=True):
    """What the commands of a job refer to: the event that asked for it, and that event's correlation."""

    job_id: str
    correlation: str
    event_id: str


def fold_job_order(row: JobOrderRow | None, event: EventEnvelope[BulkioEvent]) -> JobOrderRow | None:
    """The order of the job: its first event, for ever."""
    if isinstance(event.data, ImportUploaded | ExportRequested | BulkActionRequested):
        return JobOrderRow(job_id=event.data.job_id, correlation=event.correlation, event_id=event.id)
    return row


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
    ),
)
PROJECTIONS: Final = {projection.name: projection for projection in (MAILBOXES, JOBS)}
