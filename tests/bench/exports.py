"""A large export as .xlsx and as csv, beside a bare loop of openpyxl in write-only mode over the same rows.

Both are told by the clock, from the order to the last byte downloaded, and by processor time, which says the same on a
machine that others use.
"""

import asyncio
import time
from io import BytesIO

from openpyxl import Workbook

from contracts.ids import TenantId
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.kafka.clients import open_producer, partition_of
from tests.bench.commands import LARGE_ROWS, creations, settings_of, until_counted
from tests.bench.processor import peak_mebibytes, processor_seconds
from tests.bench.report import Figure
from tests.kit.bulk_api import Customer, a_customer

ROWS = LARGE_ROWS
WITHIN_S = 900.0
XLSX_PART = 0.85
CSV_TIMES = 5


async def measure(stack: Stack) -> list[Figure]:
    """Fill a tenant through the writer, export it twice, and write the same rows without us."""
    with a_customer(stack) as customer:
        await _fill(stack, customer)
        await _all_read(stack, customer)
        csv_s, csv_us = await asyncio.to_thread(_exported, stack, customer, "csv")
        xlsx_s, xlsx_us = await asyncio.to_thread(_exported, stack, customer, "xlsx")
    bare_s, bare_us = _bare(customer.domain)
    bare = ROWS / bare_s
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
        _processor_time("xlsx", xlsx_us, bare_us / XLSX_PART),
        _processor_time("csv", csv_us, bare_us / CSV_TIMES),
        Figure(
            name="  memory at most, bulkio-reactor",
            value=peak_mebibytes(stack.pid("bulkio-reactor")),
            unit="MB",
            limit=400.0,
            limit_is="the most allowed",
        ),
    ]


def _processor_time(file_format: str, spent_us: float, limit_us: float) -> Figure:
    return Figure(
        name=f"  of processor time, bulkio-reactor, {file_format}",
        value=spent_us,
        unit="µs/row",
        limit=limit_us,
        limit_is="the most for that, by what bare openpyxl spends",
    )


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


async def _all_read(stack: Stack, customer: Customer) -> None:
    """Wait until every read model has the rows: those that are still on their way take time from the exports."""
    for schema in ("bulkio", "gateway", "mailbox"):
        counted = f"SELECT count(*) FROM {schema}.mailboxes WHERE tenant = $1"
        await until_counted(stack, counted, customer.tenant, ROWS, WITHIN_S)


def _exported(stack: Stack, customer: Customer, file_format: str) -> tuple[float, float]:
    """Export all rows. Give the seconds until the last byte is here, and the reactor's processor time in µs a row."""
    before = processor_seconds(stack)["bulkio-reactor"]
    started = time.perf_counter()
    operation = customer.post("/v1/exports", json={"format": file_format})
    job = customer.ended("exports", operation["name"].removeprefix("operations/"), WITHIN_S)
    assert (job["state"], job["rows"]) == ("finished", ROWS), job
    with customer.http.stream("GET", f"/v1/exports/{job['job_id']}/file") as file:
        size_bytes = sum(len(piece) for piece in file.iter_bytes())
    assert size_bytes == job["size_bytes"]
    took_s = time.perf_counter() - started
    return took_s, (processor_seconds(stack)["bulkio-reactor"] - before) / ROWS * 1e6


def _bare(domain: str) -> tuple[float, float]:
    """Write the same rows without us, and give the seconds, and the processor time in µs a row."""
    started, before = time.perf_counter(), time.process_time()
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Mailboxes")
    sheet.append(("Email", "Note"))
    for number in range(ROWS):
        sheet.append((f"employee.{number}@{domain}", f"desk {number}"))
    workbook.save(BytesIO())
    return time.perf_counter() - started, (time.process_time() - before) / ROWS * 1e6
