"""Import jobs: hand in a workbook or a csv file, watch it, fetch what went wrong."""

from http import HTTPStatus
from pathlib import PurePath
from typing import Annotated, Final, get_args

import msgspec
from fastapi import APIRouter, Query
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response, StreamingResponse

from contracts.bulkio import BadRows, CancelImport, ImportMode, StartImport
from contracts.import_report import (
    ImportManifest,
    ImportReport,
    RowProblem,
    decode_report,
    decode_segment_report,
)
from contracts.topics import BULKIO
from contracts.views.jobs import ImportRow
from services.gateway import queries
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import answer, documented
from services.gateway.http.job_scope import own_jobs_of, within_of
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    Instant,
    PageSize,
    PageToken,
    Token,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import Problem, invalid, not_found, unavailable
from services.gateway.http.request import Connections, Fresh, Text, thing_id
from services.gateway.http.sealed_files import CSV, XLSX, attachment, open_sealed, sealed_file
from services.gateway.http.tokens import write_token
from services.gateway.http.uploads import Upload, Uploaded, shown_name
from services.gateway.http.views import (
    ImportPage,
    ImportView,
    Operation,
    OperationMetadata,
    WriteResult,
    import_view,
)
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, written
from services.runtime.blobs import BlobMissing

router = APIRouter(prefix="/v1/imports", tags=["imports"], dependencies=[Fresh])

TEMPLATE_BLOB: Final = "templates/import-v1.xlsx"
"""Where bulkio publishes the template when it starts."""


class ImportOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to import: what to do with addresses that exist, with bad rows, and whether only to look."""

    mode: ImportMode = "create_only"
    bad_rows: BadRows = "stop"
    dry_run: bool = False


@router.get("/template", summary="Download the import template", **documented({200: XLSX}))
async def template(gateway: Connections, _: Acting) -> Response:
    """Give the workbook to fill in."""
    try:
        content = await gateway.blobs.get(TEMPLATE_BLOB)
    except BlobMissing:
        raise unavailable("template_missing", "the template is not published yet", 5) from None
    return Response(
        content, media_type=XLSX, headers={"Content-Disposition": attachment("postfach-import.xlsx")}
    )


_CHOICES: Final[dict[str, list[str]]] = {
    "mode": list(get_args(ImportMode)),
    "bad_rows": list(get_args(BadRows)),
    "dry_run": ["false", "true"],
}

_FORM: Final = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "contentMediaType": XLSX},
        **{name: {"type": "string", "enum": choices} for name, choices in _CHOICES.items()},
    },
}


@router.post("", summary="Start an import", **documented({202: Operation}, body=(XLSX, CSV), form=_FORM))
async def start(
    write: KeyedWrite,
    acting: Acting,
    upload: Uploaded,
    mode: Annotated[str | None, Query(json_schema_extra={"enum": _CHOICES["mode"]})] = None,
    bad_rows: Annotated[str | None, Query(json_schema_extra={"enum": _CHOICES["bad_rows"]})] = None,
    dry_run: Annotated[str | None, Query(json_schema_extra={"enum": _CHOICES["dry_run"]})] = None,
    file_name: Annotated[str, Query(max_length=1_000)] = "",
) -> Response:
    """Import a workbook or csv file: as the whole body with options in the query, or as a form's field `file` with options as fields."""
    in_query = {"mode": mode, "bad_rows": bad_rows, "dry_run": dry_run}
    options = _options({name: value for name, value in in_query.items() if value is not None} | upload.fields)
    name = shown_name(upload.file_name or file_name) or ("import.csv" if upload.is_csv else "import.xlsx")
    within = await within_of(acting)

    async def act(attempt: Act) -> Response:
        command = StartImport(
            job_id=attempt.thing_id,
            file_name=name,
            blob=upload.blob,
            key_id=upload.key_id,
            size_bytes=upload.size_bytes,
            sha256=upload.sha256,
            mode=options.mode,
            bad_rows=options.bad_rows,
            dry_run=options.dry_run,
            within=within,
            large=upload.large,
        )
        return await ordered(attempt, upload, command)

    content = upload.sha256.encode() + msgspec.json.encode(options) + name.encode()
    return await write.once(acting.tenant, content, act)


async def ordered(attempt: Act, upload: Upload, command: StartImport) -> Response:
    """Order an import of an upload, which is kept when the order may have been obeyed, and answer with its operation."""
    # From here on the order may be in the log, whether or not its outcome is heard.
    upload.kept = True
    try:
        outcome = await attempt.order(BULKIO, attempt.tenant, command)
    except Problem:
        upload.kept = False
        raise
    # Decided before: then that attempt's file is the job's.
    upload.kept = not outcome.repeated
    operation = Operation(
        name=f"operations/{outcome.subject}",
        done=False,
        metadata=OperationMetadata(kind="import", state="uploaded"),
    )
    location = f"/v1/operations/{outcome.subject}"
    return written(BULKIO, outcome, operation, HTTPStatus.ACCEPTED, location)


