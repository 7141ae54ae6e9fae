"""The undo of a bulk action: another job that takes back what is still as the first one left it."""

from collections import Counter
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.bulk_action_files import (
    DoneMailbox,
    SelectedMailbox,
    decode_done,
    decode_selection,
    done_blob,
    parts,
    reversed_step,
    selection_blob,
)
from contracts.views.bulk_actions import BulkActionRow
from services.gateway.bulk_selection import restored_free_since
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import answer, body_of, documented
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
from services.gateway.http.bulk_permissions import (
    action_needed,
    demand_within,
    domains_reached,
    visible_bulk_action,
)
from services.gateway.http.bulk_views import UndoPreview, has_result
from services.gateway.http.problems import Problem
from services.gateway.http.request import Fresh
from services.gateway.http.sealed_files import open_sealed
from services.gateway.http.views import Operation
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of
from services.gateway.undo_foresight import why_refused

router = APIRouter(prefix="/v1/bulk-actions", tags=["bulk_actions"], dependencies=[Fresh])


class UndoOrder(ConfirmedOrder, frozen=True, kw_only=True):
    """An undo to begin. `expected_count` is that of its preview."""


@router.post(
    "/{job_id}:previewUndo", summary="Preview the undo of a bulk action", **documented({200: UndoPreview})
)
async def preview_undo(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Say what can be taken back and what no longer. Nothing is changed."""
    row = await visible_bulk_action(acting, job_id)
    await _undoable_within(acting, row)

    async def act(_: Act) -> Response:
        return answer(await _foreseen(acting, row))

    return await write.once(acting.tenant, b"", act)


@router.post("/{job_id}:undo", summary="Undo a bulk action", **documented({202: Operation}, body=UndoOrder))
async def undo(
    write: KeyedWrite, acting: Acting, job_id: str, body: Annotated[UndoOrder, body_of(UndoOrder)]
) -> Response:
    """Take back what the job changed, as a job of its own; what has changed since stays, and is named in the result."""
    row = await visible_bulk_action(acting, job_id)
    within = await _undoable_within(acting, row)
    demand_confirmation(acting.gateway, "undo", body)

    async def act(attempt: Act) -> Response:
        if not await is_begun(attempt):
            demand_unchanged((await _foreseen(acting, row)).count, body.expected_count)
        return await ordered(attempt, body, BulkOrder(action="undo", undo_of=row.job_id, within=within))

    return await write.once(acting.tenant, content_of(body), act)


async def _undoable_within(acting: Access, row: BulkActionRow) -> list[str] | None:
    """Give where the caller may undo the job. Raises Problem: it is not at its end, can't be undone, or not by them."""
    within = await domains_reached(acting, action_needed("undo", row.action))
    demand_within(within, row.within)
    if row.action == "clean":
        detail = "what was cleaned comes back from the archive alone"
        raise Problem(HTTPStatus.CONFLICT, "undo_impossible", detail)
    if not has_result(row) or not row.changed:
        raise Problem(HTTPStatus.CONFLICT, "job_state", "the job is not at its end, or has changed nothing")
    return within


async def _foreseen(acting: Access, row: BulkActionRow) -> UndoPreview:
    count = without_opposite = 0
    refusals: Counter[str] = Counter()
    free_since = restored_free_since(acting.gateway.clock(), by_provider=acting.principal.is_operator)
    for part in parts(row.applied):
        selection = decode_selection(
            await open_sealed(acting.gateway, selection_blob(row.job_id, part), row.key_id)
        )
        done = decode_done(await open_sealed(acting.gateway, done_blob(row.job_id, part), row.key_id))
        opposite, without = _opposites(selection, done)
        count += len(opposite)
        without_opposite += without
        async with acting.gateway.pool.acquire() as connection:
            codes = await why_refused(
                connection, acting.gateway.vault, acting.tenant, opposite, free_since=free_since
            )
        refusals.update(code for code in codes if code)
    refused = sum(refusals.values())
    return UndoPreview(
        count=count,
        would_change=count - refused,
        refused=refused,
        refusals=dict(refusals),
        without_opposite=without_opposite,
        confirmation=confirmation_needed(acting.gateway, "undo", count),
        needs_approval=approval_needed(acting.gateway, count),
    )


def _opposites(
    selection: list[SelectedMailbox], done: list[DoneMailbox]
) -> tuple[list[SelectedMailbox], int]:
    changed = [
        reversed_step(mailbox, result)
        for mailbox, result in zip(selection, done, strict=True)
        if result.result == "changed"
    ]
    opposite = [each for each in changed if each is not None]
    return opposite, len(changed) - len(opposite)
