"""The rules and aliases of a domain, and what is odd about rules among the others.

A domain can have 10,000 rules, so the work is bounded: rules are first told apart by how their patterns begin and end,
and only so many pairs are compared in full. What was not compared is said to be not known.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Final

import asyncpg
from msgspec import Struct

from contracts.recipients import RuleWarning, prefixes_of, warnings_for
from contracts.views.routing import AliasRow, RuleRow
from services.gateway.read_models import Found, Table, many, one
from services.gateway.targets import target_rows

PAIRS_MAX: Final = 80
"""Pairs of rules that are compared in full for one answer."""

LOOKS_MAX: Final = 50_000
"""Pairs of rules whose ends are compared for one answer."""

SORTED_MAX: Final = 1_000

_BEYOND: Final = "\U0010ffff"

_RULES: Final = Table.of("rules", RuleRow, "rule_id")
_ALIASES: Final = Table.of("aliases", AliasRow, "alias_id")


async def get_rule(pool: asyncpg.Pool, tenant: str, domain: str, rule_id: str) -> RuleRow | None:
    """Give a rule of the tenant's domain, unless it was removed."""
    condition = "tenant = $1 AND domain = $2 AND rule_id = $3 AND status <> 'removed'"
    return await one(pool, _RULES, condition, tenant, domain, rule_id)


async def list_rules(
    pool: asyncpg.Pool, tenant: str, domain: str, after: tuple[int, int, str] | None, limit: int
) -> Found[RuleRow]:
    """Give the domain's rules that are not removed, in the order of evaluation; `after` is (rank, literals, id)."""
    return await many(
        pool,
        _RULES,
        "tenant = $1 AND domain = $2 AND status <> 'removed'",
        [tenant, domain],
        keys=("rank", "(-literals)", "rule_id"),
        after=None if after is None else (after[0], -after[1], after[2]),
        limit=limit,
    )


async def get_alias(pool: asyncpg.Pool, tenant: str, domain: str, alias_id: str) -> AliasRow | None:
    """Give an alias of the tenant's domain, unless it was removed."""
    condition = "tenant = $1 AND domain = $2 AND alias_id = $3 AND NOT removed"
    return await one(pool, _ALIASES, condition, tenant, domain, alias_id)


async def list_aliases(
    pool: asyncpg.Pool, tenant: str, domain: str, after: tuple[str, str] | None, limit: int
) -> Found[AliasRow]:
    """Give the domain's aliases that are not removed, by address."""
    return await many(
        pool,
        _ALIASES,
        "tenant = $1 AND domain = $2 AND NOT removed",
        [tenant, domain],
        keys=("local_part", "alias_id"),
        after=after,
        limit=limit,
    )


class Remarks(Struct, frozen=True):
    """What is odd about a rule; not `complete` when it could not be compared with all others."""

    warnings: list[RuleWarning]
    complete: bool


_ENDS: Final = """
    SELECT array_agg(rule_id), array_agg(prefix), array_agg(suffix), array_agg(rank) FROM (
        SELECT rule_id, prefix, suffix, rank FROM rules
        WHERE tenant = $1 AND domain = $2 AND status = 'active'
        ORDER BY rank, (-literals), rule_id
    ) AS in_order
"""


async def remarks_on(
    pool: asyncpg.Pool, tenant: str, domain: str, rules: Sequence[RuleRow]
) -> dict[str, Remarks]:
    """Say of active rules of one domain what is odd about each; they need not be in the read model yet."""
    (ends,) = await pool.fetch(_ENDS, tenant, domain)
    among = Ends(*(column or [] for column in ends.values()))
    chosen: dict[str, list[str]] = {}
    complete: dict[str, bool] = {}
    left = PAIRS_MAX
    for number, rule in enumerate(rules):
        # Each gets its share of what is left, so that the first does not use up what the last needs.
        share = left // (len(rules) - number)
        found = among.meeting(rule, share + 1)
        complete[rule.rule_id] = found is not None and len(found) <= share
        chosen[rule.rule_id] = (found or [])[:share]
        left -= len(chosen[rule.rule_id])
    return await _compared(pool, tenant, rules, chosen, complete)


