"""Export jobs: ask for a file of all mailboxes that match a filter, watch it, fetch it."""

import base64
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.bulkio import CancelExport, ExportColumn, ExportFormat, FilterText, StartExport
from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.topics import BULKIO
from contracts.views.jobs import ExportRow
from services.gateway import queries
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.job_scope import own_jobs_of, within_of
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
from services.gateway.http.problems import Problem, invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.sealed_files import XLSX, attachment, sealed_file
from services.gateway.http.views import (
    ExportPage,
    ExportView,
    Operation,
    OperationMetadata,
    WriteResult,
    export_view,
)
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/exports", tags=["exports"], dependencies=[Fresh])

_MEDIA_TYPES: dict[str, str] = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


class NewExport(RequestBody, frozen=True, kw_only=True):
    """Which mailboxes to write, in which form. The filter is that of the mailbox list."""

    filter: FilterText = ""
    format: ExportFormat = "xlsx"
    columns: tuple[ExportColumn, ...] = ("email", "note")


@router.post("", summary="Start an export", **documented({202: Operation}, body=NewExport))
async def start(
    write: KeyedWrite, acting: Acting, body: Annotated[NewExport, body_of(NewExport)]
) -> Response:
    """Write every mailbox that matches into one file."""
    try:
        compile_filter(body.filter, MAILBOX_FILTER_FIELDS)
    except FilterError as error:
        raise invalid("#/filter", "filter_invalid", str(error)) from None
    if not body.columns or len(set(body.columns)) < len(body.columns):
        raise invalid("#/columns", "columns_invalid", "name at least one column, and each only once")
    within = await within_of(acting)

    async def act(attempt: Act) -> Response:
        key_id = attempt.part_id("key")
        await write.gateway.vault.create_key(key_id)
        command = StartExport(
            job_id=attempt.thing_id,
            filter=body.filter,
            format=body.format,
            columns=body.columns,
            key_id=key_id,
            within=within,
        )
        try:
            outcome = await attempt.order(BULKIO, acting.tenant, command)
        except Problem:
            await write.gateway.vault.drop_key(key_id)
            raise
        operation = Operation(
            name=f"operations/{outcome.subject}",
            done=False,
            metadata=OperationMetadata(kind="export", state="requested"),
        )
        location = f"/v1/operations/{outcome.subject}"
        return written(BULKIO, outcome, operation, HTTPStatus.ACCEPTED, location)

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List exports", **documented({200: ExportPage}))
async def list_(acting: Acting, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None) -> Response:
    """Give the tenant's export jobs, newest first."""
    name, size = list_name("exports", acting.tenant), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await queries.list_exports(
        acting.gateway.pool, acting.tenant, own_jobs_of(acting.see, acting.principal), after, size + 1
    )
    page = cut(found, size, name, ("created_at", "job_id"))
    return answer(
        ExportPage(
            exports=[show_export(acting.gateway, row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{job_id}", summary="Get an export", **documented({200: ExportView}))
async def get(acting: Acting, job_id: str) -> Response:
    """Give an export job."""
    row = await _find(acting, job_id)
    return answer(show_export(acting.gateway, row), headers={"ETag": f'"{row.version}"'})


@router.post("/{job_id}:cancel", summary="Cancel an export", **documented({200: WriteResult, 202: Operation}))
async def cancel(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Give up an export that is not finished."""
    row = await _find(acting, job_id)

    async def act(attempt: Act) -> Response:
        return written(BULKIO, await attempt.order(BULKIO, acting.tenant, CancelExport(job_id=row.job_id)))

    return await write.once(acting.tenant, b"", act)


@router.get(
    "/{job_id}/file",
    summary="Download an export's file",
    **documented({200: (XLSX, "text/csv", "application/jsonl")}),
)
async def download(acting: Acting, job_id: str) -> Response:
    """Stream the file of a finished export, until it expires."""
    row = await _find(acting, job_id)
    until = _file_until(acting.gateway, row)
    if row.blob is None or row.sha256 is None or until is None:
        raise Problem(HTTPStatus.CONFLICT, "job_state", f"the export is {row.state}")
    if acting.gateway.clock() >= until:
        raise Problem(HTTPStatus.GONE, "file_expired", "exports can be downloaded for a limited time")
    digest = base64.b64encode(bytes.fromhex(row.sha256)).decode()
    headers = {
        "Content-Disposition": attachment(f"mailboxes-{row.created_at:%Y%m%d-%H%M%S}.{row.format}"),
        "Content-Length": str(row.size_bytes),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "private, no-store",
    }
    return await sealed_file(acting.gateway, row.blob, row.key_id, _MEDIA_TYPES[row.format], headers)


def show_export(gateway: Gateway, row: ExportRow) -> ExportView:
    """Show an export job, with the time until which its file can be fetched."""
    return export_view(row, _file_until(gateway, row))


def _file_until(gateway: Gateway, row: ExportRow) -> datetime | None:
    if row.state != "finished":
        return None
    return row.changed_at + gateway.settings.export_file_kept


async def _find(access: Access, job_id: str) -> ExportRow:
    row = await queries.get_export(
        access.gateway.pool,
        access.tenant,
        own_jobs_of(access.see, access.principal),
        thing_id(job_id, "job_unknown"),
    )
    if row is None:
        raise not_found("job_unknown")
    return row
