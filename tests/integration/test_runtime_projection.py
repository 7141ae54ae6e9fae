"""The projection on a real log and a real database: all or nothing, never a gap, never two owners."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
from aiokafka import TopicPartition

from deploy.local.stack import Stack
from services.runtime.health import Health, serve_health
from services.runtime.kafka.clients import open_reader
from services.runtime.kafka.projection import (
    ProjectionFenced,
    Projector,
    run_projection,
    wait_for_position,
)
from services.runtime.kafka.rebuild import rebuild
from services.runtime.postgres import open_pool
from tests.kit.room import PARTITIONS, Room, a_room, killed, running, until
from tests.kit.toy import Add

BOOK = "book-1"


@pytest.fixture
async def room(stack: Stack, tmp_path: Path) -> AsyncGenerator[Room]:
    async with a_room(stack, tmp_path) as made:
        yield made


@asynccontextmanager
async def projecting(room: Room, health: Health, *, gently: bool = True) -> AsyncGenerator[None]:
    """Run the room's projection beside the block."""
    async with open_pool(room.settings.postgres_dsn, schema=room.schema) as pool:
        work = partial(_project, room, pool, health)
        async with running(work) if gently else killed(work):
            yield


async def _project(room: Room, pool: object, health: Health, stop: asyncio.Event) -> None:
    await run_projection(room.settings, room.schema, room.projection, pool, health, stop)  # pyright: ignore[reportArgumentType]


async def has_stopped(health: Health) -> str | None:
    return next((each for each in health.troubles().values() if each.startswith("stopped")), None)


async def test_events_become_rows_and_only_committed_ones(room: Room) -> None:
    first = room.decided(Add(account="a", amount=1), Add(account="b", amount=2), book=BOOK)
    await room.write(room.family.events.name, first)
    await room.write_aborted(room.family.events.name, [(BOOK.encode(), b"aborted, and no event at all")])
    async with projecting(room, Health()):
        await until(lambda: has_totals(room, {"a": 1, "b": 2}))
        await room.write(room.family.events.name, room.decided(Add(account="a", amount=5), book=BOOK))
        await until(lambda: has_totals(room, {"a": 6, "b": 2}))


async def has_totals(room: Room, totals: dict[str, int]) -> bool:
    return await room.totals() == totals


async def test_a_projection_that_was_killed_goes_on_from_its_checkpoint(room: Room) -> None:
    await room.write(room.family.events.name, room.decided(Add(account="a", amount=1), book=BOOK))
    async with projecting(room, Health(), gently=False):
        await until(lambda: has_totals(room, {"a": 1}))
    before = await room.checkpoints()
    await room.write(room.family.events.name, room.decided(Add(account="a", amount=1), book=BOOK))
    async with projecting(room, Health()):
        await until(lambda: has_totals(room, {"a": 2}))
    after = await room.checkpoints()
    assert all(after[partition] >= before[partition] for partition in before)


async def test_a_replay_changes_nothing(room: Room) -> None:
    await room.write(room.family.events.name, room.decided(*[Add(account="a", amount=1)] * 5, book=BOOK))
    async with projecting(room, Health()):
        await until(lambda: has_totals(room, {"a": 5}))
    await room.execute("UPDATE projection_checkpoints SET next_offset = 0")
    async with projecting(room, Health()):
        await room.write(room.family.events.name, room.decided(Add(account="b", amount=1), book=BOOK))
        await until(lambda: has_totals(room, {"a": 5, "b": 1}))


@pytest.mark.parametrize(
    "damage", ["missing", "altered", "no event", "doubled under another position", "a number left out"]
)
async def test_a_projection_stops_at_damage_says_so_and_skips_nothing(room: Room, damage: str) -> None:
    events = room.decided(*[Add(account="a", amount=1)] * 4, book=BOOK)
    key, third = events[2]
    if damage == "missing":
        del events[2]
    elif damage == "altered":
        events[2] = key, third.replace(b'"amount":1', b'"amount":9')
    elif damage == "no event":
        events[2] = key, b"{}"
    elif damage == "a number left out":
        events[2] = key, third.replace(b'"streamseq":3', b'"streamseq":4')
    else:
        events[2] = key, events[1][1].replace(b'"streamseq":2', b'"streamseq":3')
    health = Health()
    async with projecting(room, health), serve_health(health, "127.0.0.1", 0) as port:
        await room.write(room.family.events.name, events[:2])
        await until(lambda: has_totals(room, {"a": 2}))
        await room.write(room.family.events.name, events[2:])
        reason = await until(lambda: has_stopped(health))
        assert reason is not None
        answer = await ready(port)
        assert answer.status_code == 503
        assert reason in answer.text
        assert f"{room.family.events.name}/" in reason
        await room.write(room.family.events.name, room.decided(Add(account="b", amount=1), book=BOOK))
    # An altered event is seen by the one that follows it in its chain, so at most it alone has been applied.
    assert (await room.totals())["a"] in ((2, 11) if damage == "altered" else (2,))
    assert "b" not in await room.totals()
    again = Health()
    async with projecting(room, again):
        await until(lambda: has_stopped(again))


async def ready(port: int) -> httpx2.Response:
    async with httpx2.AsyncClient() as http:
        return await http.get(f"http://127.0.0.1:{port}/readyz")


