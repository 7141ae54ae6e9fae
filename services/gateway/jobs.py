"""The gateway's questions about jobs: bulk actions, and all kinds of job in one list."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Collection
from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct

from contracts.listing import JobKind
from contracts.views.bulk_actions import BulkActionRow
from services.gateway.queries import NewestFirst
from services.gateway.read_models import Found, Table, many, one
from services.runtime.filtering import CompiledFilter

_BULK_ACTIONS: Final = Table.of("bulk_actions", BulkActionRow, "job_id")


_JOB: Final = "tenant = $1 AND ($2::text IS NULL OR actor = $2) AND job_id = $3"


async def get_bulk_action(
    pool: asyncpg.Pool, tenant: str, actor: str | None, job_id: str
) -> BulkActionRow | None:
    """Give a bulk action of the tenant; where an actor is given, only one of theirs."""
    return await one(pool, _BULK_ACTIONS, _JOB, tenant, actor, job_id)


async def list_bulk_actions(
    pool: asyncpg.Pool, tenant: str, actor: str | None, after: NewestFirst | None, limit: int
) -> Found[BulkActionRow]:
    """Give the tenant's bulk actions, or only those of an actor, newest first."""
    return await many(
        pool,
        _BULK_ACTIONS,
        "tenant = $1 AND ($2::text IS NULL OR actor = $2)",
        [tenant, actor],
        keys=("created_at", "job_id"),
        after=after,
        limit=limit,
        descending=True,
    )


class JobRow(Struct, kw_only=True):
    """What all kinds of job have in common. `about` is the file's name, the export's filter, or the action.

    `has_result` says that there was something to fetch at its end; `correlation` is None of a job that is older than
    the table of orders.
    """

    kind: JobKind
    job_id: str
    tenant: str
    actor: str
    state: str
    about: str
    rows_done: int
    rows_total: int
    undone_by: str | None
    has_result: bool
    code: str | None
    correlation: str | None
    created_at: datetime
    changed_at: datetime


_ALL_JOBS: Final = Table.of(
    """
    (SELECT 'import' AS kind, job_id, tenant, actor, state, file_name AS about, applied AS rows_done,
            good_rows AS rows_total, undone_by, coalesce(result, plan_hash) IS NOT NULL AS has_result, code, created_at,
            changed_at
        FROM imports
        UNION ALL
        SELECT 'export', job_id, tenant, actor, state, filter, rows, rows, NULL, blob IS NOT NULL, code, created_at,
            changed_at
        FROM exports
        UNION ALL
        SELECT 'bulk_action', job_id, tenant, actor, state, action, applied, total, undone_by,
            state IN ('finished', 'cancelled') AND applied > 0, code, created_at, changed_at
        FROM bulk_actions) AS jobs
    LEFT JOIN (SELECT job_id, correlation FROM job_orders) AS orders USING (job_id)
    """,
    JobRow,
    "job_id",
)


class JobsAsked(Struct, frozen=True, kw_only=True):
    """Which jobs somebody may see: of some kinds everybody's, of others only those that `actor` asked for."""

    tenant: str
    actor: str
    everybodys: Collection[JobKind]
    own: Collection[JobKind]

    def values(self) -> list[object]:
        """Give what the condition of a question about jobs refers to as `$1` to `$4`."""
        return [self.tenant, self.actor, list(self.everybodys), list(self.own)]


JOBS_FILTER_FROM: Final = 5
"""The number of the first argument of a filter of jobs."""


_SEEN: Final = "tenant = $1 AND (kind = ANY($3::text[]) OR (kind = ANY($4::text[]) AND actor = $2))"


async def get_job(pool: asyncpg.Pool, asked: JobsAsked, job_id: str) -> JobRow | None:
    """Give a job of any kind, if whoever asks may see it."""
    return await one(pool, _ALL_JOBS, f"{_SEEN} AND job_id = $5", *asked.values(), job_id)


async def list_jobs(
    pool: asyncpg.Pool, asked: JobsAsked, filtered: CompiledFilter, after: NewestFirst | None, limit: int
) -> Found[JobRow]:
    """Give the jobs of all kinds that match, newest first; the filter's arguments begin with `$5`."""
    values = [*asked.values(), *filtered.arguments]
    return await many(
        pool,
        _ALL_JOBS,
        f"{_SEEN} AND {filtered.sql}",
        values,
        keys=("created_at", "job_id"),
        after=after,
        limit=limit,
        descending=True,
    )
