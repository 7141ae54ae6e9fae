"""An import taken back through the public API: foreseen with reasons, done once, and told mailbox by mailbox."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import httpx2
import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit import workbooks
from tests.kit.bulk_actions import Answer, BulkActions
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.people import a_tenant, permission
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

CREATED: Final = 30
OLD_PASSWORD, NEW_PASSWORD = "an old secret of theirs", "a new secret of the file"
NOTES_BEFORE: Final = {f"old-{number}": f"Before {number}" for number in range(1, 6)}


def imported(customer: Customer, workbook: bytes, **options: Any) -> Answer:
    """Import a workbook, and wait until what it did is in the lists too."""
    job = customer.imported(workbook, **options)
    created = f'created_at >= "{job["created_at"]}"'
    changed = f'changed_at >= "{job["created_at"]}"'
    eventually(lambda: customer.count(created) == job["created"], 30.0)
    eventually(lambda: customer.count(changed) == job["created"] + job["changed"], 30.0)
    return job


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        yield customer


@pytest.fixture
def bulk(customer: Customer) -> BulkActions:
    return BulkActions(customer)


class Imported:
    """Thirty mailboxes that an import created, one more in a second domain, and five that it changed."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self.other = f"second.{customer.domain}"
        customer.add_domain(self.other)
        domain = customer.domain
        before = workbooks.filled((f"{name}@{domain}", None, note) for name, note in NOTES_BEFORE.items())
        assert imported(customer, before)["created"] == len(NOTES_BEFORE)
        self.act("old-2", "setPassword", password=OLD_PASSWORD)
        customer.count()
        rows: list[tuple[str, str | None, str]] = [
            (f"user-{number}@{domain}", None, f"Room {number}") for number in range(1, CREATED + 1)
        ]
        passwords = {"old-2": NEW_PASSWORD, "old-3": NEW_PASSWORD}
        rows += [(f"{name}@{domain}", passwords.get(name), "Of the file") for name in NOTES_BEFORE]
        rows.append((f"far@{self.other}", None, ""))
        self.job = imported(customer, workbooks.filled(rows), mode="update_existing")
        assert (self.job["created"], self.job["changed"]) == (CREATED + 1, len(NOTES_BEFORE)), self.job

    def id_of(self, name: str) -> str:
        return self.customer.mailbox(f"{name}@{self.customer.domain}")["mailbox_id"]

    def act(self, name: str, action: str, **body: Any) -> None:
        """Do something to one mailbox."""
        self.customer.post(f"/v1/mailboxes/{self.id_of(name)}:{action}", json=body)

    def note(self, name: str, text: str) -> None:
        """Change the note of one mailbox."""
        self.customer.patch(f"/v1/mailboxes/{self.id_of(name)}", note=text)

    def notes(self, names: str) -> dict[str, str]:
        found = self.customer.get("/v1/mailboxes", filter=f"local_part = {names}", page_size=100)["mailboxes"]
        return {each["local_part"]: each["note"] for each in found if each["status"] != "deleted"}

    def preview(self, **plan: Any) -> Answer:
        return self.customer.post(f"/v1/imports/{self.job['job_id']}:previewUndo", json=plan)

    def order(self, count: int, **order: Any) -> httpx2.Response:
        body = {"reason": "a mistake", "expected_count": count, **order}
        return self.customer.try_post(f"/v1/imports/{self.job['job_id']}:undo", json=body)

    def undone(self, count: int, **order: Any) -> Answer:
        answer = self.order(count, **order)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        return BulkActions(self.customer).ended(answer.json()["name"].removeprefix("operations/"))


