"""Patterns: what they say, what they match, and how two of them stand to each other."""

import re

import pytest

from contracts.patterns import Pattern, PatternError, covers, overlaps, parse_pattern


def test_a_pattern_is_taken_apart_at_its_first_and_last_placeholder() -> None:
    pattern = parse_pattern("tiktok_{number}.{word}-eu")
    assert (pattern.prefix, pattern.suffix, pattern.literals) == ("tiktok_", "-eu", 11)


@pytest.mark.parametrize(
    ("text", "one_form"),
    [
        (" Shop_{Number} ", "shop_{number}"),
        ("u\N{COMBINING DIAERESIS}ber{any}", "über{any}"),
        ("ÄNNE.{word}", "änne.{word}"),
    ],
)
def test_a_pattern_has_one_form(text: str, one_form: str) -> None:
    assert parse_pattern(text).text == one_form


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a placeholder"),
        ("shop", "needs a placeholder"),
        ("{digits}", "{digits} is no placeholder"),
        ("shop{", "{ is no placeholder"),
        ("}{any}", "} is no placeholder"),
        ("{any}" * 9, "at most 8"),
        ("{any}@example.org", "without it"),
        (".{any}", "dot"),
        ("{any}.", "dot"),
        ("a..{any}", "dot"),
        ("a b{any}", "match no address"),
        ('"{any}"', "match no address"),
        ("*{any}", "match no address"),
        ("[{any}", "match no address"),
        ("a" * 64 + "{any}", "more than 64 octets"),
        ("ü" * 32 + "{any}", "more than 64 octets"),
        ("zero\N{ZERO WIDTH SPACE}{any}", "match no address"),
    ],
)
def test_what_is_no_pattern_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(PatternError, match=re.escape(says)):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "matching", "others"),
    [
        ("tiktok_{number}", ["tiktok_1", "tiktok_0042"], ["tiktok_", "tiktok_1a", "xtiktok_1", "tiktok_٣"]),
        ("{word}", ["ina"], ["ina2", "änne", "i-na", ""]),
        ("{any}", ["i", "änne+tag", "a.b", "東京"], [""]),
        ("a{number}{number}", ["a12", "a123"], ["a1"]),
        ("{any}.{word}", ["x.y.ina"], ["ina", "x.1"]),
    ],
)
def test_placeholders_stand_for_one_or_more_of_their_kind(
    text: str, matching: list[str], others: list[str]
) -> None:
    pattern = parse_pattern(text)
    assert [each for each in (*matching, *others) if pattern.matches(each)] == matching


@pytest.mark.parametrize("text", ["{any}", "{word}", "post{any}", "{any}se", "abus{word}"])
def test_no_pattern_takes_the_mail_for_whoever_runs_the_domain(text: str) -> None:
    pattern = parse_pattern(text)
    assert not pattern.matches("postmaster")
    assert not pattern.matches("abuse")


def test_matching_takes_one_step_for_each_character_whatever_the_pattern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hostile = parse_pattern("{any}a{any}a{any}a{any}a{any}a{any}a{any}a{any}")
    steps: list[str] = []
    plain = Pattern.after
    monkeypatch.setattr(Pattern, "after", lambda *each: steps.append(each[2]) or plain(*each))
    for length in (16, 32, 64):
        steps.clear()
        # All ways to place the letters fail only at the very end.
        assert not parse_pattern(hostile.text + "b").matches("a" * length)
        assert len(steps) == length


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a" * 40 + "{any}", "{any}" + "b" * 40, False),
        ("a" * 40 + "{any}", "{any}" + "b" * 23, True),
        ("a" * 40 + "{any}", "{any}" + "b" * 24, True),
        ("a" * 40 + "{any}", "{any}" + "b" * 25, False),
        ("{any}" + "é" * 16, "a" * 33 + "{any}", False),
    ],
)
def test_two_patterns_that_only_meet_beyond_64_octets_do_not_overlap(
    one: str, other: str, expected: bool
) -> None:
    assert overlaps(parse_pattern(one), parse_pattern(other)) is expected


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("{any}", "{word}{number}{word}", True),
        ("{word}", "{word}{number}{word}", False),
        ("shop_{any}", "shop_{number}", True),
        ("shop_{number}", "shop_{any}", False),
        ("{any}_{number}", "shop_{number}", True),
        ("{number}", "{number}{number}", True),
        ("{number}{number}", "{number}", False),
    ],
)
def test_a_pattern_covers_another_when_nothing_is_left_for_it(wide: str, narrow: str, expected: bool) -> None:
    assert covers(parse_pattern(wide), parse_pattern(narrow)) is expected


def test_patterns_made_to_be_slow_to_compare_are_given_up_in_bounded_work() -> None:
    wide = parse_pattern("{any}aab{any}abb{any}bab{any}bba{any}aba{any}baa{any}bb{any}")
    narrow = parse_pattern("{word}aab{word}abb{word}bab{word}bba{word}aba{word}baa{word}bb{word}")
    covers(wide, narrow)
    assert overlaps(wide, narrow)
