"""What a parsed filter is: comparisons joined by AND, OR and NOT, which know their SQL and what they say so far.

Each kind of node has the same four members: `columns` it reads; `narrows`, whether it is one range of its columns, so
that an index can use it; `sql`, whose values all go through `argument`, which gives their `$n`; and `holds`, its truth
when only some columns are known (None: it depends on the others).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from contracts.listing import FilterField

Operator = Literal["=", "!=", "<", "<=", ">", ">=", ":"]
Argument = Callable[[object], str]
"""Takes a value and gives the `$n` that stands for it."""

Known = Mapping[str, object]
"""Columns whose value is already known; a "present" column is known as true or false."""

Rendering = Callable[["Term", Argument], str | None]
"""Gives a comparison's SQL in place of the ordinary one, or None; it must be true for the same rows."""

# Every text that starts with a prefix sorts below the prefix followed by this, byte by byte.
_BEYOND: Final = "\U0010ffff"


class Term(Struct, frozen=True):
    """One comparison. `operator` is one that the field's kind has; `value` is in stored form."""

    field: FilterField
    operator: Operator
    value: str | bool | int | datetime | tuple[str, ...] | None = None
    second: str | None = None
    prefix: Literal["", "first", "second"] = ""

    @property
    def columns(self) -> frozenset[str]:
        second = {self.field.second} if self.field.second else set[str]()
        return frozenset({self.field.column} | second)

    @property
    def narrows(self) -> bool:
        return self.operator not in ("!=", ":")

    def named(self, column: str) -> tuple[str | None, ...]:
        """Give the text that the column is compared with, if it is; None stands for all that begin with one."""
        if self.field.kind not in ("text", "joined"):
            return ()
        first, second = (self.field.column, self.value, "first"), (self.field.second, self.second, "second")
        return tuple(
            None if self.prefix == part else str(value)
            for name, value, part in (first, second)
            if name == column and value is not None
        )

    def sql(self, argument: Argument, rendering: Rendering | None = None) -> str:
        special = None if rendering is None else rendering(self, argument)
        if special is not None:
            return special
        field = self.field
        match field.kind:
            case "text" | "joined":
                both: list[str] = []
                if field.nullable:
                    # Said in words, so that NOT makes it true: what compares with null is neither true nor false.
                    both.append(f"{field.column} IS NOT NULL")
                if self.value is not None:
                    both.append(_text_sql(field.column, str(self.value), self.prefix == "first", argument))
                if self.second is not None:
                    both.append(_text_sql(field.second, self.second, self.prefix == "second", argument))
                condition = " AND ".join(both)
                return f"NOT ({condition})" if self.operator == "!=" else f"({condition})"
            case "word":
                words = f"to_tsvector('simple', regexp_replace({field.column}, '[^[:alnum:]]+', ' ', 'g'))"
                return self.words_sql(lambda query, _: f"{words} @@ {query}", argument)
            case "flag" | "present":
                wanted = (self.operator == "=") is bool(self.value)
                if field.kind == "flag":
                    return field.column if wanted else f"NOT {field.column}"
                return f"{field.column} IS {'NOT ' if wanted else ''}NULL"
            case "choice" | "time" | "number":
                return f"{field.column} {'<>' if self.operator == '!=' else self.operator} {argument(self.value)}"

    def words_sql(self, matches: Callable[[str, str], str], argument: Argument) -> str:
        """Give the condition that all words of a "word" comparison are met, as `matches` says for a query and its word."""
        assert isinstance(self.value, tuple)
        conditions = [
            matches(f"to_tsquery('simple', {argument(prefix_query(word))})", word) for word in self.value
        ]
        return " AND ".join(conditions) if len(conditions) == 1 else f"({' AND '.join(conditions)})"

    def holds(self, known: Known) -> bool | None:
        field = self.field
        if field.kind in ("word", "time", "number"):
            return None
        parts: list[bool | None] = []
        if self.value is not None:
            parts.append(_agrees(known.get(field.column), self.value, self.prefix == "first"))
        if self.second is not None:
            parts.append(_agrees(known.get(field.second), self.second, self.prefix == "second"))
        equal = _all(parts)
        return _negated(equal) if self.operator == "!=" else equal


class Not(Struct, frozen=True):
    """The opposite of a condition."""

    child: "Node"

    @property
    def columns(self) -> frozenset[str]:
        return self.child.columns

    @property
    def narrows(self) -> bool:
        return False

    def sql(self, argument: Argument, rendering: Rendering | None = None) -> str:
        return f"NOT ({self.child.sql(argument, rendering)})"

    def holds(self, known: Known) -> bool | None:
        return _negated(self.child.holds(known))


class Junction(Struct, frozen=True):
    """Conditions that must hold all together (AND), or of which one must (OR)."""

    word: Literal["AND", "OR"]
    children: "tuple[Node, ...]"

    @property
    def columns(self) -> frozenset[str]:
        return frozenset[str]().union(*(child.columns for child in self.children))

    @property
    def narrows(self) -> bool:
        return False

    def sql(self, argument: Argument, rendering: Rendering | None = None) -> str:
        return "(" + f" {self.word} ".join(child.sql(argument, rendering) for child in self.children) + ")"

    def holds(self, known: Known) -> bool | None:
        each = [child.holds(known) for child in self.children]
        return _all(each) if self.word == "AND" else _negated(_all([_negated(one) for one in each]))


Node = Term | Not | Junction


def prefix_query(word: str) -> str:
    """Give the text search query for words that begin with `word`, which is letters and digits alone."""
    return f"'{word}':*"


def _text_sql(column: str, value: str, prefix: bool, argument: Argument) -> str:
    # The bounds of a prefix only hold where texts sort byte by byte.
    if prefix:
        return f'{column} COLLATE "C" >= {argument(value)} AND {column} COLLATE "C" < {argument(value + _BEYOND)}'
    return f"{column} = {argument(value)}"


def _agrees(known: object, wanted: object, prefix: bool) -> bool | None:
    if known is None:
        return None
    return str(known).startswith(str(wanted)) if prefix else known == wanted


def _all(parts: Sequence[bool | None]) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value
