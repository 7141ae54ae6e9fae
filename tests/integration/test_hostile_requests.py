"""Whatever a client sends that makes no sense is refused with a code and a place, on every route, and changes nothing."""

import gzip
import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import Answer, House, a_house
from tests.kit.open_api import Operation, operations_of
from tests.kit.people import the_provider

pytestmark = pytest.mark.integration

DEEP = 10_000

SIGNED = "payments_webhook"
"""The route that asks for a signature over the bytes, before it looks at what they are."""

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half": b"{",
    "two documents": b"{}{}",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "NaN": b'{"title": NaN, "address": NaN, "domain": NaN}',
    "Infinity": b'{"title": -Infinity}',
    "deep lists": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep and closed": b'{"title": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "UTF-8 broken": b'{"title": "\xff\xfe"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"title": "x"}',
    "a surrogate alone": b'{"title": "\\ud800", "address": "\\udfff"}',
    "a zero character": b'{"title": "a\\u0000b", "reason": "\\u0000"}',
    "zero bytes": b"\0" * 1_000,
    "an unknown field": b'{"surprise": true}',
    "a name of a prototype": b'{"__proto__": {"admin": true}, "constructor": 1}',
    "a huge number": b'{"mailbox_limit": ' + b"9" * 5_000 + b"}",
    "a number out of range": b'{"mailbox_limit": 1e999}',
    "all types wrong": json.dumps(
        {name: [{}] for name in ("title", "address", "domain", "note", "reason")}
    ).encode(),
    "too large": b'{"title": "' + b"x" * 200_000 + b'"}',
    "many fields": json.dumps({f"f{number}": number for number in range(3_000)}).encode(),
}

PARAMETERS: dict[str, list[str]] = {
    "filter": [
        "x" * 2_001,
        "(" * 1_000,
        "(" * 900 + "status = active" + ")" * 900,
        " AND ".join(["status = active"] * 1_000),
        " AND ".join(["status = active"] * 100),
        "NOT " * 400 + "status = active",
        "status = active AND status = active OR status = active",
        "' OR '1'='1",
        "note:'; DROP TABLE mailboxes; --",
        'note:"',
        'note:"\\',
        "note:\0",
        "note:\x1b[31m",
        "status = \u202eevitca",
        "𝓼𝓽𝓪𝓽𝓾𝓼 = active",
        "created_at > 9999999999999-01-01T00:00:00Z",
        "created_at > 2026-02-30T00:00:00Z",
        "pg_sleep(10) = 1",
        "address = *@*@*",
    ],
    "page_size": ["0", "-1", "1e3", "٣", "9" * 400, "", "NaN", "1;2", " "],
    "page_token": ["x", "x" * 2_001, "WyJ4IixbXSwxLHRydWVd", "e30", "bnVsbA", "\0", "=", "%", "W10" * 600],
    "order_by": ["note", "address desc; DROP TABLE mailboxes", "address,created_at", "(select 1)", "\0"],
    "no_such_parameter": ["1"],
}

IDS = (
    "%00",
    "%ff%fe",
    "%2e%2e",
    "' OR '1'='1",
    "a" * 5_000,
    "%F0%9F%92%A5",
    "-1",
    "*",
    "xn--",
    "a..b",
    "%0d%0aX: y",
)

HEADERS: dict[str, list[str]] = {
    "Idempotency-Key": ["", "two words", "x" * 256],
    "If-Match": ["", "1", 'W/"1"', '"1", "2"', '"-1"', '"' + "9" * 19 + '"', "'1'"],
    "Postfach-After": ["", "x", "e30", "WyJub25lIiwieCIsMV0", "x" * 3_000],
    "Postfach-Tenant": ["", "nobody", "x" * 3_000],
    "Content-Encoding": ["gzip", "br", "deflate, gzip", "x"],
}


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    """A house whose client is an operator's session: there is no route that it may not use."""
    with a_house(stack) as house, the_provider(stack) as provider:
        house.a_mailbox()
        house.http = provider.person("operator").client.http
        house.http.headers["Postfach-Tenant"] = house.tenant
        yield house


@pytest.fixture(scope="module")
def operations(stack: Stack) -> list[Operation]:
    return operations_of(stack.url)


