"""Requests that no client would send, byte by byte: each gets a 4xx in the form of every problem, and nothing is done."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.gateway.http.plain_requests import HEAD_BYTES_MAX
from tests.integration.gateway_house import House, a_house
from tests.kit.raw_http import RawAnswer, exchange

pytestmark = pytest.mark.integration

Send = Callable[..., RawAnswer]


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


@pytest.fixture
def send(stack: Stack, house: House) -> Iterator[Send]:
    """Send a request with these header lines, and see that nothing came of it."""

    def send(line: str, *headers: str, body: bytes = b"", further: tuple[bytes, ...] = ()) -> RawAnswer:
        signed = (
            "Host: postfach",
            f"Authorization: Bearer {stack.secret('operator.key')}",
            f"Postfach-Tenant: {house.tenant}",
        )
        head = "".join(f"{each}\r\n" for each in (line, *signed, *headers))
        return exchange(stack.ports.gateway, head.encode("latin-1") + b"\r\n" + body, *further)

    before = house.get("/v1/mailboxes").json(), house.get("/v1/domains").json()
    yield send
    assert (house.get("/v1/mailboxes").json(), house.get("/v1/domains").json()) == before


def is_refused(answer: RawAnswer, status: int, code: str, pointer: str | None = None) -> None:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["trace_id"] == answer.headers["postfach-correlation"]
    if pointer is not None:
        assert [each["pointer"] for each in problem["errors"]] == [pointer]


def creating(house: House) -> tuple[tuple[str, ...], bytes]:
    body = f'{{"address": "raw@{house.domain}"}}'.encode()
    headers = (
        "Content-Type: application/json",
        f"Idempotency-Key: {uuid4()}",
        f"Content-Length: {len(body)}",
    )
    return headers, body


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer other",
        "Postfach-Tenant: 01890a5d-ac96-774b-bcce-b302099a8057",
        "Idempotency-Key: another",
        'If-Match: "1"',
        "Content-Type: text/plain",
        "Postfach-After: x",
        "Postfach-Correlation: two",
        "Host: other",
    ],
)
def test_a_header_that_means_something_comes_once(send: Send, house: House, header: str) -> None:
    headers, body = creating(house)
    name = header.partition(":")[0]
    extra = ('If-Match: "2"', "Postfach-After: y", "Postfach-Correlation: one")
    answer = send("POST /v1/mailboxes HTTP/1.1", *headers, *extra, header, body=body)
    is_refused(answer, 400, "duplicate_header", name)


def test_a_header_line_is_never_answered_as_another(send: Send) -> None:
    answer = send("GET /v1/mailboxes HTTP/1.1", "Postfach-Correlation: a%0d%0aSet-Cookie: x=y")
    assert "set-cookie" not in answer.headers
    assert "%0d" not in answer.headers["postfach-correlation"].lower()
    is_refused(send("GET /v1/mailboxes HTTP/1.1", "X: a\rSet-Cookie: x=y"), 400, "malformed_request")
    is_refused(send("GET /v1/mailboxes HTTP/1.1", "X: a\0b"), 400, "malformed_request")


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("GET /v1/mailboxes HTTP/1.1", [f"X-Long: {'a' * 100_000}"]),
        ("GET /v1/mailboxes HTTP/1.1", [f"X-{number}: {'a' * 100}" for number in range(1_000)]),
        (f"GET /v1/mailboxes?filter={'a' * 60_000} HTTP/1.1", [f"X-Long: {'a' * 10_000}"]),
    ],
)
def test_headers_beyond_the_bound_are_refused(send: Send, line: str, headers: list[str]) -> None:
    is_refused(send(line, *headers), 431, "headers_too_large")


def test_a_head_that_never_ends_is_cut_off(stack: Stack) -> None:
    pieces = [b"X-More: " + b"a" * 8_000 + b"\r\n"] * 200
    answer = exchange(stack.ports.gateway, b"GET /v1/mailboxes HTTP/1.1\r\nHost: x\r\n", *pieces)
    is_refused(answer, 431, "headers_too_large")
    assert answer.closed
    assert len(pieces) * 8_000 > 10 * HEAD_BYTES_MAX


def test_a_body_in_chunks_that_never_end_is_cut_off(send: Send) -> None:
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    answer = send(
        "POST /v1/mailboxes HTTP/1.1",
        "Content-Type: application/json",
        f"Idempotency-Key: {uuid4()}",
        "Transfer-Encoding: chunked",
        further=(chunk,) * 20,
    )
    is_refused(answer, 413, "body_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: -1"],
        ["Content-Length: ten"],
        [f"Content-Length: {'9' * 40}"],
        ["Content-Length: 1", "Content-Length: 2"],
        ["Content-Length: 3", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["A header without a colon"],
        [" Folded: x"],
        ["Name with space: x"],
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_refused(send: Send, headers: list[str]) -> None:
    answer = send("POST /v1/imports HTTP/1.1", f"Idempotency-Key: {uuid4()}", *headers, body=b"0\r\n\r\n")
    is_refused(answer, 400, "malformed_request")
    assert answer.closed


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"BREW /v1/mailboxes HTTP/1.1\r\n\r\n",
        b"get /v1/mailboxes HTTP/1.1\r\n\r\n",
        b"GET /v1/mail boxes HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET /v1/mailboxes HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT postfach:25 HTTP/1.1\r\n\r\n",
        b"\r\n" * 3 + b"\0" * 500,
    ],
)
def test_what_is_no_request_is_answered_as_a_problem(stack: Stack, request_bytes: bytes) -> None:
    answer = exchange(stack.ports.gateway, request_bytes)
    is_refused(answer, 400, "malformed_request")
    assert answer.closed


def test_an_upgrade_to_another_protocol_is_passed_over(send: Send) -> None:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    assert send("GET /v1/nothing HTTP/1.1", *upgrade).status == 404


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"xx",
        b"--b\r\n\r\n\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nPK\x03\x04\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="other"; filename="x"\r\n\r\nPK\x03\x04\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nno zip\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="mode"\r\n\r\na\r\n' * 9,
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nPK\x03\x04\r\n' * 3
        + b"--b--\r\n",
    ],
)
def test_a_form_that_holds_no_workbook_is_refused(send: Send, form: bytes) -> None:
    answer = send(
        "POST /v1/imports HTTP/1.1",
        f"Idempotency-Key: {uuid4()}",
        "Content-Type: multipart/form-data; boundary=b",
        f"Content-Length: {len(form)}",
        body=form,
    )
    assert answer.status in (400, 415, 422), answer
    is_refused(answer, answer.status, answer.json()["code"])
