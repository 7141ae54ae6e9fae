"""A large export as .xlsx and as csv, beside a bare loop of openpyxl in write-only mode over the same rows."""

import asyncio
import time
from io import BytesIO

from openpyxl import Workbook

from contracts.ids import TenantId
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.kafka.clients import open_producer, partition_of
from tests.bench.commands import LARGE_ROWS, creations, settings_of
from tests.bench.processor import peak_mebibytes
from tests.bench.report import Figure
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

ROWS = LARGE_ROWS
LISTED_AT_MOST = 10_000  # where the list stops counting
WITHIN_S = 900.0
XLSX_PART = 0.85
CSV_TIMES = 5


async def measure(stack: Stack) -> list[Figure]:
    """Fill a tenant through the writer, export it twice, and write the same rows without us."""
    with a_customer(stack) as customer:
        await _fill(stack, customer)
        await asyncio.to_thread(eventually, lambda: customer.count() >= LISTED_AT_MOST, WITHIN_S)
        csv_s = await asyncio.to_thread(_exported, customer, "csv")
        xlsx_s = await asyncio.to_thread(_exported, customer, "xlsx")
    bare = ROWS / _bare(customer.domain)
    return [
        Figure(
            name=f"export {ROWS:,} rows, xlsx, downloaded",
            value=ROWS / xlsx_s,
            unit="rows/s",
            limit=bare,
            limit_is=f"bare openpyxl in write-only mode (goal: {XLSX_PART})",
        ),
        Figure(
            name=f"export {ROWS:,} rows, csv, downloaded",
            value=ROWS / csv_s,
            unit="rows/s",
            limit=CSV_TIMES * bare,
            limit_is=f"{CSV_TIMES} times bare openpyxl",
        ),
        Figure(
            name="  memory at most, bulkio-reactor",
            value=peak_mebibytes(stack.pid("bulkio-reactor")),
            unit="MB",
            limit=400.0,
            limit_is="the most allowed",
        ),
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


def _exported(customer: Customer, file_format: str) -> float:
    """Export all rows, and give the seconds until the last byte is here.

    Bulkio's own read model may still be on its way: then the export says how far it was, and is made again.
    """
    while True:
        started = time.perf_counter()
        operation = customer.post("/v1/exports", json={"format": file_format})
        job = customer.ended("exports", operation["name"].removeprefix("operations/"), WITHIN_S)
        assert job["state"] == "finished", job
        with customer.http.stream("GET", f"/v1/exports/{job['job_id']}/file") as file:
            size_bytes = sum(len(piece) for piece in file.iter_bytes())
        assert size_bytes == job["size_bytes"]
        if job["rows"] == ROWS:
            return time.perf_counter() - started


def _bare(domain: str) -> float:
    started = time.perf_counter()
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Mailboxes")
    sheet.append(("Email", "Note"))
    for number in range(ROWS):
        sheet.append((f"employee.{number}@{domain}", f"desk {number}"))
    workbook.save(BytesIO())
    return time.perf_counter() - started
