"""All jobs of a tenant in one list, whatever their kind: what runs, what ran, who asked for it, how it ended."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.listing import FILTER_LENGTH_MAX, JOB_FILTER_FIELDS, JobKind
from contracts.permissions import PageName, Reach, role_reach
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
from services.gateway.http.problems import invalid
from services.gateway.http.request import Fresh, Text
from services.gateway.http.views import Page, View
from services.gateway.jobs import JOBS_FILTER_FROM, JobRow, JobsAsked, list_jobs
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Fresh])

_PAGES: Final[dict[JobKind, PageName]] = {
    "import": "import",
    "export": "export",
    "bulk_action": "mailboxes",
}
"""The page that somebody must see to see a kind of job."""

_ENDS: Final = frozenset({"planned", "finished", "failed", "cancelled", "declined", "lapsed"})


class JobView(View, frozen=True, kw_only=True):
    """A job of any kind. `about` is the file's name, the export's filter, or the bulk action. `undone_by` is a bulk action.

    Everything else is at `/v1/imports/{job_id}`, `/v1/exports/{job_id}` or `/v1/bulk-actions/{job_id}`, as `kind` says.
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
    """Give imports, exports and bulk actions, newest first, by `kind`, `state`, `actor` and `created_at`.

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
            jobs=[_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


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


def _view(row: JobRow) -> JobView:
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
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
