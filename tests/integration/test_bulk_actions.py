"""One thing done to many mailboxes through the public API: previewed, confirmed, done once each, and taken back."""

import csv
import io
from collections.abc import Iterator
from uuid import UUID

import openpyxl
import pytest

from deploy.local.stack import Stack
from services.runtime.passwords import password_problem
from tests.integration.gateway_house import problem
from tests.kit import workbooks
from tests.kit.bulk_actions import Answer, BulkActions
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.people import in_database
from tests.kit.waiting import eventually

EVERYTHING: Answer = {"filter": ""}


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(5, customer.domain))
        yield customer


@pytest.fixture
def bulk(customer: Customer) -> BulkActions:
    return BulkActions(customer)


def states(customer: Customer, condition: str = "status = active OR status = suspended") -> list[Answer]:
    return customer.get("/v1/mailboxes", filter=condition)["mailboxes"]


def ids(customer: Customer, *numbers: int) -> Answer:
    found = [customer.mailbox(f"user-{number}@{customer.domain}")["mailbox_id"] for number in numbers]
    return {"mailbox_ids": found}


def test_a_note_is_changed_where_it_is_another_and_comes_back(customer: Customer, bulk: BulkActions) -> None:
    before = {each["address"]: each["note"] for each in states(customer)}
    one = customer.mailbox(f"user-1@{customer.domain}")
    customer.http.patch(f"/v1/mailboxes/{one['mailbox_id']}", json={"note": "moved"})
    eventually(lambda: customer.mailbox(f"user-1@{customer.domain}")["note"] == "moved")
    told = bulk.preview("change_note", EVERYTHING, note="moved")
    assert (told["count"], told["would_change"], told["already_so"], told["refused"]) == (5, 4, 1, 0)
    job = bulk.done("change_note", EVERYTHING, note="moved")
    assert (job["state"], job["changed"], job["unchanged"], job["refused"]) == ("finished", 4, 1, 0), job
    assert {each["note"] for each in states(customer)} == {"moved"}
    preview, undone = bulk.undone(job["job_id"])
    assert (preview["count"], preview["refused"]) == (4, 0)
    assert (undone["action"], undone["changed"], undone["undo_of"]) == ("undo", 4, job["job_id"])
    after = {each["address"]: each["note"] for each in states(customer)}
    assert after == {**before, one["address"]: "moved"}
    assert customer.get(f"/v1/bulk-actions/{job['job_id']}")["undone_by"] == undone["job_id"]
    again = customer.try_post(
        f"/v1/bulk-actions/{job['job_id']}:undo", json={"reason": "twice", "expected_count": 4}
    )
    problem(again, 409, "job_state")


@pytest.mark.parametrize(
    ("action", "field", "value", "already"),
    [
        ("allow_self_service", "self_service", True, 0),
        ("forbid_self_service", "self_service", False, 5),
        ("suspend", "suspended", True, 0),
        ("resume", "suspended", False, 5),
    ],
)
def test_what_is_so_already_is_left_alone_and_an_undo_gives_back_what_was(
    customer: Customer, bulk: BulkActions, action: str, field: str, value: bool, already: int
) -> None:
    assert bulk.preview(action, EVERYTHING)["already_so"] == already
    job = bulk.done(action, EVERYTHING)
    assert (job["changed"], job["unchanged"]) == (5 - already, already)
    assert {each[field] for each in states(customer)} == {value}
    if job["changed"]:
        _, undone = bulk.undone(job["job_id"])
        assert undone["changed"] == 5
        assert {each[field] for each in states(customer)} == {not value}


def test_deleted_mailboxes_come_back_by_undo_or_by_a_restoration(
    customer: Customer, bulk: BulkActions
) -> None:
    job = bulk.done("delete", {"filter": "local_part = user-*"})
    assert (job["state"], job["changed"]) == ("finished", 5)
    assert customer.count() == 0
    assert bulk.result(job["job_id"]) == {
        f"user-{number}@{customer.domain}": ("changed", "") for number in range(1, 6)
    }
    again = bulk.preview("delete", {"filter": "status = deleted"})
    assert (again["count"], again["already_so"]) == (5, 5)
    assert bulk.preview("restore", EVERYTHING)["would_change"] == 5
    mailbox = customer.mailbox(f"user-3@{customer.domain}")["mailbox_id"]
    customer.post(f"/v1/mailboxes/{mailbox}:restore")
    preview, undone = bulk.undone(job["job_id"])
    assert (preview["count"], preview["would_change"]) == (5, 4)
    assert preview["refusals"] == {"version_mismatch": 1}
    assert (undone["changed"], undone["refusals"]) == (4, {"version_mismatch": 1})
    assert customer.count() == 5
    back = bulk.result(undone["job_id"])
    assert back[f"user-3@{customer.domain}"] == ("refused", "version_mismatch")


