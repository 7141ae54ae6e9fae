"""The SQL of a list: what the walk takes over from the filter, and that no value ever is part of it."""

import pytest

from contracts.listing import MAILBOX_FILTER_FIELDS
from services.gateway.mailbox_list import (
    MERGED_DOMAINS_MAX,
    MailboxList,
    OrderColumn,
    PageAsked,
    Statement,
    domains_in_window,
    first_in_domains,
    rendering,
)
from services.runtime.filtering import FilterError, compile_filter


def a_list(
    text: str,
    order: OrderColumn = "address",
    domains: list[str] | None = None,
    common: tuple[str, ...] = (),
    *,
    scoped: bool = False,
) -> MailboxList:
    compiled = compile_filter(text, MAILBOX_FILTER_FIELDS, 2).rendered(rendering(common))
    return MailboxList("tenant", compiled, PageAsked(size=50, order=order), domains, scoped=scoped)


@pytest.mark.parametrize(
    ("text", "order", "domains"),
    [
        ("", "address", None),
        ("status = deleted AND has_password = false", "created_at", None),
        ("domain = a.example", "address", ["a.example"]),
        ("domain = a.example AND local_part = x*", "address", ["a.example"]),
        ("created_at > 2026-01-01T00:00:00Z", "created_at", None),
        ("local_part = x*", "address", None),
    ],
)
def test_a_filter_that_the_index_order_covers_is_walked_without_looking_at_rows(
    text: str, order: OrderColumn, domains: list[str] | None
) -> None:
    assert a_list(text, order, domains).walk_is_exact


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("note:x", "address"),
        ("created_at > 2026-01-01T00:00:00Z", "address"),
        ("local_part = x*", "created_at"),
    ],
)
def test_what_it_does_not_cover_is_looked_at_within_a_budget(text: str, order: OrderColumn) -> None:
    wanted = a_list(text, order)
    assert not wanted.walk_is_exact
    assert "LIMIT 10000) AS walked WHERE" in wanted.walk().sql


MANY = [f"d{number}.example" for number in range(MERGED_DOMAINS_MAX + 1)]


def test_a_scope_of_few_domains_is_walked_domain_by_domain_in_every_order() -> None:
    wanted = a_list("", "created_at", MANY[1:], scoped=True)
    assert wanted.walk_is_exact
    assert wanted.walk().sql.count("domain = $") == MERGED_DOMAINS_MAX


def test_a_scope_of_many_domains_limits_a_list_by_time_that_is_not_walked_by_domain() -> None:
    limited = a_list("", "created_at", MANY, scoped=True)
    assert not limited.walk_is_exact
    for statement in (limited.walk(), limited.walk_count(), limited.gather()):
        assert "domain = ANY" in statement.sql
    assert a_list("", "address", MANY, scoped=True).walk_is_exact
    assert a_list("", "created_at", [], scoped=True).matches_nothing


def test_facets_that_can_not_match_are_not_walked() -> None:
    sql = a_list("status = deleted AND has_password = true").walk().sql
    assert sql.count("UNION ALL") == 1
    assert "facet = 9" in sql
    assert "facet = 11" in sql


def test_a_contradiction_needs_no_database() -> None:
    assert a_list("status = active AND status = deleted").matches_nothing
    assert a_list("domain = a.example AND domain = b.example", domains=[]).matches_nothing


def test_a_common_word_is_kept_from_the_index_and_a_rare_one_is_not() -> None:
    sql = a_list('note:"common rare"', common=("common",)).gather().sql
    assert "ts_match_vq(note_words, to_tsquery('simple', $2))" in sql
    assert "note_words @@ to_tsquery('simple', $3)" in sql


def test_a_statement_has_exactly_the_arguments_it_uses() -> None:
    statement = Statement.using("SELECT $3, $1, $3", ["a", "b", "c"])
    assert statement == Statement("SELECT $2, $1, $2", ["a", "c"])


def test_no_value_of_a_filter_is_part_of_the_sql() -> None:
    wanted = a_list(
        'note:canary AND (local_part = "canary" OR address = canary@canary.example)', domains=None
    )
    for statement in (wanted.walk(), wanted.walk_end(), wanted.walk_count(), wanted.gather()):
        assert "canary" not in statement.sql


@pytest.mark.parametrize("text", ["", "status = deleted", "note:x", "created_at > 2026-01-01T00:00:00Z"])
@pytest.mark.parametrize("order", ["address", "created_at"])
@pytest.mark.parametrize("domains", [None, ["a.example"], MANY])
def test_no_statement_of_a_list_looks_at_purged_mailboxes(
    text: str, order: OrderColumn, domains: list[str] | None
) -> None:
    wanted = a_list(text, order, domains)
    statements = [wanted.walk(), wanted.walk_end(), wanted.walk_count(), wanted.gather()]
    compiled = compile_filter(text, MAILBOX_FILTER_FIELDS, 2)
    if domains is not None:
        statements += domains_in_window("tenant", compiled, domains)
    if domains is not None and order != "address":
        statements.append(first_in_domains("tenant", compiled, PageAsked(size=50, order=order), domains))
    for statement in statements:
        ranges = statement.sql.count("tenant = $1")
        assert ranges >= 1
        assert statement.sql.count("status <> 'purged'") == ranges


def test_a_list_is_not_asked_for_purged_mailboxes() -> None:
    with pytest.raises(FilterError):
        compile_filter("status = purged", MAILBOX_FILTER_FIELDS, 2)
