"""Where mail goes: every step of the order, what is passed over, and what is odd about a rule."""

import pytest
from msgspec.structs import replace

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
from tests.kit.given import DOMAIN, SOMEBODY_ELSE, mailbox_id
from tests.kit.given_routing import alias_id, rule_id
from tests.kit.rows import alias_row, domain_row, mailbox_row, rule_row

INA, OLE, MAIN = mailbox_row("ina"), mailbox_row("ole"), mailbox_row("main")
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
        domain_row(**MAIN_COLLECTS),
        *(INA, OLE, MAIN),
        rules=(rule_row("all", "{any}", "ole", rank=0),),
    )
    assert found == Route(step="mailbox", mailbox_id=mailbox_id("ina"))


def test_an_alias_comes_next() -> None:
    found = route(
        "info",
        domain_row(),
        INA,
        aliases=(alias_row("info", "ina"),),
        rules=(rule_row("all", "{any}", "ina"),),
    )
    assert decided(found) == ("alias", mailbox_id("ina"), alias_id("info"))


def test_a_tag_is_part_of_the_address_first() -> None:
    tagged = mailbox_row("ina+shop")
    assert decided(route("ina+shop", domain_row(), INA, tagged)) == ("mailbox", tagged.mailbox_id, None)


def test_without_its_tag_an_address_is_a_mailbox_before_it_is_an_alias() -> None:
    aliases = (alias_row("info", "ole"),)
    assert decided(route("ina+a+b", domain_row(), INA))[0] == "mailbox_without_tag"
    assert decided(route("info+a", domain_row(), OLE, aliases=aliases))[0] == "alias_without_tag"


def test_an_alias_with_the_tag_comes_before_the_mailbox_without_it() -> None:
    found = route("ina+x", domain_row(), INA, OLE, aliases=(alias_row("ina+x", "ole"),))
    assert decided(found) == ("alias", mailbox_id("ole"), alias_id("ina+x"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule_row("z", "{any}", "ole", rank=1), rule_row("a", "shop_{number}", "ina", rank=2)),
        (rule_row("z", "shop_{number}", "ole"), rule_row("a", "{any}{number}", "ina")),
    ],
    ids=["rank", "longer literal text"],
)
def test_rules_are_tried_by_rank_then_by_longer_literal_text(first: RuleRow, second: RuleRow) -> None:
    for rules in ((first, second), (second, first)):
        assert decided(route("shop_7", domain_row(), INA, OLE, rules=rules))[2] == first.rule_id


def test_equal_rules_are_tried_by_their_id() -> None:
    rules = [rule_row(each, "shop_{number}", "ina") for each in ("a", "b", "c")]
    first = min(each.rule_id for each in rules)
    assert decided(route("shop_7", domain_row(), INA, rules=tuple(rules)))[2] == first


def test_a_rule_sees_the_address_with_its_tag() -> None:
    found = route("shop_7+x", domain_row(), INA, rules=(rule_row("a", "shop_{number}", "ina"),))
    assert found.step == "refused"


@pytest.mark.parametrize("status", ["dropped", "removed"])
def test_a_rule_that_is_not_active_is_not_tried(status: str) -> None:
    rules = (rule_row("a", "{any}", "ina", status=status),)
    assert route("shop", domain_row(), INA, rules=rules) == Route(step="refused")


def test_the_catch_all_gets_what_nobody_else_gets() -> None:
    assert decided(route("shop", domain_row(**MAIN_COLLECTS), MAIN)) == (
        "catch_all",
        mailbox_id("main"),
        None,
    )


def test_without_a_catch_all_it_is_refused() -> None:
    assert route("shop", domain_row(), INA) == Route(step="refused")


@pytest.mark.parametrize("local_part", ["postmaster", "abuse"])
def test_mail_for_who_runs_the_domain_meets_no_rule_but_finds_somebody(local_part: str) -> None:
    rules = (rule_row("all", "{any}", "ina", rank=0),)
    both = domain_row(**MAIN_COLLECTS, **OLE_ANSWERS)
    everybody = (INA, OLE, MAIN)
    assert decided(route(local_part, both, *everybody, mailbox_row(local_part)))[0] == "mailbox"
    assert decided(route(local_part, both, *everybody, rules=rules))[0] == "catch_all"
    assert decided(route(local_part, domain_row(**OLE_ANSWERS), *everybody, rules=rules)) == (
        "contact",
        mailbox_id("ole"),
        None,
    )
    assert decided(route(local_part, domain_row(), *everybody, rules=rules))[0] == "refused"


def test_the_contact_gets_no_other_mail() -> None:
    assert route("shop", domain_row(**OLE_ANSWERS), OLE) == Route(step="refused")


def test_a_suspended_mailbox_receives() -> None:
    assert (
        route("ina", domain_row(), mailbox_row("ina", status="suspended", suspended=True)).step == "mailbox"
    )


