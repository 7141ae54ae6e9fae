"""Events per second of a projection made anew, beside COPY of as many rows into a bare table."""

import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

import services.mailbox
from contracts.views.mailbox import MailboxRow
from deploy.local.stack import Stack
from services.mailbox.projections import DIRECTORY
from services.runtime.kafka.rebuild import rebuild
from tests.bench.commands import settings_of
from tests.bench.report import Figure


async def measure(stack: Stack) -> list[Figure]:
    """Rebuild the directory over the whole log, then copy as many rows as it had events."""
    settings = settings_of(stack)
    migrations = Path(services.mailbox.__file__).parent / "migrations"
    started = time.perf_counter()
    events = await rebuild(settings, "mailbox", migrations, DIRECTORY)
    rate = events / (time.perf_counter() - started)
    return [
        Figure(
            name=f"projection rebuild, {events:,} events",
            value=rate,
            unit="1/s",
            limit=await _copy_rate(settings.postgres_dsn, events),
            limit_is="raw COPY of as many rows into a table without indexes",
        )
    ]


async def _copy_rate(dsn: str, count: int) -> float:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        (
            f"mailbox-{number:032}", "tenant", "d.example", f"employee.{number}", f"desk {number}", "active",
            False, False, None, 1, None, None, 1, moment, moment,
        )
        for number in range(count)
    ]  # fmt: skip
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            """
            CREATE TEMPORARY TABLE copied (
                mailbox_id text, tenant text, domain text, local_part text, note text, status text,
                suspended boolean, self_service boolean, credential_id text, generation bigint,
                archive_id text, expires_at timestamptz, version bigint, created_at timestamptz, changed_at timestamptz
            )
            """
        )
        started = time.perf_counter()
        await connection.copy_records_to_table("copied", records=rows, columns=MailboxRow.__struct_fields__)
        return count / (time.perf_counter() - started)
    finally:
        await connection.close()
