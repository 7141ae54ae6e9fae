"""What bulkio asks of its own tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from contracts.bulkio import RowRefusal
from contracts.import_report import FormerMailbox
from contracts.views.jobs import EXPORT_END_STATES, IMPORT_END_STATES, ExportRow, ImportRow, JobOrderRow
from contracts.views.mailbox import DomainStatus
from services.bulkio.checking import Address, ExistingMailbox
from services.bulkio.core.jobs import TenantJobs
from services.bulkio.projections import JOBS
from services.runtime.kafka.deciding import Snapshot
from services.runtime.kafka.snapshots import load_snapshot
from services.runtime.postgres import Connection, Pool
from services.runtime.rows import RowStore

JobKind = Literal["import", "export", "bulk_action"]

JOBS_PER_SWEEP_MAX: Final = 100

_imports: Final = RowStore("imports", ImportRow, "job_id")
_exports: Final = RowStore("exports", ExportRow, "job_id")
_orders: Final = RowStore("job_orders", JobOrderRow, "job_id")


class JobRef(Struct, frozen=True):
    """A job that waits for somebody to work on it."""

    kind: JobKind
    job_id: str
    tenant: str


class Leftover(Struct, frozen=True):
    """An ended job of which something is still kept that is not needed any more."""

    job_id: str
    key_id: str
    blobs: tuple[str, ...]


async def load_jobs(pool: Pool, partition: int) -> Snapshot[TenantJobs]:
    """Give the jobs of all tenants of one partition, all as of the same offset."""
    return await load_snapshot(
        pool,
        JOBS,
        partition,
        stream_column="tenant",
        new_state=lambda _stream: TenantJobs(),
        adopt={
            "imports": TenantJobs.put_import,
            "exports": TenantJobs.put_export,
            "bulk_actions": TenantJobs.put_bulk_action,
        },
    )


async def unfinished_jobs(pool: Pool) -> list[JobRef]:
    """Give the jobs that have not ended: every tenant's oldest first, then every tenant's second, and so on."""
    rows = await pool.fetch(
        """
        SELECT kind, job_id, tenant FROM (
            SELECT 'import' AS kind, job_id, tenant, created_at FROM imports
            WHERE state NOT IN ('planned', 'cancelled', 'finished', 'failed')
            UNION ALL
            SELECT 'export', job_id, tenant, created_at FROM exports WHERE state = 'requested'
            UNION ALL
            SELECT 'bulk_action', job_id, tenant, created_at FROM bulk_actions
            WHERE state IN ('requested', 'selected', 'applying', 'cancelling')
        ) AS jobs
        ORDER BY row_number() OVER (PARTITION BY tenant ORDER BY created_at), created_at LIMIT $1
        """,
        JOBS_PER_SWEEP_MAX,
    )
    return [JobRef(row["kind"], row["job_id"], row["tenant"]) for row in rows]


async def import_row(pool: Pool, job_id: str) -> ImportRow | None:
    """Give an import job as the read model has it."""
    async with pool.acquire() as connection:
        return (await _imports.load(connection, [job_id])).get(job_id)


async def import_state(pool: Pool, job_id: str) -> str | None:
    """Give only the state of an import job: it is asked often, and the whole row can be large."""
    return await pool.fetchval("SELECT state FROM imports WHERE job_id = $1", job_id)


async def export_row(pool: Pool, job_id: str) -> ExportRow | None:
    """Give an export job as the read model has it."""
    async with pool.acquire() as connection:
        return (await _exports.load(connection, [job_id])).get(job_id)


async def job_order(pool: Pool, job_id: str) -> JobOrderRow:
    """Give the order of a job that the read model has. Both are written in one transaction."""
    async with pool.acquire() as connection:
        return (await _orders.load(connection, [job_id]))[job_id]


async def domains_around(pool: Pool, tenant: str, within: list[str] | None) -> dict[str, DomainStatus]:
    """Give the tenant's domains.

    A domain that is not `within`, where that is given, is left out: to the check it is as one that nobody has.
    """
    rows = await pool.fetch(
        "SELECT domain, status FROM domains WHERE tenant = $1 AND ($2::text[] IS NULL OR domain = ANY($2))",
        tenant,
        within,
    )
    return {row["domain"]: row["status"] for row in rows}


async def room_in_domains(pool: Pool, tenant: str) -> dict[str, int]:
    """Give how many more mailboxes each of the tenant's domains may have; those without a limit are left out."""
    rows = await pool.fetch(
        """
        SELECT domain, greatest(mailbox_limit - mailboxes, 0) AS room FROM domains
        WHERE tenant = $1 AND mailbox_limit IS NOT NULL
        """,
        tenant,
    )
    return {row["domain"]: row["room"] for row in rows}


