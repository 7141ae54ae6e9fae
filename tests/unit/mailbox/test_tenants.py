"""The life of a customer: known, suspended and back, and given up for good."""

import pytest

from contracts import access as a
from tests.kit.given import SOMEBODY_ELSE, US, refused
from tests.kit.given_tenant import (
    OPERATOR,
    REACTOR,
    a_closing_tenant,
    a_paid_group,
    a_placement,
    a_suspended_tenant,
    a_tenant,
    a_user,
    an_owner,
    by_user,
    create_key,
    create_paid_group,
    given_provider,
    given_tenant,
    invite,
    key_id,
    password_id,
    place,
    session_id,
    the_tenant,
    user_id,
)


def test_a_customer_is_onboarded() -> None:
    given_tenant().when(a.OnboardTenant(title="Demo")).then(a.TenantOnboarded(title="Demo"))


def test_onboarding_a_known_customer_changes_nothing() -> None:
    given_tenant(a_tenant("Demo")).when(a.OnboardTenant(title="Demo")).then_nothing()
    given_tenant(a_tenant("Demo")).when(a.OnboardTenant(title="Another")).then_nothing()


def test_a_customer_gets_another_title() -> None:
    given_tenant(a_tenant("Demo")).when(a.RenameTenant(title="Demo GmbH")).then(
        a.TenantRenamed(title="Demo GmbH")
    )


def test_the_same_title_changes_nothing() -> None:
    given_tenant(a_tenant("Demo")).when(a.RenameTenant(title="Demo")).then_nothing()


def test_nothing_is_done_for_an_unknown_customer() -> None:
    given_tenant().when(a.RenameTenant(title="Demo")).then(refused("tenant_unknown"))
    given_tenant().when(invite("ina", "owner")).then(refused("tenant_unknown"))


def test_nobody_orders_for_another_customer() -> None:
    given_tenant(a_tenant()).when(a.RenameTenant(title="Mine"), by=SOMEBODY_ELSE).then(
        refused("tenant_unknown")
    )
    given_tenant().when(a.OnboardTenant(title="Mine"), by=SOMEBODY_ELSE).then(refused("tenant_unknown"))


def test_each_change_of_a_customer_is_a_version() -> None:
    history = given_tenant(a_tenant()).history
    history.obey(a.RenameTenant(title="Second"), actor=OPERATOR)
    history.obey(invite("ina"), actor=OPERATOR)
    history.obey(a.RenameTenant(title="Third"), actor=OPERATOR)
    assert history.state.title == "Third"
    assert history.state.version_of(US) == 3
    assert history.state.version_of(user_id("ina")) == 1
    assert history.state.version_of(SOMEBODY_ELSE) == 0


def test_a_customer_is_suspended_and_resumed() -> None:
    given_tenant(a_tenant()).when(a.SuspendTenant(reason="unpaid")).then(a.TenantSuspended(reason="unpaid"))
    given_tenant(a_suspended_tenant()).when(a.ResumeTenant()).then(a.TenantResumed())


def test_suspending_and_resuming_twice_changes_nothing() -> None:
    given_tenant(a_suspended_tenant()).when(a.SuspendTenant(reason="again")).then_nothing()
    given_tenant(a_tenant()).when(a.ResumeTenant()).then_nothing()


def test_a_suspended_customer_changes_nothing() -> None:
    suspended = given_tenant(a_suspended_tenant(), an_owner("ina"))
    for command in (
        invite("ole"),
        a.RenameTenant(title="Mine"),
        a.SetUserPassword(user_id=user_id("ina"), credential_id=password_id("other")),
        create_key("robot"),
        place("a.example", "basic"),
    ):
        suspended.when(command, actor=by_user("ina")).then(refused("tenant_suspended"))


def test_a_suspended_customer_may_look_and_end_sessions() -> None:
    suspended = given_tenant(a_suspended_tenant(), an_owner("ina"))
    ina, session = user_id("ina"), session_id("first")
    suspended.when(a.RecordSignIn(user_id=ina, session_id=session), actor=by_user("ina")).then(
        a.UserSignedIn(session_id=session)
    )
    suspended.when(a.RevokeSessions(user_id=ina), actor=by_user("ina")).then(a.SessionsRevoked())


