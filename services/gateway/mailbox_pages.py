"""One page of a tenant's mailboxes for any filter and order, in bounded time whatever the filter is.

There are two ways to find a page. A *walk* follows an index in list order from where the last page ended; everything
the filter says about the index's own columns narrows it, and what is left of the filter is looked at row by row, for
`WALK_ROWS_MAX` rows at most. A *gather* fetches all that matches through the most selective indexes and sorts it; it
is chosen when PostgreSQL's own estimate says it is cheap. A walk whose budget ends before the page is full gives a
short page, perhaps an empty one, and a place to go on from (AIP-158 allows that): only a filter whose conditions each
match very many mailboxes, but hardly any together, sees it.
"""

# SQL is put together from the column names and numbers of this module; ruff can't see that no value is among them.
# ruff: noqa: S608
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any, Final, Literal

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from contracts.listing import MAILBOX_FILTER_FIELDS, FilterField
from contracts.views import MailboxRow, MailboxStatus
from services.runtime.filtering import CompiledFilter, Conjunct

OrderColumn = Literal["address", "created_at", "changed_at"]

TOTAL_MAX: Final = 10_000
WALK_ROWS_MAX: Final = 20_000
GATHER_COST_MAX: Final = 1_200.0
DOMAINS_LOOKED_AT_MAX: Final = 2_000

FIELDS: Final[dict[str, FilterField]] = {
    **MAILBOX_FILTER_FIELDS,
    "note": msgspec.structs.replace(MAILBOX_FILTER_FIELDS["note"], words="note_words"),
}

_KEYS: Final[dict[OrderColumn, tuple[str, ...]]] = {
    "address": ("domain", "local_part", "mailbox_id"),
    "created_at": ("created_at", "mailbox_id"),
    "changed_at": ("changed_at", "mailbox_id"),
}
_COLUMNS: Final = ", ".join(MailboxRow.__struct_fields__)
_FACET_COLUMNS: Final = frozenset({"status", "self_service", "credential_id"})
_STATUSES: Final[tuple[MailboxStatus, ...]] = ("active", "suspended", "deleted")
_FACETS: Final = tuple(product(_STATUSES, (False, True), (False, True)))
"""What each facet number stands for; see the column in migrations/0001."""


_ARGUMENT: Final = re.compile(r"\$(\d+)")

_Connection = PoolConnectionProxy


class _Plan(Struct, rename={"total_cost": "Total Cost"}):
    total_cost: float


class _Explained(Struct, rename={"plan": "Plan"}):
    plan: _Plan


class Total(Struct, frozen=True, array_like=True):
    """How many mailboxes match in all: exactly so many, or at least so many."""

    size: int
    exact: bool


class PageAsked(Struct, frozen=True, kw_only=True):
    """`after` holds the order's key values of the last mailbox seen; `total` what an earlier page counted."""

    size: int
    order: OrderColumn = "address"
    descending: bool = False
    after: tuple[str | datetime, ...] | None = None
    total: Total | None = None


class MailboxPage(Struct, frozen=True, kw_only=True):
    """`next_after` is where the next page starts; None on the last page."""

    rows: list[MailboxRow]
    next_after: tuple[str | datetime, ...] | None
    total: Total


class _Statement(Struct, frozen=True):
    """SQL and exactly the arguments it uses: PostgreSQL does not accept others."""

    sql: str
    arguments: list[Any]

    @classmethod
    def using(cls, sql: str, arguments: Sequence[object]) -> "_Statement":
        """Number the `$n` of `sql` anew, without those that it does not use."""
        used = sorted({int(number) for number in _ARGUMENT.findall(sql)})
        renumbered = {number: place for place, number in enumerate(used, start=1)}
        return cls(
            _ARGUMENT.sub(lambda found: f"${renumbered[int(found[1])]}", sql),
            [arguments[number - 1] for number in used],
        )


