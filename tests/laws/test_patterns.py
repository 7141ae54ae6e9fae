"""Patterns agree with regular expressions, and comparing them agrees with trying addresses."""

import itertools
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.addresses import AddressError, parse_local_part
from contracts.patterns import Pattern, PatternError, could_match, covers, overlaps, parse_pattern

_PLACEHOLDERS = ["{number}", "{word}", "{any}"]


def pattern_texts(alphabet: str, pieces_max: int = 8) -> st.SearchStrategy[str]:
    """Give texts that are patterns more often than not."""
    piece = st.sampled_from(_PLACEHOLDERS) | st.text(alphabet, min_size=1, max_size=3)
    return st.lists(piece, min_size=1, max_size=pieces_max).map("".join)


def parsed(text: str) -> Pattern | None:
    try:
        return parse_pattern(text)
    except PatternError:
        return None


patterns = pattern_texts("ab1._-+é").map(parsed).filter(lambda each: each is not None)
local_parts = st.text("ab19._-+éx", min_size=1, max_size=20)


@given(patterns, local_parts)
@settings(max_examples=500)
def test_matching_agrees_with_the_regular_expression(pattern: Pattern, local_part: str) -> None:
    # Of the reserved words, none can be made of this alphabet.
    assert pattern.matches(local_part) == (re.fullmatch(pattern.regex, local_part) is not None)


@given(patterns, local_parts)
@settings(max_examples=500)
def test_what_could_not_match_does_not_match(pattern: Pattern, local_part: str) -> None:
    as_any = re.sub(r"\[0-9\]\+|\[a-z\]\+", ".+", pattern.regex)
    assert could_match(pattern.text, local_part) == (re.fullmatch(as_any, local_part) is not None)


@given(pattern_texts("ab1._-é% #?"), st.text(max_size=3))
def test_reading_a_pattern_in_its_one_form_gives_it_again(text: str, more: str) -> None:
    pattern = parsed(text + more)
    if pattern is not None:
        assert parse_pattern(pattern.text) == pattern


def _addresses(alphabet: str, length: int) -> list[str]:
    texts = (
        "".join(each) for size in range(1, length + 1) for each in itertools.product(alphabet, repeat=size)
    )
    return [text for text in texts if _is_local_part(text)]


def _is_local_part(text: str) -> bool:
    try:
        return parse_local_part(text) == text
    except AddressError:
        return False


# One digit, letter and other character that literals use, and one more of each that they don't.
_SHORT = _addresses("a1.z9_", 5)
_small = st.lists(st.sampled_from([*_PLACEHOLDERS, "a", "1", "."]), min_size=1, max_size=3)
small_patterns = _small.map("".join).map(parsed).filter(lambda each: each is not None)


@given(small_patterns, small_patterns)
@settings(max_examples=200)
@example(parse_pattern("a{any}"), parse_pattern("{any}1"))
@example(parse_pattern("{any}.{any}"), parse_pattern("{any}"))
@example(parse_pattern("{number}{any}"), parse_pattern("{word}{any}"))
def test_overlapping_and_covering_agree_with_trying_every_short_address(one: Pattern, other: Pattern) -> None:
    # Whatever distinguishes two patterns of at most three pieces does so within five characters.
    mine = {text for text in _SHORT if one.matches(text)}
    theirs = {text for text in _SHORT if other.matches(text)}
    assert overlaps(one, other) == overlaps(other, one) == bool(mine & theirs)
    assert covers(one, other) == (theirs <= mine)
