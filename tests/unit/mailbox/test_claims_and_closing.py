"""A domain's claim, whom it is for, what follows from its tenant, and how it ends."""

from datetime import timedelta

import pytest

from contracts.mailbox import (
    PENDING_CLAIM_DAYS,
    ActivateDomain,
    AssignDomain,
    CloseDomain,
    DomainActivated,
    DomainAssigned,
    DomainClosing,
    DomainRegistered,
    DomainRemoved,
    DomainResumedWithTenant,
    DomainSuspended,
    DomainSuspendedWithTenant,
    FollowPaidGroup,
    FollowTenant,
    MailboxCommand,
    MailboxLimitSet,
    PaidGroupFollowed,
    RegisterDomain,
    RemoveDomain,
    ResumeDomain,
    SetMailboxLimit,
    SuspendDomain,
)
from contracts.routing import AliasRemoved, DisableCatchAll, RuleRemoved
from tests.kit.given import (
    NOON,
    SOMEBODY_ELSE,
    Facts,
    Happened,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_pending_domain,
    a_removed_domain,
    a_suspended_domain,
    an_id,
    create_mailbox,
    delete_mailbox,
    given,
    mailbox_deleted,
    refused,
    restore_mailbox,
)
from tests.kit.given_routing import (
    SYSTEM,
    a_catch_all,
    a_closing_domain,
    a_dropped_rule,
    a_removed_alias,
    a_removed_rule,
    a_rule,
    add_alias,
    add_rule,
    alias_id,
    an_alias,
    goes_with_it,
    rule_id,
)

EMPLOYEE, GROUP = an_id("user ole"), an_id("group gold")
LAPSED = NOON + timedelta(days=PENDING_CLAIM_DAYS)


def followed_tenant(as_of: int, *, suspended: bool) -> Facts:
    event = DomainSuspendedWithTenant(as_of=as_of) if suspended else DomainResumedWithTenant(as_of=as_of)
    return (Happened(event),)


def followed_group(as_of: int, limit: int | None = 5, group: str | None = GROUP) -> Facts:
    return (Happened(PaidGroupFollowed(as_of=as_of, group_id=group, mailbox_limit=limit)),)


def test_a_claim_says_how_it_is_proven_and_whom_the_domain_is_for() -> None:
    given().when(RegisterDomain(challenge="postfach-1", assigned_to=EMPLOYEE)).then(
        DomainRegistered(challenge="postfach-1", assigned_to=EMPLOYEE)
    )


def test_an_unproven_claim_lapses_for_others_after_seven_days() -> None:
    scenario = given(a_pending_domain())
    almost = LAPSED - timedelta(microseconds=1)
    scenario.when(RegisterDomain(), by=SOMEBODY_ELSE, now=almost).then(refused("domain_taken"))
    scenario.when(RegisterDomain(), by=SOMEBODY_ELSE, now=LAPSED).then(DomainRegistered())


def test_a_lapsed_claim_is_still_its_holders_until_somebody_else_comes() -> None:
    scenario = given(a_pending_domain())
    scenario.when(RegisterDomain(), now=LAPSED).then_nothing()
    scenario.when(ActivateDomain(proof="txt_record"), now=LAPSED).then(DomainActivated(proof="txt_record"))


def test_what_was_claimed_anew_is_the_new_holders_alone() -> None:
    scenario = given(a_pending_domain())
    scenario.history.obey(RegisterDomain(), SOMEBODY_ELSE, LAPSED)
    scenario.when(ActivateDomain(proof="operator"), now=LAPSED).then(refused("domain_unknown"))
    scenario.when(RegisterDomain(), now=LAPSED).then(refused("domain_taken"))


@pytest.mark.parametrize("facts", [a_domain(), a_suspended_domain(), a_closing_domain()])
def test_a_proven_claim_never_lapses(facts: Facts) -> None:
    far = NOON + timedelta(days=1_000)
    given(facts).when(RegisterDomain(), by=SOMEBODY_ELSE, now=far).then(refused("domain_taken"))


def test_a_proof_is_told_with_what_was_seen() -> None:
    given(a_pending_domain()).when(ActivateDomain(proof="parent_domain", evidence="example.org")).then(
        DomainActivated(proof="parent_domain", evidence="example.org")
    )


