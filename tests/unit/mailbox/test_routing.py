"""Rules, aliases, the catch-all and the contact: what is accepted, what is refused, and what goes with a mailbox."""

import pytest

from contracts import routing as r
from contracts.mailbox import MailboxCommand, RemoveDomain
from services.mailbox.core import decide_routing
from tests.kit.given import (
    DOMAIN,
    SOMEBODY_ELSE,
    Facts,
    Happened,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_pending_domain,
    a_removed_domain,
    a_suspended_domain,
    create_mailbox,
    delete_mailbox,
    given,
    mailbox_created,
    mailbox_deleted,
    mailbox_id,
    refused,
    restore_mailbox,
)
from tests.kit.given_routing import (
    ELSEWHERE,
    a_catch_all,
    a_contact,
    a_dropped_rule,
    a_removed_alias,
    a_removed_rule,
    a_rule,
    add_alias,
    add_rule,
    alias_added,
    alias_id,
    an_alias,
    catch_all_enabled,
    change_rule,
    enable_catch_all,
    goes_with_it,
    remove_alias,
    remove_rule,
    rule_added,
    rule_id,
    set_contact,
)

WITH_INA = (*a_domain(), *a_mailbox("ina"))


def with_drop(name: str) -> MailboxCommand:
    command = delete_mailbox(name)
    return type(command)(mailbox_id=command.mailbox_id, archive_id=command.archive_id, drop_targets=True)


def test_a_rule_is_added() -> None:
    given(WITH_INA).when(add_rule("a")).then(rule_added("a"))


def test_a_rule_may_lead_to_a_mailbox_of_another_domain() -> None:
    given(a_domain()).when(add_rule("a", domain=ELSEWHERE)).then(rule_added("a", domain=ELSEWHERE))


def test_adding_the_same_rule_again_changes_nothing() -> None:
    given(WITH_INA, a_rule("a")).when(add_rule("a")).then_nothing()


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        (a_rule("a"), add_rule("a", "desk_{number}")),
        (a_rule("a"), add_rule("a", rank=1)),
        (a_removed_rule("a"), add_rule("a")),
        (a_dropped_rule("a"), add_rule("a")),
    ],
)
def test_the_id_of_a_rule_is_never_another_ones(facts: Facts, command: MailboxCommand) -> None:
    given(WITH_INA, facts).when(command).then(refused("rule_unknown"))


def test_one_id_is_one_thing_in_a_domain() -> None:
    ina = mailbox_id("ina")
    scenario = given(WITH_INA, a_rule("a"), an_alias("info"))
    as_rule = r.AddRule(rule_id=ina, pattern="{any}", target_id=ina, target_domain=DOMAIN)
    scenario.when(as_rule).then(refused("rule_unknown"))
    as_alias = r.AddAlias(
        alias_id=rule_id("a"), local_part=alias_added("x").local_part, target_id=ina, target_domain=DOMAIN
    )
    scenario.when(as_alias).then(refused("alias_unknown"))
    as_mailbox = type(create_mailbox("una"))(
        mailbox_id=alias_id("info"), local_part=alias_added("una").local_part
    )
    scenario.when(as_mailbox).then(refused("address_taken"))


@pytest.mark.parametrize("pattern", ["shop", "{digits}", "Shop_{number}", "a..{any}", " {any}"])
def test_what_is_no_pattern_in_its_one_form_is_refused(pattern: str) -> None:
    given(WITH_INA).when(add_rule("a", pattern)).then(refused("pattern_invalid"))
    given(WITH_INA, a_rule("a")).when(change_rule("a", pattern)).then(refused("pattern_invalid"))


@pytest.mark.parametrize(
    ("to", "domain"),
    [("nobody", DOMAIN), ("ole", DOMAIN), ("una", DOMAIN), ("ina", ELSEWHERE), ("nobody", "localhost")],
    ids=["absent", "deleted", "an earlier holder's", "not in that domain", "no domain"],
)
def test_a_target_that_cannot_be_one_is_refused(to: str, domain: str) -> None:
    scenario = given(
        *(a_domain(of=SOMEBODY_ELSE), a_mailbox("una", of=SOMEBODY_ELSE)),
        *(a_removed_domain(), a_domain(), a_mailbox("ina"), a_deleted_mailbox("ole")),
        *(a_rule("a"), a_catch_all()),
    )
    for command in (
        add_rule("b", to=to, domain=domain),
        change_rule("a", to=to, domain=domain),
        add_alias("info", to=to, domain=domain),
        enable_catch_all(to, domain=domain),
        set_contact(to, domain=domain),
    ):
        scenario.when(command).then(refused("target_unknown"))


