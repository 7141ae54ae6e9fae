"""How long list pages of 1,000,000 mailboxes take: every kind of filter, in every order, first and deep.

It fills a database of its own beside the stack's. Alone, `python -m tests.bench.list_pages DSN` also prints the times of
each kind of list, and the plan of the worst statement. A deep page is one that begins half-way or near the end of all.
"""

import asyncio
import math
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
from msgspec import Struct

from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.views.mailbox import MailboxRow
from deploy.local.stack import Stack
from services.gateway import mailbox_pages
from services.gateway.mailbox_list import (
    KEYS,
    TOTAL_MAX,
    MailboxList,
    OrderColumn,
    PageAsked,
    Place,
    Total,
    rendering,
)
from services.gateway.mailbox_pages import list_mailboxes
from services.runtime.filtering import compile_filter
from services.runtime.postgres import migrate, open_pool
from tests.bench.report import Figure, percentile

MAILBOXES = 1_000_000
DOMAINS = 240
BIG_DOMAIN_MAILBOXES = 300_000
OTHER_TENANTS = 20_000
PAGE_SIZES = (50, 500)
ROUNDS = 1
PAGES = 4
DEEP_AT = (0.5, 0.95)
TENANT = "00000000-0000-7000-8000-000000000001"
OTHER = "00000000-0000-7000-8000-000000000002"
START = datetime(2025, 1, 1, tzinfo=UTC)
MIGRATIONS = Path(__file__).parents[2] / "services/gateway/migrations"

COLUMNS = MailboxRow.__struct_fields__
WORDS = ("sales", "support", "berlin", "office", "vip", "temp", "backup", "intern", "audit", "night")

FILTERS = {
    "everything": "",
    "big domain": "domain = d120.example",
    "small domain": "domain = d007.example",
    "no such domain": "domain = nobody.example",
    "all but big domain": "domain != d120.example",
    "two domains": "domain = d003.example OR domain = d230.example",
    "domains by prefix": "domain = d1*",
    "one address": "address = ina.000777@d120.example",
    "address prefix": "address = ina*",
    "rare address prefix": "address = ina.0007*",
    "not address": "address != ina.000777@d120.example",
    "whole domain as address": "address = *@d120.example",
    "local part": "local_part = ina.000777",
    "not local part": "local_part != ina.000777",
    "active": "status = active",
    "not active": "status != active",
    "suspended (rare)": "status = suspended",
    "deleted (one domain)": "status = deleted",
    "deleted elsewhere (none)": "status = deleted AND domain = d120.example",
    "no password": "has_password = false",
    "self-service, no password": "self_service = true AND has_password = false",
    "note, common word": "note:office",
    "note, rare word": "note:unicorn",
    "note, no such word": "note:zzzz",
    "note, prefix": "note:a",
    "no password, rare word": "has_password = false AND note:unicorn",
    "two common words": 'note:"sales support"',
    "common word in small domain": "note:office AND domain = d007.example",
    "common word in big domain": "note:office AND domain = d120.example",
    "created in one day": "created_at >= 2025-06-01T00:00:00Z AND created_at < 2025-06-02T00:00:00Z",
    "created in half": "created_at >= 2025-06-01T00:00:00Z",
    "created at the end": "created_at >= 2025-12-20T00:00:00Z",
    "never created": "created_at < 2024-01-01T00:00:00Z",
    "changed lately": "changed_at >= 2026-01-20T00:00:00Z",
    "created late, no password": "created_at >= 2025-12-01T00:00:00Z AND has_password = false",
    "created early in last domain": "created_at < 2025-02-01T00:00:00Z AND domain = d239.example",
    "deleted and new (none)": "status = deleted AND created_at >= 2025-12-20T00:00:00Z",
    "either of two rare": "note:unicorn OR status = suspended",
    "either of two": "note:office OR status = suspended",
    "nothing of anything": "NOT (status = active OR status = suspended OR status = deleted)",
    "neither common": "NOT (note:office OR note:sales OR note:support OR note:berlin OR note:vip)",
    "opposites": "local_part = ina* AND note:night AND created_at >= 2025-12-01T00:00:00Z AND status != deleted",
    "big domain, early": "domain = d120.example AND created_at < 2025-01-20T00:00:00Z",
}
ORDERS: tuple[tuple[OrderColumn, bool], ...] = (
    ("address", False),
    ("address", True),
    ("created_at", False),
    ("created_at", True),
    ("changed_at", True),
)


