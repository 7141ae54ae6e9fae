"""How a role starts and ends: arguments, logs, signals, exit code."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, TypeVar, cast

import asyncpg
import uvloop

from services.runtime.logs import configure_logs, get_logger
from services.runtime.settings import RuntimeSettings

T = TypeVar("T")

Role = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, then ends in order. Whatever it raises ends the process with a code other than 0."""


class StrayCancellation(RuntimeError):
    """What a task waited for was cancelled by somebody else, and nobody cancelled the task."""


def run_role(service: str, settings: RuntimeSettings, roles: Mapping[str, Role], arguments: list[str]) -> int:
    """Run the role named by the first argument until SIGTERM or SIGINT. Gives the exit code.

    A fault is logged and ends the process; whoever supervises it starts it again, and it goes on from what the log
    and the checkpoints say.
    """
    if len(arguments) != 1 or arguments[0] not in roles:
        print(f"usage: python -m services.{service} {{{'|'.join(roles)}}}", file=sys.stderr)
        return 2
    name = arguments[0]
    configure_logs(service, name, settings.log_level)
    log = get_logger(__name__)
    log.info("role starts")
    keep_what_is_loaded()
    try:
        uvloop.run(_until_stopped(roles[name]))
    except Exception as fault:
        _withhold_rows(fault)
        log.exception("role ends by a fault")
        return 1
    log.info("role ends")
    return 0


def keep_what_is_loaded() -> None:
    """Leave what is in memory now out of all garbage collections to come: it stays for as long as the process does.

    The modules of the gateway are 116,000 objects. A full collection took 60 ms for them, in which nobody was answered.
    """
    gc.collect()
    gc.freeze()


def _withhold_rows(fault: BaseException) -> None:
    """Take the rows that PostgreSQL quotes in an error's detail out of it: they are personal data, the log is not."""
    if isinstance(fault, asyncpg.PostgresError):
        fault.detail = None
    linked = [fault.__cause__, fault.__context__]
    if isinstance(fault, BaseExceptionGroup):
        linked += cast("BaseExceptionGroup[BaseException]", fault).exceptions
    for each in linked:
        if each is not None:
            _withhold_rows(each)


async def _until_stopped(role: Role) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await unless_cancelled(role(stop))


async def run_together(stop: asyncio.Event, *parts: Awaitable[None]) -> None:
    """Run the parts of a role until all have ended. The first fault cancels the others and is raised."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(_part(part, stop))


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so many seconds, but no longer than until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def all_at_once(work: Iterable[Coroutine[Any, Any, T]], at_most: int | None = None) -> list[T]:
    """Do things at the same time, or `at_most` so many, and give what each gave. The first fault ends the others."""
    places = nullcontext() if at_most is None else asyncio.Semaphore(at_most)

    async def in_place(each: Coroutine[Any, Any, T]) -> T:
        async with places:
            return await each

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_place(each)) for each in work]
    return [task.result() for task in tasks]


async def unless_cancelled(work: Awaitable[T]) -> T:
    """Give what becomes of the work. Raises StrayCancellation where it was cancelled and the task around it was not.

    aiokafka cancels futures that others wait for when it loses its coordinator. To a task group a task that ends so has
    ended in order, so a part of a role would be gone and nobody would know.
    """
    try:
        return await work
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        assert task is not None, "only tasks wait"
        if task.cancelling():
            raise
        raise StrayCancellation("cancelled by somebody else") from cancelled


async def _part(part: Awaitable[None], stop: asyncio.Event) -> None:
    await unless_cancelled(part)
    if not stop.is_set():
        raise RuntimeError("a part of the role ended although nobody asked it to")
