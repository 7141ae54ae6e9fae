"""How far a job is, asked again and again and streamed: it grows, it is the truth at the end, and only for who may see."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.kit import workbooks
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

COUNTS = ("rows_checked", "rows_hashed", "rows_decided")
ROWS = 400
"""With passwords, so that it takes some seconds."""


@pytest.fixture(scope="module")
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        yield customer


def polled(customer: Customer, job_id: str) -> list[dict[str, Any]]:
    """Ask for an operation until it is done, and give every answer that differs from the one before."""
    seen: list[dict[str, Any]] = []

    def done() -> bool:
        operation = customer.get(f"/v1/operations/{job_id}")
        if not seen or seen[-1] != operation:
            seen.append(operation)
        return operation["done"]

    eventually(done, 120)
    return seen


def assert_grows(seen: list[dict[str, Any]]) -> None:
    """What is not known is null; what was said once is not taken back."""
    for name in COUNTS:
        told = [each["metadata"]["progress"][name] for each in seen]
        known = [each for each in told if each is not None]
        assert known == sorted(known), (name, known)


def test_polling_shows_an_import_being_hashed_and_decided(customer: Customer) -> None:
    job_id = customer.upload(
        workbooks.mailboxes(ROWS, customer.domain, password=lambda n: f"three words nobody guesses {n}")
    )
    seen = polled(customer, job_id)
    assert_grows(seen)
    under_way = [each["metadata"]["progress"] for each in seen if each["metadata"]["state"] == "applying"]
    assert any(0 < (each["rows_hashed"] or 0) < ROWS for each in under_way), under_way
    paced = [each for each in under_way if each["rows_per_second"]]
    assert all(each["seconds_left"] is not None for each in paced)
    last = seen[-1]["metadata"]["progress"]
    assert (last["rows_checked"], last["rows_decided"], last["rows_done"]) == (ROWS, ROWS, ROWS)
    assert (last["phase"], last["rows_per_second"], last["seconds_left"]) == (None, None, None)