HEADING = f"{'filter':32} {'order':16} {'pages':>5} {'short':>5}   {'wall ms p50':>11} {'p99':>7}   {'server ms p50':>13} {'p99':>7} {'worst':>7}"


class Sample(Struct, frozen=True):
    """One page: time as seen by the caller, time of the server's processor, and whether a walk ended its budget."""

    wall_ms: float
    server_ms: float
    short: bool
    deep: bool


class Result(Struct, frozen=True):
    """The pages of one filter in one order."""

    label: str
    order: str
    samples: list[Sample]

    def line(self) -> str:
        wall = sorted(sample.wall_ms for sample in self.samples)
        server = sorted(sample.server_ms for sample in self.samples)
        p99 = math.ceil(len(wall) * 0.99) - 1
        short = sum(sample.short for sample in self.samples)
        return (
            f"{self.label:32} {self.order:16} {len(wall):5} {short:5}   {wall[len(wall) // 2]:11.1f} {wall[p99]:7.1f}   "
            f"{server[len(server) // 2]:13.1f} {server[p99]:7.1f} {server[-1]:7.1f}"
        )


def rows() -> Iterator[tuple[object, ...]]:
    """A tenant whose domains were imported one after another, with one very large and one whose mailboxes are deleted."""
    random_ = random.Random(7)
    sizes = [1 + math.floor((MAILBOXES - BIG_DOMAIN_MAILBOXES) / (DOMAINS - 1)) for _ in range(DOMAINS)]
    sizes[120] = BIG_DOMAIN_MAILBOXES
    places = ((domain, number) for domain, size in enumerate(sizes) for number in range(size))
    for made, (domain, number) in enumerate(islice(places, MAILBOXES), start=1):
        yield _row(random_, TENANT, f"d{domain:03}.example", number, made, deleted=domain == 200)
    for number in range(OTHER_TENANTS):
        yield _row(random_, OTHER, "other.example", number, MAILBOXES + number + 1, deleted=False)


def _row(
    random_: random.Random, tenant: str, domain: str, number: int, made: int, *, deleted: bool
) -> tuple[object, ...]:
    created = START + timedelta(seconds=31 * made)
    name = random_.choice(("ina", "otto", "maria", "info", "li"))
    note = " ".join(random_.sample(WORDS, random_.randrange(4)))
    if made % 9_973 == 0:
        note += " unicorn"
    suspended = made % 1_009 == 0
    status = "deleted" if deleted else "suspended" if suspended else "active"
    return (
        f"00000000-0000-7000-9000-{made:012}", tenant, domain, f"{name}.{number:06}", note, status, suspended,
        random_.random() < 0.3, None if random_.random() < 0.1 else f"c-{made}", 1, None, None, 1,
        created, created + timedelta(days=random_.random() * 20),
    )  # fmt: skip


async def seed(dsn: str) -> None:
    await migrate(dsn, "gateway", MIGRATIONS)
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT count(*) FROM gateway.mailboxes") < MAILBOXES:
            print("seeding …", file=sys.stderr)
            await connection.copy_records_to_table(
                "mailboxes", schema_name="gateway", columns=COLUMNS, records=rows()
            )
            await connection.execute("VACUUM ANALYZE gateway.mailboxes")
    finally:
        await connection.close()


def _cpu_ms(pid: int) -> float:
    """The server process's own time on a processor, which other work on the machine does not stretch."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


async def _places(pool: asyncpg.Pool, order: OrderColumn, *, descending: bool) -> list[Place]:
    """Give where a page half-way, and one near the end, of all the tenant's mailboxes begins."""
    keys = KEYS[order]
    columns = ", ".join(f"{key}{' DESC' if descending else ''}" for key in keys)
    statement = (
        f"SELECT {', '.join(keys)} FROM mailboxes WHERE tenant = $1 ORDER BY {columns} OFFSET $2 LIMIT 1"
    )
    rows = [await pool.fetchrow(statement, TENANT, int(MAILBOXES * part)) for part in DEEP_AT]
    return [tuple(row) for row in rows if row is not None]


