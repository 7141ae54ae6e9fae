"""Who may ask for a bulk action, who sees it, who lets it begin, and where it ends when somebody stops it."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit import workbooks
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import a_customer
from tests.kit.people import Client, Tenant, a_tenant, permission
from tests.kit.settled import Settled
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


class Estate:
    """A tenant with two owners and a domain of each kind, each with two mailboxes, and somebody who sees less."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.operator = Settled(tenant.operator)
        self.changed, self.seen, self.hidden = tenant.domain(), tenant.domain(), tenant.domain()
        self.boxes = {
            domain: [self.operator.mailbox(f"{name}@{domain}") for name in ("one", "two")]
            for domain in (self.changed, self.seen, self.hidden)
        }
        self.ina, self.ole = tenant.person("owner").client, tenant.person("owner").client
        limits = [
            permission("mailboxes", "change", scope="domains", names=[self.changed]),
            permission("mailboxes", "see", scope="domains", names=[self.seen]),
        ]
        self.limited = tenant.person("sub_user", limits).client
        self.auditor = tenant.person("auditor").client


@pytest.fixture
def estate(stack: Stack) -> Iterator[Estate]:
    with a_tenant(stack) as tenant:
        yield Estate(tenant)


def plan(action: str, selection: Any, **more: Any) -> dict[str, Any]:
    return {"action": action, "selection": selection, **more}


def order(action: str, selection: Any, count: int, **more: Any) -> dict[str, Any]:
    return plan(action, selection, reason="a test", expected_count=count, **more)


def begun(client: Client, body: dict[str, Any]) -> str:
    return client.done("/v1/bulk-actions", body)["name"].removeprefix("operations/")


def in_state(client: Client, job_id: str, *states: str) -> dict[str, Any]:
    def job() -> dict[str, Any]:
        answer = client.get(f"/v1/bulk-actions/{job_id}")
        return answer.json() if answer.is_success and answer.json()["state"] in states else {}

    return eventually(job, 60.0)


def test_another_person_lets_a_job_begin_and_nobody_their_own(estate: Estate) -> None:
    body = order("suspend", {"filter": f"domain = {estate.hidden}"}, 2, needs_approval=True)
    job_id = begun(estate.ina, body)
    job = in_state(estate.ina, job_id, "awaiting_approval")
    assert (job["total"], job["applied"], job["needs_approval"]) == (2, 0, True)
    problem(estate.ina.post(f"/v1/bulk-actions/{job_id}:approve"), 403, "approver_needed")
    key = estate.tenant.key("owner", by=estate.ole)
    problem(key.post(f"/v1/bulk-actions/{job_id}:approve"), 403, "persons_only")
    problem(estate.limited.post(f"/v1/bulk-actions/{job_id}:approve"), 404, "job_unknown")
    problem(estate.auditor.post(f"/v1/bulk-actions/{job_id}:approve"), 403, "page_forbidden")
    assert estate.ole.done(f"/v1/bulk-actions/{job_id}:approve")["changed"]
    job = in_state(estate.ina, job_id, "finished")
    assert job["changed"] == 2
    assert job["decided_by"].startswith("user:")
    assert job["decided_by"] != job["actor"]
    problem(estate.ole.post(f"/v1/bulk-actions/{job_id}:decline", {"reason": "late"}), 409, "job_ended")


def test_who_asked_through_a_key_of_theirs_does_not_approve_it(estate: Estate) -> None:
    key = estate.tenant.key("owner", by=estate.ina)
    job_id = begun(
        key, order("suspend", {"mailbox_ids": estate.boxes[estate.hidden]}, 2, needs_approval=True)
    )
    in_state(estate.ina, job_id, "awaiting_approval")
    problem(estate.ina.post(f"/v1/bulk-actions/{job_id}:approve"), 403, "approver_needed")
    estate.ole.done(f"/v1/bulk-actions/{job_id}:decline", {"reason": "not now"})
    job = in_state(estate.ina, job_id, "declined")
    assert (job["applied"], job["detail"], job["has_result"]) == (0, "not now", False)


def test_a_job_that_waits_is_cancelled_at_once(estate: Estate) -> None:
    body = order("suspend", {"mailbox_ids": estate.boxes[estate.hidden]}, 2, needs_approval=True)
    job_id = begun(estate.ina, body)
    in_state(estate.ina, job_id, "awaiting_approval")
    estate.ina.done(f"/v1/bulk-actions/{job_id}:cancel")
    assert in_state(estate.ina, job_id, "cancelled")["applied"] == 0
    problem(estate.ole.post(f"/v1/bulk-actions/{job_id}:approve"), 409, "job_ended")


