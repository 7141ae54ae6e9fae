"""Any process may be killed in the middle of an import: the job finishes by itself, each good row is created once."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from deploy.local.stack import Stack
from services.bulkio.import_files import SEGMENT_ROWS
from tests.faults.house import created_so_far, creations
from tests.kit import workbooks
from tests.kit.bulk_api import Customer, a_large_customer
from tests.kit.room import until
from tests.kit.waiting import eventually

FINISHED_WITHIN_S = 240.0

PARTS = (
    "mailbox-writer",
    "mailbox-projector",
    "mailbox-reactor",
    "bulkio-projector",
    "bulkio-writer",
    "bulkio-reactor",
    "gateway-projector",
    "gateway-api",
)


def test_a_large_import_survives_the_kill_of_each_process_at_random_rows(
    stack: Stack, chance: random.Random
) -> None:
    """Its rows lie in three segments. The reactor is killed while it checks, then each process twice at random rows."""
    rows = 2 * SEGMENT_ROWS + 2_000
    with a_large_customer(stack) as customer:
        job = customer.upload(csv_of(customer, range(1, rows + 1)))
        stack.kill("bulkio-reactor")
        parts = chance.sample(PARTS * 2, 2 * len(PARTS))
        kill_at_rows(stack, customer, sorted(chance.sample(range(1, rows - 1_000), len(parts))), parts)
        assert_finishes(stack, customer, job, rows)


def test_an_import_with_passwords_survives_kills_at_random_rows(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    rows = 300
    workbook = workbooks.filled(
        [
            (f"user-{number}@{customer.domain}", f"correct horse {number}", None)
            for number in range(1, rows + 1)
        ]
    )
    job = customer.upload(workbook)
    kill_at_rows(
        stack,
        customer,
        sorted(chance.sample(range(1, rows - 50), 3)),
        ["bulkio-reactor", "mailbox-writer", "bulkio-reactor"],
    )
    assert_finishes(stack, customer, job, rows)
    assert eventually(lambda: customer.count("has_password = true") == rows)


def csv_of(customer: Customer, numbers: range) -> bytes:
    """Give a file of such mailboxes."""
    lines = "".join(f"user-{number}@{customer.domain},,\n" for number in numbers)
    return f"Email,Password,Note\n{lines}".encode()


def kill_at_rows(stack: Stack, customer: Customer, rows: Sequence[int], parts: Sequence[str]) -> None:
    """Kill each part as soon as so many rows are mailboxes, and it has come back from the last time."""
    for at, part in zip(rows, parts, strict=True):
        eventually(lambda at=at: created_so_far(stack, customer.domain) >= at, FINISHED_WITHIN_S)
        eventually(lambda part=part: stack.is_ready(part), 60)
        stack.kill(part)


def assert_finishes(stack: Stack, customer: Customer, job: str, rows: int) -> None:
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


def test_a_plan_and_its_application_survive_the_kill_of_the_reactor(stack: Stack, customer: Customer) -> None:
    rows = 4_000
    planned = customer.upload(csv_of(customer, range(1, rows + 1)), dry_run=True)
    stack.kill("bulkio-reactor")
    plan = eventually(lambda: ended_job(customer, planned), FINISHED_WITHIN_S)
    assert (plan["state"], plan["plan_counts"]) == (
        "planned",
        {"create": rows, "change": 0, "skip": 0, "refuse": 0},
    )
    assert asyncio.run(creations(stack, customer.domain)) == Counter()
    begun = customer.post(f"/v1/imports/{planned}:apply", json={"plan_hash": plan["plan_hash"]})
    stack.kill("bulkio-reactor")
    assert_finishes(stack, customer, begun["name"].removeprefix("operations/"), rows)


@pytest.mark.parametrize("mode", ["create_only", "skip_existing"])
def test_two_people_with_overlapping_files_at_once_make_every_address_once(
    stack: Stack, customer: Customer, mode: str
) -> None:
    """Each is told of each row: created, or skipped, or refused by the check or by the writer."""
    somebody_else = another_owner(stack, customer)
    with somebody_else.http:
        files = ((customer, range(1, 2_001)), (somebody_else, range(1_001, 2_501)))
        jobs = [who.upload(csv_of(who, numbers), bad_rows="skip", mode=mode) for who, numbers in files]
        ended = [
            eventually(lambda who=who, job=job: ended_job(who, job), FINISHED_WITHIN_S)
            for (who, _), job in zip(files, jobs, strict=True)
        ]
    assert [job["state"] for job in ended] == ["finished", "finished"]
    left_alone = "skipped" if mode == "skip_existing" else "refused"
    for job, (_, numbers) in zip(ended, files, strict=True):
        counts = [int(str(job[name])) for name in ("created", left_alone, "bad_rows")]
        assert sum(counts) == len(numbers), job
    assert sum(int(str(job["created"])) for job in ended) == 2_500
    if mode == "skip_existing":
        assert [job["bad_rows"] for job in ended] == [0, 0]
    expected = Counter({f"user-{number}": 1 for number in range(1, 2_501)})
    assert asyncio.run(creations(stack, customer.domain)) == expected


def another_owner(stack: Stack, customer: Customer) -> Customer:
    """Give another one who acts for the same tenant."""
    key = customer.post("/v1/keys", json={"title": "Somebody else", "role": "owner"})["secret"]
    http = httpx2.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0)
    return Customer(http, customer.tenant, customer.domain)


def test_a_small_import_does_not_wait_for_another_tenants_large_one(stack: Stack, customer: Customer) -> None:
    with a_large_customer(stack) as large:
        job = large.upload(csv_of(large, range(1, 2 * SEGMENT_ROWS + 1)))
        eventually(lambda: created_so_far(stack, large.domain) >= 100, FINISHED_WITHIN_S)
        small = customer.imported(csv_of(customer, range(1, 21)), FINISHED_WITHIN_S)
        assert (small["state"], small["created"]) == ("finished", 20)
        assert not ended_job(large, job)
        assert_finishes(stack, large, job, 2 * SEGMENT_ROWS)


def test_uploads_on_their_way_when_the_gateway_is_killed_are_one_job_each(
    stack: Stack, customer: Customer
) -> None:
    for number in range(3):
        with ThreadPoolExecutor(1) as pool:
            uploaded = pool.submit(lambda number=number: eventually(lambda: upload(customer, number), 60))
            stack.kill("gateway-api")
            assert uploaded.result() == 202
    listed = eventually(lambda: customer.get("/v1/imports")["imports"])
    assert len(listed) == 3
    assert [customer.ended("imports", job["job_id"])["created"] for job in listed] == [500] * 3


def upload(customer: Customer, number: int) -> int | None:
    """Hand a file in under the key that goes with its number; None when the answer did not come or comes later."""
    content = csv_of(customer, range(1_000 * number, 1_000 * number + 500))
    headers = {"Content-Type": "text/csv", "Idempotency-Key": f"file-{number}"}
    try:
        answer = customer.try_post("/v1/imports", content=content, headers=headers)
    except httpx2.TransportError:
        return None
    return None if answer.status_code in (409, 502, 503) else answer.status_code


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