def test_what_leads_to_a_deleted_mailbox_is_passed_over_and_told() -> None:
    found = route(
        "shop_7",
        domain_row(**MAIN_COLLECTS),
        *(mailbox_row("shop_7", **GONE), mailbox_row("ole", **GONE), MAIN),
        rules=(rule_row("a", "shop_{number}", "ole"), rule_row("b", "{any}", "nobody")),
    )
    assert decided(found) == ("catch_all", mailbox_id("main"), None)
    assert found.passed_over == (
        PassedOver(step="mailbox", via=None, mailbox_id=mailbox_id("shop_7"), reason="deleted"),
        PassedOver(step="rule", via=rule_id("a"), mailbox_id=mailbox_id("ole"), reason="deleted"),
        PassedOver(step="rule", via=rule_id("b"), mailbox_id=mailbox_id("nobody"), reason="unknown"),
    )


def test_a_mailbox_of_another_tenant_is_as_good_as_none() -> None:
    foreign = mailbox_row("main", tenant=SOMEBODY_ELSE, domain="other.example")
    found = route("shop", domain_row(**MAIN_COLLECTS), foreign)
    assert found.step == "refused"
    assert [each.reason for each in found.passed_over] == ["unknown"]


def test_a_target_in_another_domain_of_the_tenant_is_as_good_as_one_here() -> None:
    there = mailbox_row("ina", domain="other.example")
    assert decided(route("shop_7", domain_row(), there, rules=(rule_row("a", "{any}", "ina"),)))[0] == "rule"
    assert route("ina", domain_row(), there).step == "refused"


@pytest.mark.parametrize("status", ["pending", "closing", "removed"])
def test_a_domain_that_takes_no_mail_refuses_it_all(status: str) -> None:
    assert route("ina", domain_row(status=status, **MAIN_COLLECTS), INA, MAIN) == Route(step="refused")


def test_a_domain_that_nobody_knows_refuses_it_all() -> None:
    assert route("ina", None, INA) == Route(step="refused")


def test_a_suspended_domain_takes_mail() -> None:
    assert route("ina", domain_row(status="suspended", suspended=True), INA).step == "mailbox"


def test_the_main_mailbox_gets_a_copy_of_what_others_get_if_wanted() -> None:
    copying = domain_row(**MAIN_COLLECTS, copies=True)
    assert route("ina", copying, INA, MAIN).copy_to == mailbox_id("main")
    assert route("ina", domain_row(**MAIN_COLLECTS), INA, MAIN).copy_to is None
    assert route("main", copying, MAIN).copy_to is None
    assert route("shop", copying, MAIN).copy_to is None
    assert route("ina", copying, INA, mailbox_row("main", **GONE)).copy_to is None


def test_what_to_look_up_follows_from_the_address() -> None:
    assert wanted_local_parts("ina") == ("ina",)
    assert wanted_local_parts("ina+a+b") == ("ina+a+b", "ina")
    assert wanted_local_parts("+a") == ("+a",)
    assert prefixes_of("ab") == ["", "a", "ab"]
    assert suffixes_of("ab") == ["ab", "b", ""]
    found = wanted_targets(
        domain_row(**MAIN_COLLECTS), [alias_row("info", "ina")], [rule_row("a", "{any}", "ole")]
    )
    assert found == {mailbox_id("main"), mailbox_id("ina"), mailbox_id("ole")}


def test_a_rule_hidden_by_an_earlier_one_is_unreachable_and_names_it() -> None:
    wide, narrow = (
        rule_row("wide", "{any}", "ina", rank=1),
        rule_row("narrow", "shop_{number}", "ole", rank=2),
    )
    unreachable = RuleWarning(code="unreachable", rule_id=wide.rule_id, pattern="{any}")
    assert warnings_for(narrow, [wide, narrow]) == [unreachable]
    assert warnings_for(wide, [wide, narrow]) == []


def test_a_rule_is_not_hidden_by_one_that_is_passed_over_or_not_active() -> None:
    narrow = rule_row("narrow", "shop_{number}", "ole", rank=2)
    wide = rule_row("wide", "{any}", "ina", rank=1)
    assert warnings_for(narrow, [wide], gone_targets={mailbox_id("ina")}) == []
    assert warnings_for(narrow, [replace(wide, status="dropped")]) == []


def test_a_rule_whose_target_is_gone_says_so() -> None:
    rule = rule_row("a", "{any}", "ina")
    assert warnings_for(rule, [], gone_targets={mailbox_id("ina")}) == [RuleWarning(code="target_gone")]


def test_rules_of_the_same_rank_that_share_an_address_name_each_other() -> None:
    one, other = rule_row("one", "shop_{any}", "ina"), rule_row("other", "{any}_7", "ole")
    assert warnings_for(one, [other]) == [
        RuleWarning(code="overlapping", rule_id=other.rule_id, pattern="{any}_7")
    ]
    assert [each.rule_id for each in warnings_for(other, [one])] == [one.rule_id]
    assert warnings_for(one, [replace(other, rank=2)]) == []
    assert warnings_for(one, [rule_row("third", "desk_{any}", "ole")]) == []


def test_not_all_of_a_thousand_overlapping_rules_are_named() -> None:
    others = [rule_row(str(number), f"{{any}}{number}", "ole") for number in range(1_000)]
    assert len(warnings_for(rule_row("a", "{any}", "ina"), others)) == OVERLAPS_NAMED_MAX
