"""How far a job is, asked again and again and streamed: it grows, it is the truth at the end, and only for who may see."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.integration.test_gateway_keys import another_gateway
from tests.kit import workbooks
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.people import Client, a_tenant, permission
from tests.kit.streams import Pushed, watching
from tests.kit.waiting import eventually

COUNTS = ("rows_checked", "rows_hashed", "rows_decided")
ROWS = 200
"""With passwords, so that it takes some seconds."""

STOPS_WITHIN_S = 5.0
"""The server itself would wait ten for an answer that does not end."""


@pytest.fixture(scope="module")
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(5, customer.domain))
        yield customer


@pytest.fixture
def waiting(customer: Customer) -> Iterator[str]:
    """A job that goes on for as long as a test needs it: another person would have to approve it."""
    bulk = BulkActions(customer)
    job_id = bulk.begin("suspend", {"filter": "status = active"}, needs_approval=True)
    bulk.in_state(job_id, "awaiting_approval")
    yield job_id
    customer.post(f"/v1/bulk-actions/{job_id}:cancel")


def with_passwords(customer: Customer, prefix: str) -> bytes:
    return workbooks.mailboxes(
        ROWS, customer.domain, password=lambda n: f"three words nobody guesses {n}", prefix=prefix
    )


def progress(operation: dict[str, Any]) -> dict[str, Any]:
    return operation["metadata"]["progress"]


def assert_grew_to_its_end(seen: list[dict[str, Any]]) -> None:
    """What is not known is null, what was said once is not taken back, and at the end there are facts alone."""
    for name in COUNTS:
        known = [each for each in (progress(operation)[name] for operation in seen) if each is not None]
        assert known == sorted(known), (name, known)
    under_way = [progress(each) for each in seen if progress(each)["phase"] == "applying"]
    assert any(0 < (each["rows_hashed"] or 0) < ROWS for each in under_way), under_way
    assert all(each["seconds_left"] is not None for each in under_way if each["rows_per_second"])
    assert [each["done"] for each in seen] == [False] * (len(seen) - 1) + [True]
    last = progress(seen[-1])
    assert (last["rows_checked"], last["rows_decided"], last["rows_total"]) == (ROWS, ROWS, ROWS)
    assert (last["phase"], last["rows_per_second"], last["seconds_left"]) == (None, None, None)


def test_an_import_is_seen_being_checked_hashed_and_decided_by_polling_and_in_a_stream(
    customer: Customer,
) -> None:
    job_id = customer.upload(with_passwords(customer, "watched"))
    polled: list[dict[str, Any]] = []

    def done() -> bool:
        operation = customer.get(f"/v1/operations/{job_id}")
        if not polled or polled[-1] != operation:
            polled.append(operation)
        return operation["done"]

    streamed: list[Pushed] = []
    with watching(customer.http, job_id, Postfach_After=str(customer.position)) as pushes:
        for pushed in pushes:
            streamed.append(pushed)
            done()
    eventually(done)
    assert_grew_to_its_end(polled)
    assert_grew_to_its_end([each.operation for each in streamed])
    assert [each.event for each in streamed] == ["progress"] * (len(streamed) - 1) + ["done"]
    assert [each.id for each in streamed] == [str(number + 1) for number in range(len(streamed))]
    assert streamed[-1].operation == polled[-1]
    assert streamed[-1].operation["response"]["created"] == ROWS


def test_the_stream_of_a_job_that_has_ended_says_so_at_once_whatever_was_seen_before(
    customer: Customer,
) -> None:
    job, _ = customer.exported(format="csv")
    with watching(customer.http, job["job_id"], Last_Event_ID="no id of ours") as pushes:
        (only,) = pushes
    assert (only.event, only.operation["response"]["rows"]) == ("done", job["rows"])
    assert progress(only.operation)["rows_decided"] == job["rows"]


def test_who_may_not_see_a_job_gets_the_answer_of_one_that_is_not_there(
    stack: Stack, customer: Customer, waiting: str
) -> None:
    path = f"/v1/operations/{waiting}/stream"
    with a_tenant(stack) as other:
        problem(other.key("owner").get(path), 404, "operation_unknown")
        problem(other.nobody().get(path), 401, "not_signed_in")
    stranger = key_of(
        customer, "sub_user", [permission("mailboxes", "see", scope="domains", names=["x.example"])]
    )
    problem(Client(stack.url, stranger[1]).get(path), 404, "operation_unknown")


def key_of(customer: Customer, role: str, permissions: Any = ()) -> tuple[str, dict[str, str]]:
    """Make a key, and give its id and the headers that it is used with."""
    made = customer.post("/v1/keys", json={"title": "A key", "role": role, "permissions": permissions})
    return made["key_id"], {"Authorization": f"Bearer {made['secret']}"}


def test_a_stream_ends_when_its_key_is_revoked(stack: Stack, customer: Customer, waiting: str) -> None:
    key_id, headers = key_of(customer, "owner")
    with (
        httpx2.Client(base_url=stack.url, headers=headers, timeout=30.0) as http,
        watching(http, waiting) as pushes,
    ):
        assert next(pushes).operation["metadata"]["state"] == "awaiting_approval"
        customer.post(f"/v1/keys/{key_id}:revoke")
        # It would go on for a week otherwise.
        assert list(pushes) == []


def test_one_holds_so_many_streams_open_and_a_stopping_gateway_waits_for_none(
    stack: Stack, customer: Customer, waiting: str
) -> None:
    gateway = ExitStack()
    url = gateway.enter_context(another_gateway(stack, POSTFACH_GATEWAY_STREAMS_MAX="1"))
    with gateway, httpx2.Client(base_url=url, headers=customer.http.headers, timeout=30.0) as http:
        with watching(http, waiting) as pushes:
            next(pushes)
            full = http.get(f"/v1/operations/{waiting}/stream")
            problem(full, 429, "too_many_streams")
            assert full.headers["Retry-After"]
        with eventually_watching(http, waiting) as pushes:
            before = next(pushes)
            started = time.monotonic()
            gateway.close()
            took_s = time.monotonic() - started
            assert list(pushes) == []
    assert took_s < STOPS_WITHIN_S
    # Whoever was watching goes on elsewhere, with what is so then.
    with watching(customer.http, waiting, Last_Event_ID=before.id) as pushes:
        assert next(pushes).operation == before.operation


@contextmanager
def eventually_watching(http: httpx2.Client, job_id: str) -> Iterator[Iterator[Pushed]]:
    """Open a stream once there is a place: the server learns by the closed connection that the former is free again."""
    with ExitStack() as opened:

        def place() -> Iterator[Pushed] | None:
            try:
                return opened.enter_context(watching(http, job_id))
            except AssertionError:
                return None

        yield eventually(place)
