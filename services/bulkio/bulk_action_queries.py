"""What bulk actions ask of bulkio's own tables."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from contracts.bulk_action_files import all_blobs
from contracts.bulk_actions import statuses_meant
from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow
from services.bulkio.queries import JOBS_PER_SWEEP_MAX, Leftover
from services.runtime.filtering import compile_filter
from services.runtime.postgres import Connection, Pool, Record
from services.runtime.rows import RowStore

_bulk_actions: Final = RowStore("bulk_actions", BulkActionRow, "job_id")


async def bulk_action_row(pool: Pool, job_id: str) -> BulkActionRow | None:
    """Give a bulk action as the read model has it."""
    async with pool.acquire() as connection:
        return (await _bulk_actions.load(connection, [job_id])).get(job_id)


async def selected_mailboxes(
    connection: Connection, job: BulkActionRow, wanted: list[str] | None, rows_at_once: int
) -> AsyncIterator[list[Record]]:
    """Give the mailboxes that a job is about, in the order of a list, some at a time.

    The connection must be in a transaction. Raises FilterError.
    """
    condition = compile_filter(job.filter, MAILBOX_FILTER_FIELDS, first_argument=2)
    arguments: list[object] = [job.tenant, *condition.arguments]
    conditions = [condition.sql]

    def also(sql: str, argument: object) -> None:
        arguments.append(argument)
        conditions.append(sql.format(f"${len(arguments)}::text[]"))

    if wanted is not None:
        also("mailbox_id = ANY({})", wanted)
    elif not condition.mentions("status"):
        also("status = ANY({})", list(statuses_meant(job.action)))
    if job.within is not None:
        also("domain = ANY({})", job.within)
    cursor = await connection.cursor(
        f"""
        SELECT mailbox_id, domain, local_part, note, credential_id FROM mailboxes
        WHERE tenant = $1 AND status <> 'purged' AND {" AND ".join(conditions)}
        ORDER BY domain, local_part, mailbox_id
        """,  # noqa: S608 - the filter's values are all arguments
        *arguments,
    )
    while records := await cursor.fetch(rows_at_once):
        yield records


async def lapsing(pool: Pool, now: datetime) -> list[str]:
    """Give the jobs whose time for approval is over."""
    rows = await pool.fetch(
        "SELECT job_id FROM bulk_actions WHERE state = 'awaiting_approval' AND approval_until <= $1 LIMIT $2",
        now,
        JOBS_PER_SWEEP_MAX,
    )
    return [row["job_id"] for row in rows]


async def passwords_to_remove(pool: Pool, now: datetime) -> list[Leftover]:
    """Give the jobs whose passwords nobody fetched in time, or which made none. The key is that of the passwords."""
    rows = await pool.fetch(
        """
        SELECT job_id, passwords_key_id FROM bulk_actions AS j
        WHERE passwords_key_id IS NOT NULL AND passwords_taken_at IS NULL
            AND state = ANY($1::text[]) AND (passwords_until IS NULL OR passwords_until <= $2)
            AND NOT EXISTS (SELECT 1 FROM job_cleanups AS c WHERE c.job_id = j.job_id)
        ORDER BY job_id LIMIT $3
        """,
        list(BULK_ACTION_END_STATES),
        now,
        JOBS_PER_SWEEP_MAX,
    )
    return [Leftover(row["job_id"], row["passwords_key_id"], ()) for row in rows]


async def bulk_results_to_remove(pool: Pool, ended_before: datetime) -> list[Leftover]:
    """Give the bulk actions that ended before that time and whose files are still there."""
    rows = await pool.fetch(
        """
        SELECT job_id, key_id, total FROM bulk_actions AS j
        WHERE state = ANY($1::text[]) AND changed_at < $2 AND NOT EXISTS (
            SELECT 1 FROM job_cleanups AS c WHERE c.job_id = j.job_id AND c.results_removed_at IS NOT NULL
        )
        ORDER BY job_id LIMIT $3
        """,
        list(BULK_ACTION_END_STATES),
        ended_before,
        JOBS_PER_SWEEP_MAX,
    )
    return [
        Leftover(row["job_id"], row["key_id"], tuple(all_blobs(row["job_id"], row["total"]))) for row in rows
    ]
