"""Small parts of the loops: which partition a key has, the keys of rows, and when a reader counts as stuck."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from contracts.views.mailbox import MailboxRow
from services.runtime.kafka import watchdog
from services.runtime.kafka.clients import partition_of
from services.runtime.kafka.watchdog import LOOK_EVERY_S, STILL_MAX_S, Stuck, Watchdog
from services.runtime.rows import RowStore

PARTITION = TopicPartition("toy.events", 0)


@pytest.mark.parametrize("partitions", [1, 8, 48])
def test_a_key_has_the_partition_that_any_kafka_client_gives_it(partitions: int) -> None:
    every = list(range(partitions))
    driver = DefaultPartitioner()
    for key in ("", "example.org", "xn--bcher-kva.example", *(f"d{number}.example" for number in range(500))):
        assert partition_of(key, partitions) == driver(key.encode(), every, every)


def test_a_row_without_its_key_is_a_mistake_seen_at_once() -> None:
    with pytest.raises(AssertionError, match="no column"):
        RowStore("mailboxes", MailboxRow, "address")


class Reader:
    """Stands where a test puts it, before an end where a test puts that."""

    def __init__(self) -> None:
        self.at = self.end = 0

    async def position(self, _: TopicPartition) -> int:
        return self.at

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)


class Watch:
    """A watchdog with a reader and a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(watchdog.time, "monotonic", lambda: self.now)
        self.reader = Reader()
        reader: Any = self.reader
        self.dog = Watchdog(reader, [PARTITION])

    async def after(self, seconds: float) -> None:
        self.now += seconds
        await self.dog.look()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


async def test_a_reader_that_does_not_move_before_the_end_is_stuck(watch: Watch) -> None:
    watch.reader.end = 5
    await watch.after(LOOK_EVERY_S)
    await watch.after(STILL_MAX_S)
    with pytest.raises(Stuck, match="stands at 0 of 5"):
        await watch.after(LOOK_EVERY_S)


async def test_a_reader_that_moves_however_slowly_is_not_stuck(watch: Watch) -> None:
    watch.reader.end = 500
    for _ in range(20):
        await watch.after(STILL_MAX_S)
        watch.reader.at += 1


async def test_a_reader_at_the_end_may_wait_for_ever_and_then_has_its_full_time(watch: Watch) -> None:
    for _ in range(20):
        await watch.after(STILL_MAX_S)
    watch.reader.end = 1
    await watch.after(LOOK_EVERY_S)
    watch.reader.at = 1
    await watch.after(LOOK_EVERY_S)
