"""The order of routing in SQL and in Python is one order: whatever a domain has, both send an address to one mailbox."""

import itertools
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

import services.mailbox
from contracts.addresses import parse_address
from contracts.ids import DomainName
from contracts.patterns import Pattern, PatternError, parse_pattern
from contracts.recipients import (
    Route,
    prefixes_of,
    resolve,
    suffixes_of,
    wanted_local_parts,
    wanted_targets,
)
from contracts.views.mailbox import DomainRow, DomainStatus, MailboxRow, MailboxStatus
from contracts.views.routing import AliasRow, RuleRow, RuleStatus
from deploy.local.stack import Stack
from services.mailbox.projections import DIRECTORY
from services.runtime.postgres import Connection, connect, migrate
from tests.kit.given import DOMAIN, SOMEBODY_ELSE, US, an_id
from tests.kit.given_routing import ELSEWHERE
from tests.kit.restoring import own_schema
from tests.kit.rows import alias_row, domain_row, mailbox_row, rule_row

MIGRATIONS: Final = Path(services.mailbox.__file__).parent / "migrations"
STORES: Final = {table.name: table.store() for table in DIRECTORY.tables}

LOCAL_PARTS: Final = ("a", "b", "a+b", "ab", "é1", "a.b", "postmaster", "abuse", "shop_1", "shop%1")
MAILBOXES: Final = tuple(an_id(f"mailbox {number}") for number in range(6))
# The last is of nobody.
TARGETS: Final = (*MAILBOXES, an_id("mailbox of nobody"))


class World(Struct, frozen=True):
    """All rows that the routing of one domain looks at."""

    domain: DomainRow
    mailboxes: list[MailboxRow]
    aliases: list[AliasRow]
    rules: list[RuleRow]

    async def store(self, connection: Connection) -> None:
        """Write the rows as the projection does."""
        await STORES["domains"].store(connection, [self.domain])
        await STORES["mailboxes"].store(connection, self.mailboxes)
        await STORES["aliases"].store(connection, self.aliases)
        await STORES["rules"].store(connection, self.rules)


@pytest.fixture
async def directory(stack: Stack) -> AsyncGenerator[Connection]:
    """A connection to an empty directory of its own."""
    async with own_schema(stack.dsn, "directory") as schema:
        await migrate(stack.dsn, schema, MIGRATIONS)
        async with connect(stack.dsn, search_path=schema) as connection:
            yield connection


def _pattern(text: str) -> Pattern | None:
    try:
        return parse_pattern(text)
    except PatternError:
        return None


