"""Bulk actions once they are asked for: watch, approve, cancel, fetch what happened and the generated passwords."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from contracts.bulk_action_files import ResultFormat, passwords_blob, result_blob
from contracts.bulk_actions import (
    ApproveBulkAction,
    BulkActionCommand,
    CancelBulkAction,
    DeclineBulkAction,
    TakeBulkPasswords,
)
from contracts.ids import derived_id
from contracts.mailbox import Reason
from contracts.outcome import RefusalCode
from contracts.topics import BULKIO
from contracts.views.bulk_actions import BulkActionRow
from services.gateway import jobs
from services.gateway.access_queries import get_key
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.bulk_permissions import demand_reach, visible_bulk_action
from services.gateway.http.bulk_views import BulkActionView, bulk_action_view, has_result
from services.gateway.http.job_scope import own_jobs_of
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    Instant,
    PageSize,
    PageToken,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import Problem, not_found, unavailable
from services.gateway.http.request import Fresh, Text
from services.gateway.http.sealed_files import XLSX, attachment, sealed_file
from services.gateway.http.views import BulkActionPage, Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, Pending, Write, content_of, written
from services.runtime.blobs import BlobMissing
from services.runtime.vault import KeyDestroyed

router = APIRouter(prefix="/v1/bulk-actions", tags=["bulk_actions"], dependencies=[Fresh])

_CSV = "text/csv; charset=utf-8"
_WRITTEN = documented({200: WriteResult, 202: Operation})


class DeclineReason(RequestBody, frozen=True, kw_only=True):
    """Why a bulk action is declined."""

    reason: Reason = ""


@router.get("", summary="List bulk actions", **documented({200: BulkActionPage}))
async def list_(acting: Acting, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None) -> Response:
    """Give the bulk actions that the caller asked for, or all to whoever sees mailboxes everywhere; newest first."""
    name, size = list_name("bulk_actions", acting.tenant), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    whose = own_jobs_of(acting.see, acting.principal)
    found = await jobs.list_bulk_actions(acting.gateway.pool, acting.tenant, whose, after, size + 1)
    page = cut(found, size, name, ("created_at", "job_id"))
    return answer(
        BulkActionPage(
            bulk_actions=[bulk_action_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{job_id}", summary="Get a bulk action", **documented({200: BulkActionView}))
async def get(acting: Acting, job_id: str) -> Response:
    """Give a bulk action."""
    row = await visible_bulk_action(acting, job_id)
    return answer(bulk_action_view(row), headers={"ETag": f'"{row.version}"'})


@router.post("/{job_id}:cancel", summary="Cancel a bulk action", **_WRITTEN)
async def cancel(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Stop as soon as the mailboxes on their way are decided; what is decided stays."""
    row = await _changeable(acting, job_id)
    return await _order(write, acting, CancelBulkAction(job_id=row.job_id))


@router.post("/{job_id}:approve", summary="Approve a bulk action", **_WRITTEN)
async def approve(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Let a job begin that somebody else asked for. Only a person can."""
    row = await _decidable(acting, job_id)
    return await _order(write, acting, ApproveBulkAction(job_id=row.job_id))


@router.post(
    "/{job_id}:decline",
    summary="Decline a bulk action",
    **documented({200: WriteResult, 202: Operation}, body=DeclineReason),
)
async def decline(
    write: AnyWrite, acting: Acting, job_id: str, body: Annotated[DeclineReason, body_of(DeclineReason)]
) -> Response:
    """Let a job never begin that somebody else asked for. Only a person can."""
    row = await _decidable(acting, job_id)
    return await _order(write, acting, DeclineBulkAction(job_id=row.job_id, reason=body.reason), body)


@router.get(
    "/{job_id}/result",
    summary="Download what a bulk action did",
    **documented({200: "application/octet-stream"}),
)
async def result(
    acting: Acting, job_id: str, file_format: Annotated[ResultFormat, Query(alias="format")] = "xlsx"
) -> StreamingResponse:
    """Give each mailbox with what happened to it, and the code of a refusal."""
    row = await visible_bulk_action(acting, job_id)
    if not has_result(row):
        raise not_found("result_missing")
    headers = {
        "Content-Disposition": attachment(f"{row.action}-{row.created_at:%Y%m%d-%H%M%S}.{file_format}"),
        "Cache-Control": "private, no-store",
    }
    media_type = XLSX if file_format == "xlsx" else _CSV
    return await sealed_file(
        acting.gateway, result_blob(row.job_id, file_format), row.key_id, media_type, headers
    )


@router.post(
    "/{job_id}:takePasswords", summary="Take the passwords that a bulk action made", **documented({200: _CSV})
)
async def take_passwords(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Hand the generated passwords to whoever asked for the job, as csv: once, and within 24 hours.

    The key is destroyed before anything is answered, so nobody gets them twice, not even when the answer is lost.
    """
    row = await visible_bulk_action(acting, job_id)
    if row.actor != acting.principal.actor:
        raise Problem(HTTPStatus.FORBIDDEN, "asker_only", "they are for whoever asked for the job")
    if row.passwords_key_id is None or row.passwords_until is None:
        raise not_found("passwords_missing")
    if acting.gateway.clock() >= row.passwords_until:
        raise _gone()
    # One command, whoever sends it how often: that the passwords were taken is one fact of the job.
    attempt = Act(write=write, tenant=acting.tenant, thing_id=derived_id(row.job_id, "passwords"))
    try:
        await attempt.order(BULKIO, acting.tenant, TakeBulkPasswords(job_id=row.job_id))
    except Pending:
        raise unavailable("outcome_late", "whether you may is not decided yet; ask again") from None
    try:
        sealer = await acting.gateway.vault.last_sealer(row.passwords_key_id)
        content = sealer.open(await acting.gateway.blobs.get(passwords_blob(row.job_id)))
    except (KeyDestroyed, BlobMissing):
        raise _gone() from None
    await acting.gateway.blobs.delete(passwords_blob(row.job_id))
    headers = {
        "Content-Disposition": attachment(f"passwords-{row.created_at:%Y%m%d-%H%M%S}.csv"),
        "Cache-Control": "private, no-store",
    }
    return Response(content, headers=headers, media_type=_CSV)


def _gone() -> Problem:
    return Problem(HTTPStatus.GONE, "passwords_gone", "they can be taken once, and within 24 hours")


async def _changeable(acting: Access, job_id: str) -> BulkActionRow:
    row = await visible_bulk_action(acting, job_id)
    await demand_reach(acting, row)
    return row


async def _decidable(acting: Access, job_id: str) -> BulkActionRow:
    """Give a job that the caller may decide about. That it is somebody else's the decider sees to, but for keys."""
    row = await _changeable(acting, job_id)
    if acting.principal.kind == "key":
        raise Problem(HTTPStatus.FORBIDDEN, "persons_only", "only a person can decide this")
    kind, _, key_id = row.actor.partition(":")
    key = await get_key(acting.gateway.pool, acting.tenant, key_id) if kind == "key" else None
    if key is not None and key.created_by == acting.principal.actor:
        detail = "a key of your own asked for the job"
        raise Problem(HTTPStatus.FORBIDDEN, RefusalCode.APPROVER_NEEDED.value, detail)
    return row


async def _order(
    write: Write, acting: Access, command: BulkActionCommand, body: RequestBody | None = None
) -> Response:
    async def act(attempt: Act) -> Response:
        return written(BULKIO, await attempt.order(BULKIO, acting.tenant, command))

    return await write.once(acting.tenant, content_of(body), act)
