"""Reading the directory back: the state of a partition's streams, as of one checkpoint."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg

from contracts.views.access import TenantRow
from contracts.views.mailbox import DomainRow, MailboxRow
from services.mailbox.core.domain import Domain
from services.mailbox.core.tenant import Tenant
from services.mailbox.projections import DIRECTORY, TENANTS
from services.runtime.kafka.deciding import Snapshot, StreamState
from services.runtime.kafka.projection import Projection
from services.runtime.postgres import Connection, Pool

S = TypeVar("S")

ROWS_AT_ONCE: Final = 10_000
"""Rows read between two breaths of the event loop: few enough for the heartbeats of a million-row restore."""


async def load_domains(pool: Pool, partition: int) -> Snapshot[Domain]:
    """Give the mail domains of a partition with all their mailboxes, as the writer's state."""
    streams: dict[str, StreamState[Domain]] = {}
    async with _at_one_moment(pool, DIRECTORY) as connection:
        next_offset = await _next_offset(connection, DIRECTORY, partition)
        async for records in _domain_records(connection, partition):
            for record in records:
                row = DomainRow(**{column: record[column] for column in DomainRow.__struct_fields__})
                streams[row.domain] = _stream_state(record, Domain.from_rows(row))
        async for records in _mailbox_records(connection, partition):
            for record in records:
                row = MailboxRow(**record)
                streams[row.domain].state.adopt(row)
    return Snapshot(next_offset=next_offset, streams=streams)


async def load_tenants(pool: Pool, partition: int) -> Snapshot[Tenant]:
    """Give the tenants of a partition, as the writer's state."""
    streams: dict[str, StreamState[Tenant]] = {}
    async with _at_one_moment(pool, TENANTS) as connection:
        next_offset = await _next_offset(connection, TENANTS, partition)
        async for records in _tenant_records(connection, partition):
            for record in records:
                row = TenantRow(**{column: record[column] for column in TenantRow.__struct_fields__})
                streams[row.tenant] = _stream_state(record, Tenant.from_row(row))
    return Snapshot(next_offset=next_offset, streams=streams)


def _stream_state(record: asyncpg.Record, state: S) -> StreamState[S]:
    return StreamState(
        state=state,
        streamseq=record["streamseq"],
        tail_hash=record["tail_hash"],
        last_time=record["last_time"],
    )


@asynccontextmanager
async def _at_one_moment(pool: Pool, projection: Projection) -> AsyncGenerator[Connection]:
    """Give a connection that sees checkpoint, positions and rows as of one moment.

    The tables are locked before the moment is chosen (a transaction's view is frozen by its first query, and LOCK is
    none): otherwise a rebuild could put new tables in place between the two, whose rows this moment doesn't see.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        tables = ", ".join(table.name for table in projection.tables)
        await connection.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
        yield connection


async def _next_offset(connection: Connection, projection: Projection, partition: int) -> int:
    offset = await connection.fetchval(
        """
        SELECT next_offset FROM projection_checkpoints
        WHERE projection = $1 AND topic = $2 AND "partition" = $3
        """,
        projection.name,
        projection.family.events.name,
        partition,
    )
    return 0 if offset is None else offset


def _domain_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT d.domain, d.tenant, d.status, d.mailbox_limit, d.mailboxes, d.version, d.created_at, d.changed_at,
            s.streamseq, s.tail_hash, s.last_time
        FROM projection_streams AS s JOIN domains AS d ON d.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _mailbox_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT m.mailbox_id, m.tenant, m.domain, m.local_part, m.note, m.status, m.suspended, m.self_service,
            m.credential_id, m.generation, m.archive_id, m.expires_at, m.version, m.created_at, m.changed_at
        FROM projection_streams AS s JOIN mailboxes AS m ON m.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _tenant_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT t.tenant, t.title, t.version, t.created_at, t.changed_at, s.streamseq, s.tail_hash, s.last_time
        FROM projection_streams AS s JOIN tenants AS t ON t.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


async def _in_chunks(
    connection: Connection, query: str, *arguments: object
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Run a query through a cursor, so that neither memory nor the event loop bears its whole result at once."""
    cursor = await connection.cursor(query, *arguments)
    while records := await cursor.fetch(ROWS_AT_ONCE):
        yield records
