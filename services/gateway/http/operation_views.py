"""Jobs shown as operations: how far they are, and how they ended."""

from typing import Final

from msgspec import UNSET

from contracts.listing import JobKind
from contracts.progress import JobPhase
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow, BulkActionState
from contracts.views.jobs import EXPORT_END_STATES, IMPORT_END_STATES, ExportRow, ImportRow, ImportState
from services.gateway.context import Gateway
from services.gateway.http.bulk_views import BulkActionView, bulk_action_view
from services.gateway.http.exports import show_export
from services.gateway.http.views import (
    ExportView,
    ImportView,
    Operation,
    OperationError,
    OperationMetadata,
    Progress,
    import_view,
)
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
    facts = Facts(
        phase=_IMPORT_PHASES.get(row.state),
        rows_total=None if row.report is None else row.good_rows,
        rows_decided=row.applied,
        rows_checked=row.good_rows + row.bad_rows,
        as_of=row.changed_at,
    )
    failed = row.state in ("failed", "cancelled")
    response = import_view(row) if row.state in IMPORT_END_STATES and not failed else None
    return _operation(gateway, "import", row, facts, response, failed=failed)


def export_operation(gateway: Gateway, row: ExportRow) -> Operation:
    """Show an export job as an operation."""
    done = row.state in EXPORT_END_STATES
    facts = Facts(
        phase=None if done else "writing",
        rows_total=row.rows if row.state == "finished" else None,
        rows_decided=row.rows,
        as_of=row.changed_at,
    )
    failed = row.state in ("failed", "cancelled")
    response = show_export(gateway, row) if done and not failed else None
    return _operation(gateway, "export", row, facts, response, failed=failed)


def bulk_action_operation(gateway: Gateway, row: BulkActionRow) -> Operation:
    """Show a bulk action as an operation."""
    facts = Facts(
        phase=_BULK_ACTION_PHASES.get(row.state),
        rows_total=None if row.digest is None else row.total,
        rows_decided=row.applied,
        as_of=row.changed_at,
    )
    finished = row.state == "finished"
    failed = row.state in BULK_ACTION_END_STATES and not finished
    response = bulk_action_view(row) if finished else None
    return _operation(gateway, "bulk_action", row, facts, response, failed=failed)


def _operation(
    gateway: Gateway,
    kind: JobKind,
    row: ImportRow | ExportRow | BulkActionRow,
    facts: Facts,
    response: ImportView | ExportView | BulkActionView | None,
    *,
    failed: bool,
) -> Operation:
    """Show a job, which has ended when it has a response or failed."""
    return Operation(
        name=f"operations/{row.job_id}",
        done=failed or response is not None,
        metadata=OperationMetadata(
            kind=kind, state=row.state, progress=_progress(gateway, row.job_id, facts)
        ),
        response=UNSET if response is None else response,
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
