"""A writer that holds 1,000,000 mailboxes: how long it takes to restore them, and how much memory they need."""

import time

import psutil

from contracts.ids import TenantId
from deploy.local.stack import Stack
from services.runtime.ids import new_id
from services.runtime.kafka.clients import partition_of
from services.runtime.postgres import Connection, connect
from tests.bench.commands import settings_of
from tests.bench.report import Figure

MAILBOXES = 1_000_000
DOMAINS = 1_000


async def measure(stack: Stack) -> list[Figure]:
    """Fill the writer's snapshot tables directly, past the log, then restart the writer and wait until it is ready."""
    settings = settings_of(stack)
    stack.stop_role("mailbox-projector")
    stack.stop_role("mailbox-writer")
    async with connect(settings.postgres_dsn, search_path="mailbox") as connection:
        await _fill(connection, settings.partitions)
    started = time.perf_counter()
    stack.start_role("mailbox-writer")
    stack.wait_ready("mailbox-writer", within_s=180.0)
    took_s = time.perf_counter() - started
    memory_mb = psutil.Process(stack.pid("mailbox-writer")).memory_info().rss / 1e6
    return [
        Figure(
            name="restore 1,000,000 mailboxes",
            value=took_s,
            unit="s",
            limit=60.0,
            limit_is="the most allowed",
        ),
        Figure(name="writer holding them", value=memory_mb, unit="MB resident"),
    ]


async def _fill(connection: Connection, partitions: int) -> None:
    tenant = TenantId(new_id())
    domains = [f"restore{number}.example" for number in range(DOMAINS)]
    await connection.execute(
        """
        INSERT INTO domains (domain, tenant, status, mailbox_limit, mailboxes, version, created_at, changed_at)
        SELECT d, $2, 'active', NULL, $3, 2, now(), now() FROM unnest($1::text[]) AS d
        """,
        domains,
        tenant,
        MAILBOXES // DOMAINS,
    )
    await connection.execute(
        """
        INSERT INTO projection_streams (projection, stream, "partition", streamseq, tail_hash, last_time)
        SELECT 'directory', d, p, $3, repeat('0', 64), now() FROM unnest($1::text[], $2::int[]) AS n (d, p)
        """,
        domains,
        [partition_of(domain, partitions) for domain in domains],
        2 + MAILBOXES // DOMAINS,
    )
    await connection.execute(
        """
        INSERT INTO mailboxes (mailbox_id, tenant, domain, local_part, note, status, suspended, self_service,
            credential_id, generation, archive_id, expires_at, version, created_at, changed_at)
        SELECT gen_random_uuid()::text, $1, 'restore' || n % $3 || '.example', 'employee.' || n, 'desk ' || n, 'active',
            false, false, gen_random_uuid()::text, 1, NULL, NULL, 1, now(), now()
        FROM generate_series(1, $2) AS n
        """,
        tenant,
        MAILBOXES,
        DOMAINS,
    )
    await connection.execute("ANALYZE")