@pytest.mark.parametrize("facts", [a_pending_domain(), a_domain(), a_suspended_domain()])
def test_a_domain_is_assigned_to_an_employee_and_to_nobody_again(facts: Facts) -> None:
    scenario = given(facts)
    scenario.when(AssignDomain(user_id=None)).then_nothing()
    scenario.when(AssignDomain(user_id=EMPLOYEE)).then(DomainAssigned(user_id=EMPLOYEE))
    scenario.history.obey(AssignDomain(user_id=EMPLOYEE))
    scenario.when(AssignDomain(user_id=EMPLOYEE)).then_nothing()
    scenario.when(AssignDomain(user_id=None)).then(DomainAssigned(user_id=None))


@pytest.mark.parametrize("suspended", [True, False])
def test_what_follows_from_the_tenant_is_told_even_if_it_changes_nothing(suspended: bool) -> None:
    given(a_domain()).when(FollowTenant(as_of=4, suspended=suspended), actor=SYSTEM).then(
        *(fact.data for fact in followed_tenant(4, suspended=suspended))
    )


@pytest.mark.parametrize("as_of", [3, 4])
def test_what_is_not_newer_than_what_was_followed_changes_nothing(as_of: int) -> None:
    scenario = given(a_domain(), followed_tenant(4, suspended=True), followed_group(4))
    scenario.when(FollowTenant(as_of=as_of, suspended=False), actor=SYSTEM).then_nothing()
    stale = FollowPaidGroup(as_of=as_of, group_id=None, mailbox_limit=None)
    scenario.when(stale, actor=SYSTEM).then_nothing()


def test_a_domain_suspended_with_its_tenant_takes_no_changes_until_it_is_resumed_with_it() -> None:
    scenario = given(a_domain(), followed_tenant(4, suspended=True))
    scenario.when(create_mailbox("ina")).then(refused("domain_not_active"))
    scenario.history.obey(FollowTenant(as_of=5, suspended=False), actor=SYSTEM)
    assert scenario.history.state.status == "active"


def test_an_operators_suspension_and_the_tenants_are_ended_each_by_itself() -> None:
    scenario = given(a_suspended_domain(), followed_tenant(4, suspended=True))
    scenario.history.obey(ResumeDomain())
    assert scenario.history.state.status == "suspended"
    scenario.when(ResumeDomain()).then_nothing()
    scenario.when(SuspendDomain(reason="unpaid")).then(DomainSuspended(reason="unpaid"))
    scenario.history.obey(FollowTenant(as_of=5, suspended=False), actor=SYSTEM)
    assert scenario.history.state.status == "active"


def test_a_pending_domain_of_a_suspended_tenant_is_suspended_once_it_is_active() -> None:
    scenario = given(a_pending_domain(), followed_tenant(4, suspended=True))
    assert scenario.history.state.status == "pending"
    scenario.history.obey(ActivateDomain(proof="txt_record"))
    assert scenario.history.state.status == "suspended"
    scenario.when(ResumeDomain()).then_nothing()


def test_the_limit_of_a_paid_group_is_the_domains() -> None:
    scenario = given(a_domain(limit=9), followed_group(4, limit=1), a_mailbox("ina"))
    scenario.when(create_mailbox("ole")).then(refused("mailbox_limit_reached"))
    scenario.when(SetMailboxLimit(mailbox_limit=7)).then(refused("limit_from_paid_group"))


def test_out_of_its_paid_group_a_domain_has_no_limit_but_may_get_one() -> None:
    scenario = given(a_domain(), followed_group(4, limit=1))
    left = FollowPaidGroup(as_of=5, group_id=None, mailbox_limit=None)
    scenario.when(left, actor=SYSTEM).then(PaidGroupFollowed(as_of=5, group_id=None, mailbox_limit=None))
    scenario.history.obey(left, actor=SYSTEM)
    scenario.when(SetMailboxLimit(mailbox_limit=7)).then(MailboxLimitSet(mailbox_limit=7))


def test_a_tenant_that_comes_back_does_not_follow_what_it_followed_before() -> None:
    scenario = given(a_domain(), followed_tenant(4, suspended=True), followed_group(6))
    scenario.history.happened(Happened(DomainRemoved()))
    scenario.history.obey(RegisterDomain())
    scenario.when(FollowTenant(as_of=4, suspended=False), actor=SYSTEM).then_nothing()
    assert scenario.history.state.group_id is None


def test_another_tenants_positions_mean_nothing_to_a_new_holder() -> None:
    scenario = given(a_domain(), followed_tenant(4, suspended=True), followed_group(6))
    scenario.history.happened(Happened(DomainRemoved()))
    scenario.history.obey(RegisterDomain(), SOMEBODY_ELSE)
    scenario.when(FollowTenant(as_of=1, suspended=False), by=SOMEBODY_ELSE, actor=SYSTEM).then(
        DomainResumedWithTenant(as_of=1)
    )


