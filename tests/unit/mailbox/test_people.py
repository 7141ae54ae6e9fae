"""How people of a customer come in, change and go."""

from datetime import timedelta

import pytest

from contracts import access as a
from tests.kit.given import NOON, refused
from tests.kit.given_tenant import (
    OPERATOR,
    a_tenant,
    a_user,
    an_invited_user,
    an_owner,
    by_user,
    given_tenant,
    invitation_id,
    invite,
    invited,
    it_happened_to,
    may,
    one_week_later,
    password_id,
    session_id,
    totp_id,
    user_id,
)

INA = user_id("ina")


def test_a_person_is_asked_in_for_a_week() -> None:
    given_tenant(a_tenant()).when(invite("ina", permissions=may("mailboxes", "change"))).then(
        invited("ina", permissions=may("mailboxes", "change"), expires_at=NOON + timedelta(days=7))
    )


def test_asking_the_same_person_in_again_changes_nothing() -> None:
    given_tenant(a_tenant(), an_invited_user("ina")).when(invite("ina")).then_nothing()
    given_tenant(a_tenant(), a_user("ina")).when(invite("ina")).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        invite("ina", "owner"),
        invite("ina", permissions=may("mailboxes")),
        invite("ina", email="other@example.org"),
        invite("ina", invitation="second"),
    ],
)
def test_a_known_id_is_no_other_person(other: a.InviteUser) -> None:
    given_tenant(a_tenant(), an_invited_user("ina")).when(other).then(refused("user_exists"))


def test_the_id_of_something_else_is_no_person() -> None:
    history = given_tenant(a_tenant()).history
    tenant = history.state.tenant
    command = a.InviteUser(
        user_id=tenant,
        email="a@example.org",
        display_name="A",
        role="owner",
        invitation_id=invitation_id("a"),
    )
    given_tenant(a_tenant()).when(command).then(refused("user_exists"))


@pytest.mark.parametrize("email", ["ina@example.org", " Ina@EXAMPLE.org ", "INA@example.ORG"])
def test_an_address_belongs_to_one_person_however_it_is_written(email: str) -> None:
    given_tenant(a_tenant(), a_user("ina")).when(invite("ole", email=email)).then(refused("user_exists"))


def test_an_address_is_kept_in_its_one_form() -> None:
    given_tenant(a_tenant()).when(invite("ina", email=" Ina@Example.ORG")).then(
        invited("ina", email="ina@example.org")
    )


@pytest.mark.parametrize("email", ["ina", "@example.org", "ina@", "ina@localhost", "i na@example.org"])
def test_what_is_no_address_is_refused(email: str) -> None:
    given_tenant(a_tenant()).when(invite("ina", email=email)).then(refused("address_invalid"))


def test_the_address_of_a_removed_person_is_free_and_their_id_is_not() -> None:
    past = given_tenant(a_tenant(), a_user("ina"), it_happened_to("ina", a.UserRemoved()))
    past.when(invite("una", email="ina@example.org")).then(invited("una", email="ina@example.org"))
    past.when(invite("ina")).then(refused("user_exists"))


def test_an_invitation_is_renewed_while_it_waits() -> None:
    waiting = given_tenant(a_tenant(), an_invited_user("ina"))
    second = a.RenewInvitation(user_id=INA, invitation_id=invitation_id("second"))
    later = NOON + timedelta(days=30)
    waiting.when(second, now=later).then(
        a.InvitationRenewed(invitation_id=invitation_id("second"), expires_at=later + timedelta(days=7))
    )
    waiting.when(a.RenewInvitation(user_id=INA, invitation_id=invitation_id("ina"))).then_nothing()
    given_tenant(a_tenant(), a_user("ina")).when(second).then(refused("user_state"))


def accept(invitation: str = "ina", password: str = "ina") -> a.AcceptInvitation:
    return a.AcceptInvitation(
        user_id=INA, invitation_id=invitation_id(invitation), credential_id=password_id(password)
    )


def test_a_person_joins_with_the_invitation() -> None:
    waiting = given_tenant(a_tenant(), an_invited_user("ina"))
    waiting.when(accept(), actor=by_user("ina")).then(a.UserJoined(credential_id=password_id("ina")))


def test_joining_again_with_the_same_password_changes_nothing() -> None:
    given_tenant(a_tenant(), a_user("ina")).when(accept(), actor=by_user("ina")).then_nothing()


