"""Imports beyond the page's limits, for the tenant that may: in segments, all rows, every refusal told."""

import io
from collections.abc import Iterator

import openpyxl
import pytest

from deploy.local.stack import Stack
from tests.integration.test_import_workbook import problems
from tests.kit.bulk_api import Customer, a_customer, a_large_customer
from tests.kit.streams import watching
from tests.kit.waiting import eventually

HEADER = "Email,Password,Note\n"


@pytest.fixture(scope="module")
def customer(stack: Stack) -> Iterator[Customer]:
    with a_large_customer(stack) as customer:
        yield customer


def csv_of(numbers: range, domain: str) -> bytes:
    lines = (f"large-{number}@{domain},,{'x' * 40}\n" for number in numbers)
    return (HEADER + "".join(lines)).encode()


def test_a_file_beyond_the_page_is_imported_in_segments_while_its_progress_is_watched(
    customer: Customer,
) -> None:
    content = csv_of(range(1, 22_001), customer.domain)
    # One row twice, more than a segment apart; one domain that is nobody's in every thousandth row.
    content += f"large-5@{customer.domain},,\n".encode()
    content += "".join(f"stray-{number}@nobody.example,,\n" for number in range(700)).encode()
    assert len(content) > 1024 * 1024
    job_id = customer.upload(content, bad_rows="skip")
    with watching(customer.http, job_id, Postfach_After=str(customer.position)) as pushes:
        pushed = [each.operation for each in pushes]
    job = customer.ended("imports", job_id)
    assert (job["state"], job["created"], job["bad_rows"]) == ("finished", 22_000, 701), job
    # More is seen of it than its events tell, 5,000 rows apart.
    told = [each["metadata"]["progress"] for each in pushed]
    for name in ("rows_checked", "rows_decided"):
        assert [each[name] for each in told] == sorted(each[name] for each in told), told
    assert any(each["rows_decided"] % 5_000 for each in told[:-1]), told
    assert (told[-1]["rows_checked"], told[-1]["rows_decided"]) == (22_701, 22_000)
    found = problems(customer, job["job_id"])
    assert [problem["row"] for problem in found] == list(range(22_002, 22_703))
    assert (found[0]["code"], found[1]["code"]) == ("duplicate", "domain_unknown")
    assert "row 6" in found[0]["expected"]
    last = f'address = "large-22000@{customer.domain}"'
    eventually(lambda: customer.count(last) == 1)
    result = customer.http.get(f"/v1/imports/{job['job_id']}/result")
    sheet = openpyxl.load_workbook(io.BytesIO(result.content), read_only=True)["Mailboxes"]
    assert len(list(sheet.iter_rows(values_only=True))) == 702


def test_more_refused_rows_than_a_job_keeps_are_all_in_its_result(stack: Stack) -> None:
    """A limit that is reached while rows are applied is no matter of the check."""
    with a_customer(stack) as small:
        small.post(f"/v1/domains/{small.domain}:setMailboxLimit", json={"mailbox_limit": 500})
        content = (HEADER + "".join(f"r{n}@{small.domain},,\n" for n in range(2_000))).encode()
        job = small.imported(content)
        assert (job["state"], job["created"], job["refused"]) == ("finished", 500, 1_500)
        result = small.http.get(f"/v1/imports/{job['job_id']}/result")
        sheet = openpyxl.load_workbook(io.BytesIO(result.content), read_only=True)["Mailboxes"]
        assert len(list(sheet.iter_rows(values_only=True))) == 1_501


def test_the_limits_of_the_page_stay_for_everybody_else_and_for_forms(
    stack: Stack, customer: Customer
) -> None:
    content = csv_of(range(1, 22_001), customer.domain)
    with a_customer(stack) as small:
        answer = small.try_post("/v1/imports", content=content, headers={"Content-Type": "text/csv"})
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    answer = customer.try_post("/v1/imports", files={"file": ("a.csv", content, "text/csv")})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_the_same_large_upload_with_the_same_key_is_one_job(customer: Customer) -> None:
    content = csv_of(range(30_000, 30_002), customer.domain)
    headers = {"Content-Type": "text/csv", "Idempotency-Key": f"twice-{customer.domain}"}
    first = customer.http.post("/v1/imports", content=content, headers=headers)
    again = customer.http.post("/v1/imports", content=content, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    job = customer.ended("imports", first.json()["name"].removeprefix("operations/"))
    assert (job["state"], job["created"]) == ("finished", 2)