@pytest.mark.parametrize(
    "command",
    [
        FollowTenant(as_of=1, suspended=True),
        FollowPaidGroup(as_of=1, group_id=GROUP, mailbox_limit=1),
        CloseDomain(),
    ],
)
@pytest.mark.parametrize("actor", ["owner:demo", "user:" + EMPLOYEE, "key:" + EMPLOYEE])
def test_what_only_follows_from_something_is_ordered_by_no_tenant(command, actor) -> None:
    given(a_domain()).when(command, actor=actor).then(refused("permission_exceeded"))


@pytest.mark.parametrize("facts", [a_pending_domain(), a_domain(), a_suspended_domain()])
def test_a_domain_is_closed_from_any_state(facts: Facts) -> None:
    given(facts).when(CloseDomain(), actor=SYSTEM).then(DomainClosing())


@pytest.mark.parametrize("facts", [a_closing_domain(), a_removed_domain()])
def test_closing_what_is_closing_or_gone_changes_nothing(facts: Facts) -> None:
    given(facts).when(CloseDomain(), actor=SYSTEM).then_nothing()


@pytest.mark.parametrize(
    "command",
    [
        ActivateDomain(proof="operator"),
        SuspendDomain(),
        ResumeDomain(),
        SetMailboxLimit(mailbox_limit=1),
        AssignDomain(user_id=EMPLOYEE),
        FollowTenant(as_of=9, suspended=True),
        FollowPaidGroup(as_of=9, group_id=None, mailbox_limit=None),
        create_mailbox("una"),
        restore_mailbox("ole"),
        add_rule("new"),
        add_alias("info"),
        DisableCatchAll(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_closing_domain_takes_nothing_more(command: MailboxCommand) -> None:
    scenario = given(a_closing_domain(a_mailbox("ina"), a_deleted_mailbox("ole")))
    scenario.when(command, actor=SYSTEM).then(refused("domain_not_active"))


def test_a_closing_domain_is_emptied_and_removed_by_the_system() -> None:
    scenario = given(a_closing_domain(a_mailbox("ina")))
    scenario.when(RemoveDomain(), actor=SYSTEM).then(refused("domain_not_empty"))
    scenario.when(delete_mailbox("ina"), actor=SYSTEM).then(mailbox_deleted("ina"))
    scenario.history.obey(delete_mailbox("ina"), actor=SYSTEM)
    scenario.when(RemoveDomain(), actor=SYSTEM).then(DomainRemoved())


@pytest.mark.parametrize("command", [delete_mailbox("ina"), RemoveDomain()])
def test_a_closing_domain_is_emptied_and_removed_by_nobody_else(command: MailboxCommand) -> None:
    given(a_closing_domain(a_mailbox("ina"))).when(command).then(refused("domain_not_active"))


def test_closing_a_suspended_domain_lets_the_system_empty_it() -> None:
    scenario = given(a_suspended_domain(), a_mailbox("ina"))
    scenario.when(delete_mailbox("ina"), actor=SYSTEM).then(refused("domain_not_active"))
    scenario.history.obey(CloseDomain(), actor=SYSTEM)
    scenario.when(delete_mailbox("ina"), actor=SYSTEM).then(mailbox_deleted("ina"))


def test_what_is_left_of_the_routing_goes_with_the_domain() -> None:
    scenario = given(
        a_domain(),
        *(a_rule("a"), a_dropped_rule("b"), a_removed_rule("c")),
        *(an_alias("info"), a_removed_alias("sales"), a_catch_all()),
    )
    expected = [(each, RuleRemoved()) for each in sorted([rule_id("a"), rule_id("b")])]
    assert goes_with_it(scenario.when(RemoveDomain())) == [*expected, (alias_id("info"), AliasRemoved())]
    scenario.history.obey(RemoveDomain())
    assert scenario.history.state.routing.catch_all is None
    assert scenario.history.state.routing.rule_count == 0
    assert scenario.history.state.routing.alias_at == {}


@pytest.mark.parametrize("command", [CloseDomain(), FollowTenant(as_of=1, suspended=True)])
def test_a_foreign_domain_looks_like_none_to_the_system_too(command: MailboxCommand) -> None:
    given(a_domain()).when(command, by=SOMEBODY_ELSE, actor=SYSTEM).then(refused("domain_unknown"))
