"""Where mail goes: every step of the order, what is passed over, and what is odd about a rule."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.patterns import parse_pattern
from contracts.recipients import (
    OVERLAPS_NAMED_MAX,
    PassedOver,
    Route,
    RuleWarning,
    prefixes_of,
    resolve,
    suffixes_of,
    wanted_local_parts,
    wanted_targets,
    warnings_for,
)
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from tests.kit.given import DOMAIN, NOON, SOMEBODY_ELSE, US, mailbox_id
from tests.kit.given_routing import alias_id, rule_id


def a_domain(**changes: Any) -> DomainRow:
    row = DomainRow(
        domain=DOMAIN,
        tenant=US,
        status="active",
        suspended=False,
        suspended_with_tenant=False,
        mailbox_limit=None,
        mailboxes=0,
        challenge="",
        assigned_to=None,
        group_id=None,
        followed_tenant=0,
        followed_group=0,
        catch_all_id=None,
        catch_all_domain=None,
        copies=False,
        contact_id=None,
        contact_domain=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def a_mailbox(name: str, **changes: Any) -> MailboxRow:
    row = MailboxRow(
        mailbox_id=mailbox_id(name),
        tenant=US,
        domain=DOMAIN,
        local_part=name,
        note="",
        status="active",
        suspended=False,
        self_service=False,
        credential_id=None,
        generation=1,
        archive_id=None,
        expires_at=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def an_alias(name: str, to: str, **changes: Any) -> AliasRow:
    row = AliasRow(
        alias_id=alias_id(name),
        tenant=US,
        domain=DOMAIN,
        local_part=name,
        target_id=mailbox_id(to),
        target_domain=DOMAIN,
        removed=False,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def a_rule(name: str, pattern: str, to: str, **changes: Any) -> RuleRow:
    parsed = parse_pattern(pattern)
    row = RuleRow(
        rule_id=rule_id(name),
        tenant=US,
        domain=DOMAIN,
        pattern=pattern,
        rank=1_000,
        prefix=parsed.prefix,
        suffix=parsed.suffix,
        literals=parsed.literals,
        regex=parsed.regex,
        target_id=mailbox_id(to),
        target_domain=DOMAIN,
        status="active",
        dropped_with=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


INA, OLE, MAIN = a_mailbox("ina"), a_mailbox("ole"), a_mailbox("main")
MAIN_COLLECTS = {"catch_all_id": mailbox_id("main"), "catch_all_domain": DOMAIN}
OLE_ANSWERS = {"contact_id": mailbox_id("ole"), "contact_domain": DOMAIN}
GONE = {"status": "deleted"}


def route(
    local_part: str,
    domain: DomainRow | None,
    *mailboxes: MailboxRow,
    aliases: tuple[AliasRow, ...] = (),
    rules: tuple[RuleRow, ...] = (),
) -> Route:
    return resolve(domain, local_part, mailboxes=mailboxes, aliases=aliases, rules=rules)


def decided(found: Route) -> tuple[str, str | None, str | None]:
    return found.step, found.mailbox_id, found.via


def test_a_mailbox_gets_its_own_mail_whatever_else_fits() -> None:
    found = route(
        "ina",
        a_domain(**MAIN_COLLECTS),
        *(INA, OLE, MAIN),
        rules=(a_rule("all", "{any}", "ole", rank=0),),
    )
    assert found == Route(step="mailbox", mailbox_id=mailbox_id("ina"))


def test_an_alias_comes_next() -> None:
    found = route(
        "info", a_domain(), INA, aliases=(an_alias("info", "ina"),), rules=(a_rule("all", "{any}", "ina"),)
    )
    assert decided(found) == ("alias", mailbox_id("ina"), alias_id("info"))


def test_a_tag_is_part_of_the_address_first() -> None:
    tagged = a_mailbox("ina+shop")
    assert decided(route("ina+shop", a_domain(), INA, tagged)) == ("mailbox", tagged.mailbox_id, None)


def test_without_its_tag_an_address_is_a_mailbox_before_it_is_an_alias() -> None:
    aliases = (an_alias("info", "ole"),)
    assert decided(route("ina+a+b", a_domain(), INA))[0] == "mailbox_without_tag"
    assert decided(route("info+a", a_domain(), OLE, aliases=aliases))[0] == "alias_without_tag"


def test_an_alias_with_the_tag_comes_before_the_mailbox_without_it() -> None:
    found = route("ina+x", a_domain(), INA, OLE, aliases=(an_alias("ina+x", "ole"),))
    assert decided(found) == ("alias", mailbox_id("ole"), alias_id("ina+x"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_rule("z", "{any}", "ole", rank=1), a_rule("a", "shop_{number}", "ina", rank=2)),
        (a_rule("z", "shop_{number}", "ole"), a_rule("a", "{any}{number}", "ina")),
    ],
    ids=["rank", "longer literal text"],
)
def test_rules_are_tried_by_rank_then_by_longer_literal_text(first: RuleRow, second: RuleRow) -> None:
    for rules in ((first, second), (second, first)):
        assert decided(route("shop_7", a_domain(), INA, OLE, rules=rules))[2] == first.rule_id


def test_equal_rules_are_tried_by_their_id() -> None:
    rules = [a_rule(each, "shop_{number}", "ina") for each in ("a", "b", "c")]
    first = min(each.rule_id for each in rules)
    assert decided(route("shop_7", a_domain(), INA, rules=tuple(rules)))[2] == first


def test_a_rule_sees_the_address_with_its_tag() -> None:
    found = route("shop_7+x", a_domain(), INA, rules=(a_rule("a", "shop_{number}", "ina"),))
    assert found.step == "refused"


@pytest.mark.parametrize("status", ["dropped", "removed"])
def test_a_rule_that_is_not_active_is_not_tried(status: str) -> None:
    rules = (a_rule("a", "{any}", "ina", status=status),)
    assert route("shop", a_domain(), INA, rules=rules) == Route(step="refused")


def test_the_catch_all_gets_what_nobody_else_gets() -> None:
    assert decided(route("shop", a_domain(**MAIN_COLLECTS), MAIN)) == ("catch_all", mailbox_id("main"), None)


def test_without_a_catch_all_it_is_refused() -> None:
    assert route("shop", a_domain(), INA) == Route(step="refused")


@pytest.mark.parametrize("local_part", ["postmaster", "abuse"])
def test_mail_for_who_runs_the_domain_meets_no_rule_but_finds_somebody(local_part: str) -> None:
    rules = (a_rule("all", "{any}", "ina", rank=0),)
    both = a_domain(**MAIN_COLLECTS, **OLE_ANSWERS)
    everybody = (INA, OLE, MAIN)
    assert decided(route(local_part, both, *everybody, a_mailbox(local_part)))[0] == "mailbox"
    assert decided(route(local_part, both, *everybody, rules=rules))[0] == "catch_all"
    assert decided(route(local_part, a_domain(**OLE_ANSWERS), *everybody, rules=rules)) == (
        "contact",
        mailbox_id("ole"),
        None,
    )
    assert decided(route(local_part, a_domain(), *everybody, rules=rules))[0] == "refused"


def test_the_contact_gets_no_other_mail() -> None:
    assert route("shop", a_domain(**OLE_ANSWERS), OLE) == Route(step="refused")


def test_a_suspended_mailbox_receives() -> None:
    assert route("ina", a_domain(), a_mailbox("ina", status="suspended", suspended=True)).step == "mailbox"


def test_what_leads_to_a_deleted_mailbox_is_passed_over_and_told() -> None:
    found = route(
        "shop_7",
        a_domain(**MAIN_COLLECTS),
        *(a_mailbox("shop_7", **GONE), a_mailbox("ole", **GONE), MAIN),
        rules=(a_rule("a", "shop_{number}", "ole"), a_rule("b", "{any}", "nobody")),
    )
    assert decided(found) == ("catch_all", mailbox_id("main"), None)
    assert found.passed_over == (
        PassedOver(step="mailbox", via=None, mailbox_id=mailbox_id("shop_7"), reason="deleted"),
        PassedOver(step="rule", via=rule_id("a"), mailbox_id=mailbox_id("ole"), reason="deleted"),
        PassedOver(step="rule", via=rule_id("b"), mailbox_id=mailbox_id("nobody"), reason="unknown"),
    )


def test_a_mailbox_of_another_tenant_is_as_good_as_none() -> None:
    foreign = a_mailbox("main", tenant=SOMEBODY_ELSE, domain="other.example")
    found = route("shop", a_domain(**MAIN_COLLECTS), foreign)
    assert found.step == "refused"
    assert [each.reason for each in found.passed_over] == ["unknown"]


def test_a_target_in_another_domain_of_the_tenant_is_as_good_as_one_here() -> None:
    there = a_mailbox("ina", domain="other.example")
    assert decided(route("shop_7", a_domain(), there, rules=(a_rule("a", "{any}", "ina"),)))[0] == "rule"
    assert route("ina", a_domain(), there).step == "refused"


@pytest.mark.parametrize("status", ["pending", "closing", "removed"])
def test_a_domain_that_takes_no_mail_refuses_it_all(status: str) -> None:
    assert route("ina", a_domain(status=status, **MAIN_COLLECTS), INA, MAIN) == Route(step="refused")


def test_a_domain_that_nobody_knows_refuses_it_all() -> None:
    assert route("ina", None, INA) == Route(step="refused")


def test_a_suspended_domain_takes_mail() -> None:
    assert route("ina", a_domain(status="suspended", suspended=True), INA).step == "mailbox"


def test_the_main_mailbox_gets_a_copy_of_what_others_get_if_wanted() -> None:
    copying = a_domain(**MAIN_COLLECTS, copies=True)
    assert route("ina", copying, INA, MAIN).copy_to == mailbox_id("main")
    assert route("ina", a_domain(**MAIN_COLLECTS), INA, MAIN).copy_to is None
    assert route("main", copying, MAIN).copy_to is None
    assert route("shop", copying, MAIN).copy_to is None
    assert route("ina", copying, INA, a_mailbox("main", **GONE)).copy_to is None


def test_what_to_look_up_follows_from_the_address() -> None:
    assert wanted_local_parts("ina") == ("ina",)
    assert wanted_local_parts("ina+a+b") == ("ina+a+b", "ina")
    assert wanted_local_parts("+a") == ("+a",)
    assert prefixes_of("ab") == ["", "a", "ab"]
    assert suffixes_of("ab") == ["ab", "b", ""]
    found = wanted_targets(
        a_domain(**MAIN_COLLECTS), [an_alias("info", "ina")], [a_rule("a", "{any}", "ole")]
    )
    assert found == {mailbox_id("main"), mailbox_id("ina"), mailbox_id("ole")}


def test_a_rule_hidden_by_an_earlier_one_is_unreachable_and_names_it() -> None:
    wide, narrow = a_rule("wide", "{any}", "ina", rank=1), a_rule("narrow", "shop_{number}", "ole", rank=2)
    unreachable = RuleWarning(code="unreachable", rule_id=wide.rule_id, pattern="{any}")
    assert warnings_for(narrow, [wide, narrow]) == [unreachable]
    assert warnings_for(wide, [wide, narrow]) == []


def test_a_rule_is_not_hidden_by_one_that_is_passed_over_or_not_active() -> None:
    narrow = a_rule("narrow", "shop_{number}", "ole", rank=2)
    wide = a_rule("wide", "{any}", "ina", rank=1)
    assert warnings_for(narrow, [wide], gone_targets={mailbox_id("ina")}) == []
    assert warnings_for(narrow, [replace(wide, status="dropped")]) == []


def test_a_rule_whose_target_is_gone_says_so() -> None:
    rule = a_rule("a", "{any}", "ina")
    assert warnings_for(rule, [], gone_targets={mailbox_id("ina")}) == [RuleWarning(code="target_gone")]


def test_rules_of_the_same_rank_that_share_an_address_name_each_other() -> None:
    one, other = a_rule("one", "shop_{any}", "ina"), a_rule("other", "{any}_7", "ole")
    assert warnings_for(one, [other]) == [
        RuleWarning(code="overlapping", rule_id=other.rule_id, pattern="{any}_7")
    ]
    assert [each.rule_id for each in warnings_for(other, [one])] == [one.rule_id]
    assert warnings_for(one, [replace(other, rank=2)]) == []
    assert warnings_for(one, [a_rule("third", "desk_{any}", "ole")]) == []


def test_not_all_of_a_thousand_overlapping_rules_are_named() -> None:
    others = [a_rule(str(number), f"{{any}}{number}", "ole") for number in range(1_000)]
    assert len(warnings_for(a_rule("a", "{any}", "ina"), others)) == OVERLAPS_NAMED_MAX