def test_an_invitation_is_good_for_one_joining_in_time() -> None:
    waiting = given_tenant(a_tenant(), an_invited_user("ina"))
    waiting.when(accept("other"), actor=by_user("ina")).then(refused("invitation_invalid"))
    waiting.when(accept(), actor=by_user("ina"), now=one_week_later).then(refused("invitation_invalid"))
    renewed = a.InvitationRenewed(invitation_id=invitation_id("second"), expires_at=one_week_later)
    given_tenant(a_tenant(), an_invited_user("ina"), it_happened_to("ina", renewed)).when(
        accept(), actor=by_user("ina")
    ).then(refused("invitation_invalid"))
    joined = given_tenant(a_tenant(), a_user("ina"))
    joined.when(accept(password="second"), actor=by_user("ina")).then(refused("invitation_invalid"))
    for gone in (a.UserDisabled(), a.UserRemoved()):
        for before in (an_invited_user("ina"), a_user("ina")):
            shut_out = given_tenant(a_tenant(), before, it_happened_to("ina", gone))
            shut_out.when(accept(), actor=by_user("ina")).then(refused("invitation_invalid"))


def test_nobody_joins_as_somebody_else() -> None:
    waiting = given_tenant(a_tenant(), an_invited_user("ina"), an_owner("ole"))
    for actor in (by_user("ole"), OPERATOR):
        waiting.when(accept(), actor=actor).then(refused("permission_exceeded"))


def test_a_password_is_changed_by_its_person_or_by_an_administrator() -> None:
    people = given_tenant(a_tenant(), a_user("ina"), an_owner("ole"))
    change = a.SetUserPassword(user_id=INA, credential_id=password_id("second"))
    for actor in (by_user("ina"), by_user("ole"), OPERATOR):
        people.when(change, actor=actor).then(a.UserPasswordSet(credential_id=password_id("second")))
    people.when(a.SetUserPassword(user_id=INA, credential_id=password_id("ina"))).then_nothing()


def test_the_first_password_is_the_persons_own() -> None:
    change = a.SetUserPassword(user_id=INA, credential_id=password_id("second"))
    given_tenant(a_tenant(), an_invited_user("ina")).when(change).then(refused("user_state"))


def test_a_person_gets_another_name() -> None:
    people = given_tenant(a_tenant(), a_user("ina"))
    people.when(a.RenameUser(user_id=INA, display_name="Ina B."), actor=by_user("ina")).then(
        a.UserRenamed(display_name="Ina B.")
    )
    people.when(a.RenameUser(user_id=INA, display_name="Ina")).then_nothing()


def test_what_a_person_may_do_is_replaced() -> None:
    people = given_tenant(a_tenant(), a_user("ina", permissions=may("mailboxes")))
    people.when(a.GrantAccess(user_id=INA, role="auditor")).then(a.AccessGranted(role="auditor"))
    people.when(a.GrantAccess(user_id=INA, role="sub_user", permissions=may("mailboxes"))).then_nothing()


def test_a_person_is_shut_out_and_let_in_again() -> None:
    present = given_tenant(a_tenant(), a_user("ina"))
    disabled = given_tenant(a_tenant(), a_user("ina"), it_happened_to("ina", a.UserDisabled()))
    present.when(a.DisableUser(user_id=INA, reason="left")).then(a.UserDisabled(reason="left"))
    disabled.when(a.DisableUser(user_id=INA)).then_nothing()
    disabled.when(a.EnableUser(user_id=INA)).then(a.UserEnabled())
    present.when(a.EnableUser(user_id=INA)).then_nothing()


def test_whoever_never_joined_is_still_invited_after_being_shut_out() -> None:
    history = given_tenant(
        a_tenant(), an_invited_user("ina"), it_happened_to("ina", a.UserDisabled())
    ).history
    history.obey(a.EnableUser(user_id=INA), actor=OPERATOR)
    assert history.state.users[INA].status == "invited"


def test_a_person_is_removed_once() -> None:
    given_tenant(a_tenant(), a_user("ina")).when(a.RemoveUser(user_id=INA)).then(a.UserRemoved())
    removed = given_tenant(a_tenant(), a_user("ina"), it_happened_to("ina", a.UserRemoved()))
    removed.when(a.RemoveUser(user_id=INA)).then_nothing()


EVERYTHING_ABOUT_INA = (
    a.RenewInvitation(user_id=INA, invitation_id=invitation_id("second")),
    a.SetUserPassword(user_id=INA, credential_id=password_id("second")),
    a.RenameUser(user_id=INA, display_name="Other"),
    a.GrantAccess(user_id=INA, role="auditor"),
    a.DisableUser(user_id=INA),
    a.EnableUser(user_id=INA),
    a.EnableTotp(user_id=INA, totp_id=totp_id("first")),
    a.DisableTotp(user_id=INA),
)


@pytest.mark.parametrize("command", EVERYTHING_ABOUT_INA, ids=lambda each: type(each).__name__)
def test_nothing_happens_to_a_removed_or_an_unknown_person(command: a.AccessCommand) -> None:
    removed = given_tenant(a_tenant(), a_user("ina"), it_happened_to("ina", a.UserRemoved()))
    removed.when(command).then(refused("user_state"))
    given_tenant(a_tenant()).when(command).then(refused("user_unknown"))


