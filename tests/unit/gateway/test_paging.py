"""Page tokens come back as they were given, and a forged one is a 400 whatever is in it."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http.paging import Instant, Token, cut, decode_token, list_name
from services.gateway.http.problems import Problem
from services.gateway.http.request import Position, Text
from services.gateway.http.tokens import write_token
from services.gateway.read_models import TOTAL_MAX, Found

BY_ADDRESS = tuple[Text, Text, Text]
BY_TIME = tuple[Instant, Text]
NAME = list_name("mailboxes", "t", "", "address")


def forged(content: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


@given(
    st.tuples(
        *[st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60)]
        * 3
    )
)
def test_a_token_brings_back_the_place_where_the_page_ended(after: tuple[str, str, str]) -> None:
    token = Token(NAME, after, 17, exact=True)
    assert decode_token(write_token(token), BY_ADDRESS, NAME) == token


def test_times_keep_their_microseconds() -> None:
    token = Token(NAME, (datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "id"), 0, exact=False)
    assert decode_token(write_token(token), BY_TIME, NAME) == token


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        [NAME, ["a", "b"], 1, True],
        [NAME, ["a", "b", 3], 1, True],
        [NAME, ["a", "b\0", "c"], 1, True],
        [NAME, ["a", "b", "x" * 400], 1, True],
        [NAME, ["a", "b", "c"], -1, True],
        [NAME, ["a", "b", "c"], TOTAL_MAX + 1, True],
        [list_name("mailboxes", "other tenant", "", "address"), ["a", "b", "c"], 1, True],
    ],
)
def test_a_forged_token_is_refused(content: Any) -> None:
    with pytest.raises(Problem, match="invalid_page_token"):
        decode_token(forged(content), BY_ADDRESS, NAME)


@pytest.mark.parametrize("time", ["yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_no_answer_gave_is_refused(time: str) -> None:
    with pytest.raises(Problem, match="invalid_page_token"):
        decode_token(forged([NAME, [time, "id"], 1, True]), BY_TIME, NAME)


@given(st.text(max_size=80))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    with pytest.raises(Problem, match="invalid_page_token"):
        decode_token(text, BY_ADDRESS, NAME)
    with pytest.raises(ValueError, match="no token"):
        Position.parse(text)


def test_a_position_is_known_again() -> None:
    position = Position("mailbox", "xn--bcher-kva.example", 12)
    assert Position.parse(position.token()) == position


class Row(msgspec.Struct):
    domain: str


def test_a_list_is_cut_to_its_page_with_a_token_only_when_more_follow() -> None:
    rows = [Row("a"), Row("b"), Row("c")]
    page = cut(Found(rows, 3), 2, NAME, ("domain",))
    assert [row.domain for row in page.rows] == ["a", "b"]
    assert isinstance(page.next_page_token, str)
    assert decode_token(page.next_page_token, tuple[Text], NAME).after == ("b",)
    last = cut(Found(rows, TOTAL_MAX + 1), 3, NAME, ("domain",))
    assert last.next_page_token is msgspec.UNSET
    assert (last.total_size, last.total_size_is) == (TOTAL_MAX, "at_least")


def test_another_offset_than_utc_is_refused_even_if_it_is_the_same_instant() -> None:
    elsewhere = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    with pytest.raises(Problem):
        decode_token(forged([NAME, [elsewhere, "id"], 1, True]), BY_TIME, NAME)
