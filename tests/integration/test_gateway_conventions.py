"""What holds for every route: sign-in, tenants apart, one effect per key, freshness, and no 5xx for bad input."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2
import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import House, a_house, problem

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic b3BlcmF0b3I6", "Bearer \xe9"])
def test_without_a_valid_key_nothing_is_answered(stack: Stack, header: str | None) -> None:
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    answer = httpx2.get(f"{stack.url}/v1/mailboxes", headers=headers)
    problem(answer, 401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_operator_names_the_tenant(house: House) -> None:
    del house.http.headers["Postfach-Tenant"]
    problem(house.get("/v1/mailboxes"), 400, "tenant_missing")
    house.http.headers["Postfach-Tenant"] = "nobody"
    problem(house.get("/v1/mailboxes"), 404, "tenant_unknown")
    house.http.headers["Postfach-Tenant"] = house.tenant


def test_an_owner_sees_the_own_tenant_alone(stack: Stack, house: House) -> None:
    mailbox = house.a_mailbox()
    with a_house(stack) as another:
        made = another.post("/v1/keys", {"title": "The other owner's", "role": "owner"}).json()
    with httpx2.Client(base_url=stack.url, headers={"Authorization": f"Bearer {made['secret']}"}) as owner:
        path = f"/v1/mailboxes/{mailbox['mailbox_id']}"
        problem(owner.get(path), 404, "mailbox_unknown")
        problem(owner.patch(path, json={"note": "mine"}), 404, "mailbox_unknown")
        problem(owner.get(path, headers={"Postfach-Tenant": house.tenant}), 404, "tenant_unknown")
        problem(owner.get(f"/v1/domains/{house.domain}"), 404, "domain_unknown")
        problem(owner.get("/v1/tenants"), 403, "operators_only")
        problem(owner.post(f"/v1/domains/{house.domain}:activate"), 403, "operators_only")
        create = {"address": f"thief@{house.domain}"}
        problem(
            owner.post("/v1/mailboxes", json=create, headers={"Idempotency-Key": str(uuid4())}),
            404,
            "domain_unknown",
        )
        found = owner.get("/v1/mailboxes", params={"filter": f"domain = {house.domain}"})
        assert found.json()["mailboxes"] == []


def test_the_same_key_and_request_is_done_once(house: House) -> None:
    key, body = str(uuid4()), {"address": f"once{uuid4().hex[:6]}@{house.domain}"}
    first = house.post("/v1/mailboxes", body, key)
    again = house.post("/v1/mailboxes", dict(reversed(body.items())), key)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    for name in ("ETag", "Location", "Postfach-Position"):
        assert again.headers[name] == first.headers[name]
    problem(house.post("/v1/mailboxes", {**body, "note": "other"}, key), 422, "idempotency_key_reused")


def test_a_refusal_is_repeated_too(house: House) -> None:
    body, key = {"address": house.a_mailbox()["address"]}, str(uuid4())
    assert problem(house.post("/v1/mailboxes", body, key), 409, "address_taken")
    assert house.post("/v1/mailboxes", body, key).headers["Idempotent-Replayed"] == "true"


def test_five_at_once_with_one_key_make_one_mailbox(house: House) -> None:
    key, body = (
        str(uuid4()),
        {"address": f"five{uuid4().hex[:6]}@{house.domain}", "password": "correct horse"},
    )
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: house.post("/v1/mailboxes", body, key), range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "request_running")
    assert len({answer.json()["mailbox_id"] for answer in answers if answer.status_code == 201}) == 1
    assert house.post("/v1/mailboxes", body, key).headers["Idempotent-Replayed"] == "true"


def test_what_makes_something_needs_a_key(house: House) -> None:
    problem(
        house.http.post("/v1/mailboxes", json={"address": f"k@{house.domain}"}),
        400,
        "idempotency_key_missing",
    )
    problem(house.post("/v1/mailboxes", {"address": f"k@{house.domain}"}, "x" * 256), 400, "invalid_header")


def test_a_read_after_a_position_waits_and_says_when_it_waits_in_vain(house: House) -> None:
    for _ in range(5):
        created = house.post("/v1/mailboxes", {"address": f"f{uuid4().hex[:10]}@{house.domain}"})
        assert house.get(created.headers["Location"], created).status_code == 200
    problem(house.http.get("/v1/mailboxes", headers={"Postfach-After": "forged"}), 400, "invalid_position")
    from services.gateway.http.request import Position

    future = Position("mailbox", house.domain, 10**9).token()
    answer = house.http.get("/v1/mailboxes", headers={"Postfach-After": future})
    problem(answer, 503, "not_caught_up")
    assert answer.headers["Retry-After"] == "1"


def test_a_correlation_id_is_answered_and_a_bad_one_replaced(house: House) -> None:
    def correlation(sent: str) -> str:
        return house.http.get("/v1/mailboxes", headers={"Postfach-Correlation": sent}).headers[
            "Postfach-Correlation"
        ]

    assert correlation("my-request.7") == "my-request.7"
    assert correlation("x" * 65) != "x" * 65
    assert correlation("a b") != "a b"


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"[" * 60_000,
    b'{"address":' + b'{"a":' * 9_000,
    b'{"address": "a@b.example", "address": "c@d.example"}',
    b'{"address": "a@b.example", "surprise": 1}',
    b'{"address": 1e999}',
    b'{"address": "\xff\xfe"}',
    b'{"address": "\\ud800@b.example"}',
    b'{"address": "a\\u0000@b.example"}',
    b'{"address": "' + b"a" * 60_000 + b'"}',
    json.dumps({"address": "a@b.example", "note": "x" * 1_001}).encode(),
    b"\x00" * 1_000,
    b"{" * 70_000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_body_is_the_clients_fault(house: House, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    answer = house.http.post("/v1/mailboxes", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    problem(answer, answer.status_code, answer.json()["code"])


def test_a_body_of_another_kind_and_one_too_large_are_refused(house: House) -> None:
    headers = {"Content-Type": "text/plain", "Idempotency-Key": str(uuid4())}
    problem(house.http.post("/v1/mailboxes", content=b"{}", headers=headers), 415, "not_json")
    headers["Content-Type"] = "application/json"
    problem(house.http.post("/v1/mailboxes", content=b" " * 70_000, headers=headers), 413, "body_too_large")


def test_a_wrong_field_is_pointed_at(house: House) -> None:
    answer = house.post("/v1/mailboxes", {"address": f"a@{house.domain}", "note": 7})
    error = problem(answer, 422, "invalid_field")["errors"][0]
    assert error["pointer"] == "#/note"
    assert "str" in error["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/v1/mailboxes", 405)]
)
def test_what_no_route_takes_is_a_problem_too(house: House, method: str, path: str, status: int) -> None:
    answer = house.http.request(method, path)
    problem(answer, status, answer.json()["code"])


def test_the_document_and_its_page_are_served(stack: Stack) -> None:
    assert httpx2.get(f"{stack.url}/openapi.json").json()["openapi"].startswith("3.1")
    assert "POST /v1/mailboxes" in httpx2.get(f"{stack.url}/docs").text
    assert httpx2.get(f"{stack.url}/docs/reference.css").status_code == 200
    assert httpx2.get(f"{stack.url}/readyz").status_code == 200
