"""Export of 100,000 rows as .xlsx, beside a bare loop of openpyxl in write-only mode."""

import asyncio
import time
from io import BytesIO

from openpyxl import Workbook

from contracts.ids import TenantId
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.kafka.clients import open_producer, partition_of
from tests.bench.commands import creations, settings_of
from tests.bench.report import Figure
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

ROWS = 100_000
LISTED_AT_MOST = 10_000  # where the list stops counting


async def measure(stack: Stack) -> list[Figure]:
    """Fill a tenant through the writer, export it, and write the same rows without us."""
    with a_customer(stack) as customer:
        await _fill(stack, customer)
        await asyncio.to_thread(eventually, lambda: customer.count() >= LISTED_AT_MOST, 120.0)
        rows, took_s = 0, 0.0
        while rows < ROWS:  # bulkio's own read model may still be on its way: the export says how far it was
            started = time.perf_counter()
            job, _ = await asyncio.to_thread(customer.exported)
            rows, took_s = job["rows"], time.perf_counter() - started
    return [
        Figure(
            name="export 100,000 rows, xlsx, downloaded",
            value=ROWS / took_s,
            unit="rows/s",
            limit=ROWS / _bare(customer.domain),
            limit_is="bare openpyxl in write-only mode",
        )
    ]


async def _fill(stack: Stack, customer: Customer) -> None:
    settings = settings_of(stack)
    async with open_producer(settings.kafka_bootstrap) as producer:
        sent = [
            await producer.send(
                MAILBOX.commands.name, value, domain.encode(), partition_of(domain, settings.partitions)
            )
            for domain, value in creations(TenantId(customer.tenant), [customer.domain], ROWS)
        ]
        for future in sent:
            await future


def _bare(domain: str) -> float:
    started = time.perf_counter()
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Mailboxes")
    sheet.append(("Email", "Note"))
    for number in range(ROWS):
        sheet.append((f"employee.{number}@{domain}", f"desk {number}"))
    workbook.save(BytesIO())
    return time.perf_counter() - started
