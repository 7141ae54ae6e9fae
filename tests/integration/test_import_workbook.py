"""Workbooks become mailboxes through the public API: once, all of them, and with every bad cell named."""

import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from deploy.local.stack import Stack
from tests.kit import workbooks
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

ROWS = 5_000


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        yield customer


def problems(customer: Customer, job_id: str) -> list[dict[str, str]]:
    """Give all problems, page by page."""
    found: list[dict[str, str]] = []
    page: dict[str, Any] = {"next_page_token": None}
    while "next_page_token" in page:
        token = {"page_token": page["next_page_token"]} if page["next_page_token"] else {}
        page = customer.get(f"/v1/imports/{job_id}/problems", **token)
        found += page["problems"]
    return found


def test_5000_rows_become_5000_mailboxes_and_the_same_file_again_creates_none(customer: Customer) -> None:
    workbook = workbooks.mailboxes(ROWS, customer.domain)
    job = customer.imported(workbook)
    assert job["state"] == "finished", job
    assert (job["good_rows"], job["applied"], job["created"], job["bad_rows"]) == (ROWS, ROWS, ROWS, 0)
    eventually(lambda: customer.count() == ROWS)
    assert customer.mailbox(f"user-77@{customer.domain}")["note"] == "Room 77"

    again = customer.imported(workbook)
    assert (again["state"], again["code"]) == ("failed", "bad_rows")
    assert (again["created"], again["bad_rows"]) == (0, ROWS)
    found = problems(customer, again["job_id"])
    assert {problem["code"] for problem in found} == {"address_taken"}
    assert [problem["row"] for problem in found] == list(range(2, ROWS + 2))
    assert customer.count() == ROWS


def test_the_same_csv_file_again_creates_none_and_says_why_row_by_row(customer: Customer) -> None:
    lines = "".join(f"user-{number}@{customer.domain},,\n" for number in range(1, 21))
    content = f"Email,Password,Note\n{lines}".encode()
    assert customer.imported(content)["created"] == 20
    again = customer.imported(content)
    assert (again["state"], again["code"], again["created"], again["bad_rows"]) == (
        "failed",
        "bad_rows",
        0,
        20,
    )
    found = problems(customer, again["job_id"])
    assert [(problem["row"], problem["code"]) for problem in found] == [
        (row, "address_taken") for row in range(2, 22)
    ]
    skipped = customer.imported(content, mode="skip_existing")
    assert (skipped["state"], skipped["created"], skipped["skipped"]) == ("finished", 0, 20)


def test_existing_addresses_are_skipped_or_updated_as_asked(customer: Customer) -> None:
    customer.imported(workbooks.mailboxes(3, customer.domain))
    rows = [(f"user-{n}@{customer.domain}", None, "New note") for n in (2, 3, 4)]
    skipped = customer.imported(workbooks.filled(rows), mode="skip_existing")
    assert (skipped["state"], skipped["created"], skipped["skipped"]) == ("finished", 1, 2)
    eventually(lambda: customer.count() == 4)
    assert customer.mailbox(f"user-2@{customer.domain}")["note"] == "Room 2"

    rows = [
        (f"user-1@{customer.domain}", "correct horse 1", None),
        (f"user-2@{customer.domain}", None, "New note"),
    ]
    updated = customer.imported(workbooks.filled(rows), mode="update_existing")
    assert (updated["state"], updated["changed"], updated["created"]) == ("finished", 2, 0)
    eventually(lambda: customer.mailbox(f"user-1@{customer.domain}")["has_password"])
    assert customer.mailbox(f"user-1@{customer.domain}")["note"] == "Room 1"
    assert customer.mailbox(f"user-2@{customer.domain}")["note"] == "New note"

    same = customer.imported(workbooks.filled(rows[1:]), mode="update_existing")
    assert (same["changed"], same["skipped"]) == (0, 1)


def test_every_bad_row_is_named_and_nothing_changes(customer: Customer) -> None:
    rows = [
        (f"good@{customer.domain}", None, None),
        ("not an address", None, None),
        (f"GOOD@{customer.domain}", None, None),
        ("somebody@foreign.example", None, None),
        (f"weak@{customer.domain}", "short", None),
        (f"long@{customer.domain}", None, "x" * 1_001),
    ]
    job = customer.imported(workbooks.filled(rows))
    assert (job["state"], job["code"], job["good_rows"], job["bad_rows"]) == ("failed", "bad_rows", 1, 5)
    assert [(each["row"], each["column"], each["code"]) for each in problems(customer, job["job_id"])] == [
        (3, "A", "address_invalid"),
        (4, "A", "duplicate"),
        (5, "A", "domain_unknown"),
        (6, "B", "password_refused"),
        (7, "C", "note_too_long"),
    ]
    assert customer.count() == 0