@pytest.fixture(scope="module")
def things(house: House) -> dict[str, str]:
    """Values of path parameters; what has none here does not exist."""
    mailbox = house.get("/v1/mailboxes").json()["mailboxes"][0]
    return {"domain": house.domain, "mailbox_id": mailbox["mailbox_id"], "tenant": house.tenant}


@pytest.fixture(autouse=True)
def nothing_changes(house: House, operations: list[Operation]) -> Iterator[None]:
    """Whatever a test of this module sends: the tenant is as it was."""
    before = everything(house, operations)
    yield
    assert everything(house, operations) == before


def everything(house: House, operations: list[Operation]) -> dict[str, Any]:
    """Every list of the tenant, and the tenant itself, as the API shows them."""
    lists = [
        each.path
        for each in operations
        if each.method == "GET" and "page_token" in each.parameters("query") and not each.path_parameters
    ]
    assert len(lists) > 3
    paths = [path for path in lists if path != "/v1/tenants"] + [f"/v1/tenants/{house.tenant}"]
    return {path: house.http.get(path).json() for path in paths}


def is_refused(answer: Answer, what: object) -> dict[str, Any]:
    """Check that the answer is a problem of the client's, in full, and give it."""
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json", (what, answer.text[:500])
    problem = answer.json()
    assert problem["code"], what
    assert problem["status"] == answer.status_code, what
    assert problem["trace_id"] == answer.headers["Postfach-Correlation"], what
    return problem


def send(house: House, operation: Operation, things: dict[str, str], **more: Any) -> Answer:
    values = {name: things.get(name, str(uuid4())) for name in operation.path_parameters}
    headers = {"Idempotency-Key": str(uuid4())} | more.pop("headers", {})
    return house.http.request(operation.method, operation.url(**values), headers=headers, **more)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_makes_no_sense_is_refused_by_every_route(
    house: House, operations: list[Operation], things: dict[str, str], name: str
) -> None:
    taking = [each for each in operations if each.takes_json]
    assert len(taking) > 5
    for operation in taking:
        answer = send(
            house, operation, things, content=BODIES[name], headers={"Content-Type": "application/json"}
        )
        is_refused(answer, operation.label)


def test_a_field_of_the_wrong_type_is_pointed_at(house: House, things: dict[str, str]) -> None:
    for field, value in (("address", 7), ("note", [1]), ("password", {"a": 1})):
        body = {"address": f"a@{house.domain}"} | {field: value}
        answer = house.post("/v1/mailboxes", body)
        assert [each["pointer"] for each in is_refused(answer, field)["errors"]] == [f"#/{field}"]


def test_a_field_given_twice_is_refused_wherever_it_is(house: House) -> None:
    for body in (
        b'{"address": "a@b.example", "address": "c@b.example"}',
        b'{"address": "a@b.example", "\\u0061ddress": "x"}',
    ):
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        problem = is_refused(house.http.post("/v1/mailboxes", content=body, headers=headers), body)
        assert (problem["code"], problem["errors"][0]["pointer"]) == ("duplicate_field", "#/address")


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/xml", "application/jsonx", "a" * 1_000]
)
def test_a_body_of_another_kind_is_refused_by_every_route(
    house: House, operations: list[Operation], things: dict[str, str], media_type: str
) -> None:
    for operation in operations:
        if operation.takes_json:
            answer = send(house, operation, things, content=b"{}", headers={"Content-Type": media_type})
            problem = is_refused(answer, operation.label)
            assert operation.id == SIGNED or problem["code"] == "not_json"


def test_a_compressed_body_is_refused_by_every_route(
    house: House, operations: list[Operation], things: dict[str, str]
) -> None:
    for operation in operations:
        if operation.writes:
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
            answer = send(house, operation, things, content=gzip.compress(b"{}"), headers=headers)
            assert is_refused(answer, operation.label)["errors"][0]["pointer"] == "Content-Encoding"


