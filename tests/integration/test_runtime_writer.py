"""The writer on a real broker: one transaction per batch, one owner per partition, one answer per command."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from msgspec import structs

from contracts.codec import decode_any_event, decode_outcome, encode
from contracts.dead_letter import DeadLetter
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import DEAD_LETTERS
from deploy.local.stack import Stack
from services.runtime.clock import utc_now
from services.runtime.health import Health
from services.runtime.kafka.command_loop import run_writer
from services.runtime.kafka.commands import CommandClient, OutcomePending, open_command_client
from services.runtime.kafka.deciding import Snapshot, StreamState
from services.runtime.kafka.projection import run_projection
from services.runtime.postgres import open_pool
from tests.kit.room import PARTITIONS, Room, a_room, fault_of, killed, read_all, running, until
from tests.kit.toy import TOY_DECIDER, Add, Book, DeciderFault, Fail, an_order
from tests.oracle.events import Event, EventChecks
from tests.oracle.findings import Findings

BOOK = "book-1"


@pytest.fixture
async def room(stack: Stack, tmp_path: Path) -> AsyncGenerator[Room]:
    async with a_room(stack, tmp_path) as made:
        yield made


@pytest.fixture
async def commands(room: Room) -> AsyncGenerator[CommandClient]:
    async with open_command_client(room.settings, [room.family]) as client:
        yield client


async def nothing_stored(_: int) -> Snapshot[Book]:
    """Give the snapshot of a read model that is empty."""
    return Snapshot(next_offset=0, streams={})


@asynccontextmanager
async def writing(
    room: Room, *, gently: bool = True, health: Health | None = None, from_tables: bool = False
) -> AsyncGenerator[asyncio.Task[None]]:
    """Run the room's writer beside the block. It restores from the log alone, unless `from_tables`."""
    load = partial(stored, room) if from_tables else nothing_stored

    async def work(stop: asyncio.Event) -> None:
        await run_writer(
            room.settings, room.name, room.family, TOY_DECIDER, load, health or Health(), stop, utc_now
        )

    async with running(work) if gently else killed(work) as task:
        yield task


async def stored(room: Room, partition: int) -> Snapshot[Book]:
    """Give the streams of a partition as the read model has them."""
    positions = await room.execute(
        'SELECT stream, streamseq, tail_hash, last_time FROM projection_streams WHERE "partition" = $1',
        partition,
    )
    streams = {
        row["stream"]: StreamState(
            state=Book(), streamseq=row["streamseq"], tail_hash=row["tail_hash"], last_time=row["last_time"]
        )
        for row in positions
    }
    for row in await room.execute("SELECT account, book, total, version FROM accounts"):
        if row["book"] in streams:
            streams[row["book"]].state.accounts[row["account"]] = row["total"], row["version"]
    return Snapshot(next_offset=(await room.checkpoints()).get(partition, 0), streams=streams)


class NoRules:
    def broken_by(self, event: Event) -> Iterator[str]:
        del event
        yield from ()


async def assert_log_is_sound(room: Room) -> dict[str, int]:
    """Let the oracle read the events, partition by partition; give the totals that they make."""
    findings, seen = Findings(), set[bytes]()
    checks = [EventChecks(room.family, PARTITIONS, findings, NoRules(), seen) for _ in range(PARTITIONS)]
    totals: dict[str, int] = {}
    for record in await room.read(room.family.events.name):
        event = checks[record.partition].take(record)
        assert event is not None
        totals[event.subject] = totals.get(event.subject, 0) + event.data.amount
    for each in checks:
        each.end()
    assert findings.content, findings.report()
    return totals


async def outcomes(room: Room) -> list[Outcome]:
    return [decode_outcome(record.value or b"") for record in await room.read(room.family.outcomes.name)]


async def test_a_command_becomes_events_and_one_outcome(room: Room, commands: CommandClient) -> None:
    async with writing(room):
        outcome = await commands.send(room.family, an_order(Add(account="a", amount=2, parts=3), BOOK), 30)
    assert (outcome.status, outcome.events, outcome.streamseq, outcome.version) == ("accepted", 3, 3, 3)
    assert await assert_log_is_sound(room) == {"a": 6}


