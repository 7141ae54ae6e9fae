"""A small filter language for lists, compiled to SQL whose every value is an argument.

The grammar is a subset of AIP-160: `name op value` with `= != < <= > >= :`, joined by AND, OR and NOT. Parentheses
are demanded where AND and OR meet, because their precedence in AIP-160 surprises most people. A value is a word, or
stands in double quotes with `\\"` and `\\\\`. In texts a `*` at the end means "anything from here on".

A list of fields says which names there are; nothing of a filter reaches the SQL but as an argument.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NoReturn

from msgspec import Struct

from contracts.addresses import AddressError
from contracts.listing import FILTER_LENGTH_MAX, FilterField, FilterKind, FilterSpelling
from services.runtime.domain_names import to_a_label
from services.runtime.filter_tree import Junction, Known, Node, Not, Operator, Rendering, Term

__all__ = ["CompiledFilter", "Conjunct", "FilterError", "FilterField", "compile_filter"]

TERMS_MAX: Final = 32
DEPTH_MAX: Final = 8
WORDS_MAX: Final = 8
WORD_LENGTH_MAX: Final = 100

_OPERATORS: Final[Mapping[FilterKind, tuple[Operator, ...]]] = {
    "text": ("=", "!="),
    "joined": ("=", "!="),
    "choice": ("=", "!="),
    "flag": ("=", "!="),
    "present": ("=", "!="),
    "word": (":",),
    "time": ("=", "!=", "<", "<=", ">", ">="),
    "number": ("=", "!=", "<", "<=", ">", ">="),
}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r"!=|<=|>=|=|<|>|:")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_BARE: Final = re.compile(r'[^\s()"]+')
_ESCAPE: Final = re.compile(r"\\(.)")
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
# A value that no filter can name, as it holds a control character.
_UNNAMED: Final = "\0"

_WORD: Final = re.compile(r"[^\W_]+")


class FilterError(ValueError):
    """The filter can't be understood. `position` counts characters from 0; `detail` is for people."""

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(f"{detail} (at character {position + 1})")
        self.position = position
        self.detail = detail


class Conjunct(Struct, frozen=True):
    """One of the conditions that must all hold. `narrows`: it is one range of its columns, so an index can use it."""

    sql: str
    columns: frozenset[str]
    narrows: bool


class CompiledFilter(Struct, frozen=True):
    """`sql` is a condition whose `$n` are the `arguments` in order; it is the conjunction of `conjuncts`."""

    sql: str
    arguments: list[object]
    conjuncts: tuple[Conjunct, ...]
    tree: Node | None
    first_argument: int

    def rendered(self, rendering: Rendering) -> "CompiledFilter":
        """Give the same filter with the SQL that `rendering` has for some of its comparisons."""
        return self if self.tree is None else _render(self.tree, self.first_argument, rendering)

    def terms(self) -> list[Term]:
        """Give all comparisons."""
        return list(_terms_of(self.tree))

    def could_match(self, known: Known) -> bool:
        """Whether a row with these values may match; False only when none can, whatever its other columns hold."""
        return self.tree is None or self.tree.holds(known) is not False

    def mentions(self, column: str) -> bool:
        """Whether the filter says anything about the column."""
        return any(column in conjunct.columns for conjunct in self.conjuncts)

    def possible_values(self, column: str) -> list[str] | None:
        """Give the only values of a text column with which a row can match; None when others may, too."""
        named = [value for term in _terms_of(self.tree) for value in term.named(column)]
        if None in named or self.could_match({column: _UNNAMED}):
            return None
        return sorted({value for value in named if value is not None and self.could_match({column: value})})


def compile_filter(text: str, fields: Mapping[str, FilterField], first_argument: int = 1) -> CompiledFilter:
    """Compile a filter; an empty one is `true`. The arguments are numbered from `$first_argument`.

    Raises FilterError, and nothing else, whatever the text is.
    """
    if len(text) > FILTER_LENGTH_MAX:
        raise FilterError(FILTER_LENGTH_MAX, f"a filter has at most {FILTER_LENGTH_MAX} characters")
    for position, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r":
            raise FilterError(position, "a filter has no control characters")
    if not text.strip():
        return CompiledFilter(
            sql="true", arguments=[], conjuncts=(), tree=None, first_argument=first_argument
        )
    return _render(_Parser(text, fields).parse(), first_argument, None)


def _render(tree: Node, first_argument: int, rendering: Rendering | None) -> CompiledFilter:
    arguments: list[object] = []

    def argument(value: object) -> str:
        arguments.append(value)
        return f"${first_argument + len(arguments) - 1}"

    top = tree.children if isinstance(tree, Junction) and tree.word == "AND" else (tree,)
    conjuncts = tuple(Conjunct(node.sql(argument, rendering), node.columns, node.narrows) for node in top)
    return CompiledFilter(
        sql=" AND ".join(conjunct.sql for conjunct in conjuncts),
        arguments=arguments,
        conjuncts=conjuncts,
        tree=tree,
        first_argument=first_argument,
    )


def _terms_of(node: Node | None) -> Iterator[Term]:
    match node:
        case None:
            return
        case Term():
            yield node
        case Not():
            yield from _terms_of(node.child)
        case Junction():
            for child in node.children:
                yield from _terms_of(child)