def test_a_body_is_refused_where_none_is_taken(
    house: House, operations: list[Operation], things: dict[str, str]
) -> None:
    for operation in operations:
        if not operation.body_types:
            answer = send(house, operation, things, content=b'{"really": true}')
            assert is_refused(answer, operation.label)["code"] == "unexpected_body"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_makes_no_sense_is_pointed_at(
    house: House, operations: list[Operation], things: dict[str, str], name: str
) -> None:
    # Of what does not exist nothing is asked any further.
    there = [each for each in operations if set(each.path_parameters) <= set(things)]
    for operation in there:
        query = operation.parameters("query")
        for value in PARAMETERS[name]:
            if operation.method == "GET" and (name in query or name == "no_such_parameter"):
                problem = is_refused(
                    send(house, operation, things, params={name: value}), (operation.label, value[:80])
                )
                assert [each["pointer"] for each in problem["errors"]] == [name], operation.label


@pytest.mark.parametrize(
    "filter_", ["(" * 1_999, " AND ".join(["note:a"] * 150), "x" * 2_001, "note:\0", "a = 1"]
)
def test_a_filter_of_an_export_is_pointed_at(house: House, filter_: str) -> None:
    answer = house.post("/v1/exports", {"filter": filter_})
    assert is_refused(answer, filter_[:80])["errors"][0]["pointer"] == "#/filter"


def test_a_parameter_given_twice_is_refused(
    house: House, operations: list[Operation], things: dict[str, str]
) -> None:
    for operation in operations:
        for name in operation.parameters("query"):
            answer = send(house, operation, things, params=[(name, "1"), (name, "1")])
            assert is_refused(answer, operation.label)["errors"][0]["pointer"] == name


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_makes_no_sense_is_refused(
    house: House, operations: list[Operation], things: dict[str, str], name: str
) -> None:
    for operation in operations:
        # An import reads its workbook before it looks at a version.
        if name in operation.parameters("header") or name == "Content-Encoding":
            for value in HEADERS[name]:
                answer = send(house, operation, things, headers={name: value})
                is_refused(answer, (operation.label, name, value[:80]))


def test_an_id_that_is_none_is_not_found_on_every_route(
    house: House, operations: list[Operation], things: dict[str, str]
) -> None:
    for operation in operations:
        for parameter in operation.path_parameters:
            for bad in IDS:
                values = {name: things.get(name, str(uuid4())) for name in operation.path_parameters}
                path = operation.url(**values | {parameter: bad})
                headers = {"Idempotency-Key": str(uuid4())}
                body = operation.body_example if operation.takes_json else None
                answer = house.http.request(operation.method, path, headers=headers, json=body)
                problem = is_refused(answer, (operation.label, bad[:80]))
                assert problem["status"] != 405, (operation.label, bad[:80])


def test_a_method_that_a_path_has_not_is_refused(house: House, operations: list[Operation]) -> None:
    known = {(each.method, each.path) for each in operations}
    for path in {each.path for each in operations}:
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"):
            if (method, path) not in known:
                answer = house.http.request(method, path.replace("{", "").replace("}", ""))
                assert 400 <= answer.status_code < 500, (method, path, answer.status_code)
                if method != "HEAD":
                    is_refused(answer, (method, path))


@pytest.mark.parametrize(
    "path",
    ["/v1/mailboxes/", "//v1/mailboxes", "/V1/mailboxes", "/v1/mailboxes;a=b", "/v1/mailboxes/..%2ftenants"],
)
def test_a_path_that_only_looks_like_one_leads_nowhere(house: House, path: str) -> None:
    assert is_refused(house.http.get(path), path)["code"] in ("route_unknown", "mailbox_unknown")


FORGED = ("x", "pf_", "pf_" + "A" * 43, "A" * 10_000, "null", "' OR '1'='1", "eyJhbGciOiJub25lIn0.e30.")


def test_a_forged_key_opens_nothing(stack: Stack, operations: list[Operation]) -> None:
    open_to_all = ("sessions_begin", "invitations_accept", SIGNED)
    guarded = [each for each in operations if each.id not in open_to_all]
    # Each route with one of them: whoever tries more in a minute is no longer answered.
    with httpx2.Client(base_url=stack.url) as thief:
        for operation, token in zip(guarded, cycle(FORGED), strict=False):
            path = operation.url(**{name: str(uuid4()) for name in operation.path_parameters})
            answer = thief.request(operation.method, path, headers={"Authorization": f"Bearer {token}"})
            assert is_refused(answer, operation.label)["code"] == "not_signed_in"
