"""Jobs shown as operations: how far they are, and how they ended."""

from typing import Final

from msgspec import UNSET

from contracts.progress import JobPhase
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow, BulkActionState
from contracts.views.jobs import EXPORT_END_STATES, IMPORT_END_STATES, ExportRow, ImportRow, ImportState
from services.gateway.context import Gateway
from services.gateway.http.bulk_views import bulk_action_view
from services.gateway.http.exports import show_export
from services.gateway.http.views import Operation, OperationError, OperationMetadata, Progress, import_view
from services.gateway.job_progress import Facts, standing

_IMPORT_PHASES: Final[dict[ImportState, JobPhase]] = {
    "uploaded": "checking",
    "checked": "applying",
    "applying": "applying",
    "cancelling": "applying",
}
_BULK_ACTION_PHASES: Final[dict[BulkActionState, JobPhase]] = {
    "requested": "selecting",
    "selected": "applying",
    "applying": "applying",
    "cancelling": "applying",
}


def import_operation(gateway: Gateway, row: ImportRow) -> Operation:
    """Show an import job as an operation."""
    done = row.state in IMPORT_END_STATES
    failed = row.state in ("failed", "cancelled")
    facts = Facts(
        phase=_IMPORT_PHASES.get(row.state),
        rows_total=None if row.report is None else row.good_rows,
        rows_decided=row.applied,
        rows_checked=row.good_rows + row.bad_rows,
        as_of=row.changed_at,
    )
    return Operation(
        name=f"operations/{row.job_id}",
        done=done,
        metadata=OperationMetadata(
            kind="import", state=row.state, progress=_progress(gateway, row.job_id, facts)
        ),
        response=import_view(row) if done and not failed else UNSET,
        error=OperationError(code=row.code or row.state, detail=row.detail) if failed else UNSET,
    )


def export_operation(gateway: Gateway, row: ExportRow) -> Operation:
    """Show an export job as an operation."""
    done = row.state in EXPORT_END_STATES
    failed = row.state in ("failed", "cancelled")
    facts = Facts(
        phase=None if done else "writing",
        rows_total=row.rows if row.state == "finished" else None,
        rows_decided=row.rows,
        as_of=row.changed_at,
    )
    return Operation(
        name=f"operations/{row.job_id}",
        done=done,
        metadata=OperationMetadata(
            kind="export", state=row.state, progress=_progress(gateway, row.job_id, facts)
        ),
        response=show_export(gateway, row) if done and not failed else UNSET,
        error=OperationError(code=row.code or row.state, detail=row.detail) if failed else UNSET,
    )


def bulk_action_operation(gateway: Gateway, row: BulkActionRow) -> Operation:
    """Show a bulk action as an operation."""
    done = row.state in BULK_ACTION_END_STATES
    failed = done and row.state != "finished"
    facts = Facts(
        phase=_BULK_ACTION_PHASES.get(row.state),
        rows_total=None if row.digest is None else row.total,
        rows_decided=row.applied,
        as_of=row.changed_at,
    )
    return Operation(
        name=f"operations/{row.job_id}",
        done=done,
        metadata=OperationMetadata(
            kind="bulk_action", state=row.state, progress=_progress(gateway, row.job_id, facts)
        ),
        response=bulk_action_view(row) if done and not failed else UNSET,
        error=OperationError(code=row.code or row.state, detail=row.detail) if failed else UNSET,
    )


def _progress(gateway: Gateway, job_id: str, facts: Facts) -> Progress:
    now = standing(facts, gateway.progress.word(job_id), gateway.clock())
    return Progress(
        rows_done=now.rows_decided,
        rows_total=now.rows_total or 0,
        phase=now.phase,
        rows_checked=now.rows_checked,
        rows_hashed=now.rows_hashed,
        rows_decided=now.rows_decided,
        rows_per_second=now.rows_per_second,
        seconds_left=now.seconds_left,
        as_of=now.as_of,
    )