def test_a_rule_is_changed_and_the_same_change_again_changes_nothing() -> None:
    scenario = given(WITH_INA, a_mailbox("ole"), a_rule("a"))
    changed = r.RuleChanged(pattern="desk_{word}", rank=7, target_id=mailbox_id("ole"), target_domain=DOMAIN)
    scenario.when(change_rule("a", "desk_{word}", rank=7, to="ole")).then(changed)
    scenario.history.obey(change_rule("a", "desk_{word}", rank=7, to="ole"))
    scenario.when(change_rule("a", "desk_{word}", rank=7, to="ole")).then_nothing()
    scenario.when(delete_mailbox("ina")).then(mailbox_deleted("ina"))
    scenario.when(delete_mailbox("ole")).then(refused("mailbox_is_target"))


@pytest.mark.parametrize("facts", [(), a_removed_rule("a"), a_dropped_rule("a")])
def test_only_an_active_rule_is_changed(facts: Facts) -> None:
    given(WITH_INA, facts).when(change_rule("a", "{any}")).then(refused("rule_unknown"))


@pytest.mark.parametrize("facts", [a_rule("a"), a_dropped_rule("a")])
def test_a_rule_is_removed_and_removing_it_again_changes_nothing(facts: Facts) -> None:
    scenario = given(WITH_INA, facts)
    scenario.when(remove_rule("a")).then(r.RuleRemoved())
    scenario.history.obey(remove_rule("a"))
    scenario.when(remove_rule("a")).then_nothing()


def test_what_was_never_there_is_not_removed() -> None:
    given(WITH_INA).when(remove_rule("a")).then(refused("rule_unknown"))
    given(WITH_INA).when(remove_alias("a")).then(refused("alias_unknown"))


def test_what_an_earlier_holder_had_is_as_good_as_absent() -> None:
    scenario = given(a_domain(of=SOMEBODY_ELSE), a_mailbox("una", of=SOMEBODY_ELSE))
    scenario.history.obey(add_rule("a", to="una"), SOMEBODY_ELSE)
    scenario.history.obey(add_alias("info", to="una"), SOMEBODY_ELSE)
    scenario.history.obey(with_drop("una"), SOMEBODY_ELSE)
    scenario.history.obey(RemoveDomain(), SOMEBODY_ELSE)
    for fact in a_domain():
        scenario.history.happened(fact)
    scenario.when(remove_rule("a")).then(refused("rule_unknown"))
    scenario.when(remove_alias("info")).then(refused("alias_unknown"))


def test_a_domain_has_so_many_rules_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide_routing, "RULES_MAX", 2)
    scenario = given(WITH_INA, a_mailbox("ole"), a_rule("a"), a_dropped_rule("b", to="ole"))
    scenario.when(add_rule("c")).then(refused("rule_limit_reached"))
    scenario.history.obey(remove_rule("a"))
    scenario.when(add_rule("c")).then(rule_added("c"))


def test_a_domain_has_so_many_aliases_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide_routing, "ALIASES_MAX", 1)
    scenario = given(WITH_INA, an_alias("info"), a_removed_alias("sales"))
    scenario.when(add_alias("help")).then(refused("alias_limit_reached"))


def test_an_alias_is_added_and_the_same_again_changes_nothing() -> None:
    given(WITH_INA).when(add_alias("info")).then(alias_added("info"))
    given(WITH_INA, an_alias("info")).when(add_alias("info")).then_nothing()


@pytest.mark.parametrize(
    ("facts", "command", "code"),
    [
        (a_mailbox("info"), add_alias("info"), "address_taken"),
        (a_deleted_mailbox("info"), add_alias("info"), "address_quarantined"),
        (an_alias("info"), add_alias("info", alias="another"), "address_taken"),
        (an_alias("info"), create_mailbox("info"), "address_taken"),
        ((), add_alias("Info"), "address_invalid"),
        ((), add_alias("in fo"), "address_invalid"),
        (an_alias("info"), add_alias("help", alias="info"), "alias_unknown"),
        (a_removed_alias("info"), add_alias("info"), "alias_unknown"),
    ],
)
def test_mailboxes_and_aliases_share_one_namespace(facts: Facts, command: MailboxCommand, code: str) -> None:
    given(WITH_INA, facts).when(command).then(refused(code))


def test_the_address_of_a_removed_alias_is_free_at_once() -> None:
    scenario = given(WITH_INA, an_alias("info"))
    scenario.when(remove_alias("info")).then(r.AliasRemoved())
    scenario.history.obey(remove_alias("info"))
    scenario.when(remove_alias("info")).then_nothing()
    scenario.when(create_mailbox("info")).then(mailbox_created("info"))


def test_an_alias_does_not_keep_its_mailbox_from_going() -> None:
    answer = given(WITH_INA, an_alias("info")).when(delete_mailbox("ina"))
    answer.then(mailbox_deleted("ina"))
    assert goes_with_it(answer) == []


