"""Tenants, domains, imports, exports and operations over HTTP: their acts and their worst input."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import Answer, House, a_house, problem
from tests.kit import workbooks
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LIMIT = 1024 * 1024


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


def upload(house: House, content: bytes, **options: str) -> Answer:
    headers = {"Content-Type": XLSX, "Idempotency-Key": str(uuid4())}
    return house.http.post("/v1/imports", content=content, params=options, headers=headers)


def ended(house: House, started: Answer) -> dict[str, Any]:
    assert started.status_code == 202, started.text
    path = started.headers["Location"]

    def done() -> dict[str, Any] | None:
        operation = house.get(path, started).json()
        return operation if operation["done"] else None

    operation = eventually(done, 30.0)
    assert operation is not None
    return operation


def test_a_tenant_is_onboarded_read_and_listed(house: House) -> None:
    shown = house.get(f"/v1/tenants/{house.tenant}").json()
    assert (shown["tenant"], shown["title"], shown["version"]) == (house.tenant, "A test", 1)
    page = house.get("/v1/tenants", page_size=1).json()
    assert len(page["tenants"]) == 1
    problem(house.get(f"/v1/tenants/{uuid4()}"), 404, "tenant_unknown")
    problem(house.post("/v1/tenants", {"title": ""}), 422, "invalid_field")


def test_a_domain_lives_through_all_its_states(house: House) -> None:
    name = f"bücher-{uuid4().hex[:8]}.example"
    registered = house.post("/v1/domains", {"domain": name})
    assert registered.status_code == 201, registered.text
    path = registered.headers["Location"]
    assert "xn--" in path
    shown = house.get(path, registered).json()
    assert (shown["display_name"], shown["status"], shown["mailbox_limit"]) == (name, "pending", None)
    problem(house.post("/v1/mailboxes", {"address": f"a@{name}"}), 409, "domain_not_active")

    def act(verb: str, body: object = None) -> dict[str, Any]:
        done = house.post(f"{path}:{verb}", body)
        assert done.status_code == 200, done.text
        return house.get(path, done).json()

    assert act("activate")["status"] == "active"
    assert act("setMailboxLimit", {"mailbox_limit": 3})["mailbox_limit"] == 3
    assert act("suspend", {"reason": "unpaid"})["status"] == "suspended"
    assert act("resume")["status"] == "active"
    mailbox = house.post("/v1/mailboxes", {"address": f"a@{name}"})
    problem(house.post(f"{path}:remove"), 409, "domain_not_empty")
    assert house.get(mailbox.headers["Location"], mailbox).status_code == 200
    house.post(f"{mailbox.headers['Location']}:delete")
    assert act("remove")["status"] == "removed"


def test_a_domain_of_somebody_else_is_refused_without_saying_whose(stack: Stack, house: House) -> None:
    with a_house(stack) as other:
        answer = other.post("/v1/domains", {"domain": house.domain})
        problem(answer, 409, "domain_taken")
        assert house.tenant not in answer.text
        problem(other.get(f"/v1/domains/{house.domain}"), 404, "domain_unknown")
        problem(other.post(f"/v1/domains/{house.domain}:activate"), 404, "domain_unknown")


@pytest.mark.parametrize(
    "domain", ["", "localhost", "a..b", "-a.example", "x" * 300 + ".example", "a b.example"]
)
def test_a_bad_domain_is_refused(house: House, domain: str) -> None:
    problem(house.post("/v1/domains", {"domain": domain}), 422, "domain_invalid")


def test_the_template_is_a_workbook(house: House) -> None:
    template = house.get("/v1/imports/template")
    assert template.status_code == 200
    assert template.headers["Content-Type"] == XLSX
    assert template.content.startswith(b"PK")


def test_an_import_is_an_operation_with_progress_and_an_end(house: House) -> None:
    started = upload(house, workbooks.mailboxes(20, house.domain, prefix="imp"), file_name="C:\\staff.xlsx")
    operation = ended(house, started)
    progress = operation["metadata"]["progress"]
    assert (progress["rows_done"], progress["rows_total"]) == (20, 20)
    job = operation["response"]
    assert (job["state"], job["created"], job["file_name"]) == ("finished", 20, "staff.xlsx")
    assert house.get(f"/v1/imports/{job['job_id']}").json() == job
    assert job["job_id"] in [each["job_id"] for each in house.get("/v1/imports").json()["imports"]]
    problem(house.get(f"/v1/imports/{job['job_id']}/result"), 404, "result_missing")
    problem(house.post(f"/v1/imports/{job['job_id']}:cancel"), 409, "job_ended")


def test_an_import_by_form_reports_each_bad_cell(house: House) -> None:
    content = workbooks.filled([("not an address", None, "x"), (f"fine@{house.domain}", None, "y")])
    started = house.http.post(
        "/v1/imports",
        files={"file": ("list.xlsx", content, XLSX)},
        data={"mode": "skip_existing", "dry_run": "true", "bad_rows": "skip"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    job = ended(house, started)["response"]
    assert (job["mode"], job["bad_rows_policy"], job["dry_run"], job["state"]) == (
        "skip_existing",
        "skip",
        True,
        "planned",
    )
    report = house.get(f"/v1/imports/{job['job_id']}/problems").json()
    assert report["bad_rows"] == 1
    assert report["problems"][0]["row"] == 2
    assert "plan" not in report


@pytest.mark.parametrize("file_name", ["", "list.csv"])
def test_a_csv_file_is_imported_as_a_workbook_is(house: House, file_name: str) -> None:
    prefix = "named" if file_name else "typed"
    content = f"Email;Password;Note\n{prefix}@{house.domain};;Büro\n".encode()
    headers = {"Content-Type": "application/octet-stream" if file_name else "text/csv; charset=utf-8"}
    started = house.http.post(
        "/v1/imports",
        content=content,
        params={"file_name": file_name},
        headers={**headers, "Idempotency-Key": str(uuid4())},
    )
    job = ended(house, started)["response"]
    assert (job["created"], job["file_name"]) == (1, file_name or "import.csv")


def test_bad_uploads_are_refused_at_the_door(house: House) -> None:
    problem(upload(house, b"Email,Note\n"), 415, "not_xlsx")
    problem(upload(house, b""), 415, "not_xlsx")
    problem(upload(house, "Email,Note\n".encode("utf-16"), file_name="a.csv"), 415, "not_csv")
    exact = b"PK\x03\x04" + b"x" * (LIMIT - 4)
    answer = upload(house, exact + b"x")
    assert str(LIMIT) in problem(answer, 413, "file_too_large")["detail"]
    problem(upload(house, workbooks.mailboxes(1, house.domain), mode="destroy"), 422, "invalid_option")
    problem(upload(house, workbooks.mailboxes(1, house.domain), dry_run="perhaps"), 422, "invalid_option")
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "multipart/form-data; boundary=x"}
    problem(house.http.post("/v1/imports", content=b"garbage", headers=headers), 400, "malformed_form")
    headers["Content-Type"] = "multipart/form-data"
    problem(house.http.post("/v1/imports", content=b"garbage", headers=headers), 400, "malformed_form")
    problem(
        house.http.post(
            "/v1/imports", files={"other": ("a.xlsx", b"PK", XLSX)}, headers={"Idempotency-Key": str(uuid4())}
        ),
        422,
        "file_missing",
    )
    problem(house.http.post("/v1/imports", content=exact[:100]), 400, "idempotency_key_missing")


def test_a_file_of_exactly_the_limit_is_taken(house: House) -> None:
    started = upload(house, b"PK\x03\x04" + b"x" * (LIMIT - 4))
    assert ended(house, started)["error"]["code"]


def test_the_same_upload_with_the_same_key_is_one_job(house: House) -> None:
    content, key = workbooks.mailboxes(2, house.domain, prefix="twice"), str(uuid4())
    headers = {"Content-Type": XLSX, "Idempotency-Key": key}
    first = house.http.post("/v1/imports", content=content, headers=headers)
    again = house.http.post("/v1/imports", content=content, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()


def test_an_export_is_downloaded_whole_and_with_its_digest(house: House) -> None:
    house.a_mailbox(note="=cmd|' /C calc'!A0")
    started = house.post("/v1/exports", {"filter": "status = active", "format": "csv"})
    job = ended(house, started)["response"]
    assert job["rows"] > 0
    file = house.get(f"/v1/exports/{job['job_id']}/file")
    assert file.status_code == 200
    assert file.headers["Content-Disposition"].startswith("attachment")
    digest = hashlib.sha256(file.content)
    assert digest.hexdigest() == job["sha256"]
    assert file.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert len(file.content) == job["size_bytes"]
    problem(house.post(f"/v1/exports/{job['job_id']}:cancel"), 409, "job_ended")
    assert house.get("/v1/exports").json()["exports"][0]["job_id"] == job["job_id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"filter": "colour = red"}, "filter_invalid"),
        ({"filter": "x" * 2001}, "invalid_field"),
        ({"format": "pdf"}, "invalid_field"),
        ({"columns": []}, "columns_invalid"),
        ({"columns": ["email", "email"]}, "columns_invalid"),
        ({"columns": ["password"]}, "invalid_field"),
    ],
)
def test_a_bad_export_is_refused(house: House, body: dict[str, object], code: str) -> None:
    problem(house.post("/v1/exports", body), 422, code)


def test_jobs_of_another_tenant_are_not_found(stack: Stack, house: House) -> None:
    job = ended(house, house.post("/v1/exports", {}))["response"]["job_id"]
    with a_house(stack) as other:
        problem(other.get(f"/v1/exports/{job}"), 404, "job_unknown")
        problem(other.get(f"/v1/exports/{job}/file"), 404, "job_unknown")
        problem(other.get(f"/v1/operations/{job}"), 404, "operation_unknown")
        problem(other.post(f"/v1/exports/{job}:cancel"), 404, "job_unknown")
        problem(other.get(f"/v1/imports/{uuid4()}"), 404, "job_unknown")
