"""What the archive service asks of its own tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from contracts.views.archive import ArchiveRow, RetrievalRow
from services.archive.core.state import DomainArchives
from services.archive.projections import ARCHIVES
from services.runtime.kafka.deciding import Snapshot
from services.runtime.kafka.snapshots import load_snapshot
from services.runtime.postgres import Pool
from services.runtime.rows import RowStore

MOVES_PER_SWEEP_MAX: Final = 1_000
TENANTS_PER_TICK_MAX: Final = 1_000
RETRIEVALS_PER_SWEEP_MAX: Final = 100

_archives: Final = RowStore("archives", ArchiveRow, "archive_id")
_retrievals: Final = RowStore("retrievals", RetrievalRow, "retrieval_id")

# Of an archive `a`: nothing keeps it from expiring once its time has come, as far as the read model knows. Whoever was
# kept once is asked again only when the holds that kept it are released.
_FREE: Final = """
    NOT EXISTS (
        SELECT FROM holds AS h
        WHERE NOT h.released AND h.hold_id IN (SELECT jsonb_array_elements_text(a.blocked_by))
    )
    AND NOT EXISTS (
        SELECT FROM retrievals AS r
        WHERE r.state IN ('paid', 'restoring') AND r.domain = a.domain
            AND r.items @> jsonb_build_array(jsonb_build_object('archive_id', a.archive_id, 'ended', false))
    )
"""


class Waiting(Struct, frozen=True):
    """A mailbox whose content somebody has to move."""

    mailbox_id: str
    tenant: str


async def load_archives(pool: Pool, partition: int) -> Snapshot[DomainArchives]:
    """Give the archives, holds and retrievals of a partition's domains, as the writer's state."""
    return await load_snapshot(
        pool,
        ARCHIVES,
        partition,
        stream_column="domain",
        new_state=DomainArchives.unknown,
        adopt={
            "archives": DomainArchives.adopt_archive,
            "holds": DomainArchives.adopt_hold,
            "retrievals": DomainArchives.adopt_retrieval,
        },
    )


async def archive(pool: Pool, archive_id: str) -> ArchiveRow | None:
    """Give an archive, if it is known."""
    record = await pool.fetchrow("SELECT * FROM archives WHERE archive_id = $1", archive_id)
    return None if record is None else _archives.row_of(record)


async def archives_of_mailbox(pool: Pool, mailbox_id: str) -> list[ArchiveRow]:
    """Give the archives of a mailbox, the oldest first."""
    records = await pool.fetch("SELECT * FROM archives WHERE mailbox_id = $1 ORDER BY generation", mailbox_id)
    return [_archives.row_of(record) for record in records]


async def mailboxes_waiting(pool: Pool) -> list[Waiting]:
    """Give mailboxes with content to move: every tenant's longest waiting first, then every tenant's second, and so on."""
    records = await pool.fetch(
        """
        SELECT mailbox_id, tenant FROM (
            SELECT mailbox_id, tenant, min(changed_at) AS since FROM archives
            WHERE state IN ('opened', 'packed', 'returning')
            GROUP BY mailbox_id, tenant
        ) AS waiting
        ORDER BY row_number() OVER (PARTITION BY tenant ORDER BY since), since LIMIT $1
        """,
        MOVES_PER_SWEEP_MAX,
    )
    return [Waiting(record["mailbox_id"], record["tenant"]) for record in records]


async def oldest_due(pool: Pool, now: datetime) -> datetime | None:
    """Give the day of the archive that is longest overdue, and that nothing keeps; None when there is none."""
    return await pool.fetchval(
        f"""
        SELECT a.expires_at FROM archives AS a
        WHERE a.state = 'stored' AND a.expires_at <= $1 AND {_FREE}
        ORDER BY a.expires_at LIMIT 1
        """,  # noqa: S608 - a condition of our own
        now,
    )


async def tenants_with_due(pool: Pool, now: datetime) -> list[str]:
    """Give tenants that have archives whose time has come, some of which may be kept by holds."""
    return await _tenants(pool, "a.state = 'stored' AND a.expires_at <= $1", now)


async def tenants_with_expired(pool: Pool) -> list[str]:
    """Give tenants that have archives to purge."""
    return await _tenants(pool, "a.state = 'expired'")


async def _tenants(pool: Pool, condition: str, *arguments: object) -> list[str]:
    """Give the tenants of the archives that meet a condition, by one look into the index for each tenant."""
    records = await pool.fetch(
        f"""
        WITH RECURSIVE found AS (
            SELECT min(a.tenant) AS tenant FROM archives AS a WHERE {condition}
            UNION ALL
            SELECT (SELECT min(a.tenant) FROM archives AS a WHERE {condition} AND a.tenant > f.tenant)
            FROM found AS f WHERE f.tenant IS NOT NULL
        )
        SELECT tenant FROM found WHERE tenant IS NOT NULL LIMIT {TENANTS_PER_TICK_MAX}
        """,  # noqa: S608 - conditions of our own
        *arguments,
    )
    return [record["tenant"] for record in records]


async def due(pool: Pool, tenant: str, now: datetime, at_most: int) -> list[ArchiveRow]:
    """Give a tenant's archives whose time has come and that nothing keeps, the longest overdue first."""
    records = await pool.fetch(
        f"""
        SELECT a.* FROM archives AS a
        WHERE a.state = 'stored' AND a.tenant = $1 AND a.expires_at <= $2 AND {_FREE}
        ORDER BY a.expires_at LIMIT $3
        """,  # noqa: S608 - a condition of our own
        tenant,
        now,
        at_most,
    )
    return [_archives.row_of(record) for record in records]


async def expired(pool: Pool, tenant: str, at_most: int) -> list[ArchiveRow]:
    """Give a tenant's archives that are to be purged, those that wait longest first."""
    records = await pool.fetch(
        """
        SELECT * FROM archives WHERE state = 'expired' AND tenant = $1 ORDER BY changed_at LIMIT $2
        """,
        tenant,
        at_most,
    )
    return [_archives.row_of(record) for record in records]


async def still_expired(pool: Pool, archive_ids: Sequence[str]) -> int:
    """Count those of the archives that are to be purged still."""
    return await pool.fetchval(
        "SELECT count(*) FROM archives WHERE archive_id = ANY($1::text[]) AND state = 'expired'",
        list(archive_ids),
    )


async def retrieval(pool: Pool, retrieval_id: str) -> RetrievalRow:
    """Give a retrieval that is known."""
    record = await pool.fetchrow("SELECT * FROM retrievals WHERE retrieval_id = $1", retrieval_id)
    assert record is not None
    return _retrievals.row_of(record)


async def retrievals_to_carry_out(pool: Pool) -> list[RetrievalRow]:
    """Give retrievals that are paid and not at their end, the oldest first."""
    records = await pool.fetch(
        "SELECT * FROM retrievals WHERE state IN ('paid', 'restoring') ORDER BY created_at LIMIT $1",
        RETRIEVALS_PER_SWEEP_MAX,
    )
    return [_retrievals.row_of(record) for record in records]


async def retrievals_out_of_time(pool: Pool, now: datetime) -> list[RetrievalRow]:
    """Give retrievals that nobody answered in time."""
    records = await pool.fetch(
        "SELECT * FROM retrievals WHERE valid_until <= $1 ORDER BY valid_until LIMIT $2",
        now,
        RETRIEVALS_PER_SWEEP_MAX,
    )
    return [_retrievals.row_of(record) for record in records]
