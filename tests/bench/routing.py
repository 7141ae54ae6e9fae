"""How long it takes to find out who gets an address in a domain of 10,000 rules, in SQL and in Python.

The sets differ in which text of theirs tells the rules apart: how they begin, how they end, what is between. In the
hostile one nothing does that is cheaper than a full match of each.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

import services.mailbox
from contracts.recipients import prefixes_of, resolve, suffixes_of
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import RuleRow
from deploy.local.stack import Stack
from services.mailbox.projections import DIRECTORY
from services.runtime.postgres import Connection, connect, migrate
from tests.bench.report import Figure, percentile
from tests.kit.given import mailbox_id
from tests.kit.restoring import own_schema
from tests.kit.rows import domain_row, mailbox_row, rule_row

RULES: Final = 10_000
MEASURED_S: Final = 2.0
LOOK_UP_MS_MAX: Final = 1.0
MIGRATIONS: Final = Path(services.mailbox.__file__).parent / "migrations"
STORES: Final = {table.name: table.store() for table in DIRECTORY.tables}


class RuleSet(Struct, frozen=True):
    """Rules of one domain and addresses to ask for; the goal is for all but the hostile one."""

    name: str
    domain: str
    patterns: Sequence[str]
    local_parts: Sequence[str]
    is_hostile: bool = False

    def rows(self) -> tuple[DomainRow, MailboxRow, list[RuleRow]]:
        """Give the domain, its one mailbox, and the rules that lead there."""
        mailbox = mailbox_row("ina", domain=self.domain, mailbox_id=mailbox_id(self.domain))
        rules = [
            rule_row(f"{number}@{self.domain}", pattern, "", domain=self.domain, target_id=mailbox.mailbox_id)
            for number, pattern in enumerate(self.patterns)
        ]
        return domain_row(domain=self.domain), mailbox, rules


# All ways to put four letters between five placeholders: nothing but a full match tells them apart.
_LETTERS: Final = (
    "{any}" + "{number}".join(each) + "{any}" for each in itertools.product("abcdefghij", repeat=4)
)

SETS: Final = (
    RuleSet(
        "each begins in its own way",
        "begins.example",
        [f"shop{number}_{{number}}" for number in range(RULES)],
        ["shop77_12345", "shop9999_1", "nothing", "shop5_x"],
    ),
    RuleSet(
        "each ends in its own way",
        "ends.example",
        [f"{{any}}_{number:04}" for number in range(RULES)],
        ["order_0077", "x_9999", "nothing", "x_y"],
    ),
    RuleSet(
        "all begin and end alike",
        "alike.example",
        [f"{{any}}a{number}b{{any}}" for number in range(RULES)],
        ["xa77bx", "x" * 20, "x" * 64],
    ),
    RuleSet(
        "made to be slow",
        "slow.example",
        list(_LETTERS),
        ["abcdefghij" * 2, "abcdefghij" * 6],
        is_hostile=True,
    ),
)


async def measure(stack: Stack) -> list[Figure]:
    """Fill a directory beside the stack's own, and ask it."""
    figures: list[Figure] = []
    async with own_schema(stack.dsn, "directory") as schema:
        await migrate(stack.dsn, schema, MIGRATIONS)
        async with connect(stack.dsn, search_path=schema) as connection:
            for each in SETS:
                domain, mailbox, rules = each.rows()
                await STORES["domains"].store(connection, [domain])
                await STORES["mailboxes"].store(connection, [mailbox])
                await STORES["rules"].store(connection, rules)
            await connection.execute("VACUUM ANALYZE")
            bare = await _asked(connection, "SELECT * FROM mailboxes WHERE mailbox_id = $1", [mailbox_id("")])
            for each in SETS:
                figures += await _in_sql(connection, each, bare)
    per_second = 1000 / percentile(bare, 0.5)
    figures += [_in_python(each, per_second) for each in SETS]
    return figures


async def _asked(connection: Connection, query: str, arguments: Sequence[str]) -> list[float]:
    """Give the milliseconds of each answer, after those in which the connection plans the query."""
    for argument in [*arguments] * 10:
        await connection.fetch(query, argument)
    times: list[float] = []
    until = time.perf_counter() + MEASURED_S
    for argument in itertools.cycle(arguments):
        began = time.perf_counter()
        await connection.fetch(query, argument)
        times.append((time.perf_counter() - began) * 1000)
        if time.perf_counter() > until:
            return times
    raise AssertionError("a cycle has no end")


async def _in_sql(connection: Connection, rules: RuleSet, bare: list[float]) -> list[Figure]:
    addresses = [f"{each}@{rules.domain}" for each in rules.local_parts]
    times = await _asked(connection, "SELECT * FROM resolve_recipient($1)", addresses)
    named = f"who gets it, SQL, {RULES:,} rules, {rules.name}"
    return [
        Figure(
            name=f"{named}, p50",
            value=percentile(times, 0.5),
            unit="ms",
            limit=None if rules.is_hostile else LOOK_UP_MS_MAX,
            limit_is="" if rules.is_hostile else "the most allowed",
        ),
        Figure(
            name=named,
            value=1000 / percentile(times, 0.5),
            unit="/s",
            limit=1000 / percentile(bare, 0.5),
            limit_is="one row by its key",
        ),
    ]


def _in_python(rules: RuleSet, bare_per_second: float) -> Figure:
    domain, mailbox, rows = rules.rows()
    by_ends: dict[tuple[str, str], list[RuleRow]] = {}
    for row in rows:
        by_ends.setdefault((row.prefix, row.suffix), []).append(row)

    def ask(local_part: str) -> None:
        """Find the rules that fit as an index does, and let the contracts decide."""
        ends = itertools.product(prefixes_of(local_part), suffixes_of(local_part))
        fitting = [row for each in ends for row in by_ends.get(each, ())]
        resolve(domain, local_part, mailboxes=[mailbox], aliases=(), rules=fitting)

    return Figure(
        name=f"who gets it, Python, {RULES:,} rules, {rules.name}",
        value=1 / percentile(_timed(ask, rules.local_parts), 0.5),
        unit="/s",
        limit=bare_per_second,
        limit_is="one row by its key, SQL",
    )


def _timed(ask: Callable[[str], None], local_parts: Sequence[str]) -> list[float]:
    times: list[float] = []
    until = time.perf_counter() + MEASURED_S
    while time.perf_counter() < until:
        for local_part in local_parts:
            began = time.perf_counter()
            ask(local_part)
            times.append(time.perf_counter() - began)
    return times
