"""What a sub-user sees and changes at a real stack: only what is within, in lists, single things and jobs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit import workbooks
from tests.kit.bulk_api import XLSX
from tests.kit.people import Answer, Client, Tenant, a_tenant, permission
from tests.kit.settled import Settled
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


class Estate:
    """A tenant with a domain of each kind, each with one mailbox, and somebody who may do different things in them."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.operator = Settled(tenant.operator)
        self.changed, self.seen, self.hidden = tenant.domain(), tenant.domain(), tenant.domain()
        self.boxes = {
            domain: self.operator.mailbox(f"one@{domain}")
            for domain in (self.changed, self.seen, self.hidden)
        }
        permissions = [
            permission(page, "change", "destroy", scope="domains", names=[self.changed])
            for page in ("mailboxes", "domains", "import", "export")
        ] + [permission(page, "see", scope="domains", names=[self.seen]) for page in ("mailboxes", "domains")]
        self.limited = Settled(tenant.key("sub_user", permissions))


@pytest.fixture(scope="module")
def estate(stack: Stack) -> Iterator[Estate]:
    with a_tenant(stack) as tenant:
        yield Estate(tenant)


def domains_of(page: dict[str, Any], name: str) -> set[str]:
    return {each["domain"] for each in page[name]}


def test_lists_hold_only_what_is_within(estate: Estate) -> None:
    within = {estate.changed, estate.seen}
    for name in ("mailboxes", "domains"):
        page = estate.limited.shown(f"/v1/{name}")
        assert domains_of(page, name) == within
        assert (page["total_size"], page["total_size_is"]) == (2, "exact")
    for order in ("address", "created_at desc", "changed_at"):
        page = estate.limited.shown(f"/v1/mailboxes?order_by={order}")
        assert domains_of(page, "mailboxes") == within
    filtered = estate.limited.shown(f"/v1/mailboxes?filter=domain = {estate.hidden}")
    assert (filtered["mailboxes"], filtered["total_size"]) == ([], 0)
    filtered = estate.limited.shown(f"/v1/mailboxes?filter=domain != {estate.changed}")
    assert domains_of(filtered, "mailboxes") == {estate.seen}
    assert domains_of(estate.operator.shown("/v1/mailboxes"), "mailboxes") == set(estate.boxes)


def test_out_of_sight_is_not_found_and_out_of_reach_is_forbidden(estate: Estate) -> None:
    ask = estate.limited
    for verb, body in (("suspend", {}), ("delete", None), ("clean", None), ("allowSelfService", None)):
        problem(
            ask.refused(f"/v1/mailboxes/{estate.boxes[estate.hidden]}:{verb}", body), 404, "mailbox_unknown"
        )
        problem(ask.refused(f"/v1/mailboxes/{estate.boxes[estate.seen]}:{verb}", body), 403, "page_forbidden")
    problem(ask.refused(f"/v1/mailboxes/{estate.boxes[estate.hidden]}", method="GET"), 404, "mailbox_unknown")
    assert ask.shown(f"/v1/mailboxes/{estate.boxes[estate.seen]}")["domain"] == estate.seen
    for domain, status, code in (
        (estate.hidden, 404, "domain_unknown"),
        (estate.seen, 403, "page_forbidden"),
    ):
        problem(ask.refused("/v1/mailboxes", {"address": f"new@{domain}"}), status, code)
        problem(ask.refused(f"/v1/domains/{domain}:remove"), status, code)
        problem(ask.refused(f"/v1/domains/{domain}:verify"), status, code)
    problem(ask.refused(f"/v1/domains/{estate.hidden}", method="GET"), 404, "domain_unknown")
    assert ask.done("/v1/mailboxes", {"address": f"new@{estate.changed}"})["domain"] == estate.changed


def ended(client: Client, started: Answer) -> dict[str, Any]:
    assert started.status_code == 202, started.text

    def done() -> dict[str, Any] | None:
        answer = client.get(started.headers["Location"], Postfach_After=started.headers["Postfach-Position"])
        return answer.json() if answer.json()["done"] else None

    return eventually(done, 30.0) or {}


def exported(client: Client, **fields: Any) -> set[str]:
    job = ended(client, client.post("/v1/exports", {"format": "jsonl", "columns": ["domain"], **fields}))
    file = client.get(f"/v1/exports/{job['response']['job_id']}/file")
    return {json.loads(line)["domain"] for line in file.text.splitlines()}


def test_an_export_holds_only_what_its_asker_may_export(estate: Estate) -> None:
    assert exported(estate.limited.client) == {estate.changed}
    assert exported(estate.limited.client, filter=f"domain = {estate.hidden}") == set()
    assert exported(estate.tenant.operator) == set(estate.boxes)


def test_an_import_knows_no_domain_that_its_asker_may_not_change(estate: Estate) -> None:
    rows = [(f"imported@{domain}", None, "x") for domain in (estate.changed, estate.seen, estate.hidden)]
    started = estate.limited.client.http.post(
        "/v1/imports",
        content=workbooks.filled(rows),
        params={"bad_rows": "skip"},
        headers={"Content-Type": XLSX, "Idempotency-Key": "the-import"},
    )
    job = ended(estate.limited.client, started)["response"]
    assert (job["created"], job["bad_rows"]) == (1, 2)
    problems = estate.limited.shown(f"/v1/imports/{job['job_id']}/problems")["problems"]
    assert [(each["row"], each["code"]) for each in problems] == [
        (3, "domain_unknown"),
        (4, "domain_unknown"),
    ]
    found = estate.operator.shown("/v1/mailboxes?filter=local_part = imported")["mailboxes"]
    assert [each["domain"] for each in found] == [estate.changed]


def test_a_job_is_its_askers_and_of_whoever_sees_the_page_everywhere(estate: Estate) -> None:
    permissions = [permission("export", "change", scope="domains", names=[estate.changed])]
    first, second = (estate.tenant.key("sub_user", permissions) for _ in range(2))
    auditor = estate.tenant.key("auditor")
    job = ended(first, first.post("/v1/exports", {}))["response"]["job_id"]
    for client, found in ((first, True), (second, False), (auditor, True), (estate.tenant.operator, True)):
        listed = {each["job_id"] for each in client.shown("/v1/exports")["exports"]}
        assert (job in listed) is found
        for path in (f"/v1/exports/{job}", f"/v1/exports/{job}/file", f"/v1/operations/{job}"):
            assert client.get(path).status_code == (200 if found else 404), path
    problem(second.post(f"/v1/exports/{job}:cancel"), 404, "job_unknown")