class _Parser:
    """Recursive descent; the depth is bounded before Python's is."""

    def __init__(self, text: str, fields: Mapping[str, FilterField]) -> None:
        self._text = text
        self._fields = fields
        self._at = 0
        self._terms = 0

    def parse(self) -> Node:
        tree = self._sequence(depth=0)
        if self._at < len(self._text):
            self._fail("expected AND, OR or the end of the filter")
        return tree

    def _sequence(self, depth: int) -> Node:
        children = [self._factor(depth)]
        word: Literal["AND", "OR"] | None = None
        while (found := self._keyword("AND", "OR")) is not None:
            joint: Literal["AND", "OR"] = "AND" if found == "AND" else "OR"
            if word not in (None, joint):
                self._at -= len(joint)
                self._fail("put parentheses where AND and OR meet")
            word = joint
            children.append(self._factor(depth))
        return children[0] if word is None else Junction(word, tuple(children))

    def _factor(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            self._fail(f"parentheses and NOT nest at most {DEPTH_MAX} deep")
        if self._keyword("NOT"):
            return Not(self._factor(depth + 1))
        if self._literal("("):
            inner = self._sequence(depth + 1)
            if not self._literal(")"):
                self._fail("expected )")
            return inner
        return self._term()

    def _term(self) -> Term:
        self._skip_space()
        start = self._at
        name = self._token(_NAME)
        if name is None or name in ("AND", "OR", "NOT"):
            self._at = start
            self._fail("expected a name")
        field = self._fields.get(name)
        if field is None:
            self._at = start
            self._fail(f"there is no such name; there are {', '.join(sorted(self._fields))}")
        self._terms += 1
        if self._terms > TERMS_MAX:
            self._fail(f"a filter has at most {TERMS_MAX} comparisons")
        self._skip_space()
        operator_at = self._at
        operator = self._operator(field)
        if operator is None:
            self._at = operator_at
            self._fail(f"expected one of {' '.join(_OPERATORS[field.kind])} after {name}")
        self._skip_space()
        value_at = self._at
        try:
            return _make_term(field, operator, *self._value())
        except _ValueProblem as problem:
            self._at = value_at
            self._fail(str(problem))

    def _operator(self, field: FilterField) -> Operator | None:
        found = self._token(_OPERATOR)
        return next((each for each in _OPERATORS[field.kind] if each == found), None)

    def _value(self) -> tuple[str, bool]:
        """The value, and whether a `*` at its end is meant as one: in quotes too."""
        quoted = _QUOTED.match(self._text, self._at)
        if quoted is not None:
            self._at = quoted.end()
            return _ESCAPE.sub(r"\1", quoted[1]), True
        bare = self._token(_BARE)
        if bare is None:
            self._fail("expected a value, or the second quote is missing")
        return bare, False

    def _keyword(self, *words: str) -> str | None:
        self._skip_space()
        found = _NAME.match(self._text, self._at)
        if found is None or found[0] not in words:
            return None
        self._at = found.end()
        return found[0]

    def _literal(self, text: str) -> bool:
        self._skip_space()
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _token(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _fail(self, detail: str) -> NoReturn:
        raise FilterError(self._at, detail)


class _ValueProblem(Exception):
    """The value is none of the field's; the message says what is expected."""


def _make_term(field: FilterField, operator: Operator, text: str, quoted: bool) -> Term:
    match field.kind:
        case "text":
            value, prefix = _spelt(text, field.spelling)
            return Term(field, operator, value, None, "first" if prefix else "")
        case "joined":
            return _joined_term(field, operator, text)
        case "choice":
            if text not in field.choices:
                raise _ValueProblem(f"expected one of {', '.join(field.choices)}")
            return Term(field, operator, text)
        case "flag" | "present":
            if quoted or text not in ("true", "false"):
                raise _ValueProblem("expected true or false")
            return Term(field, operator, text == "true")
        case "time":
            return Term(field, operator, _instant(text))
        case "number":
            if _NUMBER.fullmatch(text) is None:
                raise _ValueProblem("expected a whole number that is not negative")
            return Term(field, operator, int(text))
        case "word":
            return Term(field, operator, _words(text))


def _joined_term(field: FilterField, operator: Operator, text: str) -> Term:
    first_text, separator, second_text = text.rpartition(field.separator)
    if not separator:
        value, prefix = _spelt(text, field.spelling)
        if not prefix:
            raise _ValueProblem(f"expected a value with {field.separator}, or one that ends in *")
        return Term(field, operator, value, None, "first")
    second, second_prefix = _spelt(second_text, "host")
    if first_text == "*":
        return Term(field, operator, None, second, "second" if second_prefix else "")
    first, first_prefix = _spelt(first_text, field.spelling)
    if first_prefix:
        raise _ValueProblem("* stands only at the end, or alone before the separator")
    return Term(field, operator, first, second, "second" if second_prefix else "")


def _spelt(text: str, spelling: FilterSpelling) -> tuple[str, bool]:
    """A text in stored form without its final `*`, and whether it had one."""
    value, prefix = (text[:-1], True) if text.endswith("*") else (text, False)
    if "*" in value:
        raise _ValueProblem("* stands only at the end")
    if not value and not prefix:
        raise _ValueProblem("expected a value that is not empty")
    if spelling == "host" and not value.isascii():
        if prefix:
            raise _ValueProblem("expected a whole name, as this one has letters beyond ASCII")
        try:
            return to_a_label(value), False
        except AddressError:
            raise _ValueProblem("expected a domain name") from None
    return (value if spelling == "exact" else unicodedata.normalize("NFC", value).lower()), prefix


def _instant(text: str) -> datetime:
    if _INSTANT.fullmatch(text) is None:
        raise _ValueProblem("expected a time like 2026-01-31T08:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _ValueProblem("expected a time that exists") from None


def _words(text: str) -> tuple[str, ...]:
    words = tuple(_WORD.findall(text))
    if not 1 <= len(words) <= WORDS_MAX or any(len(word) > WORD_LENGTH_MAX for word in words):
        raise _ValueProblem(f"expected 1 to {WORDS_MAX} words of at most {WORD_LENGTH_MAX} characters")
    return words
