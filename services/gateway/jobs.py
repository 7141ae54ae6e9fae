"""The gateway's questions about jobs: bulk actions, and all kinds of job in one list."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from typing import Final

import asyncpg

from contracts.views.bulk_actions import BulkActionRow
from services.gateway.queries import NewestFirst
from services.gateway.read_models import Found, Table, many, one

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
