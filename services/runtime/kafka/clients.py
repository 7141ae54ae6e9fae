"""The connections to Kafka that more than one loop needs, each with the settings that make it safe."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from services.runtime.lifecycle import StrayCancellation, unless_cancelled

REQUEST_TIMEOUT_MS = 15_000
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_INTERVAL_MS = 1_000
PRODUCE_BATCH_BYTES = 512 * 1024
RECORD_BYTES_MAX = 1_000_000
"""Below the broker's `message.max.bytes`, which counts a batch's overhead too."""


@lru_cache(maxsize=100_000)
def partition_of(stream: str, partitions: int) -> int:
    """Give the partition of a key: the same as Kafka's own default partitioner gives (murmur2, positive)."""
    return (murmur2(stream.encode()) & 0x7FFFFFFF) % partitions


@asynccontextmanager
async def open_producer(bootstrap: str) -> AsyncGenerator[AIOKafkaProducer]:
    """Open an idempotent producer: what it acknowledges is in the log once."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        max_request_size=RECORD_BYTES_MAX,
        # Senders that find the batch full wake one another at every request; a large batch keeps bursts out of that.
        max_batch_size=PRODUCE_BATCH_BYTES,
    ) as producer:
        yield producer


@asynccontextmanager
async def open_reader(
    bootstrap: str, partitions: Iterable[TopicPartition]
) -> AsyncGenerator[AIOKafkaConsumer]:
    """Open a consumer of exactly these partitions that sees committed records only and stands where it is told to."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        fetch_max_wait_ms=500,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    consumer.assign(list(partitions))
    async with consumer:
        yield consumer


class Membership:
    """A place in a consumer group that tells which partitions are ours, and reads nothing itself.

    The group is a hint about who should work on what. Who may write is settled by fencing, and where to go on by
    what is stored with the result; so a hint that comes late or twice does no harm.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._fault: Exception | None = None
        self._news = asyncio.Event()

    async def changed(self) -> frozenset[TopicPartition]:
        """Wait until the assignment was told anew, and give the whole of it. Raises what ended the membership."""
        await self._news.wait()
        self._news.clear()
        if self._fault is not None:
            raise self._fault
        return self._assigned

    async def committed(self, partition: TopicPartition) -> int | None:
        """Ask the group's coordinator for the committed offset of a partition."""
        return await self._consumer.committed(partition)

    def tell(self, assigned: Iterable[TopicPartition]) -> None:
        """Note the assignment; called by the group's listener only."""
        self._assigned = frozenset(assigned)
        self._news.set()

    async def attend(self) -> None:
        """Keep the place in the group. Ends by a fault only, which `changed` raises."""
        try:
            while True:
                await unless_cancelled(self._consumer.getmany(timeout_ms=1_000))
        except (KafkaError, StrayCancellation) as error:
            self._fault = error
            self._news.set()


class _MarkAssignment(ConsumerRebalanceListener):
    """Only marks: the driver swallows what a callback raises and may hand out records while it runs."""

    def __init__(self) -> None:
        self.membership: Membership | None = None
        self.consumer: AIOKafkaConsumer | None = None

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Nothing: the next assignment says what is left, and a loser is fenced in the meantime."""

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        assert self.membership is not None
        assert self.consumer is not None
        self.consumer.pause(*assigned)
        self.membership.tell(assigned)


@asynccontextmanager
async def join_group(bootstrap: str, group: str, topic: str) -> AsyncGenerator[Membership]:
    """Take a place in a consumer group for as long as the block runs."""
    listener = _MarkAssignment()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
        max_poll_interval_ms=60_000,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    membership = Membership(consumer)
    listener.consumer, listener.membership = consumer, membership
    consumer.subscribe([topic], listener=listener)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(consumer)
        attending = asyncio.create_task(membership.attend())
        stack.callback(attending.cancel)
        yield membership
