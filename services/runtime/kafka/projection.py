"""Events into tables: a batch and its checkpoint in one database transaction.

The checkpoint is the truth about how far a projection has read; the consumer group only says which process should
read which partition. Each stream's position is kept and checked with its hash chain, so a missing, doubled or altered
event is seen at once. Then the projection stops and says so: it never skips.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from contracts.codec import Malformed
from contracts.envelope import FIRST_PREVHASH, EventEnvelope
from contracts.topics import Family
from services.runtime import metrics
from services.runtime.clock import utc_now
from services.runtime.health import Health
from services.runtime.kafka.clients import join_group, open_reader
from services.runtime.kafka.watchdog import Watchdog
from services.runtime.logs import get_logger
from services.runtime.postgres import Connection, Pool
from services.runtime.rows import RowStore
from services.runtime.settings import RuntimeSettings

BATCH_EVENTS_MAX: Final = 2_000
RETRY_DELAY_S: Final = 1.0

log = get_logger(__name__)

Event = EventEnvelope[Any]


class RowTable(Struct, frozen=True, kw_only=True):
    """One table of a projection: a row per key, folded from the events that `key_of` gives this key for."""

    name: str
    row: type[Struct]
    key: str
    key_of: Callable[[Event], str | None]
    fold: Callable[[Any, Event], Any]

    def store(self) -> RowStore[Any]:
        """Give the access to its rows."""
        return RowStore(self.name, self.row, self.key)


class Projection(Struct, frozen=True, kw_only=True):
    """Tables that follow the events of one family."""

    name: str
    family: Family[Any, Any]
    tables: tuple[RowTable, ...]


class ProjectionStopped(Exception):
    """The log does not fit what was read of it before. Somebody must look; skipping would hide it."""


class ProjectionFenced(Exception):
    """Another process has taken over a partition since; what this one was about to write is not written."""


class StreamPosition(Struct):
    """Where one stream stands in a read model."""

    partition: int
    streamseq: int
    tail_hash: str
    last_time: Any


class Projector:
    """Applies batches of events to the tables of one projection. It knows no Kafka, only records."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.topic = projection.family.events.name
        self._stores = [(table, table.store()) for table in projection.tables]

    async def claim(self, connection: Connection, partitions: Collection[int]) -> dict[int, tuple[int, int]]:
        """Take partitions over and give (next offset, owner epoch) of each; the former owner is fenced."""
        rows = await connection.fetch(
            """
            INSERT INTO projection_checkpoints AS c (projection, topic, "partition", next_offset, owner_epoch)
            SELECT $1, $2, p, 0, 1 FROM unnest($3::int[]) AS p
            ON CONFLICT (projection, topic, "partition") DO UPDATE SET owner_epoch = c.owner_epoch + 1
            RETURNING "partition", next_offset, owner_epoch
            """,
            self.projection.name,
            self.topic,
            list(partitions),
        )
        return {row["partition"]: (row["next_offset"], row["owner_epoch"]) for row in rows}

    async def apply(
        self,
        connection: Connection,
        records: Collection[ConsumerRecord[bytes, bytes]],
        next_offsets: Mapping[int, int],
        owner_epochs: Mapping[int, int],
    ) -> int:
        """Apply records and checkpoint in one transaction; give how many events were new.

        Raises ProjectionStopped, ProjectionFenced.
        """
        async with connection.transaction():
            # First, so that a fenced process does no work, and a rebuild that holds this row can take the tables.
            await self._checkpoint(connection, next_offsets, owner_epochs)
            events = await self._fitting(connection, records)
            for table, store in self._stores:
                await self._fold(connection, table, store, events)
        return len(events)

    async def _fitting(
        self, connection: Connection, records: Collection[ConsumerRecord[bytes, bytes]]
    ) -> list[Event]:
        """Give the events that come next in their streams, and move the streams' positions to behind them."""
        read = [(record, self._decode(record)) for record in records if record.value is not None]
        positions = await self._positions(connection, {event.stream for _, event in read})
        events: list[Event] = []
        for record, event in read:
            position = positions.get(event.stream)
            if position is None:
                position = positions[event.stream] = StreamPosition(
                    record.partition, 0, FIRST_PREVHASH, event.time
                )
            if event.streamseq <= position.streamseq:
                continue
            if event.streamseq != position.streamseq + 1 or event.prevhash != position.tail_hash:
                raise ProjectionStopped(
                    f"{record.topic}/{record.partition} offset {record.offset}: event {event.streamseq} of its stream "
                    f"does not follow event {position.streamseq}"
                )
            position.streamseq = event.streamseq
            position.tail_hash = hashlib.sha256(record.value or b"").hexdigest()
            position.last_time = event.time
            events.append(event)
        await self._move(connection, positions)
        return events

    def _decode(self, record: ConsumerRecord[bytes, bytes]) -> Event:
        assert record.value is not None
        try:
            return self.projection.family.codec.decode_event(record.value)
        except Malformed as error:
            raise ProjectionStopped(
                f"{record.topic}/{record.partition} offset {record.offset} is no event: {error}"
            ) from error

    async def _positions(self, connection: Connection, streams: Collection[str]) -> dict[str, StreamPosition]:
        rows = await connection.fetch(
            """
            SELECT stream, "partition", streamseq, tail_hash, last_time FROM projection_streams
            WHERE projection = $1 AND stream = ANY($2::text[])
            """,
            self.projection.name,
            list(streams),
        )
        return {
            row["stream"]: StreamPosition(
                row["partition"], row["streamseq"], row["tail_hash"], row["last_time"]
            )
            for row in rows
        }

    async def _move(self, connection: Connection, positions: Mapping[str, StreamPosition]) -> None:
        await connection.execute(
            """
            INSERT INTO projection_streams (projection, stream, "partition", streamseq, tail_hash, last_time)
            SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::timestamptz[])
            ON CONFLICT (projection, stream) DO UPDATE SET
                streamseq = excluded.streamseq, tail_hash = excluded.tail_hash, last_time = excluded.last_time
            """,
            self.projection.name,
            list(positions),
            [position.partition for position in positions.values()],
            [position.streamseq for position in positions.values()],
            [position.tail_hash for position in positions.values()],
            [position.last_time for position in positions.values()],
        )

    async def _fold(
        self, connection: Connection, table: RowTable, store: RowStore[Any], events: list[Event]
    ) -> None:
        keyed = [(key, event) for event in events if (key := table.key_of(event)) is not None]
        if not keyed:
            return
        rows: dict[str, Any] = await store.load(connection, {key for key, _ in keyed})
        for key, event in keyed:
            row = table.fold(rows.get(key), event)
            if row is not None:
                rows[key] = row
        await store.store(connection, rows.values())

    async def _checkpoint(
        self,
        connection: Connection,
        next_offsets: Mapping[int, int],
        owner_epochs: Mapping[int, int],
    ) -> None:
        moved = await connection.fetch(
            """
            UPDATE projection_checkpoints AS c SET next_offset = n.next_offset
            FROM unnest($3::int[], $4::bigint[], $5::bigint[]) AS n ("partition", next_offset, owner_epoch)
            WHERE c.projection = $1 AND c.topic = $2 AND c."partition" = n."partition"
                AND c.owner_epoch = n.owner_epoch AND c.next_offset <= n.next_offset
            RETURNING c."partition"
            """,
            self.projection.name,
            self.topic,
            list(next_offsets),
            list(next_offsets.values()),
            [owner_epochs[partition] for partition in next_offsets],
        )
        if len(moved) != len(next_offsets):
            raise ProjectionFenced(self.projection.name)