async def test_a_command_without_a_writer_is_pending_and_is_decided_later(
    room: Room, commands: CommandClient
) -> None:
    order = an_order(Add(account="a", amount=1), BOOK)
    with pytest.raises(OutcomePending):
        await commands.send(room.family, order, 0.2)
    async with writing(room):
        assert (await commands.send(room.family, order, 30)).repeated in (True, False)
        await until(lambda: has_outcomes(room, 2))
    assert sorted(outcome.repeated for outcome in await outcomes(room)) == [False, True]
    assert await assert_log_is_sound(room) == {"a": 1}


async def has_outcomes(room: Room, count: int) -> bool:
    return len(await outcomes(room)) == count


@pytest.mark.parametrize("stored_model", ["empty", "behind", "at the end"])
async def test_a_new_writer_knows_everything_whatever_the_read_model_knows(
    room: Room, commands: CommandClient, stored_model: str
) -> None:
    orders = [an_order(Add(account=f"a{number % 3}", amount=30), BOOK) for number in range(6)]
    orders += [an_order(Add(account="a0", amount=90), BOOK)]
    async with writing(room, gently=False):
        if stored_model == "behind":
            answers = [await commands.send(room.family, order, 30) for order in orders[:3]]
            await project_all(room)
            answers += [await commands.send(room.family, order, 30) for order in orders[3:]]
        else:
            answers = [await commands.send(room.family, order, 30) for order in orders]
    if stored_model == "at the end":
        await project_all(room)
    assert answers[-1].code is RefusalCode.MAILBOX_LIMIT_REACHED
    async with writing(room, from_tables=True):
        again = [await commands.send(room.family, order, 30) for order in orders]
        assert again == [structs.replace(answer, repeated=True) for answer in answers]
        full = await commands.send(room.family, an_order(Add(account="a1", amount=60), BOOK), 30)
        assert full.code is RefusalCode.MAILBOX_LIMIT_REACHED
        assert (
            await commands.send(room.family, an_order(Add(account="a1", amount=40), BOOK), 30)
        ).version == 3
    assert await assert_log_is_sound(room) == {"a0": 60, "a1": 100, "a2": 60}


async def project_all(room: Room) -> None:
    """Bring the read model up with the log."""
    async with open_pool(room.settings.postgres_dsn, schema=room.schema) as pool:

        async def work(stop: asyncio.Event) -> None:
            await run_projection(room.settings, room.schema, room.projection, pool, Health(), stop)

        async with running(work):
            await until(lambda: is_projected(room))


async def is_projected(room: Room) -> bool:
    rows = await room.execute("SELECT sum(streamseq) AS applied FROM projection_streams")
    return rows[0]["applied"] == len(await room.read(room.family.events.name))


async def test_the_same_command_many_times_at_once_is_decided_once(
    room: Room, commands: CommandClient
) -> None:
    order = an_order(Add(account="a", amount=30), BOOK)
    async with writing(room):
        answers = await asyncio.gather(*(commands.send(room.family, order, 30) for _ in range(5)))
        await until(lambda: has_outcomes(room, 5))
    assert {structs.replace(answer, repeated=False) for answer in answers} == {
        structs.replace(answers[0], repeated=False)
    }
    assert sorted(outcome.repeated for outcome in await outcomes(room)) == [False, True, True, True, True]
    assert await assert_log_is_sound(room) == {"a": 30}


async def test_aborted_commands_events_and_outcomes_are_seen_by_nobody(
    room: Room, commands: CommandClient
) -> None:
    key = BOOK.encode()
    order = an_order(Add(account="a", amount=66), BOOK)
    other = Room(room.settings, room.name, room.migrations)
    await room.write_aborted(room.family.commands.name, [(key, encode(order))])
    await room.write_aborted(room.family.events.name, other.decided(Add(account="a", amount=66), book=BOOK))
    await room.write_aborted(room.family.outcomes.name, [(key, b"no outcome")])
    async with writing(room):
        answer = await commands.send(room.family, an_order(Add(account="a", amount=60), BOOK), 30)
        assert (answer.status, answer.streamseq) == ("accepted", 1)
        assert (await commands.send(room.family, order, 30)).code is RefusalCode.MAILBOX_LIMIT_REACHED
    assert await assert_log_is_sound(room) == {"a": 60}


