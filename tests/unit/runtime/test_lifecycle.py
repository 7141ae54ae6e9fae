"""A role ends when it is told to or by a fault, never because a driver cancelled what one of its parts waited for."""

import asyncio

import pytest

from services.runtime.lifecycle import StrayCancellation, run_together, unless_cancelled


async def test_a_part_whose_wait_was_cancelled_by_a_driver_is_a_fault_of_the_role() -> None:
    waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    async def part() -> None:
        await waited

    async def other() -> None:
        await stop.wait()

    role = asyncio.create_task(run_together(stop, part(), other()))
    await asyncio.sleep(0)
    waited.cancel()
    with pytest.raises(ExceptionGroup) as ended:
        await role
    assert ended.group_contains(StrayCancellation)


async def test_a_part_that_ends_unbidden_is_a_fault_and_one_that_was_told_to_is_none() -> None:
    async def part() -> None:
        pass

    stop = asyncio.Event()
    with pytest.raises(ExceptionGroup):
        await run_together(stop, part())
    stop.set()
    await run_together(stop, part())


async def test_whoever_is_cancelled_is_cancelled() -> None:
    task = asyncio.create_task(unless_cancelled(asyncio.sleep(3_600)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