def test_a_cleaned_mailbox_stays_and_its_mail_does_not_come_back_by_undo(
    customer: Customer, bulk: BulkActions
) -> None:
    job = bulk.done("clean", ids(customer, 1, 2))
    assert (job["total"], job["changed"]) == (2, 2)
    assert [each["generation"] for each in states(customer)] == [2, 2, 1, 1, 1]
    answer = customer.try_post(f"/v1/bulk-actions/{job['job_id']}:previewUndo")
    problem(answer, 409, "undo_impossible")


def test_the_result_is_a_workbook_too(customer: Customer, bulk: BulkActions) -> None:
    job = bulk.done("suspend", ids(customer, 2))
    answer = customer.http.get(f"/v1/bulk-actions/{job['job_id']}/result")
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0].values)
    assert rows == [
        ("Email", "Action", "Result", "Code"),
        (f"user-2@{customer.domain}", "suspend", "changed", None),
    ]


def test_generated_passwords_are_good_and_handed_over_once(customer: Customer, bulk: BulkActions) -> None:
    customer.post(
        f"/v1/mailboxes/{ids(customer, 1)['mailbox_ids'][0]}:setPassword", json={"password": "an old secret"}
    )
    job = bulk.done("set_password", EVERYTHING)
    assert (job["changed"], job["has_result"]) == (5, True)
    assert job["passwords_until"] is not None
    taken = customer.try_post(f"/v1/bulk-actions/{job['job_id']}:takePasswords")
    assert taken.status_code == 200, taken.text
    rows = list(csv.reader(io.StringIO(taken.content.decode("utf-8-sig"))))
    passwords = dict(rows[1:])
    assert set(passwords) == {each["address"] for each in states(customer)}
    assert len(set(passwords.values())) == 5
    assert all(password_problem(text, address) is None for address, text in passwords.items())
    assert all(each["has_password"] for each in states(customer))
    problem(customer.try_post(f"/v1/bulk-actions/{job['job_id']}:takePasswords"), 410, "passwords_gone")
    assert customer.get(f"/v1/bulk-actions/{job['job_id']}")["passwords_taken_at"] is not None
    preview, undone = bulk.undone(job["job_id"])
    assert (preview["count"], preview["without_opposite"]) == (1, 4)
    assert undone["changed"] == 1


def test_an_order_that_is_not_confirmed_names_what_to_repeat(customer: Customer, bulk: BulkActions) -> None:
    customer.imported(workbooks.mailboxes(100, customer.domain, prefix="more"))
    assert bulk.preview("delete", EVERYTHING)["confirmation"] == {"count": 105, "word": "delete"}
    refused = problem(bulk.order("delete", EVERYTHING, expected_count=105), 422, "confirmation_needed")
    assert [each["pointer"] for each in refused["errors"]] == ["#/confirmation/count", "#/confirmation/word"]
    assert "105" in refused["detail"]
    assert "delete" in refused["detail"]
    half = {"count": 105, "word": "clean"}
    refused = bulk.order("delete", EVERYTHING, expected_count=105, confirmation=half)
    assert [each["pointer"] for each in refused.json()["errors"]] == ["#/confirmation/word"]
    suspended = bulk.order("suspend", EVERYTHING, expected_count=105, confirmation={"count": 105})
    assert suspended.status_code == 202
    assert bulk.ended(suspended.json()["name"].removeprefix("operations/"))["changed"] == 105


