"""The jobs of one tenant as the decider sees them, and how each event changes them."""

from datetime import datetime
from typing import Any, Literal, assert_never

from msgspec import Struct, field

from contracts.bulk_actions import BulkActionEvent
from contracts.bulkio import (
    BulkioEvent,
    ExportCancelled,
    ExportFailed,
    ExportFinished,
    ExportRequested,
    ImportCancelled,
    ImportCancelRequested,
    ImportChecked,
    ImportFailed,
    ImportFinished,
    ImportPlanApplied,
    ImportPlanned,
    ImportRowsApplied,
    ImportUndoBegun,
    ImportUploaded,
)
from contracts.envelope import EventEnvelope
from contracts.import_plan import PlanState
from contracts.views.bulk_actions import BulkActionRow
from contracts.views.jobs import (
    EXPORT_END_STATES,
    IMPORT_END_STATES,
    ExportRow,
    ExportState,
    ImportRow,
    ImportState,
)
from services.bulkio.core.bulk_actions import BulkActionJob, evolve_bulk_action

JobKind = Literal["import", "export", "bulk action"]


class ImportJob(Struct, gc=False):
    """As much of an import as its next steps depend on. `good_rows` is None until the file was checked.

    `plan_hash` and what follows it is what a dry run found; `expected_plan` is what an import that applies one has to find.
    """

    state: ImportState
    version: int
    stops_at_bad_rows: bool
    dry_run: bool
    expected_plan: str | None = None
    good_rows: int | None = None
    bad_rows: int = 0
    applied: int = 0
    changed_mailboxes: int = 0
    undone_by: str | None = None
    plan_hash: str | None = None
    plan_until: datetime | None = None
    plan_applied_by: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in IMPORT_END_STATES

    @property
    def plan(self) -> PlanState:
        return PlanState(self.state, self.plan_hash, self.plan_until, self.plan_applied_by)


class ExportJob(Struct, gc=False):
    """As much of an export as its next steps depend on."""

    state: ExportState
    version: int

    @property
    def ended(self) -> bool:
        return self.state in EXPORT_END_STATES


class TenantJobs(Struct):
    """All jobs of one tenant by id. Ended ones stay: their ids must not be used again."""

    imports: dict[str, ImportJob] = field(default_factory=dict[str, ImportJob])
    exports: dict[str, ExportJob] = field(default_factory=dict[str, ExportJob])
    bulk_actions: dict[str, BulkActionJob] = field(default_factory=dict[str, BulkActionJob])

    def version_of(self, job_id: str) -> int:
        """Give the version of a job, 0 when there is none of that id."""
        job = self.imports.get(job_id) or self.exports.get(job_id) or self.bulk_actions.get(job_id)
        return 0 if job is None else job.version

    def kind_of(self, job_id: str) -> JobKind | None:
        """Give what kind of job has this id; None when there is none."""
        if job_id in self.imports:
            return "import"
        if job_id in self.exports:
            return "export"
        return "bulk action" if job_id in self.bulk_actions else None

    def put_import(self, row: ImportRow) -> None:
        """Take over an import from the read model, when a writer starts."""
        self.imports[row.job_id] = ImportJob(
            state=row.state,
            version=row.version,
            stops_at_bad_rows=row.bad_rows_policy == "stop",
            dry_run=row.dry_run,
            expected_plan=row.expected_plan,
            good_rows=None if row.report is None else row.good_rows,
            bad_rows=row.bad_rows,
            applied=row.applied,
            changed_mailboxes=row.created + row.changed,
            undone_by=row.undone_by,
            plan_hash=row.plan_hash,
            plan_until=row.plan_until,
            plan_applied_by=row.plan_applied_by,
        )

    def put_export(self, row: ExportRow) -> None:
        """Take over an export from the read model, when a writer starts."""
        self.exports[row.job_id] = ExportJob(state=row.state, version=row.version)

    def put_bulk_action(self, row: BulkActionRow) -> None:
        """Take over a bulk action from the read model, when a writer starts."""
        self.bulk_actions[row.job_id] = BulkActionJob.from_row(row)


def evolve(jobs: TenantJobs, event: EventEnvelope[BulkioEvent]) -> None:
    """Let the jobs be what they are after the event."""
    data = event.data
    if isinstance(data, BulkActionEvent):
        same: EventEnvelope[Any] = event
        evolve_bulk_action(jobs.bulk_actions, same)
        return
    match data:
        case ImportUploaded():
            jobs.imports[data.job_id] = ImportJob(
                state="uploaded",
                version=event.version,
                stops_at_bad_rows=data.bad_rows == "stop",
                dry_run=data.dry_run,
                expected_plan=data.expected_plan,
            )
        case ExportRequested():
            jobs.exports[data.job_id] = ExportJob(state="requested", version=event.version)
        case ExportFinished() | ExportFailed() | ExportCancelled():
            _evolve_export(jobs.exports[event.subject], data)
            jobs.exports[event.subject].version = event.version
        case _:
            _evolve_import(jobs.imports[event.subject], data)
            jobs.imports[event.subject].version = event.version


def _evolve_export(job: ExportJob, data: ExportFinished | ExportFailed | ExportCancelled) -> None:
    match data:
        case ExportFinished():
            job.state = "finished"
        case ExportFailed():
            job.state = "failed"
        case ExportCancelled():
            job.state = "cancelled"
        case _:
            assert_never(data)


def _evolve_import(
    job: ImportJob,
    data: ImportChecked
    | ImportPlanned
    | ImportPlanApplied
    | ImportRowsApplied
    | ImportCancelRequested
    | ImportCancelled
    | ImportFinished
    | ImportFailed
    | ImportUndoBegun,
) -> None:
    match data:
        case ImportChecked():
            if job.state == "uploaded":
                job.state = "checked"
            job.good_rows, job.bad_rows = data.good_rows, data.bad_rows
        case ImportPlanned():
            job.state, job.plan_hash, job.plan_until = "planned", data.plan_hash, data.until
        case ImportPlanApplied(by_job_id=by_job_id):
            job.plan_applied_by = by_job_id
        case ImportRowsApplied():
            if job.state == "checked":
                job.state = "applying"
            job.applied = data.last
            job.changed_mailboxes += data.created + data.changed
        case ImportCancelRequested():
            job.state = "cancelling"
        case ImportCancelled():
            job.state = "cancelled"
        case ImportFinished():
            job.state = "finished"
        case ImportFailed():
            job.state = "failed"
        case ImportUndoBegun(undo_job_id=undo_job_id):
            job.undone_by = undo_job_id
        case _:
            assert_never(data)