def test_a_bulk_action_reaches_no_further_than_its_asker(estate: Estate) -> None:
    told = estate.limited.done("/v1/bulk-actions:preview", plan("suspend", {"filter": ""}))
    assert told["count"] == 2
    everything = {"mailbox_ids": [*estate.boxes[estate.changed], *estate.boxes[estate.hidden]]}
    answer = estate.limited.post("/v1/bulk-actions:preview", plan("suspend", everything))
    assert problem(answer, 404, "mailbox_unknown")["errors"][0]["pointer"] == "#/selection/mailbox_ids/2"
    only_seen = plan("suspend", {"mailbox_ids": estate.boxes[estate.seen]})
    problem(estate.limited.post("/v1/bulk-actions:preview", only_seen), 403, "page_forbidden")
    deletion = plan("delete", {"mailbox_ids": estate.boxes[estate.changed]})
    problem(estate.limited.post("/v1/bulk-actions:preview", deletion), 403, "page_forbidden")
    problem(estate.auditor.post("/v1/bulk-actions:preview", only_seen), 403, "page_forbidden")
    job_id = begun(estate.limited, order("suspend", {"filter": ""}, 2))
    assert in_state(estate.limited, job_id, "finished")["changed"] == 2
    suspended = estate.ina.shown("/v1/mailboxes?filter=status = suspended")["mailboxes"]
    assert {each["domain"] for each in suspended} == {estate.changed}


def test_a_job_is_seen_by_its_asker_and_by_whoever_sees_everything(estate: Estate) -> None:
    whole = begun(estate.ina, order("allow_self_service", {"filter": ""}, 6))
    own = begun(estate.limited, order("suspend", {"filter": ""}, 2))
    in_state(estate.ina, whole, "finished")
    in_state(estate.limited, own, "finished")
    for path in ("/v1/bulk-actions", "/v1/jobs"):
        name = path.rpartition("/")[2].replace("-", "_")
        for client, expected in ((estate.auditor, [own, whole]), (estate.limited, [own])):
            listed = client.shown(path)[name]
            assert [each["job_id"] for each in listed] == expected
    for path in (f"/v1/bulk-actions/{whole}", f"/v1/bulk-actions/{whole}/result"):
        problem(estate.limited.get(path), 404, "job_unknown")
    problem(estate.limited.get(f"/v1/operations/{whole}"), 404, "operation_unknown")
    problem(estate.limited.post(f"/v1/bulk-actions/{whole}:cancel"), 404, "job_unknown")
    problem(estate.limited.post(f"/v1/bulk-actions/{whole}:previewUndo"), 404, "job_unknown")
    assert estate.limited.post(f"/v1/bulk-actions/{own}:previewUndo").status_code == 200


def test_passwords_are_for_the_asker_alone(estate: Estate) -> None:
    job_id = begun(estate.limited, order("set_password", {"filter": ""}, 2))
    in_state(estate.limited, job_id, "finished")
    problem(estate.ina.post(f"/v1/bulk-actions/{job_id}:takePasswords"), 403, "asker_only")
    assert estate.limited.post(f"/v1/bulk-actions/{job_id}:takePasswords").status_code == 200


def test_the_list_of_jobs_filters_and_pages_over_every_kind(stack: Stack) -> None:
    with a_customer(stack) as customer:
        imported = customer.imported(workbooks.mailboxes(3, customer.domain))["job_id"]
        exported, _ = customer.exported(format="csv")
        acted = BulkActions(customer).done("suspend", {"filter": ""})
        newest_first = [acted["job_id"], exported["job_id"], imported]

        def listed(**parameters: Any) -> list[str]:
            return [each["job_id"] for each in customer.get("/v1/jobs", **parameters)["jobs"]]

        assert listed() == newest_first
        assert listed(filter="kind = export") == newest_first[1:2]
        assert listed(filter="state = finished AND kind != import") == newest_first[:2]
        assert listed(filter=f"created_at < {exported['created_at']}") == newest_first[2:]
        assert listed(filter="actor = nobody") == []
        first = customer.get("/v1/jobs", page_size=2)
        assert first["total_size"] == 3
        assert listed(page_size=2, page_token=first["next_page_token"]) == newest_first[2:]
        one = customer.get("/v1/jobs", filter="kind = bulk_action")["jobs"][0]
        assert (one["about"], one["done"], one["rows_done"], one["rows_total"]) == ("suspend", True, 3, 3)
        refused = customer.http.get("/v1/jobs", params={"filter": "colour = red"})
        problem(refused, 400, "filter_invalid")


@pytest.mark.timeout(240)
def test_a_job_that_is_stopped_half_way_says_what_is_done_and_hands_over_its_passwords(stack: Stack) -> None:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(1_600, customer.domain))
        bulk = BulkActions(customer)
        job_id = bulk.begin("set_password", {"filter": ""})
        eventually(lambda: customer.get(f"/v1/bulk-actions/{job_id}")["applied"] >= 500, 120.0)
        customer.post(f"/v1/bulk-actions/{job_id}:cancel")
        job = bulk.ended(job_id, 120.0)
        assert job["state"] == "cancelled"
        assert job["applied"] == job["changed"] in (500, 1_000, 1_500)
        assert len(bulk.result(job_id)) == job["applied"]
        taken = customer.try_post(f"/v1/bulk-actions/{job_id}:takePasswords")
        rows = list(csv.reader(io.StringIO(taken.content.decode("utf-8-sig"))))[1:]
        assert len(rows) == job["applied"]
        assert customer.count("has_password = true") == job["applied"]
