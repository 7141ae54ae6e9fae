"""Long work that reactors find and carry out: several pieces at once, each in one process at a time.

A lock of PostgreSQL that ends with this process says who works on what. It only saves work: should two processes ever
work on one piece, their commands must have the same ids.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self
from weakref import WeakValueDictionary

from services.runtime.lifecycle import unless_cancelled
from services.runtime.postgres import Pool

_LOCK_SQL: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK_SQL: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"


class ClaimedWork:
    """The work of one process. A fault of it ends the process. Used as a context, which on leaving drops all work.

    Each piece holds one connection of the pool for its lock, besides those that it asks with. The pieces of one owner
    never take all places, so nobody's many or long ones keep out everybody else's.
    """

    def __init__(self, pool: Pool, at_once: int) -> None:
        self._pool = pool
        self._places = asyncio.Semaphore(at_once)
        self._places_of_one = max(1, at_once - 1)
        # The places of an owner go with the last piece that needs them.
        self._owned: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._fault.cancel()

    def __contains__(self, name: str) -> bool:
        return name in self._running

    def begin(self, name: str, work: Callable[[], Awaitable[None]], owner: str) -> None:
        """Carry out `work`, unless a process works on this name already."""
        if name in self._running:
            return
        owned = self._owned.get(owner)
        if owned is None:
            self._owned[owner] = owned = asyncio.Semaphore(self._places_of_one)
        task = asyncio.create_task(self._carry_out(name, work, owned))
        self._running[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    async def watch(self, stop: asyncio.Event) -> None:
        """Wait until `stop` is set. Raises the first fault of the work."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, self._fault], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if self._fault.done():
            self._fault.result()

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._running[name]
        if not task.cancelled() and (error := task.exception()) is not None and not self._fault.done():
            self._fault.set_exception(error)

    async def _carry_out(
        self, name: str, work: Callable[[], Awaitable[None]], owned: asyncio.Semaphore
    ) -> None:
        async with owned, self._places, self._pool.acquire() as connection:
            if not await connection.fetchval(_LOCK_SQL, name):
                return
            try:
                await unless_cancelled(work())
            finally:
                await connection.execute(_UNLOCK_SQL, name)
