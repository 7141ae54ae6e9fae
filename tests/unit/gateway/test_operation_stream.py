"""A stream of an operation: one push for each change, the end when it is done, seen no more, or the server stops."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from services.gateway.http import operation_stream
from services.gateway.http.operation_stream import Shown
from services.gateway.http.problems import Problem
from services.gateway.http.views import Operation, OperationMetadata
from services.gateway.stream_places import StreamPlaces, StreamsFull


def shown(state: str, *, done: bool = False) -> Shown:
    operation = Operation(
        name="operations/1", done=done, metadata=OperationMetadata(kind="import", state=state)
    )
    return lambda: operation


class House:
    """A gateway whose read model says one thing after another; a fault among them is raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *told: Shown | Exception) -> None:
        self.stopping = asyncio.Event()
        self.told: Iterator[Shown | Exception] = iter(told)
        self.admitted = True
        monkeypatch.setattr(operation_stream, "PUSH_INTERVAL_S", 0)
        monkeypatch.setattr(operation_stream, "LOOK_INTERVAL_S", 0)
        monkeypatch.setattr(operation_stream, "still_admitted", self.still_admitted)

    async def still_admitted(self, _request: object) -> object:
        return SimpleNamespace() if self.admitted else None

    async def find(self, _access: object, _id: str) -> Shown:
        told = next(self.told)
        if isinstance(told, Exception):
            raise told
        return told

    def pushes(self, first: Shown) -> AsyncGenerator[Any]:
        access: Any = SimpleNamespace(gateway=self)
        request: Any = None
        return operation_stream._pushes(request, access, "1", self.find, first)


async def seen(pushes: AsyncGenerator[Any]) -> list[tuple[str, str, str]]:
    return [described(each) async for each in pushes]


def described(push: Any) -> tuple[str, str, str]:
    return push.id, push.event, msgspec.json.decode(push.data)["metadata"]["state"]


async def test_each_change_is_pushed_once_and_the_last_push_says_that_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    applying, ended = shown("applying"), shown("finished", done=True)
    house = House(monkeypatch, applying, shown("applying"), ended, shown("never asked for"))
    assert await seen(house.pushes(shown("uploaded"))) == [
        ("1", "progress", "uploaded"),
        ("2", "progress", "applying"),
        ("3", "done", "finished"),
    ]


async def test_what_was_heard_is_pushed_without_asking_the_read_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(monkeypatch)
    monkeypatch.setattr(operation_stream, "LOOK_INTERVAL_S", 3_600)
    words = iter([shown("a"), shown("b"), shown("c", done=True)])
    assert [state for _, _, state in await seen(house.pushes(lambda: next(words)()))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "trouble",
    [Problem(HTTPStatus.NOT_FOUND, "operation_unknown"), ConnectionResetError()],
    ids=["gone", "outage"],
)
async def test_a_stream_is_cut_short_where_nothing_can_be_shown_any_more(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    house = House(monkeypatch, shown("b"), trouble, shown("c"))
    assert [state for _, _, state in await seen(house.pushes(shown("a")))] == ["a", "b"]


async def test_a_stream_ends_for_whom_the_gate_would_stop_now(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, shown("b"), shown("c"))
    pushes = house.pushes(shown("a"))
    assert described(await anext(pushes)) == ("1", "progress", "a")
    house.admitted = False
    assert await seen(pushes) == []


async def test_a_stream_ends_as_soon_as_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    monkeypatch.setattr(operation_stream, "PUSH_INTERVAL_S", 3_600)
    pushes = house.pushes(shown("a"))
    await anext(pushes)
    ending = asyncio.ensure_future(anext(pushes, None))
    house.stopping.set()
    async with asyncio.timeout(10):
        assert await ending is None


def test_everybody_has_so_many_places_and_gets_them_back() -> None:
    places = StreamPlaces(2)
    with places.place("ina"), places.place("ina"):
        with pytest.raises(StreamsFull), places.place("ina"):
            pass
        with places.place("bea"):
            pass
    with places.place("ina"), places.place("ina"):
        pass
    assert not places._open
