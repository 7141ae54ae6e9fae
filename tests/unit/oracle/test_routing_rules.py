"""Each rule of domains and routing, broken once in a log that is sound otherwise, is named by the oracle."""

from datetime import timedelta
from typing import Any, Final

import pytest

from contracts import mailbox as m
from contracts import routing as r
from tests.unit.oracle.hand_made import (
    DOMAIN,
    NOON,
    HandMadeLog,
    a_domain,
    an_id,
    created,
    put_away,
    rules_broken,
)

INA: Final = an_id("mailbox ina")
RULE: Final = an_id("rule")
ALIAS: Final = an_id("alias")
THEM: Final = an_id("them")
SYSTEM: Final = {"actor": "system:mailbox"}
TENANT: Final = {"actor": "owner:us"}
INA_HERE: Final[dict[str, Any]] = {"target_id": INA, "target_domain": DOMAIN}
NOBODY_HERE: Final[dict[str, Any]] = {"target_id": an_id("nobody"), "target_domain": DOMAIN}


def rule_added(name: str = "rule", pattern: str = "shop_{number}", **other: Any) -> r.RuleAdded:
    return r.RuleAdded(rule_id=an_id(name), pattern=pattern, rank=1, **(INA_HERE | other))


def alias_added(local_part: Any = "info", name: str = "alias", **other: Any) -> r.AliasAdded:
    return r.AliasAdded(alias_id=an_id(name), local_part=local_part, **(INA_HERE | other))


def a_routed_domain() -> HandMadeLog:
    log = a_domain().happened(created("ina"))
    log.happened(rule_added(), RULE).happened(alias_added(), ALIAS)
    log.happened(r.CatchAllEnabled(**INA_HERE))
    return log.happened(m.DomainResumedWithTenant(as_of=5), **SYSTEM).happened(
        m.PaidGroupFollowed(as_of=5, group_id=an_id("gold"), mailbox_limit=9), **SYSTEM
    )


SPOILT: Final = [
    (rule_added("new"), RULE, {}, "another id than its subject"),
    (rule_added(), RULE, {}, "under an id that is known"),
    (rule_added("new", "Shop_{number}"), an_id("new"), {}, "not in its one form"),
    (rule_added("new", **NOBODY_HERE), an_id("new"), {}, "leads to a mailbox that is not there"),
    (r.RuleChanged(pattern="shop_{number}", rank=1, **INA_HERE), RULE, {}, "changed to what it was"),
    (r.RuleRemoved(), an_id("new"), {}, "of a rule that is not there"),
    (r.RuleDropped(mailbox_id=INA), RULE, {}, "dropped without its mailbox"),
    (r.RuleRestored(mailbox_id=INA), RULE, {}, "restored without its mailbox"),
    (alias_added("ina", "new"), an_id("new"), {}, "address given twice"),
    (alias_added("info", "new"), an_id("new"), {}, "address given twice"),
    (alias_added("Info", "new"), an_id("new"), {}, "not in its one form"),
    (alias_added("sales", "new", **NOBODY_HERE), an_id("new"), {}, "leads to a mailbox that is not there"),
    (alias_added("sales"), ALIAS, {}, "under an id that is known"),
    (r.AliasRemoved(), an_id("new"), {}, "removed that is not there"),
    (created("info"), None, {}, "address given twice"),
    (r.CatchAllEnabled(**INA_HERE), None, {}, "changed to what it was"),
    (r.CatchAllEnabled(**NOBODY_HERE), None, {}, "leads to a mailbox that is not there"),
    (r.CatchAllDisabled(), INA, {}, "about something that is not the domain"),
    (r.ContactSet(), None, {}, "contact changed to what it was"),
    (m.DomainSuspendedWithTenant(as_of=5), None, SYSTEM, "as of 5 followed after 5"),
    (m.DomainSuspendedWithTenant(as_of=6), None, TENANT, "ordered by a tenant"),
    (m.PaidGroupFollowed(as_of=4, group_id=None, mailbox_limit=None), None, SYSTEM, "as of 4 followed after"),
    (m.MailboxLimitSet(mailbox_limit=1), None, {}, "the paid group hands out"),
    (m.DomainAssigned(user_id=None), None, {}, "assigned to whom it was"),
    (m.DomainClosing(), None, TENANT, "ordered by a tenant"),
]


@pytest.mark.parametrize(("data", "subject", "spoilt", "rule"), SPOILT)
def test_a_rule_of_routing_that_is_broken_is_named(
    data: Any, subject: str | None, spoilt: dict[str, Any], rule: str
) -> None:
    log = a_routed_domain()
    assert rules_broken(log) == ""
    assert rule in rules_broken(log.happened(data, subject, **spoilt))


def test_a_mailbox_that_is_still_led_to_is_named_after_its_deletion() -> None:
    log = a_routed_domain().happened(put_away(m.MailboxDeleted), INA)
    assert "while a rule leads to it" in rules_broken(log.happened(m.DomainAssigned(user_id=an_id("a"))))
    assert "while the catch-all leads to it" in rules_broken(log)


def test_a_catch_all_is_not_disabled_twice() -> None:
    log = a_routed_domain().happened(r.CatchAllDisabled()).happened(r.CatchAllDisabled())
    assert "disabled that is not there" in rules_broken(log)


def test_nothing_new_comes_to_a_domain_that_closes() -> None:
    log = a_routed_domain().happened(m.DomainClosing(), **SYSTEM)
    assert rules_broken(log) == ""
    assert "in a domain that is closing" in rules_broken(log.happened(created("ole")))


@pytest.mark.parametrize(("days", "broken"), [(6, True), (7, False)])
def test_an_unproven_claim_is_taken_over_after_a_week_alone(days: int, *, broken: bool) -> None:
    log = HandMadeLog().happened(m.DomainRegistered(), time=NOON)
    log.happened(m.DomainRegistered(), tenant=THEM, time=NOON + timedelta(days=days))
    assert ("has not lapsed" in rules_broken(log)) is broken
