"""Archives and holds over HTTP: what was deleted or cleaned is listed, kept by holds, ended early, and certified."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from services.runtime.ids import new_id
from tests.integration.gateway_house import problem
from tests.kit.archives_api import in_state, put_away
from tests.kit.people import Tenant, a_tenant, permission
from tests.kit.settled import Settled
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

WHY = {"reason": "a lawsuit", "authority": "District Court, 4 O 17/28"}


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def domain(tenant: Tenant) -> str:
    return tenant.domain()


def ids_of(tenant: Tenant, filter_: str) -> set[str]:
    return {
        each["archive_id"] for each in tenant.operator.shown(f"/v1/archives?filter={filter_}")["archives"]
    }


def test_what_is_deleted_or_cleaned_is_found_in_the_archive(tenant: Tenant, domain: str) -> None:
    deleted = put_away(tenant.operator, domain)
    cleaned = put_away(tenant.operator, domain, how="clean")
    mailbox = tenant.operator.shown(f"/v1/mailboxes/{deleted['mailbox_id']}")
    assert (mailbox["archive_id"], mailbox["address"]) == (deleted["archive_id"], deleted["address"])
    assert mailbox["expires_at"] == deleted["expires_at"]
    assert 364 * 86_400 < deleted["expires_in_s"] <= 366 * 86_400
    assert (deleted["kind"], cleaned["kind"]) == ("deleted", "cleaned")
    assert tenant.operator.shown(f"/v1/archives/{cleaned['archive_id']}")["address"] == cleaned["address"]
    both = {deleted["archive_id"], cleaned["archive_id"]}
    assert both <= ids_of(tenant, f"domain = {domain}")
    assert ids_of(tenant, f"address = {deleted['address']}") == {deleted["archive_id"]}
    assert cleaned["archive_id"] not in ids_of(tenant, "kind = deleted")
    assert both <= ids_of(tenant, "size < 1 AND state != purged")
    assert ids_of(tenant, "size > 0") == set()


def test_a_held_archive_can_t_be_destroyed_and_a_destroyed_one_is_certified(
    tenant: Tenant, domain: str
) -> None:
    operator, archive = Settled(tenant.operator), put_away(tenant.operator, domain)
    path = f"/v1/archives/{archive['archive_id']}"
    order = {"reason": "the customer left", "confirmation": archive["address"]}
    hold = operator.done("/v1/holds", {"domain": domain, "archive_ids": [archive["archive_id"]], **WHY})["id"]
    held = in_state(tenant.operator, path, "held")
    assert held["hold_ids"] == [hold]
    assert operator.refused(f"{path}:destroy", order).json()["code"] == "archive_held"
    problem(operator.refused(f"{path}/certificate", method="GET"), 404, "certificate_unknown")
    operator.done(f"/v1/holds/{hold}:release", {"reason": "settled"})
    assert tenant.operator.shown(f"/v1/holds/{hold}")["released"] is True
    wrong = operator.refused(f"{path}:destroy", order | {"confirmation": "somebody@else.example"})
    problem(wrong, 422, "confirmation_needed")
    operator.done(f"{path}:destroy", order)
    purged = in_state(tenant.operator, path, "purged")
    assert (purged["destroyed_early"], purged["expires_in_s"]) == (True, None)
    certificate = tenant.operator.shown(purged["certificate"])
    assert (certificate["early"], certificate["reason"]) == (True, "the customer left")
    assert certificate["ended_by"].startswith("operator:")
    assert certificate["event"]["stream"] == domain

    def address_is_free() -> bool:
        return tenant.operator.post("/v1/mailboxes", {"address": archive["address"]}).is_success

    eventually(address_is_free)
    assert tenant.operator.shown(path)["address"] is None


def test_a_hold_names_mailboxes_archives_or_what_a_filter_finds(tenant: Tenant, domain: str) -> None:
    operator = Settled(tenant.operator)
    first, second = put_away(tenant.operator, domain), put_away(tenant.operator, domain)

    def held(**what: Any) -> dict[str, Any]:
        placed = operator.done("/v1/holds", {"domain": domain, **WHY, **what})
        return tenant.operator.shown(f"/v1/holds/{placed['id']}")

    assert held(mailbox_ids=[first["mailbox_id"]])["scope"] == "mailboxes"
    by_filter = held(filter=f"address = {second['address']}")
    assert (by_filter["scope"], by_filter["ids"]) == ("archives", [second["archive_id"]])
    assert {first["archive_id"], second["archive_id"]} <= ids_of(tenant, "state = held")
    whole = held()
    assert (whole["scope"], whole["ids"], whole["by_provider"]) == ("domain", [], True)
    listed = tenant.operator.shown(f"/v1/holds?filter=released = false AND domain = {domain}")
    assert len(listed["holds"]) == 3
    for each in listed["holds"]:
        operator.done(f"/v1/holds/{each['hold_id']}:release", {})


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ({"archive_ids": [new_id()]}, 404, "archive_unknown"),
        ({"mailbox_ids": ["no id"]}, 404, "mailbox_unknown"),
        ({"filter": "size > 1000000000"}, 422, "nothing_selected"),
        ({"filter": "colour = red"}, 422, "filter_invalid"),
        ({"filter": "size > 0", "archive_ids": [new_id()]}, 422, "hold_invalid"),
        ({"domain": "nobody-has-this.example"}, 404, "domain_unknown"),
    ],
)
def test_a_hold_on_what_is_not_there_is_refused(
    tenant: Tenant, domain: str, what: dict[str, Any], status: int, code: str
) -> None:
    problem(tenant.operator.post("/v1/holds", {"domain": domain, **WHY, **what}), status, code)


def test_a_hold_of_the_provider_is_seen_by_the_owner_and_released_by_the_provider_alone(
    tenant: Tenant, domain: str
) -> None:
    hold = Settled(tenant.operator).done("/v1/holds", {"domain": domain, **WHY})["id"]
    owner = tenant.key("owner")
    assert owner.shown(f"/v1/holds/{hold}")["by_provider"] is True
    problem(owner.post(f"/v1/holds/{hold}:release", {}), 403, "hold_of_provider")
    Settled(tenant.operator).done(f"/v1/holds/{hold}:release", {})
    own = Settled(owner).done("/v1/holds", {"domain": domain, **WHY})["id"]
    assert owner.shown(f"/v1/holds/{own}")["by_provider"] is False
    Settled(owner).done(f"/v1/holds/{own}:release", {})


def test_whoever_sees_one_domain_s_archives_sees_no_others(tenant: Tenant, domain: str) -> None:
    operator, beside = Settled(tenant.operator), tenant.domain()
    seen, hidden = put_away(tenant.operator, domain), put_away(tenant.operator, beside)
    hold = operator.done("/v1/holds", {"domain": beside, **WHY})["id"]
    retrieval = operator.done("/v1/retrievals", {"archive_ids": [hidden["archive_id"]]})["id"]
    limited = tenant.key("sub_user", [permission("archive", "see", scope="domains", names=[domain])])
    assert {each["domain"] for each in limited.shown("/v1/archives")["archives"]} == {domain}
    assert all(each["domain"] == domain for each in limited.shown("/v1/holds")["holds"])
    assert limited.shown("/v1/retrievals")["retrievals"] == []
    for path in (f"archives/{hidden['archive_id']}", f"holds/{hold}", f"retrievals/{retrieval}"):
        problem(limited.get(f"/v1/{path}"), 404, f"{path.partition('s/')[0]}_unknown")
    changer = tenant.key("sub_user", [permission("archive", "change", scope="domains", names=[domain])])
    order = {"reason": "why not", "confirmation": seen["archive_id"]}
    problem(changer.post(f"/v1/archives/{seen['archive_id']}:destroy", order), 403, "page_forbidden")
    problem(changer.post("/v1/holds", {"domain": beside, **WHY}), 404, "domain_unknown")
    unseen = changer.post("/v1/retrievals", {"archive_ids": [hidden["archive_id"]]})
    problem(unseen, 404, "archive_unknown")
    operator.done(f"/v1/holds/{hold}:release", {})
