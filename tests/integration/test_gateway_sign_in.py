"""Signing in and out at a real stack: one answer for every failure, throttled, with a second factor, and ended at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyotp.totp import TOTP

from deploy.local.stack import Stack
from services.gateway.sign_in_throttle import ACCOUNT_FREE_FAILURES
from tests.integration.gateway_house import problem
from tests.kit.people import COOKIE, PASSWORD, Tenant, a_tenant, cookie_of, forgive, in_database

WRONG = "a loud green river 8"


@pytest.fixture
def tenant(stack: Stack) -> Iterator[Tenant]:
    forgive(stack)
    with a_tenant(stack) as made:
        yield made


def test_an_owner_signs_in_is_known_by_the_cookie_and_signs_out(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    answer = tenant.nobody().post("/v1/sessions", {"email": owner.email.upper(), "password": PASSWORD})
    assert answer.status_code == 201
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax"):
        assert attribute in cookie
    assert cookie_of(answer) not in answer.text
    session = tenant.with_cookie(cookie_of(answer))
    me = session.shown("/v1/me")
    assert (me["kind"], me["role"], me["tenant"]) == ("person", "owner", tenant.tenant)
    assert me["actor"] == f"user:{owner.user_id}"
    ended = session.ask("DELETE", "/v1/sessions/current")
    assert ended.status_code == 200
    assert f"{COOKIE}=; Max-Age=0" in ended.headers["Set-Cookie"]
    problem(session.get("/v1/me"), 401, "not_signed_in")
    assert owner.client.shown("/v1/me")["email"] == owner.email


def test_every_failure_has_one_answer(tenant: Tenant) -> None:
    owner, disabled = tenant.person("owner"), tenant.person("sub_user")
    _, invited, _ = tenant.invited("sub_user")
    tenant.operator.done(f"/v1/users/{disabled.user_id}:disable", {})
    answers = [
        tenant.nobody().post("/v1/sessions", {"email": email, "password": password})
        for email, password in (
            (owner.email, WRONG),
            ("nobody@people.example", PASSWORD),
            ("no address", PASSWORD),
            (disabled.email, PASSWORD),
            (invited, PASSWORD),
        )
    ]
    documents = [problem(answer, 401, "authentication_failed") for answer in answers]
    assert len({(each["title"], each["detail"]) for each in documents}) == 1


def test_an_account_that_is_guessed_at_has_to_wait_known_or_not(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    for email in (owner.email, "unknown@people.example"):
        guess = {"email": email, "password": WRONG}
        answers = [tenant.nobody().post("/v1/sessions", guess) for _ in range(ACCOUNT_FREE_FAILURES)]
        assert {answer.status_code for answer in answers} == {401}
        # On a slow machine the second that the next attempt has to wait may be over; then it has to wait for two.
        later = (tenant.nobody().post("/v1/sessions", guess) for _ in range(5))
        throttled = next(answer for answer in later if answer.status_code != 401)
        problem(throttled, 429, "sign_in_throttled")
        assert 1 <= int(throttled.headers["Retry-After"]) <= 16
        in_database(
            tenant.stack,
            "UPDATE sign_in_failures SET blocked_until = now() + interval '1 minute' WHERE failures > 4",
        )
        right = {"email": email, "password": PASSWORD}
        problem(tenant.nobody().post("/v1/sessions", right), 429, "sign_in_throttled")
        in_database(tenant.stack, "UPDATE sign_in_failures SET blocked_until = now() - interval '1 second'")
    right = {"email": owner.email, "password": PASSWORD}
    assert tenant.nobody().post("/v1/sessions", right).status_code == 201
    guess = {"email": owner.email, "password": WRONG}
    problem(tenant.nobody().post("/v1/sessions", guess), 401, "authentication_failed")
    problem(tenant.nobody().post("/v1/sessions", guess), 401, "authentication_failed")


def test_of_many_attempts_at_once_only_the_free_ones_are_judged(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    guess = {"email": owner.email, "password": WRONG}
    clients = [tenant.nobody() for _ in range(16)]
    with ThreadPoolExecutor(len(clients)) as threads:
        codes = list(threads.map(lambda client: client.post("/v1/sessions", guess).json()["code"], clients))
    assert set(codes) == {"authentication_failed", "sign_in_throttled"}
    # One more is let through after 1 s, 2 s, 4 s: a slow machine takes some seconds for all of them.
    judged = codes.count("authentication_failed")
    assert ACCOUNT_FREE_FAILURES <= judged <= ACCOUNT_FREE_FAILURES + 3


def test_who_is_in_several_tenants_says_which(stack: Stack, tenant: Tenant) -> None:
    owner = tenant.person("owner")
    with a_tenant(stack) as other:
        body = {"email": owner.email, "display_name": "The same", "role": "owner"}
        secret = other.operator.done("/v1/users", body)["secret"]
        other.nobody().done("/v1/invitations:accept", {"token": secret, "password": PASSWORD})
        right = {"email": owner.email, "password": PASSWORD}
        asked = problem(other.nobody().post("/v1/sessions", right), 409, "tenant_needed")
        assert {each["tenant"] for each in asked["tenants"]} == {tenant.tenant, other.tenant}
        begun = other.nobody().done("/v1/sessions", {**right, "tenant": other.tenant})
        assert begun["tenant"] == other.tenant


def test_a_second_factor_is_asked_for_after_the_password_and_no_code_works_twice(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    begun = owner.client.post("/v1/me/totp", Idempotency_Key="begin")
    codes = TOTP(begun.json()["secret"])
    assert begun.json()["uri"].startswith("otpauth://totp/")
    replayed = owner.client.post("/v1/me/totp", Idempotency_Key="begin")
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.json() == {"secret": None, "uri": None}
    earlier = codes.at(time.time() - 30)
    owner.client.done("/v1/me/totp:confirm", {"code": earlier})
    right = {"email": owner.email, "password": PASSWORD}
    nobody = tenant.nobody()
    problem(nobody.post("/v1/sessions", {**right, "password": WRONG}), 401, "authentication_failed")
    problem(nobody.post("/v1/sessions", right), 401, "code_needed")
    problem(nobody.post("/v1/sessions", {**right, "code": earlier}), 401, "code_needed")
    code = codes.at(time.time() + 30)
    assert nobody.post("/v1/sessions", {**right, "code": code}).status_code == 201
    problem(nobody.post("/v1/sessions", {**right, "code": code}), 401, "code_needed")
    problem(owner.client.post("/v1/me/totp:disable", {"password": WRONG}), 422, "password_wrong")
    owner.client.done("/v1/me/totp:disable", {"password": PASSWORD})
    assert nobody.post("/v1/sessions", right).status_code == 201


def test_a_changed_password_ends_the_other_sessions(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    another = tenant.session(owner.email)
    change = {"old_password": WRONG, "password": "a new yellow bridge 9"}
    problem(another.post("/v1/me:changePassword", change), 422, "password_wrong")
    another.done("/v1/me:changePassword", {**change, "old_password": PASSWORD})
    problem(owner.client.get("/v1/me"), 401, "not_signed_in")
    assert another.get("/v1/me").status_code == 200
    old = {"email": owner.email, "password": PASSWORD}
    problem(tenant.nobody().post("/v1/sessions", old), 401, "authentication_failed")
    assert tenant.session(owner.email, "a new yellow bridge 9").get("/v1/me").status_code == 200


def test_a_session_is_listed_and_can_be_ended_by_its_person_and_no_other(tenant: Tenant) -> None:
    owner, other = tenant.person("owner"), tenant.person("owner")
    another = tenant.session(owner.email)
    sessions = owner.client.shown("/v1/sessions")["sessions"]
    assert [each["current"] for each in sessions] == [False, True]
    (theirs,) = [each["session_id"] for each in sessions if not each["current"]]
    problem(other.client.post(f"/v1/sessions/{theirs}:revoke"), 404, "session_unknown")
    owner.client.done(f"/v1/sessions/{theirs}:revoke")
    problem(another.get("/v1/me"), 401, "not_signed_in")
    shown = other.client.shown(f"/v1/users/{owner.user_id}/sessions")["sessions"]
    assert [each["current"] for each in shown] == [False]
    other.client.done(f"/v1/users/{owner.user_id}:revokeSessions")
    problem(owner.client.get("/v1/me"), 401, "not_signed_in")


@pytest.mark.parametrize(
    "change", ["last_used_at = now() - interval '31 minutes'", "expires_at = now() - interval '1 second'"]
)
def test_an_idle_or_old_session_has_ended(tenant: Tenant, change: str) -> None:
    owner = tenant.person("owner")
    assert owner.client.get("/v1/me").status_code == 200
    in_database(tenant.stack, f"UPDATE tokens SET {change} WHERE user_id = $1", owner.user_id)
    problem(owner.client.get("/v1/me"), 401, "not_signed_in")
    assert owner.client.get("/v1/sessions").status_code == 401


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "http://{host}"}, True),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_cookie_writes_only_for_pages_of_this_site(
    tenant: Tenant, headers: dict[str, str], *, allowed: bool
) -> None:
    owner = tenant.person("owner")
    host = owner.client.http.base_url.netloc.decode()
    del owner.client.http.headers["Sec-Fetch-Site"]
    sent = {name.replace("-", "_"): text.format(host=host) for name, text in headers.items()}
    answer = owner.client.ask("PATCH", f"/v1/users/{owner.user_id}", {"display_name": "Another"}, **sent)
    if allowed:
        assert answer.status_code == 200, answer.text
    else:
        problem(answer, 403, "cross_site")
    assert owner.client.get("/v1/me", Sec_Fetch_Site="cross-site").status_code == 200


def test_no_secret_is_kept_in_the_gateways_tables(tenant: Tenant) -> None:
    owner = tenant.person("owner")
    secret = owner.client.http.headers["Cookie"].partition("=")[2]
    for table in ("tokens", "idempotency_keys", "pending_commands"):
        rows = in_database(tenant.stack, f"SELECT * FROM {table}")
        assert not any(secret in str(value) or PASSWORD in str(value) for row in rows for value in row)
