"""People at a real stack: asked in once, given no more than whoever asks holds, shut out at once, unknown to others."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit.people import (
    PASSWORD,
    Tenant,
    a_tenant,
    forgive,
    in_database,
    permission,
    the_provider,
)


@pytest.fixture
def tenant(stack: Stack) -> Iterator[Tenant]:
    forgive(stack)
    with a_tenant(stack) as made:
        yield made


def test_an_invitation_is_shown_once_and_works_once(tenant: Tenant) -> None:
    body = {"email": "Ina@People.example", "display_name": "Ina", "role": "owner"}
    invited = tenant.operator.post("/v1/users", body, Idempotency_Key="invite")
    assert invited.status_code == 201
    secret = invited.json()["secret"]
    replayed = tenant.operator.post("/v1/users", body, Idempotency_Key="invite")
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.json() == {**invited.json(), "secret": None}
    user = tenant.operator.shown(invited.headers["Location"])
    assert (user["email"], user["status"]) == ("ina@people.example", "invited")
    acceptance = {"token": secret, "password": PASSWORD}
    nobody = tenant.nobody()
    problem(
        nobody.post("/v1/invitations:accept", {**acceptance, "password": "short"}), 422, "password_policy"
    )
    nobody.done("/v1/invitations:accept", acceptance)
    problem(nobody.post("/v1/invitations:accept", acceptance), 404, "invitation_invalid")
    assert tenant.operator.shown(invited.headers["Location"])["status"] == "active"
    again = {**body, "email": "ina@people.example"}
    problem(tenant.operator.post("/v1/users", again), 409, "user_exists")


def test_an_old_or_replaced_invitation_works_no_more(tenant: Tenant) -> None:
    user_id, _, first = tenant.invited("sub_user")
    second = tenant.operator.done(f"/v1/users/{user_id}:renewInvitation")["secret"]
    nobody = tenant.nobody()
    problem(
        nobody.post("/v1/invitations:accept", {"token": first, "password": PASSWORD}),
        404,
        "invitation_invalid",
    )
    passes = (
        "UPDATE users SET invitation_expires_at = invitation_expires_at - $2::interval WHERE user_id = $1"
    )
    in_database(tenant.stack, passes, user_id, timedelta(days=8))
    problem(
        nobody.post("/v1/invitations:accept", {"token": second, "password": PASSWORD}),
        404,
        "invitation_invalid",
    )
    # The shared stack stays as its log tells.
    in_database(tenant.stack, passes, user_id, -timedelta(days=8))


def test_a_sub_user_hands_out_no_more_than_they_hold(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    mine = [permission("users", "change", "destroy"), permission("mailboxes", "see", "change")]
    sub_user = tenant.person("sub_user", mine, by=owner.client)
    ask = sub_user.client
    body = {"email": "new@people.example", "display_name": "New"}
    for beyond in (
        {"role": "owner"},
        {"role": "auditor"},
        {"permissions": [permission("mailboxes", "destroy")]},
        {"permissions": [permission("exports"[:-1], "see")]},
    ):
        problem(ask.post("/v1/users", {**body, **beyond}), 403, "permission_exceeded")
        problem(ask.post("/v1/keys", {"title": "A key", **beyond}), 403, "permission_exceeded")
    within = [permission("mailboxes", "see", scope="domains", names=["a.example"])]
    ask.done("/v1/users", {**body, "permissions": within})
    for act, given in (
        ("setPassword", {"password": "a new yellow bridge 9"}),
        ("disable", {}),
        ("remove", None),
    ):
        problem(ask.post(f"/v1/users/{owner.user_id}:{act}", given), 403, "permission_exceeded")
    problem(ask.post("/v1/users", {**body, "role": "operator"}), 403, "permission_exceeded")
    problem(owner.client.post("/v1/users", {**body, "role": "operator"}), 403, "permission_exceeded")


def test_a_sub_user_without_the_page_may_not_even_look(tenant: Tenant) -> None:
    sub_user = tenant.person("sub_user", [permission("mailboxes", "see")])
    problem(sub_user.client.get("/v1/users"), 403, "page_forbidden")
    problem(sub_user.client.post("/v1/users", {"not": "read"}), 403, "page_forbidden")
    problem(sub_user.client.get("/v1/tenants"), 403, "operators_only")
    looking = tenant.person("sub_user", [permission("users", "see")])
    assert looking.client.get("/v1/users").status_code == 200
    problem(looking.client.post(f"/v1/users/{sub_user.user_id}:disable", {}), 403, "page_forbidden")
    auditor = tenant.person("auditor")
    assert auditor.client.get("/v1/users").status_code == 200
    problem(auditor.client.post(f"/v1/users/{sub_user.user_id}:disable", {}), 403, "page_forbidden")


def test_what_was_granted_and_taken_is_in_force_when_it_is_answered(tenant: Tenant) -> None:
    sub_user = tenant.person("sub_user", [permission("users", "see")])
    for permissions, status in (
        ([permission("mailboxes", "see")], 403),
        ([permission("users", "see")], 200),
    ) * 3:
        tenant.operator.done(
            f"/v1/users/{sub_user.user_id}:grant", {"role": "sub_user", "permissions": permissions}
        )
        assert sub_user.client.get("/v1/users").status_code == status


@pytest.mark.parametrize(
    ("act", "body"),
    [("disable", {}), ("remove", None), ("setPassword", {"password": "a new yellow bridge 9"})],
)
def test_whoever_is_shut_out_is_out_when_it_is_answered(tenant: Tenant, act: str, body: object) -> None:
    sub_user = tenant.person("sub_user", [permission("users", "see")])
    assert sub_user.client.get("/v1/users").status_code == 200
    tenant.operator.done(f"/v1/users/{sub_user.user_id}:{act}", body)
    problem(sub_user.client.get("/v1/users"), 401, "not_signed_in")


def test_a_disabled_person_is_let_in_again_but_has_to_sign_in(tenant: Tenant) -> None:
    sub_user = tenant.person("sub_user", [permission("users", "see")])
    tenant.operator.done(f"/v1/users/{sub_user.user_id}:disable", {"reason": "on leave"})
    tenant.operator.done(f"/v1/users/{sub_user.user_id}:enable")
    problem(sub_user.client.get("/v1/users"), 401, "not_signed_in")
    assert tenant.session(sub_user.email).get("/v1/users").status_code == 200


def test_the_last_owner_stays(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    problem(owner.client.post(f"/v1/users/{owner.user_id}:disable", {}), 409, "last_owner")
    tenant.person("owner", by=owner.client)
    owner.client.done(f"/v1/users/{owner.user_id}:grant", {"role": "auditor"})
    assert owner.client.shown("/v1/me")["role"] == "auditor"


def test_people_are_listed_by_address_filtered_and_paged(tenant: Tenant) -> None:
    emails = sorted(f"p{number}@people.example" for number in range(5))
    for email in emails:
        tenant.operator.done("/v1/users", {"email": email, "display_name": "Somebody", "role": "auditor"})
    tenant.person("owner")
    seen: list[str] = []
    path = "/v1/users?filter=role%20%3D%20auditor&page_size=2"
    page = tenant.operator.shown(path)
    assert page["total_size"] == 5
    seen += [each["email"] for each in page["users"]]
    while "next_page_token" in page:
        page = tenant.operator.shown(f"{path}&page_token={page['next_page_token']}")
        seen += [each["email"] for each in page["users"]]
    assert seen == emails
    one = tenant.operator.shown("/v1/users?filter=email%20%3D%20%22p3%40people.example%22")
    assert [each["email"] for each in one["users"]] == ["p3@people.example"]
    problem(tenant.operator.get("/v1/users?filter=password%3Dx"), 400, "filter_invalid")


def test_a_change_meant_for_another_version_is_refused(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    read = owner.client.get(f"/v1/users/{owner.user_id}")
    rename = {"display_name": "Another"}
    stale = f'"{int(read.headers["ETag"].strip(chr(34))) - 1}"'
    refused = owner.client.ask("PATCH", f"/v1/users/{owner.user_id}", rename, If_Match=stale)
    problem(refused, 412, "version_mismatch")
    changed = owner.client.ask("PATCH", f"/v1/users/{owner.user_id}", rename, If_Match=read.headers["ETag"])
    assert changed.status_code == 200


def test_another_tenants_people_keys_and_groups_are_not_there(stack: Stack, tenant: Tenant) -> None:
    owner = tenant.person("owner")
    with a_tenant(stack) as other:
        user_id, _, _ = other.invited("owner")
        key_id = other.operator.done("/v1/keys", {"title": "A key", "role": "owner"})["key_id"]
        plan = {"title": "A", "plan": "B", "domains_max": 1, "mailboxes_max": 1}
        group_id = other.operator.done("/v1/paid-groups", plan)["id"]
        unknown = "01890a5d-ac96-7b7c-8f8e-0123456789ab"
        for path, code in (
            ("/v1/users/{}", "user_unknown"),
            ("/v1/keys/{}", "key_unknown"),
            ("/v1/paid-groups/{}", "paid_group_unknown"),
        ):
            theirs = {"user_unknown": user_id, "key_unknown": key_id, "paid_group_unknown": group_id}[code]
            found = problem(owner.client.get(path.format(theirs)), 404, code)
            absent = problem(owner.client.get(path.format(unknown)), 404, code)
            assert {found[name] == absent[name] for name in ("title", "detail", "type")} == {True}
        problem(owner.client.post(f"/v1/users/{user_id}:disable", {}), 404, "user_unknown")
        problem(owner.client.post(f"/v1/keys/{key_id}:revoke"), 404, "key_unknown")
        problem(owner.client.get("/v1/users", Postfach_Tenant=other.tenant), 404, "tenant_unknown")


def test_operators_are_people_and_keys_of_the_provider(stack: Stack, tenant: Tenant) -> None:
    with the_provider(stack) as provider:
        operator = provider.person("operator")
        me = operator.client.shown("/v1/me")
        assert (me["role"], me["actor"]) == ("operator", f"operator:{operator.user_id}")
        title = {"title": "Renamed"}
        assert operator.client.ask("PATCH", f"/v1/tenants/{tenant.tenant}", title).status_code == 200
        invited = {"email": "x@people.example", "display_name": "X", "role": "owner"}
        assert operator.client.post("/v1/users", invited, Postfach_Tenant=tenant.tenant).status_code == 201
        problem(operator.client.post("/v1/users", invited), 400, "tenant_missing")
        problem(provider.operator.post("/v1/users", invited), 403, "permission_exceeded")
        key = provider.key("operator", by=provider.operator)
        assert key.shown("/v1/tenants?page_size=1")["tenants"]
        provider.operator.done(f"/v1/users/{operator.user_id}:remove")
        problem(operator.client.get("/v1/me"), 401, "not_signed_in")


def test_a_suspended_tenant_reads_and_signs_out_but_changes_nothing(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    key = tenant.key("owner")
    tenant.operator.done(f"/v1/tenants/{tenant.tenant}:suspend", {"reason": "unpaid"})
    assert tenant.operator.shown(f"/v1/tenants/{tenant.tenant}")["status"] == "suspended"
    for client in (owner.client, key):
        assert client.get("/v1/users").status_code == 200
        refused = client.ask("PATCH", f"/v1/users/{owner.user_id}", {"display_name": "Another"})
        problem(refused, 403, "tenant_suspended")
    another = tenant.session(owner.email)
    assert another.ask("DELETE", "/v1/sessions/current").status_code == 200
    tenant.operator.done(f"/v1/users/{owner.user_id}:revokeSessions")
    tenant.operator.done(f"/v1/tenants/{tenant.tenant}:resume")
    assert key.ask("PATCH", f"/v1/users/{owner.user_id}", {"display_name": "Another"}).status_code == 200


def test_nobody_of_a_closing_tenant_comes_in(tenant: Tenant) -> None:
    owner, key = tenant.person("owner"), tenant.key("owner")
    tenant.operator.done(f"/v1/tenants/{tenant.tenant}:close", {})
    problem(owner.client.get("/v1/me"), 401, "not_signed_in")
    problem(key.get("/v1/me"), 401, "not_signed_in")
    right = {"email": owner.email, "password": PASSWORD}
    problem(tenant.nobody().post("/v1/sessions", right), 401, "authentication_failed")
