"""The rules of tenants, each broken once; and no rule is broken by whatever the deciders allow."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from contracts import access as a
from contracts.ids import PROVIDER_TENANT
from contracts.permissions import within
from contracts.topics import ACCESS
from tests.kit.given_tenant import (
    a_key,
    a_paid_group,
    a_placement,
    a_tenant,
    a_user,
    an_invited_user,
    an_owner,
    by_key,
    by_user,
    group_id,
    invitation_id,
    invited,
    key_created,
    key_id,
    may,
    paid_group_created,
    password_id,
    placed,
    session_id,
    totp_id,
    user_id,
)
from tests.laws.tenant_world import TenantHistory, histories
from tests.oracle.tenant_facts import holds, rights_of
from tests.oracle.tenant_rules import TenantRules
from tests.unit.oracle.hand_made import NOON, US, HandMadeLog, rules_broken

INA, OLE, UNA = user_id("ina"), user_id("ole"), user_id("una")
BASIC, ROBOT = group_id("basic"), key_id("robot")
HELD = may("users", "change")


def a_log(*facts: Any, stream: str = US) -> HandMadeLog:
    """Give the log in which this has happened, as the words for deciders say it."""
    log = HandMadeLog(ACCESS, stream)
    for fact in (each for group in facts for each in group):
        spoilt: dict[str, Any] = {"time": NOON, "tenant": stream}
        if isinstance(fact.data, a.UserJoined):
            kind = "operator" if stream == PROVIDER_TENANT else "user"
            spoilt["actor"] = f"{kind}:{fact.subject}"
        log.happened(fact.data, fact.subject, **spoilt)
    return log


def a_customer() -> HandMadeLog:
    return a_log(
        a_tenant(),
        an_owner("ina"),
        a_user("ole", permissions=HELD),
        an_invited_user("una"),
        a_key("robot", permissions=HELD),
        a_paid_group("basic", domains=2, mailboxes=10),
        a_paid_group("big"),
        a_placement("a.example", "basic", 5),
    )


@given(histories)
@settings(deadline=None)
def test_whatever_the_deciders_allow_breaks_no_rule(history: TenantHistory) -> None:
    rules = TenantRules()
    assert [(event.type, rule) for event in history.log for rule in rules.broken_by(event)] == []


SPOILT = [
    (a.TenantOnboarded(title="We"), None, {}, "of a tenant that is active"),
    (a.TenantRenamed(title="Demo"), None, {}, "title changed to what it was"),
    (a.TenantSuspended(), INA, {}, "about something that is not the tenant"),
    (a.TenantSuspended(), None, {"actor": by_user("ina")}, "somebody else than the provider"),
    (a.TenantSuspended(), None, {"tenant": group_id("other")}, "in another one's stream"),
    (a.TenantResumed(), None, {}, "of a tenant that is active"),
    (a.TenantClosed(), None, {}, "closed by somebody else than the system"),
    (a.TenantRenamed(title="x"), None, {"actor": "owner:demo"}, "could order nothing"),
    (a.TenantRenamed(title="x"), None, {"actor": by_user("una")}, "could order nothing"),
    (a.TenantRenamed(title="x"), None, {"actor": by_key("nobody")}, "could order nothing"),
    (invited("new", email="ina@example.org"), user_id("new"), {}, "an address of two people"),
    (invited("new", email="New@example.org"), user_id("new"), {}, "one form"),
    (invited("new"), INA, {}, "not theirs alone"),
    (invited("new", expires_at=NOON), user_id("new"), {}, "not good for a week"),
    (invited("new", "operator"), user_id("new"), {}, "in the wrong tenant"),
    (invited("new", "owner"), user_id("new"), {"actor": by_user("ole")}, "than whoever did it held"),
    (a.UserRenamed(display_name="x"), user_id("new"), {}, "never asked in"),
    (a.UserRenamed(display_name="Ina"), INA, {}, "name changed to what it was"),
    (a.UserRenamed(display_name="x"), INA, {"actor": by_user("ole")}, "somebody who held less"),
    (a.UserPasswordSet(credential_id=password_id("x")), INA, {"actor": by_key("robot")}, "who held less"),
    (a.UserPasswordSet(credential_id=password_id("ina")), INA, {}, "to what it was"),
    (a.UserPasswordSet(credential_id=password_id("x")), UNA, {}, "before joining"),
    (
        a.InvitationRenewed(invitation_id=invitation_id("una"), expires_at=NOON + timedelta(days=7)),
        UNA,
        {},
        "or by itself",
    ),
    (a.InvitationRenewed(invitation_id=invitation_id("x"), expires_at=NOON), UNA, {}, "good for a week"),
    (a.UserJoined(credential_id=password_id("x")), UNA, {}, "by somebody else"),
    (
        a.UserJoined(credential_id=password_id("x")),
        UNA,
        {"actor": by_user("una"), "time": NOON + timedelta(days=7)},
        "without an invitation",
    ),
    (a.UserJoined(credential_id=password_id("x")), INA, {"actor": by_user("ina")}, "without an invitation"),
    (a.AccessGranted(role="owner"), INA, {}, "access changed to what it was"),
    (a.AccessGranted(role="auditor"), INA, {}, "last owner"),
    (a.AccessGranted(role="owner"), OLE, {"actor": by_user("ole")}, "than whoever did it held"),
    (a.UserDisabled(), INA, {}, "last owner"),
    (a.UserRemoved(), INA, {}, "last owner"),
    (a.UserEnabled(), OLE, {}, "without having been shut out"),
    (a.TotpEnabled(totp_id=totp_id("x")), INA, {}, "by somebody else"),
    (a.TotpDisabled(), INA, {}, "codes changed to what they were"),
    (a.UserSignedIn(session_id=session_id("x")), INA, {}, "by somebody else"),
    (a.SessionsRevoked(), UNA, {}, "a person who is invited"),
    (key_created("robot"), ROBOT, {}, "not its alone"),
    (key_created("new", expires_at=NOON), key_id("new"), {}, "never worked"),
    (key_created("new", networks=("192.0.2.1/24",)), key_id("new"), {}, "no network"),
    (key_created("new", "owner"), key_id("new"), {"actor": by_user("ole")}, "than whoever did it held"),
    (a.KeyRevoked(), key_id("new"), {}, "that does not work"),
    (paid_group_created("basic"), BASIC, {}, "not its alone"),
    (paid_group_created("new"), group_id("new"), {"actor": by_user("ina")}, "else than the provider"),
    (a.PaidGroupRenamed(title="basic"), BASIC, {}, "title changed to what it was"),
    (a.PaidGroupRenamed(title="x"), group_id("new"), {}, "that is not there"),
    (a.PlanChanged(plan="basic", domains_max=2, mailboxes_max=10), BASIC, {}, "plan changed to what it was"),
    (a.PlanChanged(plan="basic", domains_max=2, mailboxes_max=4), BASIC, {}, "exceeded"),
    (a.PlanChanged(plan="basic", domains_max=0, mailboxes_max=10), BASIC, {}, "exceeded"),
    (a.PaidGroupRemoved(), BASIC, {}, "that has domains"),
    (placed("b.example", "basic", 6), "b.example", {}, "exceeded"),
    (placed("a.example", "basic", 5, before="basic"), "a.example", {}, "where it was"),
    (placed("a.example", "big", 5), "a.example", {}, "from where it was not"),
    (placed("b.example", "new"), "b.example", {}, "that is not there"),
    (placed("b.example", "basic"), "c.example", {}, "under another name"),
    (placed("example", "basic"), "example", {}, "or none"),
    (a.DomainWithdrawn(domain="b.example", former_group_id=BASIC), "b.example", {}, "from where it was not"),
]


@pytest.mark.parametrize(("data", "subject", "spoilt", "rule"), SPOILT)
def test_a_rule_of_tenants_that_is_broken_is_named(
    data: Any, subject: str | None, spoilt: dict[str, Any], rule: str
) -> None:
    log = a_customer()
    assert rules_broken(log) == ""
    assert rule in rules_broken(log.happened(data, subject, **({"time": NOON} | spoilt)))


@pytest.mark.parametrize(
    ("before", "data", "subject", "rule"),
    [
        (a.UserRemoved(), a.UserRenamed(display_name="x"), OLE, "of a removed person"),
        (a.UserRemoved(), a.UserRemoved(), OLE, "removed twice"),
        (a.UserDisabled(), a.UserDisabled(), OLE, "disabled twice"),
        (a.UserDisabled(), a.SessionsRevoked(), OLE, "who is disabled"),
        (a.KeyRevoked(), a.KeyRevoked(), ROBOT, "that does not work"),
    ],
)
def test_what_has_ended_does_not_go_on(before: Any, data: Any, subject: str, rule: str) -> None:
    log = a_customer().happened(before, subject, time=NOON).happened(data, subject, time=NOON)
    assert rule in rules_broken(log)


@pytest.mark.parametrize(("subject", "actor"), [(OLE, by_user("ole")), (ROBOT, by_key("robot"))])
def test_whoever_was_shut_out_orders_nothing(subject: str, actor: str) -> None:
    ended = a.UserDisabled() if subject == OLE else a.KeyRevoked()
    log = a_customer().happened(ended, subject, time=NOON)
    assert "could order nothing" in rules_broken(
        log.happened(a.TenantRenamed(title="x"), time=NOON, actor=actor)
    )


def test_a_key_that_has_expired_orders_nothing() -> None:
    log = a_log(a_tenant(), a_key("robot", "owner", expires_at=NOON + timedelta(seconds=1)))
    log.happened(a.TenantRenamed(title="x"), time=NOON, actor=by_key("robot"))
    assert rules_broken(log) == ""
    late = log.happened(a.TenantRenamed(title="y"), time=NOON + timedelta(seconds=1), actor=by_key("robot"))
    assert "could order nothing" in rules_broken(late)


def test_a_suspended_tenant_looks_and_changes_nothing() -> None:
    log = a_customer().happened(a.TenantSuspended(), time=NOON)
    ina: dict[str, Any] = {"time": NOON, "actor": by_user("ina")}
    log.happened(a.UserSignedIn(session_id=session_id("x")), INA, **ina)
    log.happened(a.SessionsRevoked(), INA, **ina).happened(a.TenantRenamed(title="x"), time=NOON)
    assert rules_broken(log) == ""
    assert "while the tenant is suspended" in rules_broken(log.happened(a.TenantRenamed(title="y"), **ina))


def test_nothing_new_comes_to_a_tenant_that_is_given_up() -> None:
    log = a_customer().happened(a.TenantClosing(), time=NOON)
    log.happened(a.DomainWithdrawn(domain="a.example", former_group_id=BASIC), "a.example", time=NOON)
    log.happened(a.TenantClosed(), time=NOON, actor="system:mailbox")
    assert rules_broken(log) == ""
    log.happened(invited("new"), user_id("new"), time=NOON)
    log.happened(a.TenantOnboarded(title="again"), time=NOON)
    assert "user_invited while the tenant is closed" in rules_broken(log)
    assert "tenant_onboarded of a tenant that is closed" in rules_broken(log)


def test_nothing_happens_before_a_tenant_is_known() -> None:
    assert "unknown" in rules_broken(a_log(an_invited_user("ina")))


def test_operators_are_people_of_the_provider_alone_and_it_does_not_shut_itself_out() -> None:
    log = a_log(a_tenant(), a_user("ina", "operator"), stream=PROVIDER_TENANT)
    assert rules_broken(log) == ""
    log.happened(invited("new", "owner"), user_id("new"), time=NOON, tenant=PROVIDER_TENANT)
    log.happened(a.TenantSuspended(), time=NOON, tenant=PROVIDER_TENANT)
    assert "owner in the wrong tenant" in rules_broken(log)
    assert "shut itself out" in rules_broken(log)


@pytest.mark.parametrize(
    "held", [may("users", "change"), may("users", scope="domains", names=("a.example",)), ()]
)
@pytest.mark.parametrize(
    "wanted",
    [
        may("users"),
        may("users", "enter"),
        may("users", "change", scope="assigned"),
        may("users", scope="groups", names=("a.example",)),
        may("users", scope="domains", names=("a.example", "b.example")),
        may("users", scope="domains", names=("a.example",)),
        (),
    ],
)
def test_the_oracle_and_the_contracts_agree_on_who_holds_what(held: Any, wanted: Any) -> None:
    for role in ("owner", "sub_user", "auditor"):
        for other in ("owner", "sub_user", "auditor"):
            theirs, wish = rights_of(role, held), rights_of(other, wanted)
            assert holds(theirs, wish) == within(other, wanted, role, held)