async def mailboxes_at(
    pool: Pool, tenant: str, addresses: Sequence[Address]
) -> dict[Address, ExistingMailbox]:
    """Give the tenant's mailboxes at the addresses; of one address the living one."""
    rows = await pool.fetch(
        """
        SELECT m.local_part, m.domain, m.mailbox_id, m.status, m.version, m.note, m.credential_id
        FROM unnest($2::text[], $3::text[]) AS a (domain, local_part)
        JOIN mailboxes AS m ON m.tenant = $1 AND m.domain = a.domain AND m.local_part = a.local_part
            AND m.status <> 'purged'
        ORDER BY m.status = 'deleted' DESC
        """,
        tenant,
        [domain for _, domain in addresses],
        [local_part for local_part, _ in addresses],
    )
    return {
        (row["local_part"], row["domain"]): ExistingMailbox(
            row["mailbox_id"],
            row["status"],
            FormerMailbox(row["version"], row["note"], row["credential_id"]),
        )
        for row in rows
    }


async def refused_rows(pool: Pool, job_id: str, first: int, last: int) -> dict[int, str]:
    """Give the refused rows, as row → code, of the good rows number `first` to `last` and some around them."""
    rows = await pool.fetch(
        "SELECT refused FROM refused_rows WHERE job_id = $1 AND first <= $3 AND last >= $2",
        job_id,
        first,
        last,
    )
    refused = [msgspec.convert(row["refused"], list[RowRefusal]) for row in rows]
    return {refusal.row: refusal.code for report in refused for refusal in report}


async def positions(connection: Connection, projection: str) -> dict[str, int]:
    """Give how far a projection has read, as topic/partition → next offset."""
    rows = await connection.fetch(
        'SELECT topic, "partition", next_offset FROM projection_checkpoints WHERE projection = $1', projection
    )
    return {f"{row['topic']}/{row['partition']}": row["next_offset"] for row in rows}


async def sources_to_remove(pool: Pool, now: datetime) -> list[Leftover]:
    """Give the ended imports whose uploaded file is still there and not needed, be it for a plan that can be applied."""
    rows = await pool.fetch(
        """
        SELECT job_id, key_id, blob FROM imports AS j
        WHERE state = ANY($1::text[]) AND NOT EXISTS (SELECT 1 FROM job_cleanups AS c WHERE c.job_id = j.job_id)
        AND (plan_hash IS NULL OR plan_applied_by IS NOT NULL OR plan_until <= $3)
        ORDER BY job_id LIMIT $2
        """,
        list(IMPORT_END_STATES),
        JOBS_PER_SWEEP_MAX,
        now,
    )
    return [Leftover(row["job_id"], row["key_id"], (row["blob"],)) for row in rows]


async def results_to_remove(pool: Pool, ended_before: datetime) -> list[Leftover]:
    """Give the jobs that ended before that time and whose results are still there."""
    rows = await pool.fetch(
        """
        SELECT job_id, key_id, blobs FROM (
            SELECT job_id, key_id, ARRAY[report, result] AS blobs FROM imports
            WHERE state = ANY($1::text[]) AND changed_at < $3
            UNION ALL
            SELECT job_id, key_id, ARRAY[blob] FROM exports WHERE state = ANY($2::text[]) AND changed_at < $3
        ) AS j
        WHERE NOT EXISTS (
            SELECT 1 FROM job_cleanups AS c WHERE c.job_id = j.job_id AND c.results_removed_at IS NOT NULL
        )
        ORDER BY job_id LIMIT $4
        """,
        list(IMPORT_END_STATES),
        list(EXPORT_END_STATES),
        ended_before,
        JOBS_PER_SWEEP_MAX,
    )
    return [
        Leftover(row["job_id"], row["key_id"], tuple(blob for blob in row["blobs"] if blob)) for row in rows
    ]


async def uploads_of_no_job(pool: Pool, blobs: Sequence[str]) -> list[str]:
    """Give the uploaded files among these that no import was ever ordered for."""
    rows = await pool.fetch(
        "SELECT blob FROM unnest($1::text[]) AS u (blob) WHERE blob NOT IN (SELECT blob FROM imports)",
        list(blobs),
    )
    return [row["blob"] for row in rows]


async def note_source_removed(pool: Pool, job_id: str) -> None:
    """Remember that the uploaded file of a job is gone."""
    await pool.execute("INSERT INTO job_cleanups (job_id) VALUES ($1) ON CONFLICT DO NOTHING", job_id)


async def note_results_removed(pool: Pool, job_id: str) -> None:
    """Remember that nothing is kept of a job any more but its events."""
    await pool.execute(
        """
        INSERT INTO job_cleanups (job_id, results_removed_at) VALUES ($1, now())
        ON CONFLICT (job_id) DO UPDATE SET results_removed_at = now()
        """,
        job_id,
    )
