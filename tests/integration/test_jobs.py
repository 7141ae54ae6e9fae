"""What every job has in common: who asked, how it ended, where its result is and until when, and one correlation."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from contracts.codec import decode_any_event
from contracts.topics import BULKIO, MAILBOX
from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.integration.test_gateway_keys import another_gateway
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.people import a_tenant
from tests.kit.room import read_all

CORRELATION = "ticket-4711"


@pytest.fixture(scope="module")
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        yield customer


async def correlations(stack: Stack, topic: str, key: str) -> list[tuple[str, str]]:
    """Type and correlation of each event of a stream, in the stream's order."""
    records = await read_all(stack.bootstrap, topic, 8)
    events = [decode_any_event(each.value or b"") for each in records if each.key == key.encode()]
    return [(event.type, event.correlation) for event in events]


async def test_every_event_that_a_job_causes_carries_the_correlation_that_the_job_shows(
    stack: Stack, customer: Customer
) -> None:
    rows = "".join(f"j{number}@{customer.domain},,a note\n" for number in range(3))
    headers = {"Content-Type": "text/csv", "Postfach-Correlation": CORRELATION}
    operation = customer.post("/v1/imports", content=f"Email,Password,Note\n{rows}".encode(), headers=headers)
    job_id = operation["name"].removeprefix("operations/")
    customer.ended("imports", job_id)
    assert customer.get(f"/v1/jobs/{job_id}")["correlation"] == CORRELATION
    mailboxes = [
        each
        for each in await correlations(stack, MAILBOX.events.name, customer.domain)
        if each[0] == "mailbox_created"
    ]
    assert mailboxes == [("mailbox_created", CORRELATION)] * 3
    job = await correlations(stack, BULKIO.events.name, customer.tenant)
    assert [name for name, _ in job] == [
        "import_uploaded",
        "import_checked",
        "import_rows_applied",
        "import_finished",
    ]
    assert {correlation for _, correlation in job} == {CORRELATION}


def test_a_job_leads_to_its_result_for_as_long_as_that_is_kept(stack: Stack, customer: Customer) -> None:
    bad = customer.imported(b"Email,Password,Note\nnobody@nowhere.example,,\n")
    exported, file = customer.exported(format="csv")
    acted = BulkActions(customer).done("suspend", {"filter": ""})
    jobs = {each["job_id"]: each for each in customer.get("/v1/jobs")["jobs"]}
    for job_id in (exported["job_id"], acted["job_id"]):
        assert fetched(customer, jobs[job_id]).is_success
    assert jobs[bad["job_id"]]["links"]["result"] is None
    export = jobs[exported["job_id"]]
    assert export["results_until"] == exported["file_until"]
    assert customer.get(export["links"]["job"]) == exported
    assert customer.get(export["links"]["operation"])["response"] == exported
    digest = base64.b64encode(hashlib.sha256(file).digest()).decode()
    assert fetched(customer, export).headers["Repr-Digest"] == f"sha-256=:{digest}:"
    # As if that time had passed.
    with (
        another_gateway(stack, POSTFACH_RESULTS_KEPT_DAYS="0") as url,
        httpx2.Client(base_url=url, headers=customer.http.headers) as later,
    ):
        problem(later.get(export["links"]["result"]), 410, "file_expired")
        assert later.get(f"/v1/jobs/{export['job_id']}").json()["links"]["result"] is None


def fetched(customer: Customer, job: dict[str, Any]) -> httpx2.Response:
    return customer.http.get(job["links"]["result"])


def test_a_job_of_another_tenant_is_not_there(stack: Stack, customer: Customer) -> None:
    job_id = customer.exported(format="csv")[0]["job_id"]
    with a_tenant(stack) as other:
        problem(other.key("owner").get(f"/v1/jobs/{job_id}"), 404, "job_unknown")
        problem(other.key("owner").get("/v1/jobs/no-id"), 404, "job_unknown")
    mine = customer.get(
        "/v1/jobs",
        filter=f"kind = export AND changed_at >= {customer.get(f'/v1/jobs/{job_id}')['changed_at']}",
    )
    assert [each["job_id"] for each in mine["jobs"]] == [job_id]
