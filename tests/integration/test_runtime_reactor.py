"""The reactor on a real broker: what Faust does by itself, and what the reactor's base makes of it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.transport.drivers.aiokafka import Transport as PlainTransport

from contracts.dead_letter import DeadLetter
from contracts.envelope import EventEnvelope
from contracts.topics import DEAD_LETTERS
from deploy.local.stack import Stack
from services.runtime.kafka.reactor import Reactor
from tests.kit.room import Room, a_room, fault_of, read_all, running, until
from tests.kit.toy import Add, Added

BOOK = "book-1"

Handler = Callable[[EventEnvelope[Added]], Awaitable[None]]


@pytest.fixture
async def room(stack: Stack, tmp_path: Path) -> AsyncGenerator[Room]:
    async with a_room(stack, tmp_path) as made:
        yield made


class Seen:
    """A handler that notes what it is given, and raises when it is told to."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.amounts: list[int] = []
        self.fails_at = fails_at

    async def __call__(self, event: EventEnvelope[Added]) -> None:
        self.amounts.append(event.data.amount)
        if event.data.amount == self.fails_at:
            raise HandlerBroken

    async def is_exactly(self, *amounts: int) -> bool:
        return self.amounts == list(amounts)


class HandlerBroken(Exception):
    """A bug in a handler, planted."""


@asynccontextmanager
async def reacting(
    room: Room, handler: Handler, *, plain: bool = False
) -> AsyncGenerator[asyncio.Task[None]]:
    """Run the room's reactor beside the block; with Faust's own transport if `plain`."""
    reactor = Reactor(room.settings, f"{room.name}-reactor")
    if plain:
        app = reactor._app
        app.transport = PlainTransport(app.conf.broker, app, loop=app.loop)
    reactor.react_to(room.family, handler)
    async with running(reactor.run) as task:
        yield task


async def write(room: Room, *amounts: int) -> None:
    pairs = room.decided(*(Add(account=f"a{amount}", amount=amount) for amount in amounts), book=BOOK)
    await room.write(room.family.events.name, pairs)


async def write_aborted(room: Room) -> None:
    """Append an event, sound in itself, that was never committed."""
    other = Room(room.settings, room.name, room.migrations)
    pairs = other.decided(Add(account="aborted", amount=66), book=BOOK)
    await room.write_aborted(room.family.events.name, pairs)


@pytest.mark.parametrize("plain", [False, True], ids=["ours", "Faust's own"])
async def test_an_aborted_event_is_seen_by_faust_and_not_by_us(room: Room, plain: bool) -> None:
    await write(room, 1)
    await write_aborted(room)
    await write(room, 2)
    seen = Seen()
    async with reacting(room, seen, plain=plain):
        await until(lambda: seen.is_exactly(1, 66, 2) if plain else seen.is_exactly(1, 2))


async def test_an_event_is_handled_once_when_nothing_goes_wrong(room: Room) -> None:
    await write(room, 1, 2)
    first, second = Seen(), Seen()
    async with reacting(room, first):
        await until(lambda: first.is_exactly(1, 2))
        await until(lambda: has_committed(room, behind_the_last=True))
    await write(room, 3)
    async with reacting(room, second):
        await until(lambda: second.is_exactly(3))


async def has_committed(room: Room, *, behind_the_last: bool) -> bool:
    """Whether the reactor's group stands behind the last event of the book."""
    last = (await room.read(room.family.events.name))[-1]
    place = TopicPartition(last.topic, last.partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=room.settings.kafka_bootstrap,
        group_id=f"{room.name}-reactor",
        enable_auto_commit=False,
    )
    async with consumer:
        consumer.assign([place])
        committed = await consumer.committed(place)
    return (committed == last.offset + 1) is behind_the_last


async def test_events_behind_an_aborted_transaction_are_acknowledged_all_the_same(room: Room) -> None:
    await write(room, 1)
    await write_aborted(room)
    await write(room, 2)
    seen = Seen()
    async with reacting(room, seen):
        await until(lambda: seen.is_exactly(1, 2))
        await until(lambda: has_committed(room, behind_the_last=True))


async def test_events_behind_an_aborted_transaction_right_behind_the_marker_are_acknowledged_too(
    room: Room,
) -> None:
    """Faust does not count a gap that follows offset 0, which it therefore never sees, whoever reads when."""
    reader = Seen()
    async with reacting(room, reader):
        await write_aborted(room)
        await write(room, 1, 2)
        await until(lambda: reader.is_exactly(1, 2))
        await until(lambda: has_committed(room, behind_the_last=True))


async def test_what_is_left_out_does_not_take_along_an_event_that_is_still_being_handled(room: Room) -> None:
    """What nobody reacts to is a gap to Faust, and gaps count as acknowledged: but not before what they follow."""
    await write(room, 1)
    first = Seen()
    async with reacting(room, first):
        await until(lambda: first.is_exactly(1))
        await until(lambda: has_committed(room, behind_the_last=True))
    seen = Seen()

    async def hang(event: EventEnvelope[Added]) -> None:
        await seen(event)
        await asyncio.Event().wait()

    reactor = Reactor(room.settings, f"{room.name}-reactor")
    reactor.react_to(room.family, hang, of=(Added,), at_once=10)
    pairs = room.decided(*(Add(account=f"a{amount}", amount=amount) for amount in (2, 3, 4, 5)), book=BOOK)
    others = [(key, value.replace(b'"type":"added"', b'"type":"other"', 1)) for key, value in pairs[1:3]]
    await room.write(room.family.events.name, [pairs[0], *others, pairs[3]])
    async with running(reactor.run):
        await until(lambda: asyncio.sleep(0, seen.amounts == [2, 5]))
    again = Seen()
    async with reacting(room, again):
        await until(lambda: again.is_exactly(2, 3, 4, 5))


