"""One page of a tenant's mailboxes for any filter and order, in bounded time whatever the filter is.

There are two ways to find a page. A *walk* follows an index in list order from where the last page ended; what the
filter says about the index's own columns narrows it, and what is left of the filter is looked at row by row, for
`WALK_ROWS_MAX` rows at most. A *gather* fetches all that matches through the most selective indexes and sorts it; it
is chosen when PostgreSQL's own estimate says it is cheap, and given up when it is not. A walk whose budget ends before
the page is full gives a short page, perhaps an empty one, and a place to go on from (AIP-158 allows that): only a
filter whose conditions each match very many mailboxes, but hardly any together, sees it.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from contracts.views.mailbox import MailboxRow
from services.gateway.mailbox_list import (
    KEYS,
    TOTAL_MAX,
    MailboxList,
    PageAsked,
    Place,
    Statement,
    Total,
    domains_in_window,
    first_in_domains,
    rendering,
)
from services.runtime.filtering import CompiledFilter

GATHER_COST_MAX: Final = 1_200.0
GATHER_TIME_MAX_MS: Final = 25
DOMAINS_LOOKED_AT_MAX: Final = 1_000
COMMON_WORD_ROWS_MIN: Final = 20_000
SHORT_WORD_LENGTH_MAX: Final = 2
"""Beginnings so short are taken for common: the statistics don't know how many rare words they are the beginning of."""

_Connection = PoolConnectionProxy


class _Plan(Struct, rename={"total_cost": "Total Cost"}):
    total_cost: float


class _Explained(Struct, rename={"plan": "Plan"}):
    plan: _Plan


class MailboxPage(Struct, frozen=True, kw_only=True):
    """`next_after` is where the next page starts; None on the last page."""

    rows: list[MailboxRow]
    next_after: Place | None
    total: Total


async def list_mailboxes(
    pool: asyncpg.Pool,
    tenant: str,
    compiled: CompiledFilter,
    asked: PageAsked,
    within: list[str] | None = None,
) -> MailboxPage:
    """Give a page of the tenant's mailboxes; `compiled` is made with MAILBOX_FILTER_FIELDS and numbered from `$2`.

    Only mailboxes in the domains `within` are listed, where these are given.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(_PLANNER_SETTINGS)
        compiled = compiled.rendered(rendering(await _common_words(connection, compiled)))
        scoped = within is not None
        domains = await _possible_domains(connection, tenant, compiled, within)
        wanted = MailboxList(tenant, compiled, asked, domains, scoped=scoped)
        if wanted.matches_nothing:
            return _nothing(asked)
        if not wanted.walk_is_exact:
            if (page := await _gather(connection, wanted, asked)) is not None:
                return page
            await connection.execute(_WALK_SETTINGS)
            wanted = await _narrowed(connection, tenant, compiled, asked, domains, scoped=scoped)
            if wanted.matches_nothing:
                return _nothing(asked)
        await connection.execute(_WALK_SETTINGS)
        return await _walk(connection, wanted, asked)


def _nothing(asked: PageAsked) -> MailboxPage:
    return MailboxPage(rows=[], next_after=None, total=asked.total or Total(0, True))


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


async def _gather(connection: _Connection, wanted: MailboxList, asked: PageAsked) -> MailboxPage | None:
    """Gather the page, unless that seems to take, or takes, too long."""
    estimate = await _fetchval(connection, wanted.gather_estimate())
    if msgspec.json.decode(estimate, type=list[_Explained])[0].plan.total_cost > GATHER_COST_MAX:
        return None
    statement = wanted.gather()
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = {GATHER_TIME_MAX_MS}")
            records = await connection.fetch(statement.sql, *statement.arguments)
            await connection.execute("SET LOCAL statement_timeout = DEFAULT")
    except asyncpg.QueryCanceledError:
        return None
    matched: int = records[0]["matched"] if records else 0
    total = asked.total or Total(min(matched, TOTAL_MAX), matched <= TOTAL_MAX)
    return _page([_row(record) for record in records], asked, total)


async def _narrowed(
    connection: _Connection,
    tenant: str,
    compiled: CompiledFilter,
    asked: PageAsked,
    domains: list[str] | None,
    *,
    scoped: bool,
) -> MailboxList:
    """Give the list for a walk that does not begin, or go, where the domains' own indexes know of no match."""
    if asked.order != "address":
        start: datetime | None = None
        if domains is not None and len(domains) <= DOMAINS_LOOKED_AT_MAX:
            start = await _fetchval(connection, first_in_domains(tenant, compiled, asked, domains))
            domains = domains if start is not None else []
        return MailboxList(tenant, compiled, asked, domains, start, scoped=scoped)
    candidates = domains if domains is not None else await _domains_of(connection, tenant)
    if len(candidates) <= DOMAINS_LOOKED_AT_MAX:
        for statement in domains_in_window(tenant, compiled, candidates):
            found = {
                record["domain"] for record in await connection.fetch(statement.sql, *statement.arguments)
            }
            domains = candidates = [domain for domain in candidates if domain in found]
    return MailboxList(tenant, compiled, asked, domains, scoped=scoped)


