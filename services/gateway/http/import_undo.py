"""The undo of an import: a bulk action that deletes what it created and gives back what it changed, where nobody did since."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.import_report import ImportReport, decode_report, decode_segment_report
from contracts.views.jobs import ImportRow
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.bulk_orders import (
    BulkOrder,
    ConfirmedOrder,
    approval_needed,
    confirmation_needed,
    demand_confirmation,
    demand_unchanged,
    is_begun,
    ordered,
)
from services.gateway.http.bulk_permissions import action_needed, demand_within, domains_reached
from services.gateway.http.bulk_views import ImportUndoPreview
from services.gateway.http.imports import visible_import
from services.gateway.http.problems import Problem
from services.gateway.http.request import Fresh
from services.gateway.http.sealed_files import open_sealed
from services.gateway.http.views import Operation
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of
from services.gateway.import_undo import ForeseenUndo, PlacedReport, foresee_undo
from services.gateway.queries import domains_of_import

router = APIRouter(prefix="/v1/imports", tags=["imports"], dependencies=[Fresh])


class ImportUndoPlan(RequestBody, frozen=True, kw_only=True):
    """How an import is to be undone: `drop_targets` deletes created mailboxes that rules or the catch-all lead to, too."""

    drop_targets: bool = False


class ImportUndoOrder(ConfirmedOrder, frozen=True, kw_only=True):
    """An undo of an import to begin, planned as for the preview. `expected_count` is that of the preview."""

    drop_targets: bool = False


@router.post(
    "/{job_id}:previewUndo",
    summary="Preview the undo of an import",
    **documented({200: ImportUndoPreview}, body=ImportUndoPlan),
)
async def preview_undo(
    write: AnyWrite, acting: Acting, job_id: str, body: Annotated[ImportUndoPlan, body_of(ImportUndoPlan)]
) -> Response:
    """Say what would be deleted, what would get back what it had, and what can't be undone and why. Nothing is changed."""
    row = await visible_import(acting, job_id)
    await _undoable_within(acting, row)

    async def act(_: Act) -> Response:
        found = await _foreseen(acting, row, drop_targets=body.drop_targets)
        return answer(
            ImportUndoPreview(
                count=found.count,
                would_change=found.delete + found.give_back,
                would_delete=found.delete,
                would_give_back=found.give_back,
                passwords_stay=found.passwords_stay,
                refused=found.refusals.total(),
                refusals=dict(found.refusals),
                examples=found.examples,
                as_of=found.as_of,
                confirmation=confirmation_needed(acting.gateway, "delete", found.count),
                needs_approval=approval_needed(acting.gateway, found.count),
            )
        )

    return await write.once(acting.tenant, content_of(body), act)


@router.post("/{job_id}:undo", summary="Undo an import", **documented({202: Operation}, body=ImportUndoOrder))
async def undo(
    write: KeyedWrite, acting: Acting, job_id: str, body: Annotated[ImportUndoOrder, body_of(ImportUndoOrder)]
) -> Response:
    """Delete what the import created and give back what it changed, as a bulk action; what has changed since stays."""
    row = await visible_import(acting, job_id)
    within = await _undoable_within(acting, row)
    demand_confirmation(acting.gateway, "delete", body)

    async def act(attempt: Act) -> Response:
        if not await is_begun(attempt):
            found = await _foreseen(acting, row, drop_targets=body.drop_targets)
            demand_unchanged(found.count, body.expected_count)
        order = BulkOrder(action="undo", undo_of=row.job_id, drop_targets=body.drop_targets, within=within)
        return await ordered(attempt, body, order)

    return await write.once(acting.tenant, content_of(body), act)


async def _undoable_within(acting: Access, row: ImportRow) -> list[str] | None:
    """Give where the caller may undo the import. Raises Problem: it is not at its end, or not theirs to undo."""
    within = await domains_reached(acting, action_needed("undo", "import"))
    demand_within(within, await domains_of_import(acting.gateway.pool, acting.tenant, row.job_id))
    if row.state not in ("finished", "cancelled") or not row.created + row.changed:
        raise Problem(
            HTTPStatus.CONFLICT, "job_state", "the import is not at its end, or has changed nothing"
        )
    return within


async def _foreseen(acting: Access, row: ImportRow, *, drop_targets: bool) -> ForeseenUndo:
    gateway = acting.gateway
    async with aclosing(_reports(gateway, row)) as reports:
        return await foresee_undo(gateway.pool, gateway.vault, row, reports, drop_targets=drop_targets)


async def _reports(gateway: Gateway, row: ImportRow) -> AsyncGenerator[PlacedReport]:
    """Give the reports about the file's segments. Raises Problem when they are no longer kept."""
    assert row.report is not None, "what has changed something was checked"
    report = decode_report(await open_sealed(gateway, row.report, row.key_id))
    if isinstance(report, ImportReport):
        yield 1, report
        return
    first = 1
    for segment in report.segments:
        yield first, decode_segment_report(await open_sealed(gateway, segment.report, row.key_id))
        first += segment.good_rows