async def test_a_projector_that_lost_its_partition_writes_nothing(room: Room) -> None:
    await room.write(room.family.events.name, room.decided(Add(account="a", amount=1), book=BOOK))
    records = await room.read(room.family.events.name)
    partition = records[0].partition
    projector, owner = Projector(room.projection), Projector(room.projection)
    async with open_pool(room.settings.postgres_dsn, schema=room.schema) as pool:
        async with pool.acquire() as connection:
            stale = await projector.claim(connection, [partition])
            fresh = await owner.claim(connection, [partition])
            for claim, fenced in ((stale, True), (fresh, False)):
                epochs = {number: epoch for number, (_, epoch) in claim.items()}
                applied = projector.apply(connection, records, {partition: records[-1].offset + 1}, epochs)
                if fenced:
                    with pytest.raises(ProjectionFenced):
                        await applied
                    assert await room.totals() == {}
                else:
                    assert await applied == 1
        assert await room.totals() == {"a": 1}


async def test_two_projectors_share_the_partitions_and_take_over_from_each_other(room: Room) -> None:
    books = [*room.books(0, 2), *room.books(1, 2)]
    async with projecting(room, Health()):
        async with projecting(room, Health(), gently=False):
            for number, book in enumerate(books):
                pairs = room.decided(Add(account=f"a{number}", amount=1), book=book)
                await room.write(room.family.events.name, pairs)
            await until(lambda: has_totals(room, {f"a{number}": 1 for number in range(4)}))
        for number, book in enumerate(books):
            pairs = room.decided(Add(account=f"a{number}", amount=1), book=book)
            await room.write(room.family.events.name, pairs)
        await until(lambda: has_totals(room, {f"a{number}": 2 for number in range(4)}), within_s=30)


async def test_a_reader_can_wait_for_a_position(room: Room) -> None:
    async with open_pool(room.settings.postgres_dsn, schema=room.schema) as pool, projecting(room, Health()):
        assert not await wait_for_position(pool, room.projection.name, BOOK, 1, within_s=0.1)
        await room.write(room.family.events.name, room.decided(Add(account="a", amount=1), book=BOOK))
        assert await wait_for_position(pool, room.projection.name, BOOK, 1, within_s=20)
        assert await room.totals() == {"a": 1}
        assert not await wait_for_position(pool, room.projection.name, BOOK, 2, within_s=0.1)


async def test_a_rebuild_under_load_gives_equal_tables_and_the_projection_goes_on(room: Room) -> None:
    books = [*room.books(0, 3), *room.books(1, 3)]
    enough = asyncio.Event()
    rounds = 0

    async def load() -> None:
        nonlocal rounds
        while not enough.is_set():
            for book in books:
                # An account is full after 100; a book never is.
                pairs = room.decided(Add(account=f"{book}/{rounds // 50}", amount=1), book=book)
                await room.write(room.family.events.name, pairs)
            rounds += 1

    async with projecting(room, Health()):
        loading = asyncio.create_task(load())
        await until(lambda: are_all(room, books, at_least=1))
        # A row that the rebuild must correct, else it could as well have kept the old table.
        await room.execute("UPDATE accounts SET book = 'spoilt'")
        applied = await rebuild(room.settings, room.schema, room.migrations, room.projection)
        so_far = max((await sums(room)).values())
        await until(lambda: are_all(room, books, at_least=so_far + 1))
        enough.set()
        await loading
        await until(lambda: are_all(room, books, at_least=rounds))
    assert await sums(room) == dict.fromkeys(books, rounds)
    assert applied >= len(books)
    assert await room.execute("SELECT account FROM accounts WHERE book = 'spoilt'") == []
    assert await room.execute("SELECT 1 FROM pg_namespace WHERE nspname = $1", f"{room.schema}_rebuild") == []
    assert await room.checkpoints() == await stable_ends(room)


async def are_all(room: Room, books: list[str], at_least: int) -> bool:
    found = await sums(room)
    return all(found.get(book, 0) >= at_least for book in books)


async def sums(room: Room) -> dict[str, int]:
    """Give the totals of all accounts of a book together."""
    found: dict[str, int] = {}
    for account, total in (await room.totals()).items():
        book = account.partition("/")[0]
        found[book] = found.get(book, 0) + total
    return found


async def stable_ends(room: Room) -> dict[int, int]:
    places = [TopicPartition(room.family.events.name, number) for number in range(PARTITIONS)]
    async with open_reader(room.settings.kafka_bootstrap, places) as reader:
        return {place.partition: end for place, end in (await reader.end_offsets(places)).items()}


async def test_a_rebuild_that_was_killed_leaves_the_tables_in_use_and_can_be_run_again(room: Room) -> None:
    events = [room.decided(Add(account="a", amount=1), book=BOOK) for _ in range(20)]
    async with projecting(room, Health()):
        for pairs in events:
            await room.write(room.family.events.name, pairs)
        await until(lambda: has_totals(room, {"a": 20}))
        for pauses in (1, 5, 20, 60):
            task = asyncio.create_task(rebuild(room.settings, room.schema, room.migrations, room.projection))
            for _ in range(pauses):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await room.totals() == {"a": 20}
        assert await rebuild(room.settings, room.schema, room.migrations, room.projection) == 20
        await room.write(room.family.events.name, room.decided(Add(account="b", amount=1), book=BOOK))
        await until(lambda: has_totals(room, {"a": 20, "b": 1}))
