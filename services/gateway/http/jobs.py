"""All jobs of a tenant in one list, whatever their kind: what runs, what ran, who asked for it, how it ended."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.listing import FILTER_LENGTH_MAX, JOB_FILTER_FIELDS, JobKind
from contracts.permissions import PageName, Reach, role_reach
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import answer, documented
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
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.views import Page, View
from services.gateway.jobs import JOBS_FILTER_FROM, JobRow, JobsAsked, get_job, list_jobs
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Fresh])

_PAGES: Final[dict[JobKind, PageName]] = {
    "import": "import",
    "export": "export",
    "bulk_action": "mailboxes",
}
"""The page that somebody must see to see a kind of job."""

_PATHS: Final[dict[JobKind, str]] = {
    "import": "/v1/imports",
    "export": "/v1/exports",
    "bulk_action": "/v1/bulk-actions",
}

_ENDS: Final = frozenset({"planned", "finished", "failed", "cancelled", "declined", "lapsed"})


class JobLinks(View, frozen=True, kw_only=True):
    """Where more of a job is: all of it, how far it is, and what it made. Without anything to fetch `result` is null."""

    job: str
    operation: str
    result: str | None


class JobView(View, frozen=True, kw_only=True):
    """A job of any kind. `about` is the file's name, the export's filter, or the bulk action. `undone_by` is a bulk action.

    `correlation` is in every event that the job causes; it is null of a job from before this was kept. What a job made
    is kept until `results_until`, which is null while it goes on.
    """

    kind: JobKind
    job_id: str
    actor: str
    state: str
    done: bool
    about: str
    rows_done: int
    rows_total: int
    undone_by: str | None
    code: str | None
    correlation: str | None
    results_until: datetime | None
    links: JobLinks
    created_at: datetime
    changed_at: datetime


class JobPage(Page, frozen=True, kw_only=True):
    """A page of jobs, newest first."""

    jobs: list[JobView]


@router.get("", summary="List jobs", **documented({200: JobPage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give imports, exports and bulk actions, newest first, by `kind`, `state`, `actor`, `created_at` and `changed_at`.

    Of a page that the caller sees everywhere everybody's jobs, else only the caller's own.
    """
    try:
        compiled = compile_filter(filter_, JOB_FILTER_FIELDS, first_argument=JOBS_FILTER_FROM)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    name, size = list_name("jobs", acting.tenant, filter_), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await list_jobs(acting.gateway.pool, _asked(acting), compiled, after, size + 1)
    page = cut(found, size, name, ("created_at", "job_id"))
    return answer(
        JobPage(
            jobs=[_view(acting.gateway, row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{job_id}", summary="Get a job", **documented({200: JobView}))
async def get(acting: Acting, job_id: str) -> Response:
    """Give what all kinds of job have in common of one."""
    row = await get_job(acting.gateway.pool, _asked(acting), thing_id(job_id, "job_unknown"))
    if row is None:
        raise not_found("job_unknown")
    return answer(_view(acting.gateway, row))


def _asked(acting: Access) -> JobsAsked:
    principal = acting.principal
    sees: dict[JobKind, Reach] = {
        kind: role_reach(principal.role, principal.permissions, page, "see") for kind, page in _PAGES.items()
    }
    return JobsAsked(
        tenant=acting.tenant,
        actor=principal.actor,
        everybodys=[kind for kind, see in sees.items() if see.everywhere],
        own=[kind for kind, see in sees.items() if see],
    )


def _view(gateway: Gateway, row: JobRow) -> JobView:
    now, until = gateway.clock(), _results_until(gateway, row)
    job = f"{_PATHS[row.kind]}/{row.job_id}"
    result = f"{job}/{_result_of(row)}"
    fetchable = row.has_result and until is not None and now < until
    return JobView(
        kind=row.kind,
        job_id=row.job_id,
        actor=row.actor,
        state=row.state,
        done=row.state in _ENDS,
        about=row.about,
        rows_done=row.rows_done,
        rows_total=row.rows_total,
        undone_by=row.undone_by,
        code=row.code,
        correlation=row.correlation,
        results_until=until,
        links=JobLinks(
            job=job, operation=f"/v1/operations/{row.job_id}", result=result if fetchable else None
        ),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _result_of(row: JobRow) -> str:
    """Give the name of what the job made, below the job itself."""
    if row.state == "planned":
        return "plan/file"
    return "file" if row.kind == "export" else "result"


def _results_until(gateway: Gateway, row: JobRow) -> datetime | None:
    """Until when what the job made can be fetched."""
    if row.state not in _ENDS:
        return None
    settings = gateway.settings
    kept = settings.export_file_kept if row.kind == "export" else timedelta(days=settings.results_kept_days)
    return row.changed_at + kept
