"""5,000 rows from upload to all listed: without passwords, and with them beside Argon2id alone on all cores."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import uuid4

from argon2 import PasswordHasher
from openpyxl import Workbook

from deploy.local.stack import Stack
from tests.bench.processor import processor_seconds
from tests.bench.report import Figure, percentile
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

ROWS = 5_000
PURE_HASHES = 400
PART_OF_PURE = 0.90
CREATE_EVERY_S = 0.2


async def measure(stack: Stack) -> list[Figure]:
    """Import twice, in threads, since the client waits; meanwhile time single creates."""
    return await asyncio.to_thread(_measure, stack)


def _measure(stack: Stack) -> list[Figure]:
    with a_customer(stack) as customer:
        plain_s, _ = _imported(customer, with_passwords=False)
    pure, pure_ms = _pure_hashes()
    with a_customer(stack) as customer:
        before = processor_seconds(stack)
        hashed_s, creates_s = _imported(customer, with_passwords=True)
        after = processor_seconds(stack)
    spent_ms = sum(after[part] - before[part] for part in before) / ROWS * 1000
    return [
        Figure(
            name="import 5,000 rows, all listed",
            value=plain_s,
            unit="s",
            limit=2.5,
            limit_is="the most allowed",
        ),
        Figure(
            name="import 5,000 rows with passwords",
            value=ROWS / hashed_s,
            unit="rows/s",
            limit=pure,
            limit_is=f"Argon2id alone on all cores (goal: {PART_OF_PURE})",
        ),
        Figure(
            name="  of processor time, all",
            value=spent_ms,
            unit="ms/row",
            limit=pure_ms / PART_OF_PURE,
            limit_is=f"the most for {PART_OF_PURE}, by what a hash alone spends",
        ),
        Figure(
            name="  creates meanwhile, p99",
            value=percentile(creates_s, 0.99),
            unit="s",
            limit=1.0,
            limit_is="the most allowed",
        ),
    ]


def _imported(customer: Customer, *, with_passwords: bool) -> tuple[float, list[float]]:
    """Import, and give the seconds until all is listed and those that each create meanwhile took."""
    content = _workbook(customer.domain, with_passwords=with_passwords)
    creates_s: list[float] = []
    started = time.perf_counter()
    job = customer.upload(content)
    while with_passwords and not customer.http.get(f"/v1/imports/{job}").json().get("done"):
        began = time.perf_counter()
        customer.post("/v1/mailboxes", json={"address": f"{uuid4().hex}@{customer.domain}"})
        creates_s.append(time.perf_counter() - began)
        time.sleep(CREATE_EVERY_S)
    eventually(lambda: customer.count("address = employee*") == ROWS, 120.0)
    return time.perf_counter() - started, creates_s


def _workbook(domain: str, *, with_passwords: bool) -> bytes:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Mailboxes")
    sheet.append(("Email", "Password", "Note"))
    for number in range(ROWS):
        password = f"{uuid4().hex}-{number}" if with_passwords else None
        sheet.append((f"employee.{number}@{domain}", password, f"desk {number}"))
    written = BytesIO()
    workbook.save(written)
    return written.getvalue()


def _pure_hashes() -> tuple[float, float]:
    """Hash on every core with nothing else to do, the house being up but idle; give hashes a second, and ms of each."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        started, before = time.perf_counter(), time.process_time()
        for _ in threads.map(hasher.hash, (f"password {number}" for number in range(PURE_HASHES))):
            pass
        took_s, spent_s = time.perf_counter() - started, time.process_time() - before
        return PURE_HASHES / took_s, spent_s / PURE_HASHES * 1000