async def run_projection(
    settings: RuntimeSettings,
    schema: str,
    projection: Projection,
    pool: Pool,
    health: Health,
    stop: asyncio.Event,
) -> None:
    """Keep the tables of one projection up with the log until `stop` is set.

    When the log does not fit, the projection stops, its check says why, and the process's other work goes on.
    """
    runner = _Runner(settings, schema, Projector(projection), pool)
    health.check(f"projection {projection.name}", runner.trouble)
    metrics.projection_stopped.labels(projection=projection.name).set(0)
    try:
        await runner.run(stop)
    except ProjectionStopped as reason:
        runner.stopped = f"stopped: {reason}"
        metrics.projection_stopped.labels(projection=projection.name).set(1)
        log.error("a projection stops", projection=projection.name, reason=str(reason))
        await stop.wait()


class _Runner:
    """Follows the assignment, reads, and hands batches to the projector."""

    def __init__(self, settings: RuntimeSettings, schema: str, projector: Projector, pool: Pool) -> None:
        self._settings = settings
        self._group = f"{schema}-{projector.projection.name}"
        self._projector = projector
        self._pool = pool
        self._caught_up = False
        self.stopped: str | None = None

    def trouble(self) -> str | None:
        """What keeps the projection from being ready."""
        return self.stopped or (None if self._caught_up else "catching up")

    async def run(self, stop: asyncio.Event) -> None:
        """Project until `stop` is set. Raises ProjectionStopped, and faults."""
        topic = self._projector.topic
        async with join_group(self._settings.kafka_bootstrap, self._group, topic) as membership:
            stopping = asyncio.create_task(stop.wait())
            news = asyncio.create_task(membership.changed())
            reading: asyncio.Task[None] | None = None
            try:
                while not stop.is_set():
                    waited = [stopping, news, *([reading] if reading else [])]
                    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                    if reading is not None and reading.done():
                        reading.result()
                        reading = None
                    if news.done():
                        await _end(reading)
                        reading = asyncio.create_task(self._read({each.partition for each in news.result()}))
                        news = asyncio.create_task(membership.changed())
            finally:
                stopping.cancel()
                news.cancel()
                await _end(reading)

    async def _read(self, partitions: set[int]) -> None:
        """Project the partitions until cancelled, beginning again from the checkpoints after any passing trouble."""
        self._caught_up = not partitions
        while partitions:
            try:
                await self._read_from_checkpoints(partitions)
            except (
                KafkaError,
                ProjectionFenced,
                TimeoutError,
                OSError,
                asyncpg.PostgresConnectionError,
                asyncpg.InterfaceError,
                asyncpg.OperatorInterventionError,
            ) as error:
                log.warning(
                    "a projection begins again from its checkpoints",
                    projection=self._projector.projection.name,
                    error=repr(error),
                )
                await asyncio.sleep(RETRY_DELAY_S)

    async def _read_from_checkpoints(self, partitions: set[int]) -> None:
        topics = [TopicPartition(self._projector.topic, number) for number in sorted(partitions)]
        async with self._pool.acquire() as connection:
            claims = await self._projector.claim(connection, partitions)
            epochs = {number: epoch for number, (_, epoch) in claims.items()}
            async with open_reader(self._settings.kafka_bootstrap, topics) as reader:
                for topic in topics:
                    reader.seek(topic, claims[topic.partition][0])
                watchdog = Watchdog(reader, topics)
                while True:
                    await self._apply_next(connection, reader, topics, epochs)
                    await watchdog.look()

    async def _apply_next(
        self,
        connection: Connection,
        reader: AIOKafkaConsumer,
        topics: list[TopicPartition],
        epochs: Mapping[int, int],
    ) -> None:
        batches = await reader.getmany(*topics, timeout_ms=250, max_records=BATCH_EVENTS_MAX)
        records = [record for batch in batches.values() for record in batch]
        name = self._projector.projection.name
        if records:
            started = time.monotonic()
            next_offsets = {topic.partition: batch[-1].offset + 1 for topic, batch in batches.items()}
            applied = await self._projector.apply(connection, records, next_offsets, epochs)
            metrics.projected_events.labels(projection=name).inc(applied)
            metrics.apply_seconds.labels(projection=name).observe(time.monotonic() - started)
        behind = [await _lag(reader, topic) for topic in topics]
        for topic, lag in zip(topics, behind, strict=True):
            metrics.projection_lag_events.labels(projection=name, partition=topic.partition).set(lag)
        oldest_ms = min((record.timestamp for record in records), default=0)
        age_s = max(0.0, utc_now().timestamp() - oldest_ms / 1000) if records and any(behind) else 0.0
        metrics.projection_lag_seconds.labels(projection=name).set(age_s)
        self._caught_up = self._caught_up or not any(behind)


