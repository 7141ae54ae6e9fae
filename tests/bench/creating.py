"""How long an API create takes: one after another on an idle house, and at 200 a second."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import httpx2

from deploy.local.stack import Stack
from tests.bench.report import Figure, percentile
from tests.kit.bulk_api import a_customer

IDLE_REQUESTS = 200
LOADED_REQUESTS = 2_000
LOADED_PER_S = 200

Create = Callable[[int], Coroutine[Any, Any, float]]


async def measure(stack: Stack) -> list[Figure]:
    """Create mailboxes through the API and give percentiles of the answers' times."""
    with a_customer(stack) as customer:
        async with httpx2.AsyncClient(
            base_url=stack.url, headers=dict(customer.http.headers), timeout=30.0
        ) as http:

            async def create(number: int) -> float:
                started = time.perf_counter()
                answer = await http.post(
                    "/v1/mailboxes",
                    json={"address": f"{uuid4().hex}@{customer.domain}", "note": f"number {number}"},
                    headers={"Idempotency-Key": str(uuid4())},
                )
                answer.raise_for_status()
                return (time.perf_counter() - started) * 1000

            idle = [await create(number) for number in range(IDLE_REQUESTS)]
            loaded = await _at_rate(create)
    return [
        Figure(
            name="create, idle, p50", value=percentile(idle, 0.5), unit="ms", limit=40.0, limit_is="the goal"
        ),
        Figure(name="create, idle, p99", value=percentile(idle, 0.99), unit="ms"),
        Figure(name=f"create at {LOADED_PER_S}/s, p50", value=percentile(loaded, 0.5), unit="ms"),
        Figure(name=f"create at {LOADED_PER_S}/s, p99", value=percentile(loaded, 0.99), unit="ms"),
    ]


async def _at_rate(create: Create) -> list[float]:
    """Begin requests at even distances, whether or not the ones before have been answered."""
    began = time.perf_counter()
    running: list[asyncio.Task[float]] = []
    for number in range(LOADED_REQUESTS):
        await asyncio.sleep(max(0.0, began + number / LOADED_PER_S - time.perf_counter()))
        running.append(asyncio.create_task(create(number)))
    return await asyncio.gather(*running)
