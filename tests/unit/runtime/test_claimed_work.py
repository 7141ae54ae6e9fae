"""Claimed work: several pieces at once, and never all places for one owner."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.runtime.claimed_work import ClaimedWork
from tests.kit.room import until


class FreePool:
    """A pool whose every lock is free."""

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["FreePool"]:
        yield self

    async def fetchval(self, *_query: object) -> bool:
        return True

    async def execute(self, *_query: object) -> None: ...


async def settled(condition: Callable[[], bool]) -> None:
    async def met() -> bool:
        return condition()

    await until(met)


async def test_the_many_pieces_of_one_owner_leave_a_place_for_another() -> None:
    pool: Any = FreePool()
    begun: list[str] = []
    going = asyncio.Event()

    def piece(name: str) -> Callable[[], Any]:
        async def work() -> None:
            begun.append(name)
            await going.wait()

        return work

    async with ClaimedWork(pool, 3) as work:
        for number in range(5):
            work.begin(f"busy-{number}", piece(f"busy-{number}"), owner="busy")
        work.begin("other", piece("other"), owner="other")
        await settled(lambda: "other" in begun)
        assert begun == ["busy-0", "busy-1", "other"]
        going.set()
        await settled(lambda: len(begun) == 6)


async def test_a_single_place_is_everybodys() -> None:
    pool: Any = FreePool()
    begun: list[str] = []

    async def work_on() -> None:
        begun.append("done")

    async with ClaimedWork(pool, 1) as work:
        work.begin("one", work_on, owner="one")
        work.begin("two", work_on, owner="two")
        await settled(lambda: len(begun) == 2)
