"""A private room in a running stack: topics, a schema and a consumer group of its own, so that a test needs no service
and disturbs none.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.envelope import CommandEnvelope
from contracts.topics import Family
from deploy.local.stack import Stack
from deploy.prepare import PrepareSettings, prepare_topics
from services.runtime.kafka.clients import open_producer, open_reader, partition_of
from services.runtime.kafka.deciding import PartitionState, Snapshot
from services.runtime.kafka.projection import Projection
from services.runtime.postgres import connect, migrate, role_of
from services.runtime.settings import read_settings
from tests.kit.toy import (
    ACCOUNTS_SQL,
    NOON,
    TOY_DECIDER,
    Add,
    Added,
    Book,
    Fail,
    a_record,
    an_order,
    toy_family,
    toy_projection,
)

PARTITIONS: Final = 2

_POLL_S: Final = 0.05

T = TypeVar("T")
Pairs = list[tuple[bytes, bytes]]


class Room:
    """What a test works with. `settings` are those of the stack, but for the number of partitions."""

    def __init__(self, settings: PrepareSettings, name: str, migrations: Path) -> None:
        self.settings = settings
        self.name = name
        self.schema = name
        self.migrations = migrations
        self.family: Family[Add | Fail, Added] = toy_family(name)
        self.projection: Projection = toy_projection(self.family)
        self._desks: dict[int, PartitionState[Book, Add | Fail, Added]] = {}

    def books(self, partition: int, count: int) -> list[str]:
        """Give so many streams of a partition."""
        names = (f"book-{number}" for number in range(10_000))
        found = (name for name in names if partition_of(name, PARTITIONS) == partition)
        return [next(found) for _ in range(count)]

    def decided(self, *orders: Add, book: str) -> Pairs:
        """Give the events of orders, as a writer would write them after all that this room was given before."""
        partition = partition_of(book, PARTITIONS)
        desk = self._desks.get(partition)
        if desk is None:
            desk = self._desks[partition] = PartitionState(
                self.family,
                TOY_DECIDER,
                Snapshot(next_offset=0, streams={}),
                source="/postfach/toy",
                writer_epoch=1,
                remembered_max=10,
                clock=lambda: NOON,
            )
        return desk.decide([a_record(an_order(order, book)) for order in orders]).events

    async def write(self, topic: str, pairs: Pairs) -> None:
        """Append records to the partitions of their keys."""
        async with open_producer(self.settings.kafka_bootstrap) as producer:
            await self._send(producer, topic, pairs)

    async def write_aborted(self, topic: str, pairs: Pairs) -> None:
        """Append records in a transaction that is aborted."""
        await plant_aborted(self.settings.kafka_bootstrap, topic, pairs, PARTITIONS)

    async def _send(self, producer: AIOKafkaProducer, topic: str, pairs: Pairs) -> None:
        for key, value in pairs:
            await producer.send_and_wait(topic, value, key, partition_of(key.decode(), PARTITIONS))

    async def order(self, *orders: CommandEnvelope[Any]) -> None:
        """Send commands without waiting for their outcomes."""
        pairs = [(each.stream.encode(), msgspec.json.encode(each)) for each in orders]
        await self.write(self.family.commands.name, pairs)

    async def read(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Give all committed records of a topic but the markers."""
        return await read_all(self.settings.kafka_bootstrap, topic, PARTITIONS)

    async def totals(self, schema: str | None = None) -> dict[str, int]:
        """Give the accounts of the read model."""
        async with connect(self.settings.postgres_dsn, search_path=schema or self.schema) as connection:
            rows = await connection.fetch("SELECT account, total FROM accounts")
        return {row["account"]: row["total"] for row in rows}

    async def checkpoints(self) -> dict[int, int]:
        """Give the next offset of each partition."""
        rows = await self.execute('SELECT "partition", next_offset FROM projection_checkpoints')
        return {row["partition"]: row["next_offset"] for row in rows}

    async def execute(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement in the room's schema."""
        async with connect(self.settings.postgres_dsn, search_path=self.schema) as connection:
            return await connection.fetch(query, *arguments)


@asynccontextmanager
async def a_room(stack: Stack, folder: Path) -> AsyncGenerator[Room]:
    """Make a room, and take it away afterwards. `folder` is for its migrations."""
    settings = read_settings(PrepareSettings, {**stack.env(), "POSTFACH_PARTITIONS": str(PARTITIONS)})
    room = Room(settings, f"toy_{uuid4().hex[:12]}", folder)
    (folder / "0001_accounts.sql").write_text(ACCOUNTS_SQL, encoding="utf-8")
    topics = (room.family.commands, room.family.outcomes, room.family.events)
    await prepare_topics(settings, topics)
    await migrate(settings.postgres_dsn, room.schema, folder)
    try:
        yield room
    finally:
        async with connect(settings.postgres_dsn, search_path="pg_catalog") as connection:
            await connection.execute(f"DROP SCHEMA {room.schema} CASCADE")
            await connection.execute(f"DROP ROLE {role_of(room.schema)}")
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
        await admin.start()
        await admin.delete_topics([topic.name for topic in topics])
        await admin.close()


async def plant_aborted(bootstrap: str, topic: str, pairs: Pairs, partitions: int) -> None:
    """Append records in a transaction that is aborted after the broker has them."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"planted-{uuid4().hex}", acks="all"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for key, value in pairs:
            await producer.send_and_wait(topic, value, key, partition_of(key.decode(), partitions))
        await producer.abort_transaction()
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str, partitions: int) -> list[ConsumerRecord[bytes, bytes]]:
    """Give all committed records of a topic but the markers, partition by partition."""
    return await _read(bootstrap, [TopicPartition(topic, number) for number in range(partitions)])


async def read_key(
    bootstrap: str, topic: str, key: str, partitions: int
) -> list[ConsumerRecord[bytes, bytes]]:
    """Give all committed records of one key."""
    found = await _read(bootstrap, [TopicPartition(topic, partition_of(key, partitions))])
    return [record for record in found if record.key == key.encode()]


async def _read(bootstrap: str, places: Sequence[TopicPartition]) -> list[ConsumerRecord[bytes, bytes]]:
    found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {place: [] for place in places}
    async with open_reader(bootstrap, places) as reader:
        ends = await reader.end_offsets(places)
        await reader.seek_to_beginning(*places)
        while any([await reader.position(place) < ends[place] for place in places]):
            for place, records in (await reader.getmany(*places, timeout_ms=500)).items():
                found[place] += [record for record in records if record.value is not None]
    return [record for records in found.values() for record in records]


async def until(condition: Callable[[], Awaitable[T | None]], within_s: float = 30.0) -> T:
    """Ask again and again, without holding up the loops of the test's own process, until the answer is true."""
    deadline = time.monotonic() + within_s
    while not (answer := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s; last answer: {answer!r}")
        await asyncio.sleep(_POLL_S)
    return answer


@asynccontextmanager
async def running(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
) -> AsyncGenerator[asyncio.Task[None]]:
    """Run a loop beside the block, and stop it in order at its end; a fault of the loop is raised there."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


@asynccontextmanager
async def killed(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
) -> AsyncGenerator[asyncio.Task[None]]:
    """The same, but cancelled in the middle of whatever it does."""
    task = asyncio.create_task(work(asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fault_of(
    loop: AbstractAsyncContextManager["asyncio.Task[None]"], within_s: float = 30.0
) -> Exception | None:
    """Run a loop until it ends by itself, and give the fault that ended it; None when it lives on."""
    async with AsyncExitStack() as stack:
        task = await stack.enter_async_context(loop)
        ended, _ = await asyncio.wait([task], timeout=within_s)
        if not ended:
            return None
        stack.pop_all()
        fault = task.exception()
        return fault if isinstance(fault, Exception) else None
