"""API keys and rate limits at a real stack: shown once, bound, revoked at once in every gateway, and counted."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit.people import Client, Tenant, a_tenant, in_database, permission
from tests.kit.waiting import eventually

REVOKED_WITHIN_S = 2.0


@pytest.fixture
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as made:
        yield made


@contextmanager
def another_gateway(stack: Stack, **settings: str) -> Iterator[str]:
    """Run one more gateway beside those of the stack, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, **stack.env(), "POSTFACH_GATEWAY_PORT": str(port), **settings}
    environment["POSTFACH_HEALTH_PORT"] = "0"
    command = [sys.executable, "-m", "services.gateway", "api"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: answers(url), 30.0)
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").is_success
    except httpx2.TransportError:
        return False


def test_a_key_works_when_it_is_answered_and_its_secret_is_shown_once(tenant: Tenant) -> None:
    body = {"title": "Sync", "role": "sub_user", "permissions": [permission("users", "see")]}
    made = tenant.operator.post("/v1/keys", body, Idempotency_Key="make")
    secret = made.json()["secret"]
    assert made.status_code == 201
    assert secret.startswith("pf_")
    me = tenant.bearer(secret).shown("/v1/me")
    assert (me["kind"], me["actor"]) == ("key", f"key:{made.json()['key_id']}")
    replayed = tenant.operator.post("/v1/keys", body, Idempotency_Key="make")
    assert replayed.json() == {**made.json(), "secret": None}
    assert tenant.bearer(secret).get("/v1/me").status_code == 200
    shown = tenant.operator.shown(made.headers["Location"])
    assert "secret" not in shown
    assert [each["key_id"] for each in tenant.operator.shown("/v1/keys")["keys"]] == [made.json()["key_id"]]
    problem(tenant.bearer(secret).post("/v1/me:changePassword", {}), 403, "persons_only")


def test_a_key_ends_at_its_time(tenant: Tenant) -> None:
    past = {"title": "Old", "role": "owner", "expires_at": "2020-01-01T00:00:00Z"}
    assert tenant.operator.post("/v1/keys", past).status_code == 422
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    key = tenant.key("owner", expires_at=later)
    assert key.get("/v1/me").status_code == 200
    passes = "UPDATE api_keys SET expires_at = expires_at - $2::interval WHERE tenant = $1"
    in_database(tenant.stack, passes, tenant.tenant, timedelta(days=2))
    problem(key.get("/v1/me"), 401, "not_signed_in")
    # The shared stack stays as its log tells.
    in_database(tenant.stack, passes, tenant.tenant, -timedelta(days=2))


def test_a_key_works_from_its_networks_alone(tenant: Tenant) -> None:
    here = tenant.key("owner", networks=["127.0.0.0/8", "::1"])
    elsewhere = tenant.key("owner", networks=["192.0.2.0/24", "2001:db8::/32"])
    assert here.get("/v1/me").status_code == 200
    problem(elsewhere.get("/v1/me"), 401, "not_signed_in")
    # Nobody says of themselves where they come from.
    problem(elsewhere.get("/v1/me", X_Forwarded_For="192.0.2.7"), 401, "not_signed_in")
    bad = {"title": "Bad", "role": "owner", "networks": ["10.0.0.0/8", "10.0.0.1/8"]}
    assert problem(tenant.operator.post("/v1/keys", bad), 422, "network_invalid")["errors"][0]["pointer"] == (
        "#/networks/1"
    )


def test_a_trusted_proxy_says_where_a_request_comes_from(tenant: Tenant) -> None:
    body = {"title": "A key", "role": "owner", "networks": ["192.0.2.0/24"]}
    secret = tenant.operator.done("/v1/keys", body)["secret"]
    with another_gateway(tenant.stack, POSTFACH_GATEWAY_TRUSTED_PROXIES="127.0.0.0/8") as url:
        client = Client(url, {"Authorization": f"Bearer {secret}"})
        assert client.get("/v1/me", X_Forwarded_For="192.0.2.7").status_code == 200
        problem(client.get("/v1/me", X_Forwarded_For="192.0.2.7, 198.51.100.1"), 401, "not_signed_in")
        problem(client.get("/v1/me", X_Forwarded_For="nowhere"), 401, "not_signed_in")
        client.close()


def test_a_revoked_key_is_refused_by_every_gateway_within_two_seconds(tenant: Tenant) -> None:
    made = tenant.operator.done("/v1/keys", {"title": "A key", "role": "owner"})
    here = tenant.bearer(made["secret"])
    with another_gateway(tenant.stack) as url:
        there = Client(url, {"Authorization": f"Bearer {made['secret']}"})
        assert here.get("/v1/me").status_code == there.get("/v1/me").status_code == 200
        started = time.monotonic()
        tenant.operator.done(f"/v1/keys/{made['key_id']}:revoke")
        problem(there.get("/v1/me"), 401, "not_signed_in")
        problem(here.get("/v1/me"), 401, "not_signed_in")
        assert time.monotonic() - started < REVOKED_WITHIN_S
        there.close()
    assert tenant.operator.shown(f"/v1/keys/{made['key_id']}")["revoked"] is True


@pytest.mark.parametrize("secret", ["pf", "pf_", "pf_unknown", "x" * 5_000, "pf_" + "ü" * 20])
def test_what_is_no_key_is_nobody(tenant: Tenant, secret: str) -> None:
    client = tenant.nobody()
    answer = client.http.get("/v1/me", headers={b"Authorization": f"Bearer {secret}".encode()})
    problem(answer, 401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_requests_beyond_the_limit_are_refused_and_every_answer_tells_what_is_left(tenant: Tenant) -> None:
    secret = tenant.operator.done("/v1/keys", {"title": "A key", "role": "owner"})["secret"]
    limits = {
        "POSTFACH_GATEWAY_REQUESTS_PER_MINUTE": "5",
        "POSTFACH_GATEWAY_ANONYMOUS_REQUESTS_PER_MINUTE": "3",
    }
    with another_gateway(tenant.stack, **limits) as url:
        client = Client(url, {"Authorization": f"Bearer {secret}"})
        left = [client.get("/v1/users").headers["RateLimit"].partition(";t=")[0] for _ in range(5)]
        assert left == [f'"principal";r={number}' for number in (4, 3, 2, 1, 0)]
        limited = client.get("/v1/users")
        problem(limited, 429, "rate_limited")
        assert limited.headers["RateLimit-Policy"] == '"principal";q=5;w=60'
        assert 1 <= int(limited.headers["Retry-After"]) <= 60
        unknown = Client(url, {"Authorization": "Bearer pf_unknown"})
        assert [unknown.get("/v1/me").status_code for _ in range(4)] == [401, 401, 401, 429]
        assert [unknown.get(path).status_code for path in ("/healthz", "/openapi.json")] == [200, 200]
        client.close()
        unknown.close()
