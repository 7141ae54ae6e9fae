"""The SQL of a mailbox list: both ways to answer it, from one filter, order and place to start.

A *walk* merges index ranges in list order. A *gather* fetches all that matches and sorts it. See `mailbox_pages` for
which is taken when. No value is part of any SQL, only its `$n`.
"""

# SQL is put together from the column names and numbers of this module; ruff can't see that no value is among them.
# ruff: noqa: S608

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import product
from typing import Any, Final, Literal

from msgspec import Struct

from contracts.views.mailbox import KnownMailboxStatus, MailboxRow
from services.runtime.filter_tree import Argument, Rendering, Term
from services.runtime.filtering import CompiledFilter, Conjunct

OrderColumn = Literal["address", "created_at", "changed_at"]
Place = tuple[str | datetime, ...]
"""The values of an order's keys."""

TOTAL_MAX: Final = 10_000
WALK_ROWS_MAX: Final = 10_000
MERGED_DOMAINS_MAX: Final = 8
"""Domains whose own indexes by time are merged in a list by time."""

KEYS: Final[dict[OrderColumn, tuple[str, ...]]] = {
    "address": ("domain", "local_part", "mailbox_id"),
    "created_at": ("created_at", "mailbox_id"),
    "changed_at": ("changed_at", "mailbox_id"),
}
_COLUMNS: Final = ", ".join(MailboxRow.__struct_fields__)
_LOOKED_AT: Final = f"{_COLUMNS}, facet, note_words"
_FACET_COLUMNS: Final = frozenset({"status", "self_service", "credential_id"})
_KEPT: Final = ("tenant = $1", "status <> 'purged'")
"""What every list is limited to. The indexes know no purged mailboxes either, so that passing over them costs nothing."""
_STATUSES: Final[tuple[KnownMailboxStatus, ...]] = ("active", "suspended", "deleted")
_FACETS: Final = tuple(
    {"status": status, "self_service": self_service, "credential_id": has_password}
    for status, self_service, has_password in product(_STATUSES, (False, True), (False, True))
)
"""What each facet number stands for; see the column in migrations/0001."""

_ARGUMENT: Final = re.compile(r"\$(\d+)")


class Total(Struct, frozen=True, array_like=True):
    """How many mailboxes match in all: exactly so many, or at least so many."""

    size: int
    exact: bool


class PageAsked(Struct, frozen=True, kw_only=True):
    """`after` holds the order's key values of the last mailbox seen; `total` what an earlier page counted."""

    size: int
    order: OrderColumn = "address"
    descending: bool = False
    after: Place | None = None
    total: Total | None = None


class Statement(Struct, frozen=True):
    """SQL and exactly the arguments it uses: PostgreSQL does not accept others."""

    sql: str
    arguments: list[Any]

    @classmethod
    def using(cls, sql: str, arguments: Sequence[object]) -> "Statement":
        """Number the `$n` of `sql` anew, without those that it does not use."""
        used = sorted({int(number) for number in _ARGUMENT.findall(sql)})
        renumbered = {number: place for place, number in enumerate(used, start=1)}
        return cls(
            _ARGUMENT.sub(lambda found: f"${renumbered[int(found[1])]}", sql),
            [arguments[number - 1] for number in used],
        )


def rendering(common_words: Collection[str]) -> Rendering:
    """Give the SQL by which PostgreSQL finds the right index for a comparison, or finds none where none is of use.

    The three columns behind `facet` are asked for by facet. A common word is matched by a function instead of the
    operator: reading an index for it takes longer than looking at the rows, and PostgreSQL's estimate for the
    beginning of a word is blind to that.
    """

    def matches(query: str, word: str) -> str:
        return f"ts_match_vq(note_words, {query})" if word in common_words else f"note_words @@ {query}"

    def render(term: Term, argument: Argument) -> str | None:
        if term.columns <= _FACET_COLUMNS:
            return in_facets([number for number, known in enumerate(_FACETS) if term.holds(known)])
        return term.words_sql(matches, argument) if term.field.kind == "word" else None

    return render


def in_facets(facets: Sequence[int]) -> str:
    """Give the condition that a mailbox has one of these facets."""
    return f"facet = ANY (ARRAY[{', '.join(map(str, facets))}]::smallint[])"