def test_operators_and_the_system_act_for_a_suspended_customer() -> None:
    suspended = given_tenant(a_suspended_tenant())
    suspended.when(a.RenameTenant(title="New")).then(a.TenantRenamed(title="New"))
    suspended.when(a.RenameTenant(title="New"), actor=REACTOR).then(a.TenantRenamed(title="New"))


def test_a_customer_is_given_up_once() -> None:
    given_tenant(a_tenant()).when(a.CloseTenant(reason="left")).then(a.TenantClosing(reason="left"))
    given_tenant(a_suspended_tenant()).when(a.CloseTenant()).then(a.TenantClosing())
    given_tenant(a_closing_tenant()).when(a.CloseTenant()).then_nothing()


def test_giving_up_is_finished_by_the_system_alone() -> None:
    closing = given_tenant(a_closing_tenant())
    closing.when(a.FinishClosing()).then(refused("permission_exceeded"))
    closing.when(a.FinishClosing(), actor=REACTOR).then(a.TenantClosed())


def test_giving_up_is_finished_only_after_it_began_and_once() -> None:
    given_tenant(a_tenant()).when(a.FinishClosing(), actor=REACTOR).then(refused("tenant_not_empty"))
    closed = given_tenant(a_closing_tenant(), the_tenant(a.TenantClosed()))
    closed.when(a.FinishClosing(), actor=REACTOR).then_nothing()
    closed.when(a.CloseTenant()).then_nothing()


@pytest.mark.parametrize("past", [a_closing_tenant(), (*a_closing_tenant(), *the_tenant(a.TenantClosed()))])
def test_there_is_no_way_back_and_nothing_new_for_a_customer_given_up(past: tuple[object, ...]) -> None:
    given_up = given_tenant(past, a_user("ina"), a_paid_group("basic"))  # pyright: ignore[reportArgumentType]
    for command in (
        a.OnboardTenant(title="Again"),
        a.SuspendTenant(),
        a.ResumeTenant(),
        invite("ole"),
        a.EnableUser(user_id=user_id("ina")),
        create_key("robot"),
        create_paid_group("more"),
        place("a.example", "basic"),
    ):
        given_up.when(command).then(refused("tenant_closing"))
    sign_in = a.RecordSignIn(user_id=user_id("ina"), session_id=session_id("first"))
    given_up.when(sign_in, actor=by_user("ina")).then(refused("tenant_closing"))


def test_what_a_customer_given_up_still_has_is_taken_away_by_operators() -> None:
    given_up = given_tenant(
        a_tenant(),
        an_owner("ina"),
        a_user("ole"),
        a_paid_group("basic"),
        a_placement("a.example", "basic"),
        the_tenant(a.TenantClosing()),
    )
    given_up.when(a.RemoveUser(user_id=user_id("ole"))).then(a.UserRemoved())
    given_up.when(a.RevokeKey(key_id=key_id("none"))).then(refused("key_unknown"))
    group = given_up.history.state.placements["a.example"].group_id
    given_up.when(a.WithdrawDomain(domain="a.example"), actor=REACTOR).then(
        a.DomainWithdrawn(domain="a.example", former_group_id=group or "")
    )
    given_up.when(a.RemoveUser(user_id=user_id("ole")), actor=by_user("ina")).then(refused("tenant_closing"))


@pytest.mark.parametrize(
    "command",
    [
        a.OnboardTenant(title="Mine"),
        a.SuspendTenant(),
        a.ResumeTenant(),
        a.CloseTenant(),
        create_paid_group("free"),
        a.ChangePlan(group_id=user_id("ina"), plan="free", domains_max=1, mailboxes_max=1),
    ],
)
def test_what_the_provider_sells_is_ordered_by_operators_and_the_system_alone(
    command: a.AccessCommand,
) -> None:
    customer = given_tenant(a_tenant(), an_owner("ina"))
    customer.when(command, actor=by_user("ina")).then(refused("permission_exceeded"))


def test_the_provider_cannot_shut_itself_out() -> None:
    for command in (a.SuspendTenant(), a.CloseTenant()):
        provider = given_provider()
        provider.when(command, by=provider.history.state.tenant).then(refused("permission_exceeded"))