async def _walk(connection: _Connection, wanted: MailboxList, asked: PageAsked) -> MailboxPage:
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
        matched: int = await _fetchval(connection, wanted.walk_count())
        total = Total(min(matched, TOTAL_MAX), matched <= TOTAL_MAX and end is None)
    return _page(rows, asked, total, end if short else None)


def _page(
    rows: list[MailboxRow], asked: PageAsked, total: Total, end: tuple[Any, ...] | None = None
) -> MailboxPage:
    kept = rows[: asked.size]
    if len(rows) > asked.size:
        end = tuple(getattr(kept[-1], key) for key in KEYS[asked.order])
    return MailboxPage(rows=kept, next_after=end, total=total)


def _row(record: asyncpg.Record) -> MailboxRow:
    return MailboxRow(**{name: record[name] for name in MailboxRow.__struct_fields__})


async def _fetchval(connection: _Connection, statement: Statement) -> Any:
    return await connection.fetchval(statement.sql, *statement.arguments)


# The most frequent words of all notes, as the last ANALYZE met them, with the share of the mailboxes that have each.
_COMMON_WORDS: Final = """
    WITH frequent AS (
        SELECT f.word, f.share * c.reltuples AS rows
        FROM pg_stats AS s
        JOIN pg_class AS c ON c.oid = 'mailboxes'::regclass,
        unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS f (word, share)
        WHERE s.schemaname = current_schema() AND s.tablename = 'mailboxes' AND s.attname = 'note_words'
    )
    SELECT asked.word FROM unnest($1::text[]) AS asked (word)
    WHERE length(asked.word) <= $2
        OR (SELECT sum(frequent.rows) FROM frequent WHERE starts_with(frequent.word, lower(asked.word))) >= $3
"""


async def _common_words(connection: _Connection, compiled: CompiledFilter) -> set[str]:
    """Give those of the filter's words that so many notes have that an index is of no use."""
    words = [
        word
        for term in compiled.terms()
        if term.field.kind == "word" and isinstance(term.value, tuple)
        for word in term.value
    ]
    if not words:
        return set()
    records = await connection.fetch(_COMMON_WORDS, words, SHORT_WORD_LENGTH_MAX, COMMON_WORD_ROWS_MIN)
    return {record["word"] for record in records}


async def _possible_domains(
    connection: _Connection, tenant: str, compiled: CompiledFilter, within: list[str] | None
) -> list[str] | None:
    """Give the domains in which a mailbox can match, when the scope or the filter says something about domains at all."""
    if not compiled.mentions("domain"):
        return within
    named = compiled.possible_values("domain")
    if within is not None:
        among = within if named is None else set(within).intersection(named)
        return sorted(domain for domain in among if compiled.could_match({"domain": domain}))
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
        (SELECT domain FROM mailboxes WHERE tenant = $1 AND status <> 'purged' ORDER BY domain LIMIT 1)
        UNION ALL
        SELECT (SELECT m.domain FROM mailboxes AS m
                WHERE m.tenant = $1 AND m.status <> 'purged' AND m.domain > found.domain
                ORDER BY m.domain LIMIT 1)
        FROM found WHERE found.domain IS NOT NULL
    )
    SELECT domain FROM found WHERE domain IS NOT NULL LIMIT $2
"""


async def _domains_of(connection: _Connection, tenant: str) -> list[str]:
    return [
        record["domain"] for record in await connection.fetch(_DOMAINS_OF, tenant, DOMAINS_LOOKED_AT_MAX + 1)
    ]
