"""Nobody hands out, or acts on, more than they hold at the moment of the decision."""

from datetime import timedelta

import pytest

from contracts import access as a
from contracts.ids import PROVIDER_TENANT, ActorName
from contracts.permissions import Permission, Role
from tests.kit.given import NOON, refused
from tests.kit.given_tenant import (
    OPERATOR,
    a_key,
    a_tenant,
    a_user,
    an_invited_user,
    an_owner,
    by_key,
    by_user,
    create_key,
    create_paid_group,
    given_provider,
    given_tenant,
    invite,
    invited,
    it_happened_to,
    key_created,
    key_id,
    may,
    password_id,
    session_id,
    the_key_revoked,
    totp_id,
    user_id,
)

HELD = (
    *may("users", "change"),
    *may("mailboxes", "change", scope="domains", names=("a.example", "b.example")),
)
PEOPLE = (a_tenant(), an_owner("ole"), a_user("ina", permissions=HELD))

Wanted = tuple[Role, tuple[Permission, ...]]
BEYOND: list[Wanted] = [
    ("owner", ()),
    ("auditor", ()),
    ("operator", ()),
    ("sub_user", may("mailboxes", "change")),
    ("sub_user", may("mailboxes", "destroy", scope="domains", names=("a.example",))),
    ("sub_user", may("mailboxes", scope="domains", names=("a.example", "c.example"))),
    ("sub_user", may("mailboxes", scope="groups", names=("a.example",))),
    ("sub_user", may("mailboxes", scope="assigned")),
    ("sub_user", may("audit")),
]
WITHIN: list[Wanted] = [
    ("sub_user", ()),
    ("sub_user", HELD),
    ("sub_user", may("mailboxes", scope="domains", names=("b.example",))),
    ("sub_user", may("users")),
]


@pytest.mark.parametrize(("role", "permissions"), BEYOND)
def test_a_sub_user_hands_out_nothing_beyond_their_own(
    role: Role, permissions: tuple[Permission, ...]
) -> None:
    people = given_tenant(*PEOPLE, a_user("una"))
    grant = a.GrantAccess(user_id=user_id("una"), role=role, permissions=permissions)
    for command in (invite("new", role, permissions), grant, create_key("robot", role, permissions)):
        people.when(command, actor=by_user("ina")).then(refused("permission_exceeded"))


@pytest.mark.parametrize(("role", "permissions"), WITHIN)
def test_a_sub_user_hands_out_what_they_hold(role: Role, permissions: tuple[Permission, ...]) -> None:
    people = given_tenant(*PEOPLE)
    people.when(invite("new", role, permissions), actor=by_user("ina")).then(
        invited("new", role, permissions)
    )
    people.when(create_key("robot", role, permissions), actor=by_user("ina")).then(
        key_created("robot", role, permissions)
    )


def test_an_owner_hands_out_everything_of_the_tenant_and_no_operator() -> None:
    people = given_tenant(*PEOPLE)
    people.when(invite("new", "owner"), actor=by_user("ole")).then(invited("new", "owner"))
    people.when(invite("new", "operator"), actor=by_user("ole")).then(refused("permission_exceeded"))


def test_a_key_hands_out_nothing_beyond_its_own() -> None:
    keys = given_tenant(a_tenant(), a_key("robot", permissions=HELD))
    keys.when(invite("new", permissions=HELD), actor=by_key("robot")).then(invited("new", permissions=HELD))
    keys.when(invite("new", "owner"), actor=by_key("robot")).then(refused("permission_exceeded"))