async def _lag(reader: AIOKafkaConsumer, topic: TopicPartition) -> int:
    """How many offsets of a partition are stable and not yet read; 1 before the first answer of the broker."""
    stable = reader.last_stable_offset(topic)
    return 1 if stable is None else max(0, stable - await reader.position(topic))


async def _end(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wait_for_position(
    pool: Pool, projection: str, stream: str, streamseq: int, within_s: float = 2.0
) -> bool:
    """Wait until a read model has applied a stream up to `streamseq`; False when it has not within the time."""
    deadline = time.monotonic() + within_s
    while True:
        known = await pool.fetchval(
            "SELECT streamseq FROM projection_streams WHERE projection = $1 AND stream = $2",
            projection,
            stream,
        )
        if known is not None and known >= streamseq:
            return True
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(0.01)


async def until_applied(pool: Pool, projection: str, stream: str, streamseq: int) -> None:
    """Wait, as long as it takes, until a read model has applied a stream up to `streamseq`."""
    while not await wait_for_position(pool, projection, stream, streamseq):
        log.warning("a read model is late", projection=projection, streamseq=streamseq)


async def until_all_applied(pool: Pool, projection: str, positions: Mapping[str, int]) -> None:
    """Wait, as long as it takes, until a read model has applied every stream up to its position."""
    for stream, streamseq in positions.items():
        await until_applied(pool, projection, stream, streamseq)
