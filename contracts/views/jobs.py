"""Import and export jobs as their readers know them."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from contracts.bulk_actions import BulkActionRequested
from contracts.bulkio import (
    BulkioEvent,
    ChangedRow,
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
    PlanCounts,
    RowRefusal,
)
from contracts.envelope import EventEnvelope

ImportState = Literal[
    "uploaded", "checked", "planned", "applying", "cancelling", "cancelled", "finished", "failed"
]
ExportState = Literal["requested", "finished", "failed", "cancelled"]

IMPORT_END_STATES: frozenset[ImportState] = frozenset({"planned", "cancelled", "finished", "failed"})
EXPORT_END_STATES: frozenset[ExportState] = frozenset({"finished", "failed", "cancelled"})


REFUSED_KEPT_MAX: Final = 1_000
"""Refused rows that are kept with their job; the events, and so the result workbook, have all of them."""


class ImportRow(Struct, kw_only=True):
    """An import job. `applied` good rows are decided; the other counts say how, and what is left was refused.

    `within` are the domains that it may change, None all of the tenant's. `refused` are the first of the refused rows.
    `undone_by` is the bulk action that was to take it back.

    A dry run that ended has a `plan_hash`, which can be applied once before `plan_until`, and is by `plan_applied_by`. An
    import that applies one is that `plan_of` a dry run and does as `expected_plan` says, or nothing.
    """

    job_id: str
    tenant: str
    actor: str
    state: ImportState
    file_name: str
    blob: str
    key_id: str
    size_bytes: int
    sha256: str
    mode: str
    bad_rows_policy: str
    dry_run: bool
    within: list[str] | None
    large: bool
    plan_of: str | None
    expected_plan: str | None
    plan_hash: str | None
    plan_counts: PlanCounts | None
    plan_until: datetime | None
    plan_applied_by: str | None
    good_rows: int
    bad_rows: int
    applied: int
    created: int
    changed: int
    skipped: int
    refused: list[RowRefusal]
    report: str | None
    result: str | None
    undone_by: str | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


class ExportRow(Struct, kw_only=True):
    """An export job and, once finished, its file. `within` are the only domains in it, None all of the tenant's."""

    job_id: str
    tenant: str
    actor: str
    state: ExportState
    filter: str
    format: str
    columns: list[str]
    within: list[str] | None
    key_id: str
    blob: str | None
    rows: int
    size_bytes: int
    sha256: str | None
    snapshot: dict[str, int]
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


def fold_import(row: ImportRow | None, event: EventEnvelope[BulkioEvent]) -> ImportRow | None:
    """The import job after the event."""
    data = event.data
    if isinstance(data, ImportUploaded):
        return ImportRow(
            job_id=data.job_id,
            tenant=event.tenant,
            actor=event.actor,
            state="uploaded",
            file_name=data.file_name,
            blob=data.blob,
            key_id=data.key_id,
            size_bytes=data.size_bytes,
            sha256=data.sha256,
            mode=data.mode,
            bad_rows_policy=data.bad_rows,
            dry_run=data.dry_run,
            within=None if data.within is None else list(data.within),
            large=data.large,
            plan_of=data.plan_of,
            expected_plan=data.expected_plan,
            plan_hash=None,
            plan_counts=None,
            plan_until=None,
            plan_applied_by=None,
            good_rows=0,
            bad_rows=0,
            applied=0,
            created=0,
            changed=0,
            skipped=0,
            refused=[],
            report=None,
            result=None,
            undone_by=None,
            code=None,
            detail="",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case ImportChecked():
            if row.state == "uploaded":
                row.state = "checked"
            row.good_rows, row.bad_rows, row.report = data.good_rows, data.bad_rows, data.report
        case ImportPlanned():
            row.state = "planned"
            row.plan_hash, row.plan_counts, row.plan_until = data.plan_hash, data.counts, data.until
        case ImportPlanApplied(by_job_id=by_job_id):
            row.plan_applied_by = by_job_id
        case ImportRowsApplied():
            if row.state == "checked":
                row.state = "applying"
            row.applied = data.last
            row.created += data.created
            row.changed += data.changed
            row.skipped += data.skipped
            row.refused.extend(data.refused[: REFUSED_KEPT_MAX - len(row.refused)])
        case ImportCancelRequested():
            row.state = "cancelling"
        case ImportCancelled(result=result):
            row.state, row.result = "cancelled", result
        case ImportFinished(result=result):
            row.state, row.result = "finished", result
        case ImportFailed(code=code, detail=detail):
            row.state, row.code, row.detail = "failed", code, detail
        case ImportUndoBegun(undo_job_id=undo_job_id):
            row.undone_by = undo_job_id
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


class ChangedRows(Struct, kw_only=True):
    """The rows of one report about the good rows number `first` to `last` that changed an existing mailbox."""

    event_id: str
    job_id: str
    first: int
    last: int
    changed: list[ChangedRow]


def changes_of(event: EventEnvelope[BulkioEvent]) -> str | None:
    """The report that an event is, if it names rows that changed a mailbox."""
    return event.id if isinstance(event.data, ImportRowsApplied) and event.data.changed_rows else None


def fold_changes(_row: ChangedRows | None, event: EventEnvelope[BulkioEvent]) -> ChangedRows | None:
    """What the report says; there is only one event of its id."""
    if not isinstance(event.data, ImportRowsApplied):
        return None
    return ChangedRows(
        event_id=event.id,
        job_id=event.subject,
        first=event.data.first,
        last=event.data.last,
        changed=list(event.data.changed_rows),
    )


def fold_export(row: ExportRow | None, event: EventEnvelope[BulkioEvent]) -> ExportRow | None:
    """The export job after the event."""
    data = event.data
    if isinstance(data, ExportRequested):
        return ExportRow(
            job_id=data.job_id,
            tenant=event.tenant,
            actor=event.actor,
            state="requested",
            filter=data.filter,
            format=data.format,
            columns=list(data.columns),
            within=None if data.within is None else list(data.within),
            key_id=data.key_id,
            blob=None,
            rows=0,
            size_bytes=0,
            sha256=None,
            snapshot={},
            code=None,
            detail="",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case ExportFinished():
            row.state = "finished"
            row.blob, row.rows, row.size_bytes = data.blob, data.rows, data.size_bytes
            row.sha256, row.snapshot = data.sha256, data.snapshot
        case ExportFailed(code=code, detail=detail):
            row.state, row.code, row.detail = "failed", code, detail
        case ExportCancelled():
            row.state = "cancelled"
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def job_of(event: EventEnvelope[Any]) -> str:
    """The job that an event is about."""
    return event.subject


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