def test_an_order_about_another_number_than_previewed_does_nothing(
    customer: Customer, bulk: BulkActions
) -> None:
    told = bulk.preview("suspend", EVERYTHING)
    customer.post("/v1/mailboxes", json={"address": f"new@{customer.domain}"})
    assert customer.mailbox(f"new@{customer.domain}")
    problem(bulk.order("suspend", EVERYTHING, expected_count=told["count"]), 409, "selection_changed")
    digest = told["digest"]
    answer = bulk.order("suspend", EVERYTHING, expected_count=6, expected_digest=digest)
    problem(answer, 409, "selection_changed")
    assert not any(each["suspended"] for each in states(customer))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": "suspend", "selection": {}}, "#/selection"),
        ({"action": "suspend", "selection": {"filter": "", "mailbox_ids": ["x"]}}, "#/selection"),
        ({"action": "suspend", "selection": {"filter": "colour = red"}}, "#/selection/filter"),
        ({"action": "change_note", "selection": {"filter": ""}}, "#/note"),
        ({"action": "suspend", "selection": {"filter": ""}, "note": "x"}, "#/note"),
        ({"action": "undo", "selection": {"filter": ""}}, "#/action"),
    ],
)
def test_a_bad_plan_names_its_place(customer: Customer, body: Answer, pointer: str) -> None:
    answer = customer.try_post("/v1/bulk-actions:preview", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_mailbox_of_somebody_else_is_not_there(stack: Stack, customer: Customer, bulk: BulkActions) -> None:
    with a_customer(stack) as other:
        created = other.post("/v1/mailboxes", json={"address": f"a@{other.domain}"})
        wanted = [*ids(customer, 1)["mailbox_ids"], created["mailbox_id"]]
        body = {"action": "suspend", "selection": {"mailbox_ids": wanted}}
        answer = customer.try_post("/v1/bulk-actions:preview", json=body)
        refused = problem(answer, 404, "mailbox_unknown")
        assert refused["errors"][0]["pointer"] == "#/selection/mailbox_ids/1"
        job = bulk.done("suspend", ids(customer, 1))
        assert other.http.get(f"/v1/bulk-actions/{job['job_id']}").status_code == 404
        assert other.http.get(f"/v1/bulk-actions/{job['job_id']}/result").status_code == 404


def test_a_job_is_an_operation_and_its_events_share_its_correlation(
    customer: Customer, bulk: BulkActions
) -> None:
    job = bulk.done("suspend", EVERYTHING)
    operation = customer.get(f"/v1/operations/{job['job_id']}")
    assert (operation["done"], operation["metadata"]["kind"]) == (True, "bulk_action")
    progress = operation["metadata"]["progress"]
    assert (progress["rows_done"], progress["rows_total"], progress["phase"]) == (5, 5, None)
    assert operation["response"]["changed"] == 5
    listed = customer.get("/v1/bulk-actions")["bulk_actions"]
    assert [each["job_id"] for each in listed] == [job["job_id"]]


def test_the_same_order_again_is_the_same_job(customer: Customer) -> None:
    body = {"action": "suspend", "selection": EVERYTHING, "reason": "a test", "expected_count": 5}
    headers = {"Idempotency-Key": "the-same"}
    first = customer.try_post("/v1/bulk-actions", json=body, headers=headers)
    again = customer.try_post("/v1/bulk-actions", json=body, headers=headers)
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json() == first.json()
    other = customer.try_post("/v1/bulk-actions", json={**body, "reason": "another"}, headers=headers)
    problem(other, 422, "idempotency_key_reused")
    problem(customer.http.post("/v1/bulk-actions", json=body), 400, "idempotency_key_missing")
    assert customer.get("/v1/bulk-actions")["total_size"] == 1


def test_an_order_whose_answer_was_lost_is_found_begun_although_nothing_matches_any_more(
    stack: Stack, customer: Customer, bulk: BulkActions
) -> None:
    body = {"action": "delete", "selection": EVERYTHING, "reason": "a test", "expected_count": 5}
    headers = {"Idempotency-Key": f"lost-{customer.tenant}"}
    first = customer.try_post("/v1/bulk-actions", json=body, headers=headers)
    assert bulk.ended(first.json()["name"].removeprefix("operations/"))["changed"] == 5
    # What is left of a request whose gateway was killed before it had answered.
    lost = (
        "UPDATE idempotency_keys SET answer = NULL, lease_until = now() - interval '1 second' WHERE key = $1"
    )
    in_database(stack, lost, headers["Idempotency-Key"])
    again = customer.try_post("/v1/bulk-actions", json=body, headers=headers)
    assert (again.status_code, again.json()["name"]) == (202, first.json()["name"])
    assert customer.get("/v1/bulk-actions")["total_size"] == 1


def test_ten_thousand_ids_fit_into_an_order_and_no_more(customer: Customer) -> None:
    unknown = [str(UUID(int=number)) for number in range(10_001)]
    answer = customer.try_post(
        "/v1/bulk-actions:preview", json={"action": "suspend", "selection": {"mailbox_ids": unknown[:-1]}}
    )
    problem(answer, 404, "mailbox_unknown")
    answer = customer.try_post(
        "/v1/bulk-actions:preview", json={"action": "suspend", "selection": {"mailbox_ids": unknown}}
    )
    problem(answer, 422, "invalid_field")