async def test_a_fault_ends_the_reactor_and_the_event_is_read_again(room: Room) -> None:
    await write(room, 1, 2, 3)
    broken = Seen(fails_at=2)
    assert isinstance(await fault_of(reacting(room, broken)), HandlerBroken)
    assert broken.amounts == [1, 2]
    mended = Seen()
    async with reacting(room, mended):
        await until(lambda: asyncio.sleep(0, mended.amounts[-2:] == [2, 3]))
    assert mended.amounts in ([2, 3], [1, 2, 3])


async def test_an_event_whose_handling_was_cut_short_by_a_stop_is_read_again(room: Room) -> None:
    await write(room, 1, 2, 3)
    begun = asyncio.Event()

    async def hang_at_two(event: EventEnvelope[Added]) -> None:
        if event.data.amount == 2:
            begun.set()
            await asyncio.Event().wait()

    async with reacting(room, hang_at_two):
        await asyncio.wait_for(begun.wait(), timeout=30)
    seen = Seen()
    async with reacting(room, seen):
        await until(lambda: asyncio.sleep(0, seen.amounts[-2:] == [2, 3]))


async def test_events_behind_one_that_is_still_being_handled_come_again_with_it(room: Room) -> None:
    """By itself Faust would acknowledge beyond it: the very next event does not count as missing."""
    await write(room, 1)
    first = Seen()
    async with reacting(room, first):
        await until(lambda: first.is_exactly(1))
        await until(lambda: has_committed(room, behind_the_last=True))
    await write(room, 2, 3, 4)
    seen = Seen()

    async def hang_at_two(event: EventEnvelope[Added]) -> None:
        await seen(event)
        if event.data.amount == 2:
            await asyncio.Event().wait()

    reactor = Reactor(room.settings, f"{room.name}-reactor")
    reactor.react_to(room.family, hang_at_two, at_once=3)
    async with running(reactor.run):
        await until(lambda: asyncio.sleep(0, sorted(seen.amounts) == [2, 3, 4]))
    again = Seen()
    async with reacting(room, again):
        await until(lambda: again.is_exactly(2, 3, 4))


async def test_no_more_events_than_allowed_are_handled_at_once(room: Room) -> None:
    await write(room, 1, 2, 3, 4)
    seen, go_on = Seen(), asyncio.Event()

    async def wait(event: EventEnvelope[Added]) -> None:
        await seen(event)
        await go_on.wait()

    reactor = Reactor(room.settings, f"{room.name}-reactor")
    reactor.react_to(room.family, wait, at_once=2)
    async with running(reactor.run):
        await until(lambda: asyncio.sleep(0, len(seen.amounts) == 2))
        assert seen.amounts == [1, 2]
        go_on.set()
        await until(lambda: asyncio.sleep(0, len(seen.amounts) == 4))


async def test_what_a_handler_is_not_for_is_acknowledged_without_it(room: Room) -> None:
    await write(room, 1, 2)
    seen = Seen()
    reactor = Reactor(room.settings, f"{room.name}-reactor")
    reactor.react_to(room.family, seen, of=())
    async with running(reactor.run):
        await until(lambda: has_committed(room, behind_the_last=True))
    assert not seen.amounts


async def test_a_fault_of_faust_itself_ends_the_reactor_too(room: Room) -> None:
    reactor = Reactor(room.settings, f"{room.name}-reactor")
    seen = Seen()
    reactor.react_to(room.family, seen)
    await write(room, 1)

    async def crash_later() -> None:
        await until(lambda: seen.is_exactly(1))
        await reactor._app.crash(HandlerBroken())

    crashing = asyncio.create_task(crash_later())
    assert isinstance(await fault_of(running(reactor.run)), HandlerBroken)
    await crashing


async def test_a_record_that_is_no_event_goes_to_the_dead_letters_and_the_line_goes_on(room: Room) -> None:
    await write(room, 1)
    await room.write(room.family.events.name, [(BOOK.encode(), b'{"specversion":"1.0"}')])
    await write(room, 2)
    seen = Seen()
    async with reacting(room, seen):
        await until(lambda: seen.is_exactly(1, 2))
    letters = [each for each in await dead_letters(room) if each.topic == room.family.events.name]
    (poison,) = [
        record for record in await room.read(room.family.events.name) if len(record.value or b"") < 50
    ]
    assert [(each.offset, each.value, each.reason) for each in letters] == [
        (poison.offset, poison.value, "malformed")
    ]


async def dead_letters(room: Room) -> list[DeadLetter]:
    records = await read_all(room.settings.kafka_bootstrap, DEAD_LETTERS.name, 8)
    return [msgspec.json.decode(record.value or b"", type=DeadLetter) for record in records]


async def test_a_timer_calls_again_and_again_and_its_fault_ends_the_reactor(room: Room) -> None:
    reactor = Reactor(room.settings, f"{room.name}-reactor")
    reactor.react_to(room.family, Seen())
    calls = 0

    async def tick() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise HandlerBroken

    reactor.every(0.1, tick)
    assert isinstance(await fault_of(running(reactor.run)), HandlerBroken)
    assert calls == 3
