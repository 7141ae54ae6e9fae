"""The one transactional loop of every writer: fence, then read; decide; write events, outcomes and offset at once.

One transactional producer per input partition: starting it ends whatever a former owner of the partition had begun
and fences it (KIP-98), and only then is the offset read from which to go on. Everything that may have gone wrong is
answered alike: drop the producer and the state of the partition, and begin again from what the log says.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, RecordMetadata

from contracts.message import Command, Event
from contracts.topics import DEAD_LETTERS, Family
from services.runtime import metrics
from services.runtime.clock import Clock
from services.runtime.health import Health
from services.runtime.kafka.clients import (
    RECORD_BYTES_MAX,
    REQUEST_TIMEOUT_MS,
    Membership,
    join_group,
    open_reader,
)
from services.runtime.kafka.deciding import Decider, PartitionState, Snapshot
from services.runtime.kafka.watchdog import Watchdog
from services.runtime.logs import get_logger
from services.runtime.settings import RuntimeSettings

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
LoadSnapshot = Callable[[int], Awaitable[Snapshot[S]]]

TRANSACTION_TIMEOUT_MS = 12_000  # a writer that hangs holds readers back no longer than this
COMMIT_TIMEOUT_S = 10.0  # below the request time-out, so that a commit in doubt is found out here
BATCH_COMMANDS_MAX = 500
BATCH_BYTES_MAX = 512 * 1024
REMEMBERED_COMMANDS_MAX = 20_000  # per partition
RETRY_DELAY_S = 1.0  # one heartbeat: long enough to hear that the partition is no longer ours
LEAVE_WITHIN_S = 5.0

log = get_logger(__name__)


async def run_writer(
    settings: RuntimeSettings,
    service: str,
    family: Family[C, E],
    decider: Decider[S, C, E],
    load_snapshot: LoadSnapshot[S],
    health: Health,
    stop: asyncio.Event,
    clock: Clock,
) -> None:
    """Decide the commands of the partitions that the group gives us, until `stop` is set.

    `load_snapshot` gives the streams of a partition as the service's read model has them, with the offset they are
    as of. `clock` is that of the house. Raises whatever is a fault; Kafka's own errors lead to a new beginning instead.
    """
    group = f"{service}-{family.commands.name}"
    health.check(family.name, lambda: "no assignment yet")
    async with join_group(settings.kafka_bootstrap, group, family.commands.name) as membership:
        writers = _Writers(
            lambda partition: PartitionWriter(
                settings, service, group, family, decider, load_snapshot, membership, clock, partition
            )
        )
        health.check(family.name, writers.trouble)
        try:
            await writers.follow(membership, stop)
        finally:
            await writers.leave(list(writers.running))
            health.forget(family.name)


class _Writers(Generic[S, C, E]):
    """The partition writers of one role, started and ended as the assignment changes."""

    def __init__(self, new_writer: "Callable[[int], PartitionWriter[S, C, E]]") -> None:
        self._new_writer = new_writer
        self._assigned = False
        self.running: dict[int, tuple[PartitionWriter[S, C, E], asyncio.Task[None]]] = {}

    def trouble(self) -> str | None:
        """What keeps the role from being ready."""
        if not self._assigned:
            return "no assignment yet"
        restoring = sorted(number for number, (writer, _) in self.running.items() if not writer.ready)
        return f"partitions {restoring} are being restored" if restoring else None

    async def follow(self, membership: Membership, stop: asyncio.Event) -> None:
        """Work on what is assigned until `stop` is set. Raises the fault of any writer."""
        stopping = asyncio.create_task(stop.wait())
        news = asyncio.create_task(membership.changed())
        try:
            while not stop.is_set():
                tasks = [task for _, task in self.running.values()]
                await asyncio.wait([stopping, news, *tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
                if news.done():
                    await self._work_on({each.partition for each in news.result()})
                    news = asyncio.create_task(membership.changed())
        finally:
            stopping.cancel()
            news.cancel()

    async def _work_on(self, assigned: set[int]) -> None:
        await self.leave([number for number in self.running if number not in assigned])
        for number in sorted(assigned - self.running.keys()):
            writer = self._new_writer(number)
            self.running[number] = writer, asyncio.create_task(writer.run())
        self._assigned = True

    async def leave(self, numbers: list[int]) -> None:
        """End writers after the batch they are at, or at once when that takes too long. Raises their faults."""
        leaving = [self.running.pop(number) for number in numbers]
        if not leaving:
            return
        for writer, _ in leaving:
            writer.leaving.set()
        ended, late = await asyncio.wait([task for _, task in leaving], timeout=LEAVE_WITHIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in ended:
            task.result()


class PartitionWriter(Generic[S, C, E]):
    """The writer of one partition."""

    def __init__(
        self,
        settings: RuntimeSettings,
        service: str,
        group: str,
        family: Family[C, E],
        decider: Decider[S, C, E],
        load_snapshot: LoadSnapshot[S],
        membership: Membership,
        clock: Clock,
        partition: int,
    ) -> None:
        self._settings = settings
        self._service = service
        self._group = group
        self._family = family
        self._decider = decider
        self._load_snapshot = load_snapshot
        self._membership = membership
        self._clock = clock
        self._partition = partition
        self._commands = TopicPartition(family.commands.name, partition)
        self.ready = False
        self.leaving = asyncio.Event()

    async def run(self) -> None:
        """Decide until told to leave, beginning again whenever Kafka leaves any doubt."""
        while not self.leaving.is_set():
            try:
                await self._fence_read_decide()
            except (KafkaError, TimeoutError) as error:
                log.warning(
                    "a partition begins again from the log",
                    family=self._family.name,
                    partition=self._partition,
                    error=repr(error),
                )
                await self._pause()
            finally:
                self.ready = False

    async def _fence_read_decide(self) -> None:
        async with AsyncExitStack() as stack:
            producer = self._new_producer()
            stack.push_async_callback(_drop, producer)
            await asyncio.wait_for(producer.start(), timeout=REQUEST_TIMEOUT_MS / 1000)
            next_offset = await self._membership.committed(self._commands)
            state = await self._restore(_epoch_of(producer))
            if next_offset is None and not state.is_blank:
                # The driver passes over a coordinator that does not know the topic yet, as after the broker's restart.
                raise KafkaError(
                    "no committed offset is told of a partition whose commands were decided before"
                )
            reader = await stack.enter_async_context(
                open_reader(self._settings.kafka_bootstrap, [self._commands])
            )
            first = (await reader.beginning_offsets([self._commands]))[self._commands]
            if next_offset is not None and next_offset < first:
                log.error(
                    "commands expired before they were decided",
                    family=self._family.name,
                    partition=self._partition,
                    count=first - next_offset,
                )
            reader.seek(self._commands, max(first, next_offset or 0))
            self.ready = True
            await self._decide_until_leaving(reader, producer, state)

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap,
            transactional_id=f"{self._service}-{self._commands.topic}-{self._partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=RECORD_BYTES_MAX,
            acks="all",
        )

    async def _restore(self, writer_epoch: int) -> PartitionState[S, C, E]:
        """Rebuild the state: snapshot, then the events after it, then the answers given lately."""
        started = time.monotonic()
        snapshot = await self._load_snapshot(self._partition)
        state = PartitionState(
            self._family,
            self._decider,
            snapshot,
            source=f"/postfach/{self._service}",
            writer_epoch=writer_epoch,
            remembered_max=REMEMBERED_COMMANDS_MAX,
            clock=self._clock,
        )
        await self._replay(
            TopicPartition(self._family.events.name, self._partition), snapshot.next_offset, state.replay
        )
        await self._replay(
            TopicPartition(self._family.outcomes.name, self._partition),
            -REMEMBERED_COMMANDS_MAX,
            state.remember,
        )
        took_s = time.monotonic() - started
        metrics.restore_seconds.labels(family=self._family.name).observe(took_s)
        metrics.streams_held.labels(family=self._family.name, partition=self._partition).set(
            state.stream_count
        )
        log.info(
            "a partition is restored",
            family=self._family.name,
            partition=self._partition,
            streams=state.stream_count,
            took_s=round(took_s, 3),
        )
        return state

    async def _replay(self, topic: TopicPartition, start: int, take: Callable[[bytes], None]) -> None:
        """Give `take` every committed record up to the last stable offset, from `start`, or from the end if negative."""
        async with open_reader(self._settings.kafka_bootstrap, [topic]) as reader:
            first = (await reader.beginning_offsets([topic]))[topic]
            stable = (await reader.end_offsets([topic]))[topic]
            reader.seek(topic, max(first, start if start >= 0 else stable + start))
            while await reader.position(topic) < stable:
                batches = await reader.getmany(topic, timeout_ms=500)
                for record in batches.get(topic, ()):
                    if record.value is not None and record.offset < stable:
                        take(record.value)

    async def _decide_until_leaving(
        self, reader: AIOKafkaConsumer, producer: AIOKafkaProducer, state: PartitionState[S, C, E]
    ) -> None:
        watchdog = Watchdog(reader, [self._commands])
        while not self.leaving.is_set():
            batches = await reader.getmany(self._commands, timeout_ms=250, max_records=BATCH_COMMANDS_MAX)
            records = batches.get(self._commands)
            if records:
                await self._decide(records, producer, state)
            await watchdog.look()

    async def _decide(
        self,
        records: list[ConsumerRecord[bytes, bytes]],
        producer: AIOKafkaProducer,
        state: PartitionState[S, C, E],
    ) -> None:
        started = time.monotonic()
        await producer.begin_transaction()
        decided = state.decide(records)
        sent = [
            *await self._send(producer, self._family.events.name, decided.events),
            *await self._send(producer, self._family.outcomes.name, decided.outcomes),
            *await self._send(producer, DEAD_LETTERS.name, decided.dead_letters),
        ]
        # A commit may succeed although a record is missing, unless every send was awaited (aiokafka).
        await asyncio.gather(*sent)
        next_offset = OffsetAndMetadata(records[-1].offset + 1, "")
        await producer.send_offsets_to_transaction({self._commands: next_offset}, self._group)
        await asyncio.wait_for(producer.commit_transaction(), timeout=COMMIT_TIMEOUT_S)
        metrics.batch_commands.labels(family=self._family.name).observe(len(records))
        metrics.batch_seconds.labels(family=self._family.name).observe(time.monotonic() - started)

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, messages: list[tuple[bytes, bytes]]
    ) -> "list[asyncio.Future[RecordMetadata]]":
        """Hand records to the producer as whole batches, each awaited by its future."""
        futures: list[asyncio.Future[RecordMetadata]] = []
        batch = producer.create_batch()
        for key, value in messages:
            if batch.append(key=key, value=value, timestamp=None) is None:
                futures.append(await producer.send_batch(batch, topic, partition=self._partition))
                batch = producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None) is None:
                    raise RuntimeError("a record is larger than a batch may be")
        if batch.record_count():
            futures.append(await producer.send_batch(batch, topic, partition=self._partition))
        return futures

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self.leaving.wait(), timeout=RETRY_DELAY_S)
        except TimeoutError:
            return


def _epoch_of(producer: AIOKafkaProducer) -> int:
    """Give a number that grows with every writer of a partition.

    The broker's epoch has 16 bits; when they are used up, or the transactional id has expired, a new and higher
    producer id begins again with epoch 0.
    """
    transactions = producer._txn_manager  # noqa: SLF001 - the driver has no public name for it
    return int(transactions.producer_id) << 16 | int(transactions.producer_epoch)


async def _drop(producer: AIOKafkaProducer) -> None:
    """End a producer without waiting for anything it has in hand: whatever that was, the log decides it."""
    closing = asyncio.create_task(producer.stop())
    await asyncio.wait([closing], timeout=2.0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