@pytest.mark.parametrize(
    "command",
    [
        a.SetUserPassword(user_id=user_id("ole"), credential_id=password_id("mine")),
        a.GrantAccess(user_id=user_id("ole"), role="sub_user"),
        a.DisableUser(user_id=user_id("ole")),
        a.EnableUser(user_id=user_id("ole")),
        a.RemoveUser(user_id=user_id("ole")),
        a.RenameUser(user_id=user_id("ole"), display_name="Mine"),
        a.DisableTotp(user_id=user_id("ole")),
        a.RevokeSessions(user_id=user_id("ole")),
        a.RevokeKey(key_id=key_id("owners")),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_sub_user_cannot_take_over_whoever_holds_more(command: a.AccessCommand) -> None:
    people = given_tenant(*PEOPLE, an_owner("other"), a_key("owners", "owner"))
    people.when(command, actor=by_user("ina")).then(refused("permission_exceeded"))


def test_a_sub_user_acts_on_whoever_holds_no_more() -> None:
    less = may("mailboxes", scope="domains", names=("a.example",))
    people = given_tenant(*PEOPLE, a_user("una", permissions=less), a_key("small", permissions=less))
    change = a.SetUserPassword(user_id=user_id("una"), credential_id=password_id("second"))
    people.when(change, actor=by_user("ina")).then(a.UserPasswordSet(credential_id=password_id("second")))
    people.when(a.RemoveUser(user_id=user_id("una")), actor=by_user("ina")).then(a.UserRemoved())
    people.when(a.RevokeKey(key_id=key_id("small")), actor=by_user("ina")).then(a.KeyRevoked())


@pytest.mark.parametrize(
    "actor",
    [
        by_user("nobody"),
        by_user("waiting"),
        by_user("disabled"),
        by_user("removed"),
        by_key("nobody"),
        by_key("revoked"),
        by_key("expired"),
        ActorName("owner:demo"),
        ActorName(f"operator {user_id('ole')}"),
        ActorName(""),
    ],
)
def test_whoever_is_unknown_or_shut_out_orders_nothing(actor: ActorName) -> None:
    people = given_tenant(
        *PEOPLE,
        an_invited_user("waiting", "owner"),
        an_owner("disabled"),
        it_happened_to("disabled", a.UserDisabled()),
        an_owner("removed"),
        it_happened_to("removed", a.UserRemoved()),
        a_key("revoked", "owner"),
        the_key_revoked("revoked"),
        a_key("expired", "owner", expires_at=NOON),
    )
    for command in (invite("new"), a.RenameTenant(title="Mine"), a.WithdrawDomain(domain="a.example")):
        people.when(command, actor=actor).then(refused("permission_exceeded"))


def test_a_key_works_until_it_expires() -> None:
    keys = given_tenant(a_tenant(), a_key("robot", "owner", expires_at=NOON))
    just_before = NOON - timedelta(seconds=1)
    keys.when(invite("new"), actor=by_key("robot"), now=just_before).then(
        invited("new", expires_at=just_before + timedelta(days=7))
    )


def test_operators_are_people_of_the_provider_and_of_nobody_else() -> None:
    provider = given_provider()
    provider.when(invite("root", "operator"), by=PROVIDER_TENANT).then(invited("root", "operator"))
    for role in ("owner", "sub_user", "auditor"):
        provider.when(invite("root", role), by=PROVIDER_TENANT).then(refused("permission_exceeded"))
        provider.when(create_key("root", role), by=PROVIDER_TENANT).then(refused("permission_exceeded"))
    customer = given_tenant(a_tenant(), a_user("ina"))
    for command in (
        invite("root", "operator"),
        create_key("root", "operator"),
        a.GrantAccess(user_id=user_id("ina"), role="operator"),
    ):
        customer.when(command, actor=OPERATOR).then(refused("permission_exceeded"))


def test_an_operator_acts_for_themselves_among_the_providers_people_alone() -> None:
    as_operator = ActorName(f"operator:{user_id('ina')}")
    enable = a.EnableTotp(user_id=user_id("ina"), totp_id=totp_id("first"))
    sign_in = a.RecordSignIn(user_id=user_id("ina"), session_id=session_id("first"))
    provider = given_provider(a_user("ina", "operator"))
    provider.when(enable, by=PROVIDER_TENANT, actor=as_operator).then(a.TotpEnabled(totp_id=totp_id("first")))
    provider.when(sign_in, by=PROVIDER_TENANT, actor=as_operator).then(
        a.UserSignedIn(session_id=session_id("first"))
    )
    customer = given_tenant(a_tenant(), a_user("ina"))
    for command in (enable, sign_in):
        customer.when(command, actor=as_operator).then(refused("permission_exceeded"))


def test_an_operator_who_is_shut_out_orders_nothing_among_the_providers_people() -> None:
    shut_out = it_happened_to("ina", a.UserDisabled())
    provider = given_provider(
        a_user("ina", "operator"), shut_out, a_key("old", "operator"), the_key_revoked("old")
    )
    for name in (user_id("ina"), key_id("old")):
        for command in (invite("new", "operator"), create_paid_group("free")):
            provider.when(command, by=PROVIDER_TENANT, actor=ActorName(f"operator:{name}")).then(
                refused("permission_exceeded")
            )
