"""Any process may be killed in the middle of an import: the job finishes by itself, each good row is created once."""

import asyncio
import random
from collections import Counter

import httpx2
import pytest

from deploy.local.stack import Stack
from services.bulkio.import_files import SEGMENT_ROWS
from tests.faults.house import created_so_far, creations
from tests.kit import workbooks
from tests.kit.bulk_api import Customer, a_large_customer
from tests.kit.room import until
from tests.kit.waiting import eventually

ROWS = 3_000
FINISHED_WITHIN_S = 120.0

PARTS = (
    "mailbox-writer",
    "mailbox-projector",
    "bulkio-projector",
    "bulkio-writer",
    "bulkio-reactor",
    "gateway-projector",
    "gateway-api",
)


@pytest.mark.parametrize("part", PARTS)
def test_an_import_survives_the_kill_of(
    stack: Stack, customer: Customer, chance: random.Random, part: str
) -> None:
    job = customer.upload(workbooks.mailboxes(ROWS, customer.domain))
    at = chance.randrange(1, ROWS * 2 // 3)
    eventually(lambda: created_so_far(stack, customer.domain) >= at, FINISHED_WITHIN_S)
    stack.kill(part)
    assert_finishes(stack, customer, job)


def assert_finishes(stack: Stack, customer: Customer, job: str, rows: int = ROWS) -> None:
    """Wait for the job's end, and count what the log has."""
    ended = eventually(lambda: ended_job(customer, job), FINISHED_WITHIN_S)
    assert (ended["state"], ended["created"]) == ("finished", rows), ended
    expected = Counter({f"user-{number}": 1 for number in range(1, rows + 1)})
    assert asyncio.run(creations(stack, customer.domain)) == expected


def ended_job(customer: Customer, job: str) -> dict[str, object]:
    """Give the job once it has ended; nothing while it runs, or while nobody answers."""
    try:
        answer = customer.http.get(f"/v1/imports/{job}")
    except httpx2.TransportError:
        return {}
    return answer.json() if answer.is_success and answer.json()["done"] else {}


def test_an_import_survives_many_kills_of_everything(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    job = customer.upload(workbooks.mailboxes(ROWS, customer.domain))
    for at in sorted(chance.sample(range(1, ROWS - 500), 4)):
        eventually(lambda at=at: created_so_far(stack, customer.domain) >= at, FINISHED_WITHIN_S)
        part = chance.choice(PARTS)
        eventually(lambda part=part: stack.is_ready(part), 30)
        stack.kill(part)
    assert_finishes(stack, customer, job)


def test_a_large_csv_import_survives_kills_in_any_of_its_segments(
    stack: Stack, chance: random.Random
) -> None:
    """Its rows lie in three segments; the reactor is killed at random rows, the first time while it checks."""
    rows = 2 * SEGMENT_ROWS + 2_000
    with a_large_customer(stack) as customer:
        lines = "".join(f"user-{number}@{customer.domain},,\n" for number in range(1, rows + 1))
        job = customer.upload(f"Email,Password,Note\n{lines}".encode())
        stack.kill("bulkio-reactor")
        for at in sorted(chance.sample(range(1, rows - 1_000), 3)):
            eventually(lambda at=at: created_so_far(stack, customer.domain) >= at, FINISHED_WITHIN_S)
            eventually(lambda: stack.is_ready("bulkio-reactor"), 30)
            stack.kill("bulkio-reactor")
        assert_finishes(stack, customer, job, rows)


def test_two_people_with_overlapping_files_at_once_make_every_address_once(
    stack: Stack, customer: Customer
) -> None:
    lines = [f"user-{number}@{customer.domain},,\n" for number in range(1, 2_501)]
    first, second = (
        customer.upload(f"Email,Password,Note\n{''.join(part)}".encode(), bad_rows="skip")
        for part in (lines[:2_000], lines[1_000:])
    )
    ended = [
        eventually(lambda job=job: ended_job(customer, job), FINISHED_WITHIN_S) for job in (first, second)
    ]
    assert [job["state"] for job in ended] == ["finished", "finished"]
    for job, rows in zip(ended, (2_000, 1_500), strict=True):
        counts = [int(str(job[name])) for name in ("created", "refused", "bad_rows")]
        assert sum(counts) == rows, job
    assert sum(int(str(job["created"])) for job in ended) == 2_500
    expected = Counter({f"user-{number}": 1 for number in range(1, 2_501)})
    assert asyncio.run(creations(stack, customer.domain)) == expected


def test_a_client_that_tries_again_with_its_key_gets_one_mailbox_per_request(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    """The gateway is killed among requests that are on their way."""
    names = [f"client-{number}" for number in range(60)]
    killed_at = chance.randrange(5, 50)
    made: list[str] = []
    for number, name in enumerate(names):
        if number == killed_at:
            stack.kill("gateway-api")
        answer = eventually(lambda name=name: create(customer, name), 60)
        assert answer.status_code == 201, answer.text
        made.append(answer.headers["Location"])
    assert len(set(made)) == len(names)
    assert asyncio.run(creations(stack, customer.domain)) == Counter(dict.fromkeys(names, 1))


def create(customer: Customer, name: str) -> httpx2.Response | None:
    """Ask for a mailbox under the key that goes with its name; None when the answer did not come or comes later."""
    try:
        answer = customer.try_post(
            "/v1/mailboxes",
            json={"address": f"{name}@{customer.domain}"},
            headers={"Idempotency-Key": f"key-{name}"},
        )
    except httpx2.TransportError:
        return None
    return None if answer.status_code in (202, 409, 502, 503) else answer


def test_requests_on_their_way_when_the_gateway_is_killed_are_done_once(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    names = [f"burst-{number}" for number in range(40)]

    async def burst() -> list[int]:
        kill_after = chance.randrange(3, 20)
        answered = 0

        async def ask(http: httpx2.AsyncClient, name: str) -> int:
            nonlocal answered

            async def status() -> int | None:
                try:
                    answer = await http.post(
                        "/v1/mailboxes",
                        json={"address": f"{name}@{customer.domain}"},
                        headers={"Idempotency-Key": f"key-{name}"},
                    )
                except httpx2.TransportError:
                    return None
                return None if answer.status_code in (202, 409, 502, 503) else answer.status_code

            final = await until(status, within_s=60.0)
            answered += 1
            if answered == kill_after:
                stack.kill("gateway-api")
            return final

        headers = dict(customer.http.headers)
        async with httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=30.0) as http:
            return await asyncio.gather(*(ask(http, name) for name in names))

    assert set(asyncio.run(burst())) == {201}
    assert asyncio.run(creations(stack, customer.domain)) == Counter(dict.fromkeys(names, 1))