def test_the_catch_all_is_enabled_changed_and_disabled() -> None:
    scenario = given(WITH_INA)
    scenario.when(r.DisableCatchAll()).then_nothing()
    scenario.when(enable_catch_all(copy=True)).then(catch_all_enabled(copy=True))
    scenario.history.obey(enable_catch_all(copy=True))
    scenario.when(enable_catch_all(copy=True)).then_nothing()
    scenario.when(enable_catch_all()).then(catch_all_enabled())
    scenario.when(r.DisableCatchAll()).then(r.CatchAllDisabled())


def test_the_contact_is_set_and_taken_away() -> None:
    scenario = given(WITH_INA)
    scenario.when(set_contact(None)).then_nothing()
    scenario.when(set_contact("ina")).then(r.ContactSet(target_id=mailbox_id("ina"), target_domain=DOMAIN))
    scenario.history.obey(set_contact("ina"))
    scenario.when(set_contact("ina")).then_nothing()
    scenario.when(set_contact(None)).then(r.ContactSet())


@pytest.mark.parametrize(
    "command",
    [r.SetContact(target_id=mailbox_id("ina")), r.SetContact(target_domain=DOMAIN)],
)
def test_half_a_contact_is_none(command: MailboxCommand) -> None:
    given(WITH_INA).when(command).then(refused("target_unknown"))


@pytest.mark.parametrize("facts", [a_rule("a"), a_catch_all()])
def test_a_mailbox_that_mail_is_collected_into_is_not_deleted_by_the_way(facts: Facts) -> None:
    given(WITH_INA, facts).when(delete_mailbox("ina")).then(refused("mailbox_is_target"))


def test_a_contact_and_dropped_or_removed_rules_keep_no_mailbox() -> None:
    facts = (*a_contact(), *a_dropped_rule("a"), *a_removed_rule("b"))
    given(WITH_INA, facts).when(delete_mailbox("ina")).then(mailbox_deleted("ina"))


def test_rules_and_the_catch_all_go_with_their_mailbox_when_told() -> None:
    scenario = given(
        WITH_INA, a_mailbox("ole"), a_rule("a"), a_rule("b"), a_rule("c", to="ole"), a_catch_all()
    )
    dropped = r.RuleDropped(mailbox_id=mailbox_id("ina"))
    answer = scenario.when(with_drop("ina"))
    answer.then(mailbox_deleted("ina"))
    assert goes_with_it(answer) == [
        *((each, dropped) for each in sorted([rule_id("a"), rule_id("b")])),
        (DOMAIN, r.CatchAllDisabled()),
    ]


def test_rules_come_back_with_the_mailbox_that_took_them_along() -> None:
    scenario = given(WITH_INA, a_rule("a"), a_rule("b"))
    scenario.history.obey(with_drop("ina"))
    scenario.history.obey(remove_rule("b"))
    restored = r.RuleRestored(mailbox_id=mailbox_id("ina"))
    assert goes_with_it(scenario.when(restore_mailbox("ina"))) == [(rule_id("a"), restored)]
    scenario.history.obey(restore_mailbox("ina"))
    scenario.when(delete_mailbox("ina", "second")).then(refused("mailbox_is_target"))


ORDERS = (
    add_rule("new"),
    change_rule("a", "{any}"),
    remove_rule("a"),
    add_alias("help"),
    remove_alias("info"),
    enable_catch_all(),
    r.DisableCatchAll(),
    set_contact("ina"),
)
ROUTED = (*a_mailbox("ina"), *a_rule("a"), *an_alias("info"))


@pytest.mark.parametrize("command", ORDERS, ids=lambda each: type(each).__name__)
def test_routing_is_changed_in_an_active_domain_of_ones_own_alone(command: MailboxCommand) -> None:
    given(a_pending_domain(), ROUTED).when(command).then(refused("domain_not_active"))
    given(a_suspended_domain(), ROUTED).when(command).then(refused("domain_not_active"))
    given(a_removed_domain()).when(command).then(refused("domain_removed"))
    given(a_domain(), ROUTED).when(command, by=SOMEBODY_ELSE).then(refused("domain_unknown"))
    given().when(command).then(refused("domain_unknown"))


def test_deleting_looks_at_no_rule_that_leads_elsewhere() -> None:
    scenario = given(WITH_INA, a_mailbox("ole"), *(a_rule(str(number), to="ole") for number in range(50)))
    assert scenario.history.state.routing.rules_of(mailbox_id("ina")) == []
    assert len(scenario.history.state.routing.rules_of(mailbox_id("ole"))) == 50
    scenario.history.happened(Happened(r.RuleRemoved(), rule_id("7")))
    assert len(scenario.history.state.routing.rules_of(mailbox_id("ole"))) == 49