class _List:
    """One list's conditions, and the SQL of both ways to answer it. No value is part of any SQL, only its `$n`."""

    def __init__(
        self, tenant: str, compiled: CompiledFilter, asked: PageAsked, domains: list[str] | None
    ) -> None:
        self._asked = asked
        self._keys = _KEYS[asked.order]
        self._arguments: list[object] = [tenant, *compiled.arguments]
        self._facets = [
            number
            for number, (status, self_service, has_password) in enumerate(_FACETS)
            if compiled.could_match(
                {"status": status, "self_service": self_service, "credential_id": has_password}
            )
        ]
        some_facets = len(self._facets) < len(_FACETS)
        one_domain = domains is not None and len(domains) == 1
        self._by_facet = some_facets if asked.order == "address" else not one_domain
        self._by_domain = domains is not None and (asked.order == "address" or one_domain)
        # Within one domain its name orders nothing, and a planner that is told so uses the index without a sort.
        self._ordering = tuple(key for key in self._keys if not (one_domain and key == "domain"))
        self._order_by = ", ".join(f"{key} {'DESC' if asked.descending else 'ASC'}" for key in self._ordering)
        self._after = self._after_condition()
        self.matches_nothing = not self._facets or domains == []

        in_domains = self._in(domains)
        narrowing = [
            part.sql
            for part in compiled.conjuncts
            if self._narrows(part) and not (self._by_domain and part.columns <= {"domain"})
        ]
        self._walk_conditions = ["tenant = $1", *(in_domains if self._by_domain else []), *narrowing]
        self._residual = [part.sql for part in compiled.conjuncts if not self._settled(part)]
        in_facets = (
            [f"facet = ANY(ARRAY[{', '.join(map(str, self._facets))}]::smallint[])"] if some_facets else []
        )
        self._gather_conditions = ["tenant = $1", *in_facets, *in_domains] + [
            part.sql
            for part in compiled.conjuncts
            if not part.columns <= _FACET_COLUMNS and not (in_domains and part.columns <= {"domain"})
        ]

    @property
    def walk_is_exact(self) -> bool:
        """Whether each row that the walk meets matches, so that it needs no budget."""
        return not self._residual

    def _argument(self, value: object) -> str:
        self._arguments.append(value)
        return f"${len(self._arguments)}"

    def _in(self, domains: list[str] | None) -> list[str]:
        if domains is None:
            return []
        if len(domains) == 1:
            return [f"domain = {self._argument(domains[0])}"]
        return [f"domain = ANY({self._argument(domains)}::text[])"]

    def _after_condition(self) -> str:
        if self._asked.after is None:
            return "true"
        values = self._asked.after[-len(self._ordering) :]
        places = ", ".join(self._argument(value) for value in values)
        return f"({', '.join(self._ordering)}) {'<' if self._asked.descending else '>'} ({places})"

    def _narrows(self, part: Conjunct) -> bool:
        """Whether the walk's index can use the condition."""
        return part.narrows and part.columns <= set(self._keys)

    def _settled(self, part: Conjunct) -> bool:
        """Whether the walk's choice of rows makes the condition true for each of them."""
        return (
            self._narrows(part)
            or (self._by_facet and part.columns <= _FACET_COLUMNS)
            or (self._by_domain and part.columns <= {"domain"})
        )

    def _met(self, columns: str) -> str:
        """Give the rows that a walk meets, without order; each index range in it has its own, for a merge to use."""
        conditions = [*self._walk_conditions, self._after]
        ranges = [f"facet = {facet}" for facet in self._facets] if self._by_facet else ["true"]
        return " UNION ALL ".join(
            f"(SELECT {columns} FROM mailboxes WHERE {' AND '.join([*conditions, each])} ORDER BY {self._order_by})"
            for each in ranges
        )

    def _statement(self, sql: str) -> _Statement:
        return _Statement.using(sql, self._arguments)

    def walk(self) -> _Statement:
        """Give the page's rows and one more, or fewer when the budget ends before."""
        limit = self._asked.size + 1
        met = f"SELECT * FROM ({self._met(f'{_COLUMNS}, note_words')}) AS met ORDER BY {self._order_by}"
        if self.walk_is_exact:
            return self._statement(f"SELECT {_COLUMNS} FROM ({met} LIMIT {limit}) AS walked")
        return self._statement(
            f"SELECT {_COLUMNS} FROM ({met} LIMIT {WALK_ROWS_MAX}) AS walked "
            f"WHERE {' AND '.join(self._residual)} LIMIT {limit}"
        )

    def walk_end(self) -> _Statement:
        """Give the keys of the last row within the budget, if there are so many."""
        keys = ", ".join(self._keys)
        return self._statement(
            f"SELECT {keys} FROM ({self._met(keys)}) AS met "
            f"ORDER BY {self._order_by} OFFSET {WALK_ROWS_MAX - 1} LIMIT 1"
        )

    def walk_count(self) -> _Statement:
        """Count what a walk finds within its budget, up to one above the most that is told."""
        if self.walk_is_exact:
            counted = f"SELECT 1 FROM ({self._met('1')}) AS met LIMIT {TOTAL_MAX + 1}"
        else:
            met = f"SELECT * FROM ({self._met(f'{_COLUMNS}, note_words')}) AS met ORDER BY {self._order_by}"
            counted = (
                f"SELECT 1 FROM ({met} LIMIT {WALK_ROWS_MAX}) AS walked "
                f"WHERE {' AND '.join(self._residual)} LIMIT {TOTAL_MAX + 1}"
            )
        return self._statement(f"SELECT count(*) FROM ({counted}) AS counted")

    def gather_estimate(self) -> _Statement:
        """Ask PostgreSQL what fetching all that matches would cost, without doing it."""
        return self._statement(f"EXPLAIN (FORMAT JSON) {self._gathered()}")

    def gather(self) -> _Statement:
        """Give the page's rows and one more, each with the number of all that match."""
        return self._statement(
            f"WITH gathered AS MATERIALIZED ({self._gathered()}), page AS MATERIALIZED ("
            f"SELECT mailbox_id FROM gathered WHERE {self._after} ORDER BY {self._order_by} LIMIT {self._asked.size + 1}) "
            f"SELECT {_COLUMNS}, (SELECT count(*) FROM gathered) AS matched "
            f"FROM page JOIN mailboxes USING (mailbox_id) ORDER BY {self._order_by}"
        )

    def _gathered(self) -> str:
        return f"SELECT {', '.join(self._keys)} FROM mailboxes WHERE {' AND '.join(self._gather_conditions)}"


