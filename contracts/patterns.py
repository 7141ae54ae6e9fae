"""What a collection rule's pattern is, which addresses it matches, and how two patterns stand to each other.

A pattern is literal text with 1 to 8 placeholders, and it describes the whole local part: `{number}` is one or more
of the digits 0-9, `{word}` one or more of the letters a-z, `{any}` one or more of any characters that a local part can
have. Letters beyond ASCII are for `{any}` and literal text only: which characters are letters differs between Python
and PostgreSQL, and from one of their versions to the next, and both must always give the same answer.

There is no repetition but that of a placeholder, so a pattern is a chain of steps. Matching keeps the set of steps
reached as the bits of one number: the work is one step for each character, whatever the pattern.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from contracts.addresses import LOCAL_PART_OCTETS_MAX, AddressError, parse_local_part

PLACEHOLDERS_MAX: Final = 8
RESERVED: Final = frozenset({"postmaster", "abuse"})
"""Local parts that no pattern matches: the mail for whoever runs a domain (RFC 5321 section 4.5.1, RFC 2142)."""

_CLASSES: Final = {"{number}": "[0-9]+", "{word}": "[a-z]+", "{any}": ".+"}
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")
_PART: Final = re.compile(r"\{[^{}]*\}|[^{}]+|[{}]")
_SAMPLES: Final = "0123456789abcdefghijklmnopqrstuvwxyz_-=~!#$%&'/?^`|"
_COVER_STATES_MAX: Final = 5_000
"""States looked at before `covers` gives up; only patterns made for it get there."""


class PatternError(ValueError):
    """The text is no pattern; the message says what is expected."""


class Pattern(Struct, frozen=True, kw_only=True):
    """One pattern, parsed.

    `prefix` and `suffix` are the literal text before the first and after the last placeholder, `literals` counts all
    literal characters. `regex` is for PostgreSQL and matches the same addresses but for the reserved ones; without
    groups and back-references it is no more than an automaton there. `steps` are single characters and placeholders.
    """

    text: str
    prefix: str
    suffix: str
    literals: int
    regex: str
    steps: tuple[str, ...]
    onward: dict[str, int]
    staying: dict[str, int]

    def matches(self, local_part: str) -> bool:
        """Say whether the pattern describes this whole local part, which is in its one form."""
        if local_part in RESERVED:
            return False
        reached = 1
        for character in local_part:
            reached = self.after(reached, character)
            if not reached:
                return False
        return self.is_end(reached)

    def after(self, reached: int, character: str) -> int:
        """Give the steps reached with one more character. Bit n says that n steps are behind."""
        key = character if character in self.onward else _class_of(character)
        return (reached & self.onward[key]) << 1 | reached & self.staying[key]

    def is_end(self, reached: int) -> bool:
        """Say whether all steps are behind."""
        return bool(reached >> len(self.steps))


def parse_pattern(text: str) -> Pattern:
    """Give the pattern in its one form: NFC, lower case, without space around it. Raises PatternError."""
    text = unicodedata.normalize("NFC", text.strip()).lower()
    parts = _PART.findall(text)
    _check_parts(parts)
    _check_literals(text, parts)
    steps = tuple(_steps(parts))
    onward, staying = _masks(steps)
    return Pattern(
        text=text,
        prefix="" if parts[0] in _CLASSES else parts[0],
        suffix="" if parts[-1] in _CLASSES else parts[-1],
        literals=sum(1 for step in steps if step not in _CLASSES),
        regex="^" + "".join(_CLASSES.get(step) or _escaped(step) for step in steps) + "$",
        steps=steps,
        onward=onward,
        staying=staying,
    )


def could_match(text: str, local_part: str) -> bool:
    """Say whether a pattern's literal texts are in the local part, in order and with room for the placeholders.

    Most patterns that don't match fail here, for a tenth of what parsing one costs. `text` is a pattern's own.
    """
    prefix, *between, suffix = _PLACEHOLDER.split(text)
    if not local_part.startswith(prefix):
        return False
    place = len(prefix) + 1
    for literal in between:
        found = local_part.find(literal, place)
        if found < 0:
            return False
        place = found + len(literal) + 1
    return local_part.endswith(suffix) and place <= len(local_part) - len(suffix)


def overlaps(one: Pattern, other: Pattern) -> bool:
    """Say whether there is an address that both match.

    A reserved word alone can't be that address: whatever two patterns share is longer too, by a placeholder's
    further characters.
    """
    if not _ends_fit(one, other):
        return False
    symbols = _symbols(one, other)
    # Steps of `one` behind, and whether a dot came last, to the steps of `other` that the same text can have behind.
    queues: list[dict[tuple[int, bool], int]] = [{} for _ in range(LOCAL_PART_OCTETS_MAX + 1)]
    queues[0][1, True] = 1
    seen: dict[tuple[int, bool], int] = {}
    for octets, queue in enumerate(queues):
        while queue:
            (mine, after_dot), reached = queue.popitem()
            new = reached & ~seen.get((mine, after_dot), 0)
            if not new:
                continue
            seen[mine, after_dot] = seen.get((mine, after_dot), 0) | new
            if not after_dot and one.is_end(mine) and other.is_end(new):
                return True
            for symbol, size in _following(symbols, after_dot, octets):
                theirs = other.after(new, symbol)
                for each in _single_bits(one.after(mine, symbol) if theirs else 0):
                    key = each, symbol == "."
                    queues[octets + size][key] = queues[octets + size].get(key, 0) | theirs
    return False


def covers(wide: Pattern, narrow: Pattern) -> bool:
    """Say whether `wide` matches every address that `narrow` matches.

    False also when that takes too long to find out, which no pattern does that was not made for it.
    """
    if not (narrow.prefix.startswith(wide.prefix) and narrow.suffix.endswith(wide.suffix)):
        return False
    symbols = _symbols(wide, narrow)
    queues: list[set[tuple[int, int, bool]]] = [set() for _ in range(LOCAL_PART_OCTETS_MAX + 1)]
    queues[0].add((1, 1, True))
    seen: set[tuple[int, int, bool]] = set()
    for octets, queue in enumerate(queues):
        while queue:
            state = queue.pop()
            if state in seen:
                continue
            seen.add(state)
            if len(seen) > _COVER_STATES_MAX:
                return False
            inner, outer, after_dot = state
            if not after_dot and narrow.is_end(inner) and not wide.is_end(outer):
                return False
            for symbol, size in _following(symbols, after_dot, octets):
                reached = wide.after(outer, symbol)
                for each in _single_bits(narrow.after(inner, symbol)):
                    queues[octets + size].add((each, reached, symbol == "."))
    return True


def _check_parts(parts: list[str]) -> None:
    for part in parts:
        if part in ("{", "}") or (part.startswith("{") and part not in _CLASSES):
            raise PatternError(f"{part} is no placeholder: there are {', '.join(_CLASSES)}")
    count = sum(part in _CLASSES for part in parts)
    if not count:
        raise PatternError(f"a pattern needs a placeholder: {', '.join(_CLASSES)}")
    if count > PLACEHOLDERS_MAX:
        raise PatternError(f"a pattern has at most {PLACEHOLDERS_MAX} placeholders")


def _check_literals(text: str, parts: list[str]) -> None:
    if "@" in text:
        raise PatternError("a pattern describes only what is before the @, and is written without it")
    if text.startswith(".") or text.endswith(".") or ".." in text:
        raise PatternError(
            "no address begins or ends with a dot or has two in a row, so this would match nothing"
        )
    # With every placeholder at its shortest it is an address like any other, or there is none that matches.
    shortest = "".join("0" if part in _CLASSES else part for part in parts)
    try:
        parse_local_part(shortest)
    except AddressError as error:
        raise PatternError(f"this would match no address: {error}") from error


def _steps(parts: list[str]) -> Iterator[str]:
    for part in parts:
        yield from (part,) if part in _CLASSES else part


def _class_of(character: str) -> str:
    if "0" <= character <= "9":
        return "{number}"
    return "{word}" if "a" <= character <= "z" else "{any}"


def _masks(steps: tuple[str, ...]) -> tuple[dict[str, int], dict[str, int]]:
    """For each character that matters by itself, and each class of others: which steps it makes, and repeats."""
    onward = dict.fromkeys((*_CLASSES, *(step for step in steps if step not in _CLASSES)), 0)
    staying = dict(onward)
    for key in onward:
        kind = key if key in _CLASSES else _class_of(key)
        for number, step in enumerate(steps):
            repeats = step in ("{any}", kind)
            onward[key] |= (repeats or step == key) << number
            staying[key] |= repeats << number + 1
    return onward, staying


def _escaped(character: str) -> str:
    return f"\\{character}" if character.isascii() and not character.isalnum() else character


def _ends_fit(one: Pattern, other: Pattern) -> bool:
    return (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)) and (
        one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    )


def _symbols(*patterns: Pattern) -> list[tuple[str, int]]:
    """Give the characters that tell the patterns apart, with their octets: theirs, and one more of each class."""
    own = {step for pattern in patterns for step in pattern.steps if step not in _CLASSES}
    others: dict[str, str] = {}
    for character in _SAMPLES:
        if character not in own:
            others.setdefault(_class_of(character), character)
    return [(each, len(each.encode())) for each in sorted(own | {"."} | set(others.values()))]


def _following(symbols: Iterable[tuple[str, int]], after_dot: bool, octets: int) -> Iterator[tuple[str, int]]:
    for symbol, size in symbols:
        if octets + size <= LOCAL_PART_OCTETS_MAX and not (after_dot and symbol == "."):
            yield symbol, size


def _single_bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest
        bits ^= lowest
