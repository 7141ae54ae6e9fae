"""What becomes of an order about a job."""

from datetime import timedelta
from typing import Final, assert_never

from contracts.bulk_actions import BulkActionCommand
from contracts.bulkio import (
    BulkioCommand,
    BulkioEvent,
    CancelExport,
    CancelImport,
    ExportCancelled,
    ExportFailed,
    ExportFinished,
    ExportRequested,
    FailExport,
    FailImport,
    FinishImport,
    ImportCancelled,
    ImportCancelRequested,
    ImportChecked,
    ImportFailed,
    ImportFinished,
    ImportPlanApplied,
    ImportPlanned,
    ImportRowsApplied,
    ImportUploaded,
    ReportExportWritten,
    ReportImportChecked,
    ReportRowsApplied,
    StartExport,
    StartImport,
)
from contracts.decision import About, Accepted, Order, Refused
from contracts.ids import JobId, SealKeyId
from contracts.import_plan import why_not_applied
from contracts.outcome import RefusalCode
from services.bulkio.core.decide_bulk_action import decide_bulk_action
from services.bulkio.core.jobs import ExportJob, ImportJob, TenantJobs

Decision = Accepted[BulkioEvent] | Refused

_PLAN_CHANGED: Final = "what the import would do is not what the dry run planned any more, so nothing was changed; make a new dry run"


def subject_of(command: BulkioCommand, _jobs: TenantJobs) -> str:
    """Give the job that a command is about."""
    return command.job_id


def decide(command: BulkioCommand, jobs: TenantJobs, order: Order) -> Decision:
    """Give the events that a command causes, or the refusal."""
    if isinstance(command, BulkActionCommand):
        return decide_bulk_action(command, jobs, order)
    match command:
        case StartImport():
            return _start_import(command, jobs, order)
        case StartExport():
            return _start_export(command, jobs)
        case ReportExportWritten() | FailExport() | CancelExport():
            export = jobs.exports.get(command.job_id)
            if export is None:
                return _refused(command, RefusalCode.JOB_UNKNOWN)
            return _decide_export(command, export)
        case _:
            job = jobs.imports.get(command.job_id)
            if job is None:
                return _refused(command, RefusalCode.JOB_UNKNOWN)
            return _decide_import(command, job, order)


def _decide_import(
    command: ReportImportChecked | ReportRowsApplied | FinishImport | FailImport | CancelImport,
    job: ImportJob,
    order: Order,
) -> Decision:
    match command:
        case ReportImportChecked():
            return _report_checked(command, job, order)
        case ReportRowsApplied():
            return _report_applied(command, job)
        case FinishImport():
            return _finish_import(command, job)
        case FailImport():
            return _fail_import(command, job)
        case CancelImport():
            return _cancel_import(command, job)
        case _:
            assert_never(command)


def _decide_export(command: ReportExportWritten | FailExport | CancelExport, job: ExportJob) -> Decision:
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    match command:
        case ReportExportWritten():
            return _accepted(
                command,
                ExportFinished(
                    blob=command.blob,
                    rows=command.rows,
                    size_bytes=command.size_bytes,
                    sha256=command.sha256,
                    snapshot=command.snapshot,
                ),
            )
        case FailExport():
            return _accepted(command, ExportFailed(code=command.code, detail=command.detail))
        case CancelExport():
            return _accepted(command, ExportCancelled())
        case _:
            assert_never(command)


def _start_import(command: StartImport, jobs: TenantJobs, order: Order) -> Decision:
    if command.job_id in jobs.imports:
        return _accepted(command)
    if (kind := jobs.kind_of(command.job_id)) is not None:
        return _refused(command, RefusalCode.JOB_STATE, f"the id is that of another job: {kind}")
    also: tuple[About[BulkioEvent], ...] = ()
    if command.plan_of is not None:
        problem = _why_not_applied(command, command.plan_of, jobs, order)
        if problem is not None:
            return problem
        also = (About(command.plan_of, ImportPlanApplied(by_job_id=JobId(command.job_id))),)
    uploaded = ImportUploaded(
        job_id=JobId(command.job_id),
        file_name=command.file_name,
        blob=command.blob,
        key_id=SealKeyId(command.key_id),
        size_bytes=command.size_bytes,
        sha256=command.sha256,
        mode=command.mode,
        bad_rows=command.bad_rows,
        dry_run=command.dry_run,
        within=command.within,
        large=command.large,
        plan_of=None if command.plan_of is None else JobId(command.plan_of),
        expected_plan=command.expected_plan,
    )
    return Accepted(command.job_id, (uploaded,), also)


