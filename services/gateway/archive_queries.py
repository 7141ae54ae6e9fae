"""The gateway's questions about archives, holds and retrievals to its read models.

Each names the tenant in its condition, so what is another's is not there. What lists and filters show of an archive
besides its own row is worked out here: its mailbox's address, whether a hold covers it, and who is getting it back.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# SQL is put together from texts of this module alone; ruff can't see that no value is among them.
# ruff: noqa: S608

from collections.abc import Collection, Sequence
from typing import Final, Literal

import asyncpg

from contracts.listing import ShownArchiveState
from contracts.views.archive import OPEN_RETRIEVAL_STATES, HoldRow, RetrievalRow
from services.gateway.archive_rows import EndedArchiveRow
from services.gateway.read_models import Found, Table, many, one
from services.runtime.filtering import CompiledFilter

OrderColumn = Literal["expires_at", "created_at"]

HOLDS_SHOWN_MAX: Final = 100
"""Of the holds that cover an archive; any one of them keeps it."""


class ListedArchive(EndedArchiveRow, kw_only=True):
    """An archive with what surrounds it. The address is not known before its mailbox is, nor once that is purged."""

    local_part: str | None
    size_bytes: int
    shown_state: ShownArchiveState
    hold_ids: list[str]
    retrieval_id: str | None


_OPEN: Final = ", ".join(f"'{state}'" for state in sorted(OPEN_RETRIEVAL_STATES))
_COVERING: Final = """
    FROM holds AS h WHERE h.tenant = a.tenant AND h.domain = a.domain AND NOT h.released AND (
        h.scope = 'domain' OR (h.scope = 'mailboxes' AND h.ids ? a.mailbox_id)
        OR (h.scope = 'archives' AND h.ids ? a.archive_id))
"""
_LISTED: Final = f"""(
    SELECT a.*, NULLIF(m.local_part, '') AS local_part,
        COALESCE((a.content->>'size_bytes')::bigint, 0) AS size_bytes,
        CASE WHEN a.state = 'stored' AND EXISTS (SELECT {_COVERING}) THEN 'held' ELSE a.state END AS shown_state,
        ARRAY(SELECT h.hold_id {_COVERING} ORDER BY h.hold_id LIMIT {HOLDS_SHOWN_MAX}) AS hold_ids,
        (SELECT r.retrieval_id FROM retrievals AS r
            WHERE r.tenant = a.tenant AND r.state IN ({_OPEN})
                AND r.items @> jsonb_build_array(jsonb_build_object('archive_id', a.archive_id)) LIMIT 1
        ) AS retrieval_id
    FROM archives AS a LEFT JOIN mailboxes AS m ON m.mailbox_id = a.mailbox_id) AS listed
"""
_ARCHIVES: Final = Table.of(_LISTED, ListedArchive, "archive_id")
_HOLDS: Final = Table.of("holds", HoldRow, "hold_id")
_RETRIEVALS: Final = Table.of("retrievals", RetrievalRow, "retrieval_id")


async def get_archive(pool: asyncpg.Pool, tenant: str, archive_id: str) -> ListedArchive | None:
    """Give an archive of the tenant."""
    return await one(pool, _ARCHIVES, "tenant = $1 AND archive_id = $2", tenant, archive_id)


async def list_archives(
    pool: asyncpg.Pool,
    tenant: str,
    filtered: CompiledFilter,
    within: list[str] | None,
    *,
    order: OrderColumn,
    after: Sequence[object] | None,
    limit: int,
    descending: bool,
) -> Found[ListedArchive]:
    """Give the tenant's archives of the domains `within`, where that is given; the filter's arguments begin with `$2`."""
    condition, values = _within(tenant, filtered, within)
    return await many(
        pool,
        _ARCHIVES,
        condition,
        values,
        keys=(order, "archive_id"),
        after=after,
        limit=limit,
        descending=descending,
    )


async def archives_of(pool: asyncpg.Pool, tenant: str, ids: Collection[str]) -> dict[str, ListedArchive]:
    """Give those of the tenant's archives that have these ids."""
    records = await pool.fetch(
        f"SELECT {_ARCHIVES.columns} FROM {_ARCHIVES.name} WHERE tenant = $1 AND archive_id = ANY($2::text[])",
        tenant,
        list(ids),
    )
    rows = [_ARCHIVES.rows.row_of(record) for record in records]
    return {row.archive_id: row for row in rows}


async def matching_archives(
    pool: asyncpg.Pool, tenant: str, domain: str, filtered: CompiledFilter, limit: int
) -> list[str]:
    """Give the ids of the domain's archives that match and are not over yet, `limit` at most."""
    condition, values = _within(tenant, filtered, [domain])
    records = await pool.fetch(
        f"SELECT archive_id FROM {_ARCHIVES.name} WHERE {condition} "
        f"AND state NOT IN ('expired', 'purged', 'abandoned') ORDER BY archive_id LIMIT {limit}",
        *values,
    )
    return [record["archive_id"] for record in records]


_DOMAIN_KNOWN: Final = """
    SELECT EXISTS (SELECT FROM domains WHERE tenant = $1 AND domain = $2)
        OR EXISTS (SELECT FROM archives WHERE tenant = $1 AND domain = $2)
"""


async def is_domain_with_archives(pool: asyncpg.Pool, tenant: str, domain: str) -> bool:
    """Whether the tenant has the domain, or archives of it from when it had."""
    return await pool.fetchval(_DOMAIN_KNOWN, tenant, domain)


async def get_hold(pool: asyncpg.Pool, tenant: str, hold_id: str) -> HoldRow | None:
    """Give a hold of the tenant."""
    return await one(pool, _HOLDS, "tenant = $1 AND hold_id = $2", tenant, hold_id)


async def list_holds(
    pool: asyncpg.Pool,
    tenant: str,
    filtered: CompiledFilter,
    within: list[str] | None,
    after: Sequence[object] | None,
    limit: int,
) -> Found[HoldRow]:
    """Give the tenant's holds in the domains `within`, newest first; the filter's arguments begin with `$2`."""
    condition, values = _within(tenant, filtered, within)
    keys = ("created_at", "hold_id")
    return await many(pool, _HOLDS, condition, values, keys=keys, after=after, limit=limit, descending=True)


async def get_retrieval(pool: asyncpg.Pool, tenant: str, retrieval_id: str) -> RetrievalRow | None:
    """Give a retrieval of the tenant."""
    return await one(pool, _RETRIEVALS, "tenant = $1 AND retrieval_id = $2", tenant, retrieval_id)


async def list_retrievals(
    pool: asyncpg.Pool,
    tenant: str,
    filtered: CompiledFilter,
    within: list[str] | None,
    after: Sequence[object] | None,
    limit: int,
) -> Found[RetrievalRow]:
    """Give the tenant's retrievals in the domains `within`, newest first; the filter's arguments begin with `$2`."""
    condition, values = _within(tenant, filtered, within)
    keys = ("created_at", "retrieval_id")
    return await many(
        pool, _RETRIEVALS, condition, values, keys=keys, after=after, limit=limit, descending=True
    )


def _within(tenant: str, filtered: CompiledFilter, within: list[str] | None) -> tuple[str, list[object]]:
    condition, values = f"tenant = $1 AND {filtered.sql}", [tenant, *filtered.arguments]
    if within is not None:
        values.append(within)
        condition += f" AND domain = ANY(${len(values)}::text[])"
    return condition, values