_pieces = st.sampled_from(
    ["{number}", "{word}", "{any}", "a", "b", "shop", "_", "1", "é", "+", ".", "%", "\\"]
)
_texts = st.lists(_pieces, min_size=1, max_size=6).map("".join)
patterns = st.one_of(
    st.sampled_from(
        ["{any}", "shop_{number}", "{word}", "a{any}", "{any}b", "shop%{number}", "{any}shop_{any}"]
    ),
    _texts,
)
patterns = patterns.map(_pattern).filter(lambda each: each is not None)
_flag = st.sampled_from([False, False, True])
_target = st.sampled_from(TARGETS)
_end = st.none() | _target


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any domain that the deciders could have made, and some that they could not."""
    catch_all, contact = draw(_end), draw(_end)
    statuses: Sequence[DomainStatus] = (
        "active",
        "active",
        "active",
        "suspended",
        "pending",
        "closing",
        "removed",
    )
    status = draw(st.sampled_from(statuses))
    domain = domain_row(
        status=status,
        suspended=status == "suspended",
        catch_all_id=catch_all,
        catch_all_domain=catch_all and DOMAIN,
        copies=draw(_flag),
        contact_id=contact,
        contact_domain=contact and DOMAIN,
    )
    local_parts = draw(st.permutations(LOCAL_PARTS))
    count = draw(st.integers(0, len(MAILBOXES)))
    mailboxes = [
        _mailbox(draw, mailbox_id, text)
        for mailbox_id, text in zip(MAILBOXES[:count], local_parts, strict=False)
    ]
    alias_parts = draw(st.lists(st.sampled_from(local_parts[count:]), max_size=3, unique=True))
    aliases = [_alias(draw, text) for text in alias_parts]
    rules = [_rule(draw, number) for number in range(draw(st.integers(0, 6)))]
    return World(domain, mailboxes, aliases, rules)


def _mailbox(draw: st.DrawFn, mailbox_id: str, local_part: str) -> MailboxRow:
    statuses: Sequence[MailboxStatus] = ["active", "active", "suspended", "deleted", "purged"]
    status = draw(st.sampled_from(statuses))
    return mailbox_row(
        local_part,
        mailbox_id=mailbox_id,
        tenant=draw(st.sampled_from([US] * 5 + [SOMEBODY_ELSE])),
        domain=draw(st.sampled_from([DOMAIN] * 3 + [ELSEWHERE])),
        status=status,
        suspended=status == "suspended",
    )


def _alias(draw: st.DrawFn, local_part: str) -> AliasRow:
    return alias_row(local_part, "", target_id=draw(_target), removed=draw(_flag))


def _rule(draw: st.DrawFn, number: int) -> RuleRow:
    pattern: Any = draw(patterns)
    statuses: Sequence[RuleStatus] = ("active", "active", "active", "active", "dropped", "removed")
    return rule_row(
        str(number),
        pattern.text,
        "",
        domain=draw(st.sampled_from([DOMAIN] * 5 + [ELSEWHERE])),
        rank=draw(st.integers(0, 2)),
        target_id=draw(_target),
        status=draw(st.sampled_from(statuses)),
    )


ADDRESSES: Final = (
    *LOCAL_PARTS,
    *(f"{text}{tag}" for text in ("a", "b", "postmaster", "x") for tag in ("+b", "+b+c", "+")),
    *("shop_12", "shop_x", "ab1é", "a_b", "x", "12", "shop_1b", "z.9", "+b", "shopx1", "1shop_1"),
)


def spelt(local_part: str, way: int) -> str:
    """Give another spelling of the same local part."""
    return (local_part, local_part.upper(), unicodedata.normalize("NFD", local_part))[way % 3]


def by_python(world: World, address: str) -> Route:
    """Ask Python, with just the rows that it says are needed; more of them must change nothing."""
    local_part, _ = parse_address(address, lambda text: DomainName(text.lower()))
    wanted, begins, ends = (wanted_local_parts(local_part), prefixes_of(local_part), suffixes_of(local_part))
    aliases = [each for each in world.aliases if each.local_part in wanted]
    rules = [each for each in world.rules if each.prefix in begins and each.suffix in ends]
    targets = wanted_targets(world.domain, aliases, rules)
    mailboxes = [
        each
        for each in world.mailboxes
        if each.mailbox_id in targets or (each.domain == DOMAIN and each.local_part in wanted)
    ]
    few = resolve(world.domain, local_part, mailboxes=mailboxes, aliases=aliases, rules=rules)
    everything = resolve(
        world.domain, local_part, mailboxes=world.mailboxes, aliases=world.aliases, rules=world.rules
    )
    assert few == everything
    return few


async def by_sql(directory: Connection, address: str) -> Route:
    """Ask PostgreSQL as the mail server does."""
    rows = await directory.fetch("SELECT mailbox_id, step, via, is_copy FROM resolve_recipient($1)", address)
    if not rows:
        return Route(step="refused")
    first, *copies = rows
    assert [first["is_copy"], *(each["is_copy"] for each in copies)] == [False, True][: len(rows)]
    return Route(
        step=first["step"],
        mailbox_id=first["mailbox_id"],
        via=first["via"],
        copy_to=copies[0]["mailbox_id"] if copies else None,
    )


@given(world=worlds(), ways=st.lists(st.integers(0, 2), min_size=1, max_size=7))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_python_and_sql_always_agree(directory: Connection, world: World, ways: list[int]) -> None:
    transaction = directory.transaction()
    await transaction.start()
    try:
        await world.store(directory)
        for text, way in zip(ADDRESSES, itertools.cycle(ways), strict=False):
            address = f"{spelt(text, way)}@{DOMAIN.upper() if way else DOMAIN}"
            found = by_python(world, address)
            told = Route(step=found.step, mailbox_id=found.mailbox_id, via=found.via, copy_to=found.copy_to)
            assert await by_sql(directory, address) == told, address
    finally:
        await transaction.rollback()


@given(pattern=patterns, local_parts=st.lists(st.text("ab1é_.+sh%", min_size=1, max_size=12), min_size=20))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_matching_agrees_with_the_databases_regular_expressions(
    directory: Connection, pattern: Pattern, local_parts: list[str]
) -> None:
    answers = await directory.fetch(
        "SELECT u ~ $2 AS fits FROM unnest($1::text[]) AS u", local_parts, pattern.regex
    )
    assert [each["fits"] for each in answers] == [pattern.matches(each) for each in local_parts]


@pytest.mark.parametrize("address", [None, "", f"@{DOMAIN}", "ina@", "@"])
async def test_an_empty_argument_is_a_fault_and_no_unknown_address(
    directory: Connection, address: str | None
) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await directory.fetch("SELECT * FROM resolve_recipient($1)", address)


@pytest.mark.parametrize("address", ["ina", "ina@nowhere.example", "a@b@c"])
async def test_an_address_of_a_domain_that_is_not_here_is_refused(
    directory: Connection, address: str
) -> None:
    assert await by_sql(directory, address) == Route(step="refused")


async def test_lower_case_is_the_same_in_both_for_every_character(directory: Connection) -> None:
    characters = [chr(code) for code in range(0x21, 0x110000)]
    # Unassigned ones may be letters to whoever knows a newer Unicode; no address has them.
    characters = [each for each in characters if unicodedata.category(each)[0] not in "CZ"]
    # A sigma at the end of a word becomes another letter.
    texts = [*characters, "\N{GREEK CAPITAL LETTER SIGMA}", "ΟΔΟΣ", "ΟΔΟΣ.a", "ΟΔΟΣA", "a_Σ"]
    rows = await directory.fetch(
        'SELECT lower(normalize(u, NFC) COLLATE "pg_unicode_fast") AS low FROM unnest($1::text[]) AS u',
        texts,
    )
    differing = [
        each
        for each, row in zip(texts, rows, strict=True)
        if row["low"] != unicodedata.normalize("NFC", each).lower()
    ]
    assert differing == []