async def test_a_writer_that_was_fenced_begins_again_from_the_log(
    room: Room, commands: CommandClient
) -> None:
    async with writing(room):
        for round_number in range(3):
            order = an_order(Add(account="a", amount=10), BOOK)
            assert (await commands.send(room.family, order, 30)).version == round_number + 1
            await fence_everything(room)
    epochs = [
        decode_any_event(record.value or b"").writer for record in await room.read(room.family.events.name)
    ]
    assert epochs == sorted(set(epochs)), "each round was decided under an epoch of its own"
    assert await assert_log_is_sound(room) == {"a": 30}


async def fence_everything(room: Room) -> None:
    """Do to every partition what a second writer does that takes it over, and let go of it."""
    for partition in range(PARTITIONS):
        producer = AIOKafkaProducer(
            bootstrap_servers=room.settings.kafka_bootstrap,
            transactional_id=f"{room.name}-{room.family.commands.name}-{partition}",
        )
        await producer.start()
        await producer.stop()


async def test_writers_that_come_and_go_lose_and_double_nothing(room: Room, commands: CommandClient) -> None:
    books = [*room.books(0, 3), *room.books(1, 3)]

    async def order_all(amount: int) -> None:
        sent = [an_order(Add(account=f"in {book}", amount=amount), book) for book in books for _ in range(5)]
        answers = await asyncio.gather(*(commands.send(room.family, order, 60) for order in sent))
        assert {answer.status for answer in answers} == {"accepted"}

    async with writing(room):
        await order_all(1)
        second = Health()
        async with writing(room, gently=False, health=second):
            await until(lambda: asyncio.sleep(0, "no assignment yet" not in second.troubles().values()))
            await asyncio.gather(order_all(2), order_all(3))
        await order_all(4)
    assert await assert_log_is_sound(room) == {f"in {book}": 50 for book in books}


async def test_poison_among_commands_is_put_aside_and_the_line_goes_on(
    room: Room, commands: CommandClient
) -> None:
    future = msgspec.to_builtins(an_order(Add(account="a", amount=1), BOOK)) | {"data": {"type": "multiply"}}
    poison = [b"\xff", b"", b"{}", b"[" * 5_000, msgspec.json.encode(future)]
    await room.write(room.family.commands.name, [(BOOK.encode(), value) for value in poison])
    async with writing(room):
        assert (await commands.send(room.family, an_order(Add(account="a", amount=1), BOOK), 30)).events == 1
    records = await read_all(room.settings.kafka_bootstrap, DEAD_LETTERS.name, 8)
    letters = [msgspec.json.decode(record.value or b"", type=DeadLetter) for record in records]
    assert [each.value for each in letters if each.topic == room.family.commands.name] == poison
    refused = [each for each in await outcomes(room) if each.status == "refused"]
    assert [(each.command, each.code) for each in refused] == [(future["id"], RefusalCode.MALFORMED)]


async def test_a_bug_in_the_decider_ends_the_role_and_nothing_of_the_batch_is_written(
    room: Room, commands: CommandClient
) -> None:
    await room.order(an_order(Add(account="a", amount=1), BOOK), an_order(Fail(), BOOK))
    assert isinstance(await fault_of(writing(room)), DeciderFault)
    assert await outcomes(room) == []
    assert await assert_log_is_sound(room) == {}


async def test_a_writer_is_ready_once_every_partition_is_restored(room: Room) -> None:
    health, stored_at_last = Health(), asyncio.Event()

    async def load_slowly(partition: int) -> Snapshot[Book]:
        if partition == 1:
            await stored_at_last.wait()
        return Snapshot(next_offset=0, streams={})

    async def work(stop: asyncio.Event) -> None:
        await run_writer(
            room.settings, room.name, room.family, TOY_DECIDER, load_slowly, health, stop, utc_now
        )

    async with running(work):
        restoring = "partitions [1] are being restored"
        await until(lambda: asyncio.sleep(0, restoring in health.troubles().values()))
        stored_at_last.set()
        await until(lambda: asyncio.sleep(0, not health.troubles()))
