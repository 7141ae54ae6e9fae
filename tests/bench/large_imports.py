"""One large csv import without passwords from upload to the last row listed, and what each process spends for a row.

`make bench ARGS=large-imports`; with `POSTFACH_BENCH_ROWS=1000000` it is the largest there may be. A tenth of that, as
it is without, tells the same but for deeper indexes and a broker that is warm.
"""

import asyncio
import time
from collections.abc import Iterator

from deploy.local.stack import Stack
from tests.bench.commands import LARGE_ROWS
from tests.bench.processor import child_pids, peak_mebibytes, processor_seconds
from tests.bench.report import Figure
from tests.kit.bulk_api import Customer, a_large_customer

ROWS = LARGE_ROWS
WARM_UP_ROWS = 5_000
GOAL_PER_S = 4_000
CORES = 2
LOOK_EVERY_S = 0.25
BULKIO = ("bulkio-writer", "bulkio-projector", "bulkio-reactor")
MEMORY_MB_MAX = 400.0


async def measure(stack: Stack) -> list[Figure]:
    """Import in a thread, since the client waits."""
    return await asyncio.to_thread(_measure, stack)


def _measure(stack: Stack) -> list[Figure]:
    with a_large_customer(stack) as customer:
        _imported(stack, customer, WARM_UP_ROWS)
    with a_large_customer(stack) as customer:
        before = processor_seconds(stack)
        took_s, reader_mb = _imported(stack, customer, ROWS)
        after = processor_seconds(stack)
    per_row = {part: (after[part] - before[part]) / ROWS * 1e6 for part in before}
    peaks = {part: peak_mebibytes(stack.pid(part)) for part in BULKIO} | {"reader of the file": reader_mb}
    largest = max(peaks, key=lambda part: peaks[part])
    return [
        Figure(
            name=f"import {ROWS:,} rows of csv, all listed",
            value=ROWS / took_s,
            unit="rows/s",
            limit=float(GOAL_PER_S),
            limit_is="the goal",
        ),
        *(
            Figure(name=f"  of processor time, {part}", value=spent, unit="µs/row")
            for part, spent in sorted(per_row.items(), key=lambda each: -each[1])
        ),
        Figure(
            name="  of processor time, all",
            value=sum(per_row.values()),
            unit="µs/row",
            limit=CORES * 1e6 / GOAL_PER_S,
            limit_is=f"the most that {CORES} cores have for the goal",
        ),
        Figure(
            name=f"  memory at most, {largest}",
            value=peaks[largest],
            unit="MB",
            limit=MEMORY_MB_MAX,
            limit_is="the most allowed",
        ),
    ]


def _imported(stack: Stack, customer: Customer, rows: int) -> tuple[float, float]:
    """Import so many rows, and give the seconds until the last is listed and the memory of the file's reader."""
    content = "".join(_lines(customer.domain, rows)).encode()
    started = time.perf_counter()
    job = customer.upload(content)
    reader_mb, done = 0.0, False
    while not done:
        readers = child_pids(stack, "bulkio-reactor")
        reader_mb = max([reader_mb, *(peak_mebibytes(pid) for pid in readers)])
        time.sleep(LOOK_EVERY_S)
        done = customer.get(f"/v1/imports/{job}")["done"]
    ended = customer.get(f"/v1/imports/{job}")
    assert (ended["state"], ended["created"]) == ("finished", rows), ended
    while customer.count(f'address = "employee.{rows - 1}@{customer.domain}"') == 0:
        time.sleep(LOOK_EVERY_S / 10)
    return time.perf_counter() - started, reader_mb


def _lines(domain: str, rows: int) -> Iterator[str]:
    yield "Email,Password,Note\n"
    for number in range(rows):
        yield f"employee.{number}@{domain},,desk {number}\n"
