"""The filter language: what it accepts, the SQL it gives, what it says about rows, and that nothing breaks it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.listing import FILTER_LENGTH_MAX, MAILBOX_FILTER_FIELDS, FilterField
from services.runtime.filtering import DEPTH_MAX, TERMS_MAX, CompiledFilter, FilterError, compile_filter

NULLABLE = {"group": FilterField(column="group_id", kind="text", spelling="lower", nullable=True)}


def compiled(text: str, first_argument: int = 1) -> CompiledFilter:
    return compile_filter(text, MAILBOX_FILTER_FIELDS, first_argument)


def refused_at(text: str) -> tuple[int, str]:
    with pytest.raises(FilterError) as caught:
        compiled(text)
    return caught.value.position, caught.value.detail


def test_what_a_row_does_not_have_differs_from_every_text() -> None:
    def sql(text: str) -> str:
        return compile_filter(text, NULLABLE).sql

    assert sql("group = a") == "(group_id IS NOT NULL AND group_id = $1)"
    assert sql("group != a") == "NOT (group_id IS NOT NULL AND group_id = $1)"
    assert sql("NOT (group = a OR group = b)").count("group_id IS NOT NULL AND") == 2


def test_numbers_are_compared_as_numbers() -> None:
    number = {"size": FilterField(column="size_bytes", kind="number")}
    for operator in ("=", "<", "<=", ">", ">="):
        found = compile_filter(f"size {operator} 1000", number)
        assert (found.sql, found.arguments) == (f"size_bytes {operator} $1", [1000])
    assert compile_filter("size != 0", number).sql == "size_bytes <> $1"
    for text in ("size = -1", "size = 1.5", "size = many", "size = ١", f"size = {'9' * 19}", "size:1"):
        with pytest.raises(FilterError):
            compile_filter(text, number)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_filter_is_true(text: str) -> None:
    assert compiled(text).sql == "true"
    assert compiled(text).arguments == []


@pytest.mark.parametrize(
    ("text", "sql", "arguments"),
    [
        ("domain = example.org", "(domain = $1)", ["example.org"]),
        ("domain!=EXAMPLE.org", "NOT (domain = $1)", ["example.org"]),
        ("domain = bücher.example", "(domain = $1)", ["xn--bcher-kva.example"]),
        ('local_part = "ina k"', "(local_part = $1)", ["ina k"]),
        (r'local_part = "a\"b\\c"', "(local_part = $1)", ['a"b\\c']),
        (
            "local_part = Ina*",
            '(local_part COLLATE "C" >= $1 AND local_part COLLATE "C" < $2)',
            ["ina", "ina\U0010ffff"],
        ),
        ("address = ina@example.org", "(local_part = $1 AND domain = $2)", ["ina", "example.org"]),
        ("address = *@example.org", "(domain = $1)", ["example.org"]),
        (
            "address = ina@ex*",
            '(local_part = $1 AND domain COLLATE "C" >= $2 AND domain COLLATE "C" < $3)',
            ["ina", "ex", "ex\U0010ffff"],
        ),
        ("status = active", "status = $1", ["active"]),
        ("status != active", "status <> $1", ["active"]),
        ("self_service = true", "self_service", []),
        ("self_service != true", "NOT self_service", []),
        ("has_password = false", "credential_id IS NULL", []),
        ("has_password != false", "credential_id IS NOT NULL", []),
        (
            "created_at >= 2026-01-31T09:00:00+01:00",
            "created_at >= $1",
            [datetime(2026, 1, 31, 8, tzinfo=UTC)],
        ),
        ("NOT status = active", "NOT (status = $1)", ["active"]),
        (
            "status = active AND (self_service = true OR has_password = true)",
            "status = $1 AND (self_service OR credential_id IS NOT NULL)",
            ["active"],
        ),
    ],
)
def test_a_filter_becomes_a_condition_with_arguments(text: str, sql: str, arguments: list[object]) -> None:
    assert compiled(text).sql == sql
    assert compiled(text).arguments == arguments


def test_arguments_are_numbered_from_the_one_asked_for() -> None:
    assert compiled("domain = a.example AND status = deleted", 4).sql == "(domain = $4) AND status = $5"


def test_note_words_are_prefixes_of_words_and_never_syntax_of_the_search() -> None:
    assert compiled('note:"sales & !x:*"').arguments == ["'sales':*", "'x':*"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("colour = red", 0),
        ("domain", 6),
        ("domain < example.org", 7),
        ("note = x", 5),
        ("domain =", 8),
        ("domain = ", 9),
        ('domain = "open', 9),
        ("domain = a*b", 9),
        ("status = asleep", 9),
        ("self_service = maybe", 15),
        ('self_service = "true"', 15),
        ("created_at > yesterday", 13),
        ("created_at > 2026-02-30T00:00:00Z", 13),
        ("created_at > 2026-01-01T00:00:00", 13),
        ("created_at > 0001-01-01T00:00:00+14:00", 13),
        ("address = ina", 10),
        ("address = i*@example.org", 10),
        ("note:---", 5),
        ("domain = bü*", 9),
        ("status = active AND", 19),
        ("AND status = active", 0),
        ("status = active status = deleted", 16),
        ("(status = active", 16),
        ("status = active)", 15),
        ("status = active AND status = deleted OR self_service = true", 37),
        ("domain = a\0b", 10),
    ],
)
def test_a_mistake_is_named_with_its_position(text: str, position: int) -> None:
    assert refused_at(text)[0] == position


def test_length_number_of_comparisons_and_depth_are_bounded() -> None:
    assert refused_at("x" * (FILTER_LENGTH_MAX + 1))[0] == FILTER_LENGTH_MAX
    term = "self_service=true"
    compiled(" AND ".join([term] * TERMS_MAX))
    assert "at most" in refused_at(" AND ".join([term] * (TERMS_MAX + 1)))[1]
    compiled("(" * DEPTH_MAX + term + ")" * DEPTH_MAX)
    assert "deep" in refused_at("(" * (DEPTH_MAX + 1) + term + ")" * (DEPTH_MAX + 1))[1]
    assert "deep" in refused_at("NOT " * (DEPTH_MAX + 1) + term)[1]


def test_a_filter_knows_which_partly_known_rows_can_not_match() -> None:
    either = compiled("status = deleted OR (domain = a.example AND note:x)")
    assert either.could_match({"status": "deleted"})
    assert either.could_match({"status": "active", "domain": "a.example"})
    assert not either.could_match({"status": "active", "domain": "b.example"})
    assert not compiled("NOT has_password = true").could_match({"credential_id": True})
    assert not compiled("address = ina@a.example").could_match({"domain": "b.example"})
    assert compiled("address = ina@a.example").could_match({"domain": "a.example"})
    assert compiled("address != ina@a.example").could_match({"domain": "a.example"})


def test_a_filter_names_the_only_values_it_allows() -> None:
    assert compiled("domain = b.example OR address = x@a.example").possible_values("domain") == [
        "a.example",
        "b.example",
    ]
    assert compiled("domain = a.example AND domain = b.example").possible_values("domain") == []
    assert compiled("domain != a.example").possible_values("domain") is None
    assert compiled("domain = a*").possible_values("domain") is None
    assert compiled("domain = a.example OR note:x").possible_values("domain") is None


def test_only_what_an_index_can_use_narrows() -> None:
    parts = compiled("domain = a.example AND domain != b.example AND note:x AND (status = active OR note:y)")
    assert [part.narrows for part in parts.conjuncts] == [True, False, False, False]


_PIECES = st.sampled_from(
    [
        *MAILBOX_FILTER_FIELDS,
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        ":",
        '"',
        "\\",
        "*",
        "@",
        "a",
        "example.org",
        "true",
        "active",
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "\0",
        "\ud800",
        "é",
        "\u202e",
    ]
)


@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(_PIECES, max_size=40).map(" ".join),
        st.lists(_PIECES, max_size=40).map("".join),
    )
)
@settings(max_examples=1_000, deadline=None)
def test_whatever_is_sent_the_answer_is_a_condition_or_a_filter_error(text: str) -> None:
    position = 0
    try:
        _check_condition(compiled(text))
    except FilterError as error:
        position = error.position
    assert 0 <= position <= max(len(text), FILTER_LENGTH_MAX)


def _check_condition(found: CompiledFilter) -> None:
    for value in found.arguments:
        assert str(value) not in found.sql or len(str(value)) < 3 or str(value) in MAILBOX_FILTER_FIELDS
    assert found.sql == " AND ".join(part.sql for part in found.conjuncts) or found.sql == "true"
    assert isinstance(found.could_match({"status": "active", "domain": "example.org"}), bool)
