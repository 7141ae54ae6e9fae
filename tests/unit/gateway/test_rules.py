"""Which rules are worth comparing: none is missed that an address could meet, and the work is bounded."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.patterns import parse_pattern
from contracts.recipients import rule_order
from contracts.views.routing import RuleRow
from services.gateway import rules
from services.gateway.rules import Ends
from tests.kit.given import DOMAIN, NOON, US, an_id

INA: Final = an_id("ina")


def rule(number: int, pattern: str, rank: int = 1) -> RuleRow:
    parsed = parse_pattern(pattern)
    return RuleRow(
        rule_id=f"{number:05}", tenant=US, domain=DOMAIN, pattern=parsed.text, rank=rank, prefix=parsed.prefix,
        suffix=parsed.suffix, literals=parsed.literals, regex=parsed.regex, target_id=INA, target_domain=DOMAIN,
        status="active", dropped_with=None, version=1, created_at=NOON, changed_at=NOON,
    )  # fmt: skip


def ends(all_rules: list[RuleRow]) -> Ends:
    in_order = sorted(all_rules, key=rule_order)
    return Ends(
        [each.rule_id for each in in_order],
        [each.prefix for each in in_order],
        [each.suffix for each in in_order],
        [each.rank for each in in_order],
    )


def may_meet(one: RuleRow, other: RuleRow) -> bool:
    return (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)) and (
        one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    )


def told_apart(all_rules: list[RuleRow], asked: RuleRow) -> list[str]:
    """The same by looking at every rule."""
    return [
        other.rule_id
        for other in sorted(all_rules, key=rule_order)
        if other.rule_id != asked.rule_id and other.rank <= asked.rank and may_meet(other, asked)
    ]


TEXTS: Final = st.text("ab", max_size=3)
PATTERNS: Final = st.builds(lambda start, end: f"{start}{{any}}{end}", TEXTS, TEXTS)
RULES: Final = st.lists(st.tuples(PATTERNS, st.integers(0, 3)), min_size=1, max_size=30)


@given(RULES, st.sampled_from([0, 1_000]))
@settings(deadline=None)
def test_no_rule_is_missed_whichever_way_they_are_found(
    written: list[tuple[str, int]], sorted_max: int
) -> None:
    all_rules = [rule(number, pattern, rank) for number, (pattern, rank) in enumerate(written)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "SORTED_MAX", sorted_max)
        among = ends(all_rules)
        for each in all_rules:
            assert among.meeting(each, 1_000) == told_apart(all_rules, each)


def test_a_rule_that_is_not_kept_yet_is_compared_with_those_that_are() -> None:
    assert ends([rule(1, "a{any}")]).meeting(rule(2, "ab{any}"), 10) == ["00001"]
    assert ends([]).meeting(rule(2, "ab{any}"), 10) == []


def test_only_so_many_are_given_those_tried_first_first() -> None:
    all_rules = [rule(number, "{any}", rank=9 - number) for number in range(9)]
    assert ends(all_rules).meeting(rule(99, "{any}", rank=9), 2) == ["00008", "00007"]


def test_looking_ends_when_it_takes_too_long() -> None:
    # All begin alike and end alike in pairs, so neither end tells them apart.
    all_rules = [rule(number, f"a{number % 2}{{any}}{number % 2}b") for number in range(5_000)]
    among = ends(all_rules)
    found = [among.meeting(rule(9_999, "a0{any}1b"), 10) for _ in range(rules.LOOKS_MAX // 5_000 + 1)]
    assert found[0] == []
    assert found[-1] is None
