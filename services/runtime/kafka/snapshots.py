"""A writer's state read back from a read model: every stream of one partition, all as of one checkpoint."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from services.runtime.kafka.deciding import Snapshot, StreamState
from services.runtime.kafka.projection import Projection, RowTable
from services.runtime.postgres import Connection, Pool

S = TypeVar("S")

ROWS_AT_ONCE: Final = 10_000
"""Rows read between two breaths of the event loop: few enough for the heartbeats of a million-row restore."""


async def load_snapshot(
    pool: Pool,
    projection: Projection,
    partition: int,
    *,
    stream_column: str,
    new_state: Callable[[str], S],
    adopt: Mapping[str, Callable[[S, Any], None]],
) -> Snapshot[S]:
    """Give the streams of a partition, each with the rows of the tables that `adopt` names taken in.

    `stream_column` is the column of those tables that holds a row's stream.
    """
    async with _at_one_moment(pool, projection) as connection:
        next_offset: int | None = await connection.fetchval(
            """
            SELECT next_offset FROM projection_checkpoints
            WHERE projection = $1 AND topic = $2 AND "partition" = $3
            """,
            projection.name,
            projection.family.events.name,
            partition,
        )
        streams = {
            position["stream"]: StreamState(
                state=new_state(position["stream"]),
                streamseq=position["streamseq"],
                tail_hash=position["tail_hash"],
                last_time=position["last_time"],
            )
            for position in await connection.fetch(
                """
                SELECT stream, streamseq, tail_hash, last_time FROM projection_streams
                WHERE projection = $1 AND "partition" = $2
                """,
                projection.name,
                partition,
            )
        }
        for table in projection.tables:
            if table.name in adopt:
                await _take_in(
                    connection, projection, partition, table, stream_column, streams, adopt[table.name]
                )
    return Snapshot(next_offset=next_offset or 0, streams=streams)


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


async def _take_in(
    connection: Connection,
    projection: Projection,
    partition: int,
    table: RowTable,
    stream_column: str,
    streams: Mapping[str, StreamState[S]],
    adopt: Callable[[S, Any], None],
) -> None:
    store = table.store()
    cursor = await connection.cursor(
        f"""
        SELECT {", ".join(f"t.{column}" for column in table.row.__struct_fields__)}
        FROM projection_streams AS s JOIN {table.name} AS t ON t.{stream_column} = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,  # noqa: S608 - names of our own tables and columns only
        projection.name,
        partition,
    )
    while records := await cursor.fetch(ROWS_AT_ONCE):
        for record in records:
            adopt(streams[record[stream_column]].state, store.row_of(record))