def test_bad_rows_are_left_out_and_come_back_in_a_workbook_that_can_be_mended(customer: Customer) -> None:
    rows = [(f"good@{customer.domain}", None, "fine"), ("bad address", "secret canary 77", "kept note")]
    job = customer.imported(workbooks.filled(rows), bad_rows="skip")
    assert (job["state"], job["created"], job["bad_rows"]) == ("finished", 1, 1)
    eventually(lambda: customer.count() == 1)
    result = customer.http.get(f"/v1/imports/{job['job_id']}/result")
    assert result.is_success
    page = openpyxl.load_workbook(io.BytesIO(result.content))["Mailboxes"]
    header, failed = page.values
    assert header == ("Email", "Password", "Note", "Reason")
    assert failed[:3] == ("bad address", None, "kept note")
    assert "address_invalid" in str(failed[3])


def test_a_dry_run_changes_nothing(customer: Customer) -> None:
    job = customer.imported(workbooks.mailboxes(20, customer.domain), dry_run=True)
    assert (job["state"], job["good_rows"], job["created"]) == ("planned", 20, 0)
    assert customer.count() == 0


@pytest.mark.parametrize(
    "kind",
    [
        "5,001 rows",
        "no header",
        "formula",
        "zip bomb",
        "macro part",
        "external link",
        "entity bomb",
        "truncated",
    ],
)
def test_a_file_that_cannot_be_imported_fails_by_name_and_changes_nothing(
    customer: Customer, kind: str
) -> None:
    make, code = workbooks.UNREADABLE[kind]
    job = customer.imported(make())
    assert (job["state"], job["code"]) == ("failed", code)
    assert job["detail"]
    assert customer.count() == 0


def test_a_file_that_is_no_workbook_or_too_large_is_not_even_taken(customer: Customer) -> None:
    assert customer.try_post("/v1/imports", content=b"Email,Password,Note").status_code == 415
    assert customer.try_post("/v1/imports", content=b"PK\x03\x04" + bytes(1024 * 1024)).status_code == 413


def test_a_cancelled_import_stops_and_keeps_what_was_created(customer: Customer) -> None:
    workbook = workbooks.mailboxes(2_000, customer.domain, password=lambda n: f"correct horse {n}")
    job_id = customer.upload(workbook)
    eventually(lambda: customer.http.get(f"/v1/imports/{job_id}").json().get("applied", 0) > 0, 30)
    customer.post(f"/v1/imports/{job_id}:cancel")
    job = customer.ended("imports", job_id)
    assert job["state"] == "cancelled"
    assert 0 < job["applied"] < 2_000
    assert job["applied"] == job["created"]
    eventually(lambda: customer.count() == job["created"])
    assert customer.try_post(f"/v1/imports/{job_id}:cancel").json()["code"] == "job_ended"


def test_one_file_may_name_several_domains(customer: Customer) -> None:
    other = f"other-{customer.domain}"
    customer.add_domain(other)
    rows = [(f"a@{customer.domain}", None, None), (f"a@{other}", None, None)]
    assert customer.imported(workbooks.filled(rows))["created"] == 2
    eventually(lambda: customer.count(f"domain = {other}") == 1)


def test_two_imports_of_the_same_rows_at_once_create_each_address_once(customer: Customer) -> None:
    workbook = workbooks.mailboxes(1_000, customer.domain)
    jobs = [customer.upload(workbook, mode="skip_existing") for _ in range(2)]
    ended = [customer.ended("imports", job_id) for job_id in jobs]
    assert [job["state"] for job in ended] == ["finished", "finished"]
    assert sum(job["created"] for job in ended) == 1_000
    assert all(job["created"] + job["skipped"] == 1_000 for job in ended)
    eventually(lambda: customer.count() == 1_000)


def test_the_template_can_be_downloaded_filled_in_and_imported(customer: Customer) -> None:
    template = customer.http.get("/v1/imports/template")
    workbook = openpyxl.load_workbook(io.BytesIO(template.content))
    workbook["Mailboxes"].append([f"new@{customer.domain}", "correct horse", "hello"])
    filled = io.BytesIO()
    workbook.save(filled)
    assert customer.imported(filled.getvalue())["created"] == 1
    eventually(lambda: customer.mailbox(f"new@{customer.domain}")["has_password"])
