"""The log as the oracle reads it: one partition after another, from its beginning to an end fixed beforehand."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final, Literal

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

Record = ConsumerRecord[bytes, bytes]
Isolation = Literal["read_committed", "read_uncommitted"]

RECORDS_AT_ONCE: Final = 5_000
STILL_MAX_S: Final = 60.0


class LogStandsStill(Exception):
    """The log can't be read up to where it ends: a transaction hangs, or the broker does not answer."""


class Log:
    """Reads partitions. One at a time: the position of the former one is given up."""

    def __init__(self, consumer: AIOKafkaConsumer, topics: Mapping[str, int], *, has_groups: bool) -> None:
        self._consumer = consumer
        self.topics = topics
        self.has_groups = has_groups

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Give the partitions of a topic; none when it does not exist."""
        return [TopicPartition(topic, number) for number in range(self.topics.get(topic, 0))]

    async def beginnings(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Give the first offsets that are still kept."""
        return await self._consumer.beginning_offsets(list(partitions))

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Give the offsets behind the last record: the last stable one when reading committed records only."""
        return await self._consumer.end_offsets(list(partitions))

    async def read(self, partition: TopicPartition, end: int) -> AsyncIterator[list[Record]]:
        """Give the records below `end`, in batches. Raises LogStandsStill."""
        self._consumer.assign([partition])
        await self._consumer.seek_to_beginning(partition)
        moved_at = time.monotonic()
        before = -1
        while (position := await self._consumer.position(partition)) < end:
            if position != before:
                before, moved_at = position, time.monotonic()
            elif time.monotonic() - moved_at > STILL_MAX_S:
                raise LogStandsStill(f"{partition.topic}/{partition.partition} at {position} of {end}")
            batches = await self._consumer.getmany(partition, timeout_ms=500, max_records=RECORDS_AT_ONCE)
            if records := [record for record in batches.get(partition, ()) if record.offset < end]:
                yield records


@asynccontextmanager
async def open_log(bootstrap: str, isolation: Isolation) -> AsyncGenerator[Log]:
    """Open the log for reading. Nothing is committed and no group is joined."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    topics = {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["is_internal"]}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # A fetch that waits for more holds up the next partition: everything read here is in the log already.
        fetch_max_wait_ms=5,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    async with consumer:
        yield Log(consumer, topics, has_groups=any(topic["is_internal"] for topic in described))


def place(record: Record) -> str:
    """Name a record by where it stands."""
    return f"{record.topic}/{record.partition} offset {record.offset}"
