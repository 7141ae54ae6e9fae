"""The plan of a dry run: read in pages or as a workbook, and applied by its hash."""

from pathlib import PurePath
from typing import Annotated, Final, cast, get_args

from fastapi import APIRouter, Query
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response, StreamingResponse

from contracts.bulkio import BadRows, ImportMode, PlanCounts, StartImport
from contracts.import_plan import PlanAction, PlanRow, PlanState, count_of, decode_plan, why_not_applied
from contracts.import_report import ImportManifest, RowProblem, SegmentPlan, decode_report
from contracts.job_fields import Sha256Hex
from contracts.views.jobs import ImportRow
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.imports import Place, ordered, visible_import
from services.gateway.http.job_scope import within_of
from services.gateway.http.paging import (
    PAGE_SIZE_MAX,
    PageSize,
    PageToken,
    Token,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import STATUS_OF_REFUSAL, Problem, invalid, not_found
from services.gateway.http.request import Fresh
from services.gateway.http.sealed_files import XLSX, attachment, open_sealed, open_stream, sealed_file
from services.gateway.http.tokens import write_token
from services.gateway.http.uploads import Upload, sealed
from services.gateway.http.views import Operation
from services.gateway.http.writes import Act, KeyedWrite, content_of
from services.runtime.ids import new_id

_ACTIONS: Final[dict[str, PlanAction]] = {action: action for action in get_args(PlanAction)}

router = APIRouter(prefix="/v1/imports", tags=["imports"], dependencies=[Fresh])


class PlanRowView(Struct, frozen=True, kw_only=True):
    """What becomes of one row of the file. `mailbox_id` is that of the mailbox that is there already."""

    row: int
    email: str
    action: PlanAction
    mailbox_id: str | None
    problems: tuple[RowProblem, ...]


class ImportPlan(Struct, frozen=True, kw_only=True):
    """Some rows of a plan, in the order of the file. `counts` are those of the whole plan.

    Without a `plan_hash` there is nothing to apply: bad rows stop the file.
    """

    plan_hash: str | None
    counts: PlanCounts
    rows: list[PlanRowView]
    next_page_token: str | UnsetType = UNSET


class PlanOrder(RequestBody, frozen=True, kw_only=True):
    """A plan to apply, by the hash that it was read with."""

    plan_hash: Sha256Hex


@router.get("/{job_id}/plan", summary="Get a dry run's plan", **documented({200: ImportPlan}))
async def plan(
    acting: Acting,
    job_id: str,
    action: Annotated[str | None, Query(json_schema_extra={"enum": list(_ACTIONS)})] = None,
    size: PageSize = PAGE_SIZE_MAX,
    token: PageToken = None,
) -> Response:
    """Give what would become of each row of the file, in its order: of all, or of those that one `action` is foreseen for."""
    row, manifest = await _planned(acting, job_id)
    wanted = _ACTIONS.get(action or "")
    if wanted != action:
        raise invalid("action", "invalid_option", f"expected one of {', '.join(_ACTIONS)}")
    name, size = list_name("plan", row.job_id, action or ""), page_size(size)
    (skipped,) = (0,) if token is None else decode_token(token, tuple[Place], name).after
    plans = [segment.plan for segment in manifest.segments if segment.plan is not None]
    found = await planned_rows(acting.gateway, row.key_id, plans, wanted, skipped, size + 1)
    more = len(found) > size
    return answer(
        ImportPlan(
            plan_hash=row.plan_hash,
            counts=_counts(plans),
            rows=[_shown(each) for each in found[:size]],
            next_page_token=write_token(Token(name, (skipped + size,), 0, exact=False)) if more else UNSET,
        )
    )


@router.get("/{job_id}/plan/file", summary="Download a dry run's plan", **documented({200: XLSX}))
async def plan_file(acting: Acting, job_id: str) -> StreamingResponse:
    """Give the plan as a workbook: each row with what would become of it; it has no passwords."""
    row, manifest = await _planned(acting, job_id)
    if manifest.plan_file is None:
        raise not_found("plan_missing")
    headers = {
        "Content-Disposition": attachment(f"plan-{PurePath(row.file_name).stem}.xlsx"),
        "Cache-Control": "private, no-store",
    }
    return await sealed_file(acting.gateway, manifest.plan_file, row.key_id, XLSX, headers)


@router.post(
    "/{job_id}:apply", summary="Apply a dry run's plan", **documented({202: Operation}, body=PlanOrder)
)
async def apply(
    write: KeyedWrite, acting: Acting, job_id: str, body: Annotated[PlanOrder, body_of(PlanOrder)]
) -> Response:
    """Import the file of a dry run as it was planned, as a new job, or change nothing if it would do anything else by now."""
    row = await visible_import(acting, job_id)
    within = await within_of(acting)

    async def act(attempt: Act) -> Response:
        key_id = new_id()
        upload = Upload(
            blob=f"uploads/{key_id}", key_id=key_id, head=b"", size_bytes=row.size_bytes, sha256=row.sha256,
            large=row.large, file_name=row.file_name, media_type="", fields={},
        )  # fmt: skip
        command = StartImport(
            job_id=attempt.thing_id,
            file_name=row.file_name,
            blob=upload.blob,
            key_id=upload.key_id,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            mode=cast("ImportMode", row.mode),
            bad_rows=cast("BadRows", row.bad_rows_policy),
            within=within,
            large=row.large,
            plan_of=row.job_id,
            expected_plan=body.plan_hash,
        )
        if row.plan_applied_by == attempt.thing_id:
            # An earlier attempt at the same request got this far; its file is the job's.
            return await ordered(attempt, upload, command)
        _demand_applicable(acting, row, body.plan_hash)
        # Under a key of its own: neither job depends on what is removed of the other.
        content = await open_stream(acting.gateway, row.blob, row.key_id)
        async with sealed(acting.gateway, upload, content):
            return await ordered(attempt, upload, command)

    return await write.once(acting.tenant, content_of(body), act)


def _demand_applicable(acting: Access, row: ImportRow, expected: str) -> None:
    """Raises Problem where the decider would refuse anyhow: a file need not be copied for that."""
    planned = PlanState(row.state, row.plan_hash, row.plan_until, row.plan_applied_by)
    problem = why_not_applied(planned, expected, acting.gateway.clock())
    if problem is not None:
        code, detail = problem
        raise Problem(STATUS_OF_REFUSAL[code], code.value, detail)


async def _planned(acting: Access, job_id: str) -> tuple[ImportRow, ImportManifest]:
    """Give a dry run that was checked, and where its plan lies. Raises Problem."""
    row = await visible_import(acting, job_id)
    if row.report is None or not row.dry_run:
        raise not_found("plan_missing")
    manifest = decode_report(await open_sealed(acting.gateway, row.report, row.key_id))
    if not isinstance(manifest, ImportManifest) or manifest.plan_file is None:
        raise not_found("plan_missing")
    return row, manifest


async def planned_rows(
    gateway: Gateway,
    key_id: str,
    plans: list[SegmentPlan],
    action: PlanAction | None,
    skipped: int,
    count: int,
) -> list[PlanRow]:
    """Give the next rows behind the skipped ones, opening no more segments than have them."""
    found: list[PlanRow] = []
    for plan in plans:
        here = count_of(plan.counts, action)
        if skipped < here and len(found) < count:
            some = decode_plan(await open_sealed(gateway, plan.blob, key_id))
            wanted = [each for each in some if action is None or each.action == action]
            found.extend(wanted[skipped : skipped + count - len(found)])
        skipped = max(0, skipped - here)
    return found


def _counts(plans: list[SegmentPlan]) -> PlanCounts:
    return PlanCounts(
        create=sum(plan.counts.create for plan in plans),
        change=sum(plan.counts.change for plan in plans),
        skip=sum(plan.counts.skip for plan in plans),
        refuse=sum(plan.counts.refuse for plan in plans),
    )


def _shown(row: PlanRow) -> PlanRowView:
    return PlanRowView(
        row=row.row, email=row.email, action=row.action, mailbox_id=row.mailbox_id, problems=row.problems
    )