def _options(given: dict[str, str]) -> ImportOptions:
    try:
        return msgspec.convert(given, ImportOptions, strict=False)
    except msgspec.ValidationError as error:
        wrong = next((name for name in given if f"`$.{name}`" in str(error)), "options")
        raise invalid(wrong, "invalid_option", str(error)) from None


@router.get("", summary="List imports", **documented({200: ImportPage}))
async def list_(acting: Acting, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None) -> Response:
    """Give the tenant's import jobs, newest first."""
    name, size = list_name("imports", acting.tenant), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await queries.list_imports(
        acting.gateway.pool, acting.tenant, own_jobs_of(acting.see, acting.principal), after, size + 1
    )
    page = cut(found, size, name, ("created_at", "job_id"))
    return answer(
        ImportPage(
            imports=[import_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{job_id}", summary="Get an import", **documented({200: ImportView}))
async def get(acting: Acting, job_id: str) -> Response:
    """Give an import job."""
    row = await visible_import(acting, job_id)
    return answer(import_view(row), headers={"ETag": f'"{row.version}"'})


@router.post("/{job_id}:cancel", summary="Cancel an import", **documented({200: WriteResult, 202: Operation}))
async def cancel(write: AnyWrite, acting: Acting, job_id: str) -> Response:
    """Stop an import as soon as the rows on their way are decided."""
    row = await visible_import(acting, job_id)

    async def act(attempt: Act) -> Response:
        return written(BULKIO, await attempt.order(BULKIO, acting.tenant, CancelImport(job_id=row.job_id)))

    return await write.once(acting.tenant, b"", act)


@router.get("/{job_id}/result", summary="Download an import's failed rows", **documented({200: XLSX}))
async def result(acting: Acting, job_id: str) -> StreamingResponse:
    """Give the workbook of the rows that failed, with the reason of each; it has no passwords."""
    row = await visible_import(acting, job_id)
    if row.result is None:
        raise not_found("result_missing")
    headers = {
        "Content-Disposition": attachment(f"failed-{PurePath(row.file_name).stem}.xlsx"),
        "Cache-Control": "private, no-store",
    }
    return await sealed_file(acting.gateway, row.result, row.key_id, XLSX, headers)


class ImportProblems(Struct, frozen=True, kw_only=True):
    """What is wrong with a file, cell by cell, in the order of its rows."""

    bad_rows: int
    problems: tuple[RowProblem, ...]
    next_page_token: str | UnsetType = UNSET


Place = Annotated[int, Meta(ge=0, le=2**31)]


@router.get("/{job_id}/problems", summary="Get an import's problems", **documented({200: ImportProblems}))
async def problems(
    acting: Acting, job_id: str, size: PageSize = PAGE_SIZE_MAX, token: PageToken = None
) -> Response:
    """Give what the check found: each bad cell with its row, its column, and what is expected."""
    row = await visible_import(acting, job_id)
    if row.report is None:
        raise not_found("report_missing")
    name, size = list_name("problems", row.job_id), page_size(size)
    (skipped,) = (0,) if token is None else decode_token(token, tuple[Place], name).after
    report = decode_report(await open_sealed(acting.gateway, row.report, row.key_id))
    found = await _problems(acting.gateway, row, report, skipped, size + 1)
    more = len(found) > size
    return answer(
        ImportProblems(
            bad_rows=report.bad_rows,
            problems=tuple(found[:size]),
            next_page_token=write_token(Token(name, (skipped + size,), 0, exact=False)) if more else UNSET,
        )
    )


async def _problems(
    gateway: Gateway, row: ImportRow, report: ImportManifest | ImportReport, skipped: int, count: int
) -> list[RowProblem]:
    """Give the next problems behind the skipped ones, opening no more segments than have them."""
    if isinstance(report, ImportReport):
        return list(report.problems[skipped : skipped + count])
    found: list[RowProblem] = []
    for segment in report.segments:
        if skipped < segment.problems and len(found) < count:
            part = decode_segment_report(await open_sealed(gateway, segment.report, row.key_id)).problems
            found.extend(part[skipped : skipped + count - len(found)])
        skipped = max(0, skipped - segment.problems)
    return found


async def visible_import(access: Access, job_id: str) -> ImportRow:
    """Give a job to whoever asked for it, and to whoever sees imports everywhere. Raises Problem."""
    row = await queries.get_import(
        access.gateway.pool,
        access.tenant,
        own_jobs_of(access.see, access.principal),
        thing_id(job_id, "job_unknown"),
    )
    if row is None:
        raise not_found("job_unknown")
    return row