async def _compared(
    pool: asyncpg.Pool,
    tenant: str,
    rules: Sequence[RuleRow],
    chosen: dict[str, list[str]],
    complete: dict[str, bool],
) -> dict[str, Remarks]:
    ids = list({rule_id for each in chosen.values() for rule_id in each})
    async with pool.acquire() as connection:
        others = await _RULES.rows.load(connection, ids)
    wanted = {each.target_id for each in (*rules, *others.values())}
    targets = await target_rows(pool, tenant, wanted)
    gone = {each for each in wanted if each not in targets or targets[each].status == "deleted"}
    return {
        rule.rule_id: Remarks(
            warnings_for(rule, [others[each] for each in chosen[rule.rule_id] if each in others], gone),
            complete[rule.rule_id],
        )
        for rule in rules
    }


class Ends:
    """How the patterns of a domain's active rules begin and end, in the order of evaluation."""

    def __init__(self, ids: list[str], prefixes: list[str], suffixes: list[str], ranks: list[int]) -> None:
        self._ids, self._prefixes, self._suffixes, self._ranks = ids, prefixes, suffixes, ranks
        self._by_prefix = _Places(prefixes)
        self._by_suffix = _Places([suffix[::-1] for suffix in suffixes])
        self._looks = 0

    def meeting(self, rule: RuleRow, limit: int) -> list[str] | None:
        """Give the ids of other rules, tried no later than this rank, that an address of this rule may meet.

        In the order of evaluation and `limit` at most; None when that takes too long to find out.
        """
        found: list[str] = []
        for place in self._candidates(rule):
            if len(found) == limit:
                break
            self._looks += 1
            if self._looks > LOOKS_MAX:
                return None
            if self._ids[place] != rule.rule_id and self._may_meet(place, rule):
                found.append(self._ids[place])
        return found

    def _candidates(self, rule: RuleRow) -> Sequence[int]:
        # Rules of a higher rank are tried later: they hide nothing, and overlap only what is tried before them.
        end = bisect_right(self._ranks, rule.rank)
        fewer, text = min(
            (self._by_prefix, rule.prefix),
            (self._by_suffix, rule.suffix[::-1]),
            key=lambda each: each[0].count(each[1]),
        )
        if fewer.count(text) > SORTED_MAX:
            return range(end)
        return sorted(place for place in fewer.meeting(text) if place < end)

    def _may_meet(self, place: int, rule: RuleRow) -> bool:
        prefix, suffix = self._prefixes[place], self._suffixes[place]
        return (prefix.startswith(rule.prefix) or rule.prefix.startswith(prefix)) and (
            suffix.endswith(rule.suffix) or rule.suffix.endswith(suffix)
        )


class _Places:
    """At which places each text stands, to be asked for what a text begins with and what begins with it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            self._places.setdefault(text, []).append(place)
        self._texts = sorted(self._places)
        self._counts = [0, *accumulate(len(self._places[text]) for text in self._texts)]

    def count(self, text: str) -> int:
        """Say at how many places such texts stand."""
        first, last = self._beginning_with(text)
        return sum(map(len, self._beginnings(text))) + self._counts[last] - self._counts[first]

    def meeting(self, text: str) -> Iterator[int]:
        """Give the places, in no order."""
        first, last = self._beginning_with(text)
        yield from chain(*self._beginnings(text), *(self._places[each] for each in self._texts[first:last]))

    def _beginnings(self, text: str) -> list[list[int]]:
        return [self._places[each] for each in prefixes_of(text)[:-1] if each in self._places]

    def _beginning_with(self, text: str) -> tuple[int, int]:
        return bisect_left(self._texts, text), bisect_left(self._texts, text + _BEYOND)
