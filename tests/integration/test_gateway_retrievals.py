"""Retrievals over HTTP: asked for, quoted, accepted, paid by webhook or operator, and brought back with a receipt."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.stack import Stack
from services.runtime.clock import utc_now
from services.runtime.ids import new_id
from tests.integration.gateway_house import problem
from tests.kit.archives_api import FIFTY, in_state, notice_of, put_away, report
from tests.kit.people import Client, Tenant, a_tenant
from tests.kit.settled import Settled

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def domain(tenant: Tenant) -> str:
    return tenant.domain()


@pytest.fixture(scope="module")
def owner(tenant: Tenant) -> Client:
    return tenant.key("owner")


def requested(client: Client, *archives: dict[str, Any]) -> dict[str, Any]:
    """Ask for archives back, and give the retrieval."""
    ids = [each["archive_id"] for each in archives]
    made = Settled(client).done("/v1/retrievals", {"archive_ids": ids})
    return client.shown(f"/v1/retrievals/{made['id']}")


def test_one_archive_is_quoted_at_once_and_comes_back_when_the_provider_reports_its_payment(
    stack: Stack, tenant: Tenant, owner: Client, domain: str
) -> None:
    archive = put_away(owner, domain)
    retrieval = requested(owner, archive)
    assert (retrieval["state"], retrieval["price"], retrieval["fixed_price"]) == ("quoted", FIFTY, True)
    assert owner.shown(f"/v1/archives/{archive['archive_id']}")["retrieval_id"] == retrieval["retrieval_id"]
    again = owner.post("/v1/retrievals", {"archive_ids": [archive["archive_id"]]})
    problem(again, 409, "retrieval_pending")
    path = f"/v1/retrievals/{retrieval['retrieval_id']}"
    cheaper = {"price": FIFTY | {"amount": 4999}}
    problem(owner.post(f"{path}:accept", cheaper), 409, "price_mismatch")
    Settled(owner).done(f"{path}:accept", {"price": FIFTY})
    problem(report(stack, notice_of(retrieval, tenant.tenant, amount=4999)), 409, "price_mismatch")
    notice = notice_of(retrieval, tenant.tenant)
    for _ in range(2):
        heard = report(stack, notice, message_id="msg_of_a_test")
        assert (heard.status_code, heard.json()) == (200, {"heard": True}), heard.text
    receipt = in_state(owner, path, "restored")
    assert (receipt["reference"], receipt["price"], receipt["restored"], receipt["failed"]) == (
        "R-7",
        FIFTY,
        1,
        0,
    )
    (item,) = receipt["items"]
    assert (item["address"], item["restored"], item["refusal"]) == (archive["address"], True, None)
    assert owner.shown(f"/v1/mailboxes/{archive['mailbox_id']}")["status"] == "active"
    assert retrieval["retrieval_id"] in {
        each["retrieval_id"] for each in owner.shown("/v1/retrievals?filter=state = restored")["retrievals"]
    }


def test_several_archives_wait_for_an_operator_s_price_and_are_marked_paid_by_one(
    tenant: Tenant, owner: Client, domain: str
) -> None:
    archives = [put_away(owner, domain), put_away(owner, domain, how="clean")]
    retrieval = requested(owner, *archives)
    assert (retrieval["state"], retrieval["price"], retrieval["archives"]) == ("requested", None, 2)
    path, price = f"/v1/retrievals/{retrieval['retrieval_id']}", {"amount": 8000, "currency": "EUR"}
    paid = {"price": price, "reference": "by bank"}
    for order, body in (("quote", {"price": price}), ("markPaid", paid)):
        problem(owner.post(f"{path}:{order}", body), 403, "operators_only")
    operator = Settled(tenant.operator)
    operator.done(f"{path}:quote", {"price": price})
    Settled(owner).done(f"{path}:accept", {"price": price})
    operator.done(f"{path}:markPaid", paid)
    receipt = in_state(owner, path, "restored")
    assert (receipt["reference"], receipt["restored"], receipt["failed"]) == ("by bank", 2, 0)


def test_a_declined_retrieval_sets_its_archives_free(owner: Client, domain: str) -> None:
    archive = put_away(owner, domain)
    path = f"/v1/retrievals/{requested(owner, archive)['retrieval_id']}"
    Settled(owner).done(f"{path}:decline", {"reason": "too dear"})
    declined = owner.shown(path)
    assert (declined["state"], declined["reason"], declined["valid_until"]) == ("declined", "too dear", None)
    assert owner.shown(f"/v1/archives/{archive['archive_id']}")["retrieval_id"] is None
    problem(owner.post(f"{path}:accept", {"price": FIFTY}), 409, "retrieval_state")


def test_a_retrieval_is_of_archives_that_are_there_and_of_one_domain(tenant: Tenant, domain: str) -> None:
    operator = tenant.operator
    first, second = put_away(operator, domain), put_away(operator, tenant.domain())
    ids = [first["archive_id"], second["archive_id"]]
    problem(operator.post("/v1/retrievals", {"archive_ids": ids}), 422, "several_domains")
    unknown = problem(
        operator.post("/v1/retrievals", {"archive_ids": [ids[0], new_id()]}), 404, "archive_unknown"
    )
    assert unknown["errors"][0]["pointer"] == "#/archive_ids/1"


def test_a_payment_is_believed_by_its_signature_alone(stack: Stack, tenant: Tenant) -> None:
    nowhere = {"retrieval_id": new_id(), "domain": "nobody-has-this.example", "price": FIFTY}
    notice = notice_of(nowhere, tenant.tenant)
    problem(report(stack, notice), 404, "retrieval_unknown")
    problem(report(stack, notice, secret=b"another secret of 24 bytes or more"), 400, "signature_invalid")
    for off in (timedelta(minutes=6), timedelta(minutes=-6)):
        problem(report(stack, notice, at=utc_now() + off), 400, "signature_invalid")
    heard = report(stack, {"type": "payment.disputed", "data": {"anything": 1}})
    assert (heard.status_code, heard.json()) == (202, {"heard": False})
    problem(report(stack, notice_of(nowhere, "no tenant")), 422, "invalid_field")