def test_an_import_is_taken_back_but_for_what_has_changed_since(
    customer: Customer, bulk: BulkActions
) -> None:
    mistake, domain = Imported(customer), customer.domain
    mistake.act("user-1", "suspend")
    mistake.act("user-2", "delete")
    mistake.note("user-3", "Somebody moved")
    mistake.note("old-5", "Somebody knows better")
    customer.post(f"/v1/domains/{domain}:enableCatchAll", json={"target": f"user-4@{domain}"})
    assert customer.count() > 0
    customer.post(f"/v1/domains/{mistake.other}:suspend", json={})
    assert customer.get(f"/v1/domains/{mistake.other}")["status"] == "suspended"

    told = mistake.preview()
    reasons = {"version_mismatch": 3, "mailbox_deleted": 1, "mailbox_is_target": 1, "domain_not_active": 1}
    assert told["refusals"] == reasons
    assert told["count"] == CREATED + 1 + len(NOTES_BEFORE)
    assert (told["would_delete"], told["would_give_back"], told["passwords_stay"]) == (26, 4, 1)
    assert (told["would_change"], told["refused"]) == (30, 6)
    assert told["examples"]["mailbox_deleted"] == [f"user-2@{domain}"]
    assert set(told["examples"]["version_mismatch"]) == {
        f"{n}@{domain}" for n in ("user-1", "user-3", "old-5")
    }
    assert told["as_of"]
    assert mistake.preview(drop_targets=True)["would_delete"] == 27

    problem(mistake.order(told["count"] - 1), 409, "selection_changed")
    mistake.note("user-5", "Somebody was faster")
    reasons["version_mismatch"] += 1
    job = mistake.undone(told["count"])
    assert (job["state"], job["action"], job["undo_of"]) == ("finished", "undo", mistake.job["job_id"]), job
    assert (job["total"], job["changed"], job["unchanged"], job["refusals"]) == (36, 29, 0, reasons)

    left = mistake.notes("user-*")
    assert set(left) == {"user-1", "user-3", "user-4", "user-5"}
    assert (left["user-3"], left["user-5"]) == ("Somebody moved", "Somebody was faster")
    assert mistake.notes("old-*") == {**NOTES_BEFORE, "old-5": "Somebody knows better"}
    result = bulk.result(job["job_id"])
    assert len(result) == told["count"]
    assert result[f"user-9@{domain}"] == result[f"old-1@{domain}"] == ("changed", "")
    assert result[f"old-2@{domain}"] == ("changed", "")
    assert result[f"old-3@{domain}"] == ("changed", "no_former_password")
    assert result[f"user-2@{domain}"] == ("refused", "mailbox_deleted")
    assert result[f"user-4@{domain}"] == ("refused", "mailbox_is_target")
    assert result[f"far@{mistake.other}"] == ("refused", "domain_not_active")
    assert customer.mailbox(f"user-9@{domain}")["status"] == "deleted"

    assert customer.get(f"/v1/imports/{mistake.job['job_id']}")["undone_by"] == job["job_id"]
    listed = {each["job_id"]: each for each in customer.get("/v1/jobs")["jobs"]}
    assert listed[mistake.job["job_id"]]["undone_by"] == job["job_id"]
    problem(mistake.order(told["count"]), 409, "job_state")

    _, again = bulk.undone(job["job_id"])
    assert again["changed"] == 29
    assert len(mistake.notes("user-*")) == CREATED - 1
    assert mistake.notes("old-*")["old-1"] == "Of the file"


def test_an_undo_is_confirmed_as_a_deletion_and_only_of_what_has_ended(customer: Customer) -> None:
    job = imported(customer, workbooks.mailboxes(101, customer.domain))
    path = f"/v1/imports/{job['job_id']}"
    assert customer.post(f"{path}:previewUndo", json={})["confirmation"] == {"count": 101, "word": "delete"}
    body = {"reason": "a mistake", "expected_count": 101}
    problem(customer.try_post(f"{path}:undo", json=body), 422, "confirmation_needed")
    dry = customer.imported(workbooks.mailboxes(1, customer.domain, prefix="new"), dry_run="true")
    answer = customer.try_post(f"/v1/imports/{dry['job_id']}:previewUndo", json={})
    problem(answer, 409, "job_state")


def test_whoever_may_not_destroy_can_t_undo_an_import(stack: Stack) -> None:
    with a_tenant(stack) as tenant:
        domain = tenant.domain()
        customer = Customer(tenant.operator.http, tenant.tenant, domain)
        job = imported(customer, workbooks.mailboxes(2, domain))
        imports = permission("import", "change")
        for others in ([], [permission("mailboxes", "change")]):
            someone = tenant.key("sub_user", [imports, *others])
            problem(someone.post(f"/v1/imports/{job['job_id']}:previewUndo", {}), 403, "page_forbidden")
        within = [permission("mailboxes", "destroy", scope="domains", names=[domain])]
        limited = tenant.key("sub_user", [imports, *within])
        problem(limited.post(f"/v1/imports/{job['job_id']}:previewUndo", {}), 403, "page_forbidden")
        allowed = tenant.key("sub_user", [imports, permission("mailboxes", "destroy")])
        assert allowed.done(f"/v1/imports/{job['job_id']}:previewUndo", {})["would_delete"] == 2


def test_an_undo_that_nobody_may_let_begin_came_to_nothing_and_can_be_asked_for_again(stack: Stack) -> None:
    with a_tenant(stack) as tenant:
        domain = tenant.domain()
        customer = Customer(tenant.operator.http, tenant.tenant, domain)
        bulk = BulkActions(customer)
        job = imported(customer, workbooks.mailboxes(2, domain))
        body = {"reason": "a mistake", "expected_count": 2}
        path = f"/v1/imports/{job['job_id']}:undo"
        waiting = customer.post(path, json={**body, "needs_approval": True})
        undo = waiting["name"].removeprefix("operations/")
        bulk.in_state(undo, "awaiting_approval")
        changes_only = tenant.person("sub_user", [permission("mailboxes", "change")]).client
        for action in ("approve", "decline", "cancel"):
            problem(
                changes_only.post(f"/v1/bulk-actions/{undo}:{action}", {} if action == "decline" else None),
                403,
                "page_forbidden",
            )
        tenant.person("owner").client.done(f"/v1/bulk-actions/{undo}:decline", {"reason": "not now"})
        assert bulk.ended(undo)["state"] == "declined"
        again = customer.post(path, json=body)
        assert bulk.ended(again["name"].removeprefix("operations/"))["changed"] == 2
        assert customer.count() == 0