@pytest.mark.parametrize(
    "less",
    [
        a.DisableUser(user_id=INA),
        a.RemoveUser(user_id=INA),
        a.GrantAccess(user_id=INA, role="auditor"),
        a.GrantAccess(user_id=INA, role="sub_user", permissions=may("users", "change")),
    ],
)
def test_the_last_owner_who_can_sign_in_stays(less: a.AccessCommand) -> None:
    alone = given_tenant(a_tenant(), an_owner("ina"), an_invited_user("ole", "owner"), a_user("una"))
    alone.when(less).then(refused("last_owner"))
    alone.when(less, actor=by_user("ina")).then(refused("last_owner"))
    disabled = given_tenant(
        a_tenant(), an_owner("ina"), an_owner("ole"), it_happened_to("ole", a.UserDisabled())
    )
    disabled.when(less).then(refused("last_owner"))


def test_the_last_owner_may_be_granted_ownership_in_other_words() -> None:
    alone = given_tenant(a_tenant(), an_owner("ina"))
    alone.when(a.GrantAccess(user_id=INA, role="owner", permissions=may("users"))).then(
        a.AccessGranted(role="owner", permissions=may("users"))
    )


def test_one_of_two_owners_may_go() -> None:
    two = given_tenant(a_tenant(), an_owner("ina"), an_owner("ole"))
    two.when(a.RemoveUser(user_id=INA)).then(a.UserRemoved())
    two.when(a.DisableUser(user_id=INA), actor=by_user("ina")).then(a.UserDisabled())
    two.when(a.GrantAccess(user_id=INA, role="auditor")).then(a.AccessGranted(role="auditor"))


def test_an_owner_who_never_joined_may_go() -> None:
    alone = given_tenant(a_tenant(), an_invited_user("ina", "owner"))
    alone.when(a.RemoveUser(user_id=INA)).then(a.UserRemoved())


def test_one_time_codes_are_asked_for_by_the_person_alone() -> None:
    people = given_tenant(a_tenant(), a_user("ina"), an_owner("ole"))
    enable = a.EnableTotp(user_id=INA, totp_id=totp_id("first"))
    people.when(enable, actor=by_user("ina")).then(a.TotpEnabled(totp_id=totp_id("first")))
    for actor in (by_user("ole"), OPERATOR):
        people.when(enable, actor=actor).then(refused("permission_exceeded"))


def test_one_time_codes_end_by_the_person_or_an_administrator() -> None:
    enabled = it_happened_to("ina", a.TotpEnabled(totp_id=totp_id("first")))
    people = given_tenant(a_tenant(), a_user("ina"), an_owner("ole"), enabled)
    for actor in (by_user("ina"), by_user("ole"), OPERATOR):
        people.when(a.DisableTotp(user_id=INA), actor=actor).then(a.TotpDisabled())
    people.when(a.EnableTotp(user_id=INA, totp_id=totp_id("first")), actor=by_user("ina")).then_nothing()
    people.when(a.DisableTotp(user_id=user_id("ole"))).then_nothing()


def sign_in() -> a.RecordSignIn:
    return a.RecordSignIn(user_id=INA, session_id=session_id("first"), client_address="192.0.2.1")


def test_a_person_who_is_in_signs_in() -> None:
    given_tenant(a_tenant(), a_user("ina")).when(sign_in(), actor=by_user("ina")).then(
        a.UserSignedIn(session_id=session_id("first"), client_address="192.0.2.1")
    )


def test_nobody_else_signs_in() -> None:
    shut_out = [it_happened_to("ina", event) for event in (a.UserDisabled(), a.UserRemoved())]
    for facts in (an_invited_user("ina"), *((*a_user("ina"), *after) for after in shut_out)):
        given_tenant(a_tenant(), facts).when(sign_in(), actor=by_user("ina")).then(refused("user_state"))
    given_tenant(a_tenant()).when(sign_in(), actor=by_user("ina")).then(refused("user_unknown"))
    people = given_tenant(a_tenant(), a_user("ina"), an_owner("ole"))
    people.when(sign_in(), actor=by_user("ole")).then(refused("permission_exceeded"))


def test_sessions_end_one_by_one_or_all_at_once() -> None:
    people = given_tenant(a_tenant(), a_user("ina"))
    one = a.RevokeSessions(user_id=INA, session_id=session_id("first"))
    people.when(one, actor=by_user("ina")).then(a.SessionsRevoked(session_id=session_id("first")))
    people.when(a.RevokeSessions(user_id=INA)).then(a.SessionsRevoked())


def test_whoever_is_not_in_has_no_session_to_end() -> None:
    for after in (a.UserDisabled(), a.UserRemoved()):
        gone = given_tenant(a_tenant(), a_user("ina"), it_happened_to("ina", after))
        gone.when(a.RevokeSessions(user_id=INA)).then_nothing()
    given_tenant(a_tenant(), an_invited_user("ina")).when(a.RevokeSessions(user_id=INA)).then_nothing()
    given_tenant(a_tenant()).when(a.RevokeSessions(user_id=INA)).then(refused("user_unknown"))
