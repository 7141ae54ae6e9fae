"""Places that tenants share evenly, however many of them one asks for."""

import asyncio
from collections import Counter

import pytest

from services.bulkio.fair_places import FairPlaces


class Work:
    """Pieces of work that hold a place each until they are let go."""

    def __init__(self, places: int) -> None:
        self.places = FairPlaces(places)
        self.holding: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self, owner: str, count: int) -> None:
        self.tasks += [asyncio.create_task(self._piece(owner)) for _ in range(count)]
        await asyncio.sleep(0)

    async def _piece(self, owner: str) -> None:
        await self.places.take(owner)
        done = asyncio.Event()
        self.holding.append((owner, done))
        try:
            await done.wait()
        finally:
            self.places.give_back(owner)

    async def end(self, count: int) -> None:
        """Let the pieces that have held their places longest go, one after another."""
        for _ in range(count):
            _, done = self.holding.pop(0)
            done.set()
            for _ in range(3):
                await asyncio.sleep(0)

    def held(self) -> Counter[str]:
        return Counter(owner for owner, _ in self.holding)


@pytest.fixture
async def work() -> Work:
    return Work(10)


async def test_one_alone_may_have_all_places_and_no_more(work: Work) -> None:
    await work.begin("a", 25)
    assert work.held() == {"a": 10}
    await work.end(10)
    assert work.held() == {"a": 10}


async def test_a_newcomer_has_its_share_as_soon_as_enough_was_given_back(work: Work) -> None:
    await work.begin("a", 100)
    await work.begin("b", 100)
    assert work.held() == {"a": 10}
    await work.end(5)
    assert work.held() == {"a": 5, "b": 5}
    await work.end(20)
    assert work.held() == {"a": 5, "b": 5}


async def test_one_with_little_work_is_never_behind_one_with_much(work: Work) -> None:
    await work.begin("a", 100)
    await work.begin("b", 1)
    await work.end(1)
    assert work.held() == {"a": 9, "b": 1}


async def test_places_that_nobody_else_wants_any_more_go_back_to_the_other(work: Work) -> None:
    await work.begin("a", 100)
    await work.begin("b", 5)
    await work.end(20)
    assert work.held() == {"a": 10}


async def test_whoever_ends_while_waiting_or_holding_leaves_no_place_behind(work: Work) -> None:
    await work.begin("a", 20)
    await work.begin("b", 20)
    for task in work.tasks:
        task.cancel()
    await asyncio.gather(*work.tasks, return_exceptions=True)
    work.holding.clear()
    await work.begin("c", 20)
    assert work.held() == {"c": 10}


async def test_a_place_given_in_the_moment_of_the_end_is_given_on(work: Work) -> None:
    await work.begin("a", 11)
    _, done = work.holding.pop(0)
    done.set()
    await asyncio.sleep(0)  # the first has given its place to the eleventh, which has not been told yet
    work.tasks[10].cancel()
    await work.begin("b", 1)
    await asyncio.sleep(0)
    assert work.held() == {"a": 9, "b": 1}