async def list_mailboxes(
    pool: asyncpg.Pool, tenant: str, compiled: CompiledFilter, asked: PageAsked
) -> MailboxPage:
    """Give a page of the tenant's mailboxes; `compiled` is made with FIELDS and numbered from `$2`."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(_PLANNER_SETTINGS)
        domains = await _possible_domains(connection, tenant, compiled)
        wanted = _List(tenant, compiled, asked, domains)
        if wanted.matches_nothing:
            return MailboxPage(rows=[], next_after=None, total=Total(0, True))
        if not wanted.walk_is_exact and await _gather_is_cheap(connection, wanted):
            return await _gather(connection, wanted, asked)
        return await _walk(connection, wanted, asked)


# Plans are made for the values at hand. A page costs next to nothing, as what is listed often is in memory: so a cost
# is close to a time, about 45 units a millisecond, whether rows come from the table or from an index alone. Workers
# would take longer to start than these statements run.
_PLANNER_SETTINGS: Final = """
    SET LOCAL plan_cache_mode = force_custom_plan;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL seq_page_cost = 0.02;
    SET LOCAL random_page_cost = 0.02;
    SET LOCAL work_mem = '32MB';
    SET LOCAL jit = off
"""

# A walk must follow its index: the budget bounds the rows that come out of it, not what a sort would read first.
_WALK_SETTINGS: Final = (
    "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off"
)


async def _gather_is_cheap(connection: _Connection, wanted: _List) -> bool:
    statement = wanted.gather_estimate()
    plan = msgspec.json.decode(
        await connection.fetchval(statement.sql, *statement.arguments), type=list[_Explained]
    )
    return plan[0].plan.total_cost <= GATHER_COST_MAX


async def _gather(connection: _Connection, wanted: _List, asked: PageAsked) -> MailboxPage:
    statement = wanted.gather()
    records = await connection.fetch(statement.sql, *statement.arguments)
    matched: int = records[0]["matched"] if records else 0
    total = asked.total or Total(min(matched, TOTAL_MAX), matched <= TOTAL_MAX)
    return _page([_row(record) for record in records], asked, total)


async def _walk(connection: _Connection, wanted: _List, asked: PageAsked) -> MailboxPage:
    await connection.execute(_WALK_SETTINGS)
    statement = wanted.walk()
    rows = [_row(record) for record in await connection.fetch(statement.sql, *statement.arguments)]
    end: tuple[Any, ...] | None = None
    short = len(rows) <= asked.size
    if not wanted.walk_is_exact and (short or asked.total is None):
        statement = wanted.walk_end()
        record = await connection.fetchrow(statement.sql, *statement.arguments)
        end = None if record is None else tuple(record)
    total = asked.total
    if total is None and short and end is None:
        total = Total(len(rows), True)
    elif total is None:
        statement = wanted.walk_count()
        matched: int = await connection.fetchval(statement.sql, *statement.arguments)
        total = Total(min(matched, TOTAL_MAX), matched <= TOTAL_MAX and end is None)
    return _page(rows, asked, total, end if short else None)


def _page(
    rows: list[MailboxRow], asked: PageAsked, total: Total, end: tuple[Any, ...] | None = None
) -> MailboxPage:
    kept = rows[: asked.size]
    if len(rows) > asked.size:
        end = tuple(getattr(kept[-1], key) for key in _KEYS[asked.order])
    return MailboxPage(rows=kept, next_after=end, total=total)


def _row(record: asyncpg.Record) -> MailboxRow:
    return MailboxRow(**{name: record[name] for name in MailboxRow.__struct_fields__})


async def _possible_domains(
    connection: _Connection, tenant: str, compiled: CompiledFilter
) -> list[str] | None:
    """Give the domains in which a mailbox can match, when the filter says something about domains at all."""
    if not compiled.mentions("domain"):
        return None
    named = compiled.possible_values("domain")
    if named is not None:
        return named
    domains = await _domains_of(connection, tenant)
    if len(domains) > DOMAINS_LOOKED_AT_MAX:
        return None
    possible = [domain for domain in domains if compiled.could_match({"domain": domain})]
    return None if len(possible) == len(domains) else possible


# One step of the index per domain, however many mailboxes are in it.
_DOMAINS_OF: Final = """
    WITH RECURSIVE found AS (
        (SELECT domain FROM mailboxes WHERE tenant = $1 ORDER BY domain LIMIT 1)
        UNION ALL
        SELECT (SELECT m.domain FROM mailboxes AS m
                WHERE m.tenant = $1 AND m.domain > found.domain ORDER BY m.domain LIMIT 1)
        FROM found WHERE found.domain IS NOT NULL
    )
    SELECT domain FROM found WHERE domain IS NOT NULL LIMIT $2
"""


async def _domains_of(connection: _Connection, tenant: str) -> list[str]:
    return [
        record["domain"] for record in await connection.fetch(_DOMAINS_OF, tenant, DOMAINS_LOOKED_AT_MAX + 1)
    ]