async def _one_list(
    pool: asyncpg.Pool, pid: int, asked: PageAsked, text: str, pages: int = PAGES
) -> list[Sample]:
    samples: list[Sample] = []
    deep = asked.after is not None
    for _ in range(pages):
        compiled = compile_filter(text, MAILBOX_FILTER_FIELDS, 2)
        started, cpu = time.perf_counter(), _cpu_ms(pid)
        page = await list_mailboxes(pool, TENANT, compiled, asked)
        short = len(page.rows) < asked.size and page.next_after is not None
        samples.append(Sample((time.perf_counter() - started) * 1000, _cpu_ms(pid) - cpu, short, deep))
        if page.next_after is None:
            break
        asked = msgspec.structs.replace(asked, after=page.next_after, total=page.total)
    return samples


async def _time_lists(pool: asyncpg.Pool) -> list[Result]:
    pid = await pool.fetchval("SELECT pg_backend_pid()")
    places = {each: await _places(pool, each[0], descending=each[1]) for each in ORDERS}
    results: list[Result] = []
    for label, text in FILTERS.items():
        for order, descending in ORDERS:
            samples: list[Sample] = []
            for size in PAGE_SIZES:
                for _ in range(ROUNDS):
                    asked = PageAsked(size=size, order=order, descending=descending)
                    samples += await _one_list(pool, pid, asked, text)
                for place in places[order, descending]:
                    known = Total(TOTAL_MAX, False)
                    asked = PageAsked(size=size, order=order, descending=descending, after=place, total=known)
                    samples += await _one_list(pool, pid, asked, text, pages=1)
            result = Result(label, f"{order}{' desc' if descending else ''}", samples)
            results.append(result)
    return results


async def explain(pool: asyncpg.Pool, result: Result) -> None:
    """Print the plans of both ways to the first large page of a list, as the server carried them out."""
    column, _, direction = result.order.partition(" ")
    asked = PageAsked(
        size=max(PAGE_SIZES), order=msgspec.convert(column, OrderColumn), descending=direction == "desc"
    )
    compiled = compile_filter(FILTERS[result.label], MAILBOX_FILTER_FIELDS, 2)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(mailbox_pages._PLANNER_SETTINGS)
        compiled = compiled.rendered(rendering(await mailbox_pages._common_words(connection, compiled)))
        domains = await mailbox_pages._possible_domains(connection, TENANT, compiled, None)
        wanted = MailboxList(TENANT, compiled, asked, domains)
        for statement in (wanted.gather(), wanted.walk(), wanted.walk_count()):
            plan = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {statement.sql}", *statement.arguments)
            print("\n" + "\n".join(line[0][:200] for line in plan))
            await connection.execute(mailbox_pages._WALK_SETTINGS)


async def measure(stack: Stack) -> list[Figure]:
    """Fill a database beside the stack's own, and time every kind of list in it."""
    name = "list_pages"
    admin = await asyncpg.connect(stack.dsn)
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    dsn = urlsplit(stack.dsn)._replace(path=f"/{name}").geturl()
    await seed(dsn)
    async with open_pool(dsn, schema="gateway", max_size=1) as pool:
        samples = [sample for result in await _time_lists(pool) for sample in result.samples]
    figures: list[Figure] = []
    for kind, deep in (("first", False), ("deep", True)):
        times = [sample.wall_ms for sample in samples if sample.deep == deep]
        named = f"{kind} list pages at 1,000,000 mailboxes ({len(times):,})"
        figures += [
            Figure(name=f"{named}, p50", value=percentile(times, 0.5), unit="ms"),
            Figure(
                name=f"{named}, p99",
                value=percentile(times, 0.99),
                unit="ms",
                limit=50.0,
                limit_is="the most allowed",
            ),
        ]
    return figures


async def main(dsn: str) -> None:
    """Print every kind of list, and the plans of the worst."""
    await seed(dsn)
    async with open_pool(dsn, schema="gateway", max_size=1) as pool:
        results = await _time_lists(pool)
        everything = Result("all of them", "", [sample for result in results for sample in result.samples])
        print("\n".join([HEADING, *(result.line() for result in results), everything.line()]))
        worst = max(results, key=lambda result: max(sample.server_ms for sample in result.samples))
        print(f"\nthe worst: {worst.label}, {worst.order}")
        await explain(pool, worst)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
