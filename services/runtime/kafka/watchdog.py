"""Ends a process whose reading stands still although there is something to read."""

import time
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition

LOOK_EVERY_S = 10.0
STILL_MAX_S = 60.0


class Stuck(Exception):
    """A reader's position does not move while the last stable offset is ahead of it."""


class Watchdog:
    """Compares, now and then, where a reader stands with where the log ends."""

    def __init__(self, reader: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> None:
        self._reader = reader
        self._partitions = partitions
        self._next_look = time.monotonic() + LOOK_EVERY_S
        self._moved: dict[TopicPartition, tuple[int, float]] = {}

    async def look(self) -> None:
        """Look when it is time to. Raises Stuck."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        ends = await self._reader.end_offsets(list(self._partitions))
        for partition, end in ends.items():
            position = await self._reader.position(partition)
            before, since = self._moved.get(partition, (-1, now))
            if position >= end or position != before:
                self._moved[partition] = position, now
            elif now - since > STILL_MAX_S:
                raise Stuck(f"{partition.topic}/{partition.partition} stands at {position} of {end}")