def _why_not_applied(command: StartImport, plan_of: str, jobs: TenantJobs, order: Order) -> Refused | None:
    planned = jobs.imports.get(plan_of)
    if planned is None:
        return _refused(command, RefusalCode.JOB_UNKNOWN)
    if command.dry_run:
        return _refused(command, RefusalCode.JOB_STATE, "a plan is applied, not planned once more")
    problem = why_not_applied(planned.plan, command.expected_plan, order.now)
    return None if problem is None else _refused(command, *problem)


def _start_export(command: StartExport, jobs: TenantJobs) -> Decision:
    if command.job_id in jobs.exports:
        return _accepted(command)
    if (kind := jobs.kind_of(command.job_id)) is not None:
        return _refused(command, RefusalCode.JOB_STATE, f"the id is that of another job: {kind}")
    return _accepted(
        command,
        ExportRequested(
            job_id=JobId(command.job_id),
            filter=command.filter,
            format=command.format,
            columns=command.columns,
            key_id=SealKeyId(command.key_id),
            within=command.within,
        ),
    )


def _report_checked(command: ReportImportChecked, job: ImportJob, order: Order) -> Decision:
    if job.good_rows is not None and (job.good_rows, job.bad_rows) == (command.good_rows, command.bad_rows):
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.state != "uploaded":
        return _refused(
            command, RefusalCode.JOB_STATE, f"the import is {job.state}, not waiting for its check"
        )
    checked = ImportChecked(
        good_rows=command.good_rows,
        bad_rows=command.bad_rows,
        report=command.report,
        plan_hash=command.plan_hash,
    )
    if job.expected_plan not in (None, command.plan_hash):
        return _accepted(command, checked, ImportFailed(code="plan_changed", detail=_PLAN_CHANGED))
    if command.bad_rows and job.stops_at_bad_rows:
        return _accepted(
            command, checked, ImportFailed(code="bad_rows", detail=f"{command.bad_rows} bad rows")
        )
    if job.dry_run:
        until = None if command.plan_hash is None else order.now + timedelta(hours=command.plan_hours)
        planned = ImportPlanned(plan_hash=command.plan_hash, counts=command.plan_counts, until=until)
        return _accepted(command, checked, planned)
    if command.good_rows == 0:
        return _accepted(command, checked, ImportFailed(code="no_good_rows", detail="no row can be imported"))
    return _accepted(command, checked)


def _report_applied(command: ReportRowsApplied, job: ImportJob) -> Decision:
    if command.first <= command.last <= job.applied:
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.good_rows is None:
        return _refused(command, RefusalCode.JOB_STATE, "the file was not checked yet")
    if command.first != job.applied + 1:
        return _refused(
            command, RefusalCode.JOB_STATE, f"expected row number {job.applied + 1} to be the next"
        )
    if not command.first <= command.last <= job.good_rows:
        return _refused(command, RefusalCode.JOB_STATE, f"the file has {job.good_rows} good rows")
    counted = command.created + command.changed + command.skipped + len(command.refused)
    if counted != command.last - command.first + 1:
        return _refused(command, RefusalCode.JOB_STATE, "the counts do not add up to the rows")
    if len(command.changed_rows) > command.changed + len(command.refused):
        return _refused(command, RefusalCode.JOB_STATE, "more rows changed a mailbox than are counted")
    return _accepted(
        command,
        ImportRowsApplied(
            first=command.first,
            last=command.last,
            created=command.created,
            changed=command.changed,
            skipped=command.skipped,
            refused=command.refused,
            changed_rows=command.changed_rows,
        ),
    )


def _finish_import(command: FinishImport, job: ImportJob) -> Decision:
    if job.state == "finished":
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    # A cancellation that came after the last row stopped nothing, so the import is finished all the same.
    if job.good_rows is not None and job.applied == job.good_rows:
        return _accepted(command, ImportFinished(result=command.result))
    if job.state == "cancelling":
        return _accepted(command, ImportCancelled(result=command.result))
    return _refused(command, RefusalCode.JOB_STATE, "rows are left to apply")


def _fail_import(command: FailImport, job: ImportJob) -> Decision:
    if job.state == "failed":
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.applied:
        return _refused(command, RefusalCode.JOB_STATE, "rows are applied already")
    return _accepted(command, ImportFailed(code=command.code, detail=command.detail))


def _cancel_import(command: CancelImport, job: ImportJob) -> Decision:
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.state == "cancelling":
        return _accepted(command)
    return _accepted(command, ImportCancelRequested())


def _accepted(command: BulkioCommand, *events: BulkioEvent) -> Accepted[BulkioEvent]:
    return Accepted(command.job_id, events)


def _refused(command: BulkioCommand, code: RefusalCode, detail: str = "") -> Refused:
    return Refused(command.job_id, code, detail)
