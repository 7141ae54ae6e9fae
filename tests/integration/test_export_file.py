"""Mailboxes into a file through the public API: everything that matches, and nothing that runs."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator

import openpyxl
import pytest

from deploy.local.stack import Stack
from tests.kit import workbooks
from tests.kit.bulk_api import Customer, a_customer


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        yield customer


def test_what_was_imported_is_exported_and_can_be_imported_elsewhere(
    customer: Customer, stack: Stack
) -> None:
    assert customer.imported(workbooks.mailboxes(1_200, customer.domain))["created"] == 1_200
    job, content = customer.exported(format="xlsx")
    assert job["rows"] == 1_200
    assert job["size_bytes"] == len(content)
    assert job["sha256"] == hashlib.sha256(content).hexdigest()
    rows = list(openpyxl.load_workbook(io.BytesIO(content))["Mailboxes"].values)
    assert rows[0] == ("Email", "Note")
    assert set(rows[1:]) == {(f"user-{n}@{customer.domain}", f"Room {n}") for n in range(1, 1_201)}

    with a_customer(stack) as other:
        moved = [(str(email).replace(customer.domain, other.domain), None, note) for email, note in rows[1:]]
        assert other.imported(workbooks.filled(moved))["created"] == 1_200


def test_the_download_carries_its_digest(customer: Customer) -> None:
    job, _ = customer.exported(format="csv")
    answer = customer.http.get(f"/v1/exports/{job['job_id']}/file")
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"


def test_an_export_keeps_to_its_filter_and_leaves_deleted_mailboxes_out(customer: Customer) -> None:
    customer.imported(workbooks.mailboxes(12, customer.domain))
    customer.imported(workbooks.mailboxes(3, customer.domain, prefix="other"))
    deleted = customer.mailbox(f"user-5@{customer.domain}")
    customer.post(f"/v1/mailboxes/{deleted['mailbox_id']}:delete")
    _, content = customer.exported(
        format="jsonl", filter="local_part = user-*", columns=["email", "domain", "status"]
    )
    lines = [json.loads(line) for line in content.splitlines()]
    assert {line["email"] for line in lines} == {
        f"user-{n}@{customer.domain}" for n in range(1, 13) if n != 5
    }
    assert {(line["domain"], line["status"]) for line in lines} == {(customer.domain, "active")}
    _, content = customer.exported(format="jsonl", filter="status = deleted", columns=["email"])
    assert [json.loads(line) for line in content.splitlines()] == [{"email": deleted["address"]}]


def test_a_note_that_looks_like_a_formula_does_not_run(customer: Customer) -> None:
    customer.post("/v1/mailboxes", json={"address": f"a@{customer.domain}", "note": "=1+1"})
    _, content = customer.exported(format="csv")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1] == [f"a@{customer.domain}", "'=1+1"]
    _, content = customer.exported(format="xlsx")
    cell = openpyxl.load_workbook(io.BytesIO(content))["Mailboxes"]["B2"]
    assert (cell.data_type, cell.value) == ("s", "=1+1")


def test_nobody_else_gets_the_file(customer: Customer, stack: Stack) -> None:
    job, _ = customer.exported(format="csv")
    with a_customer(stack) as other:
        assert other.http.get(f"/v1/exports/{job['job_id']}").status_code == 404
        assert other.http.get(f"/v1/exports/{job['job_id']}/file").status_code == 404