class MailboxList:
    """One list. `domains` are the only ones in which a mailbox can match; no match comes before `start`, a time.

    `scoped` lists are limited to `domains` whatever the filter says; otherwise these only follow from the filter.
    """

    def __init__(
        self,
        tenant: str,
        compiled: CompiledFilter,
        asked: PageAsked,
        domains: list[str] | None,
        start: datetime | None = None,
        *,
        scoped: bool = False,
    ) -> None:
        if asked.order == "address" and domains is not None:
            domains = ahead(domains, asked)
        self._asked = asked
        self._keys = KEYS[asked.order]
        self._arguments: list[object] = [tenant, *compiled.arguments]
        self._facets = [number for number, known in enumerate(_FACETS) if compiled.could_match(known)]
        some_facets = len(self._facets) < len(_FACETS)
        one_domain = domains is not None and len(domains) == 1
        few_domains = domains is not None and len(domains) <= MERGED_DOMAINS_MAX
        self._by_facet = some_facets if asked.order == "address" else not few_domains
        self._by_domain = domains is not None and (asked.order == "address" or few_domains)
        # Within one domain its name orders nothing, and a planner that is told so uses the index without a sort.
        self._ordering = tuple(key for key in self._keys if not (one_domain and key == "domain"))
        self._order_by = ", ".join(f"{key} {'DESC' if asked.descending else 'ASC'}" for key in self._ordering)
        self._after = self._after_condition(self._keys)
        self.matches_nothing = not self._facets or domains == []

        in_domains = self._in(domains)
        narrowing = [
            part.sql
            for part in compiled.conjuncts
            if self._narrows(part) and not (self._by_domain and part.columns <= {"domain"})
        ]
        self._walk_conditions = [*_KEPT, *narrowing]
        self._walk_ranges = self._ranges(domains if self._by_domain else None)
        if start is not None:
            sign = "<=" if asked.descending else ">="
            self._walk_conditions.append(f"{self._keys[0]} {sign} {self._argument(start)}")
        self._residual = [part.sql for part in compiled.conjuncts if not self._settled(part)]
        if scoped and not self._by_domain:
            self._residual += in_domains
        facets = [in_facets(self._facets)] if some_facets else []
        self._gather_conditions = [*_KEPT, *facets, *in_domains] + [
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

    def _after_condition(self, keys: tuple[str, ...]) -> str:
        if self._asked.after is None:
            return "true"
        places = ", ".join(self._argument(value) for value in self._asked.after[-len(keys) :])
        return f"({', '.join(keys)}) {'<' if self._asked.descending else '>'} ({places})"

    def _ranges(self, domains: list[str] | None) -> list[str]:
        """Give the ranges of the index that the rest of the list lies in.

        The domain that the page begins in has a range of its own: told of several domains and a place at once, the
        index goes through that domain from its very end to the place.
        """
        after = self._asked.after
        if domains and self._asked.order != "address":
            return [f"domain = {self._argument(domain)} AND {self._after}" for domain in domains]
        if domains is None or after is None:
            return [" AND ".join([*self._in(domains), self._after])]
        if not domains:
            return ["false"]
        here = str(after[0])
        if len(domains) == 1:
            begins = self._after_condition(self._ordering) if domains == [here] else "true"
            return [" AND ".join([*self._in(domains), begins])]
        beyond = [domain for domain in domains if domain != here]
        ranges = [self._in(beyond)[0] if len(beyond) > 1 else self._at_least_and_at_most(beyond[0])]
        if here in domains:
            sign = ">=" if self._asked.descending else "<="
            ranges.append(f"domain {sign} {self._argument(here)} AND {self._after}")
        return ranges

    def _at_least_and_at_most(self, domain: str) -> str:
        # Not as an equality: a planner that knows the name to be one forgets that the ranges are merged in its order.
        place = self._argument(domain)
        return f"domain >= {place} AND domain <= {place}"

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
        facets = [f"facet = {facet}" for facet in self._facets] if self._by_facet else ["true"]
        return " UNION ALL ".join(
            f"(SELECT {columns} FROM mailboxes WHERE {' AND '.join([*self._walk_conditions, each, facet])} "
            f"ORDER BY {self._order_by})"
            for each in self._walk_ranges
            for facet in facets
        )

    def _statement(self, sql: str) -> Statement:
        return Statement.using(sql, self._arguments)

    def walk(self) -> Statement:
        """Give the page's rows and one more, or fewer when the budget ends before."""
        limit = self._asked.size + 1
        met = f"SELECT * FROM ({self._met(_LOOKED_AT)}) AS met ORDER BY {self._order_by}"
        if self.walk_is_exact:
            return self._statement(f"SELECT {_COLUMNS} FROM ({met} LIMIT {limit}) AS walked")
        return self._statement(
            f"SELECT {_COLUMNS} FROM ({met} LIMIT {WALK_ROWS_MAX}) AS walked "
            f"WHERE {' AND '.join(self._residual)} LIMIT {limit}"
        )

    def walk_end(self) -> Statement:
        """Give the keys of the last row within the budget, if there are so many."""
        keys = ", ".join(self._keys)
        return self._statement(
            f"SELECT {keys} FROM ({self._met(keys)}) AS met "
            f"ORDER BY {self._order_by} OFFSET {WALK_ROWS_MAX - 1} LIMIT 1"
        )

    def walk_count(self) -> Statement:
        """Count what a walk finds within its budget, up to one above the most that is told."""
        if self.walk_is_exact:
            counted = f"SELECT 1 FROM ({self._met('1')}) AS met LIMIT {TOTAL_MAX + 1}"
        else:
            met = f"SELECT * FROM ({self._met(_LOOKED_AT)}) AS met ORDER BY {self._order_by}"
            counted = (
                f"SELECT 1 FROM ({met} LIMIT {WALK_ROWS_MAX}) AS walked "
                f"WHERE {' AND '.join(self._residual)} LIMIT {TOTAL_MAX + 1}"
            )
        return self._statement(f"SELECT count(*) FROM ({counted}) AS counted")

    def gather_estimate(self) -> Statement:
        """Ask PostgreSQL what fetching all that matches would cost, without doing it."""
        return self._statement(f"EXPLAIN (FORMAT JSON) {self._gathered()}")

    def gather(self) -> Statement:
        """Give the page's rows and one more, each with the number of all that match."""
        return self._statement(
            f"WITH gathered AS MATERIALIZED ({self._gathered()}), page AS MATERIALIZED ("
            f"SELECT mailbox_id FROM gathered WHERE {self._after} ORDER BY {self._order_by} LIMIT {self._asked.size + 1}) "
            f"SELECT {_COLUMNS}, (SELECT count(*) FROM gathered) AS matched "
            f"FROM page JOIN mailboxes USING (mailbox_id) ORDER BY {self._order_by}"
        )

    def _gathered(self) -> str:
        return f"SELECT {', '.join(self._keys)} FROM mailboxes WHERE {' AND '.join(self._gather_conditions)}"


def ahead(domains: list[str], asked: PageAsked) -> list[str]:
    """Give the domains that a page in the order of addresses can still come to."""
    if asked.after is None:
        return domains
    here = str(asked.after[0])
    return [domain for domain in domains if (domain <= here if asked.descending else domain >= here)]


def first_in_domains(
    tenant: str, compiled: CompiledFilter, asked: PageAsked, domains: list[str]
) -> Statement:
    """Give the time at which the first mailbox of these domains follows in a list by time; none if none does."""
    column, tie = KEYS[asked.order]
    arguments: list[object] = [tenant, *compiled.arguments, domains, *(asked.after or ())]
    place = len(compiled.arguments) + 2
    direction = "DESC" if asked.descending else "ASC"
    conditions = [*_KEPT, "m.domain = d.domain", *_windows(compiled, column)]
    if asked.after is not None:
        conditions.append(
            f"({column}, {tie}) {'<' if asked.descending else '>'} (${place + 1}, ${place + 2})"
        )
    return Statement.using(
        f"SELECT {'max' if asked.descending else 'min'}((SELECT {column} FROM mailboxes AS m "
        f"WHERE {' AND '.join(conditions)} ORDER BY {column} {direction}, {tie} {direction} LIMIT 1)) "
        f"FROM unnest(${place}::text[]) AS d (domain)",
        arguments,
    )


def domains_in_window(tenant: str, compiled: CompiledFilter, domains: list[str]) -> list[Statement]:
    """Ask, for each time that the filter bounds, which of the domains have a mailbox within the bounds."""
    arguments: list[object] = [tenant, *compiled.arguments, domains]
    return [
        Statement.using(
            f"SELECT d.domain FROM unnest(${len(arguments)}::text[]) AS d (domain) "
            f"WHERE (SELECT true FROM mailboxes AS m WHERE {' AND '.join([*_KEPT, 'm.domain = d.domain', *windows])} "
            f"ORDER BY {column} LIMIT 1)",
            arguments,
        )
        for column in ("created_at", "changed_at")
        if (windows := _windows(compiled, column))
    ]


def _windows(compiled: CompiledFilter, column: str) -> list[str]:
    return [part.sql for part in compiled.conjuncts if part.narrows and part.columns == frozenset({column})]
