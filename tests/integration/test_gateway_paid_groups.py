"""Paid groups at a real stack: operators sell them, owners hand them out, and nobody reaches beyond their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit.people import Client, Tenant, a_tenant, permission

PLAN = {"title": "Shops", "plan": "Business 100", "domains_max": 2, "mailboxes_max": 100}


@pytest.fixture
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as made:
        yield made


def a_group(tenant: Tenant, **plan: Any) -> str:
    return tenant.operator.done("/v1/paid-groups", {**PLAN, **plan})["id"]


def handed_out(client: Client, group_id: str) -> tuple[int, int]:
    shown = client.shown(f"/v1/paid-groups/{group_id}")
    return shown["domains"], shown["mailboxes_handed_out"]


def test_a_domain_is_placed_moved_and_withdrawn_within_the_plan(tenant: Tenant) -> None:
    owner = tenant.key("owner")
    first, second = a_group(tenant), a_group(tenant, mailboxes_max=10)
    domain = tenant.domain()
    owner.done(f"/v1/domains/{domain}:place", {"group_id": first, "mailbox_limit": 60})
    assert handed_out(owner, first) == (1, 60)
    beyond = {"group_id": second, "mailbox_limit": 11}
    problem(owner.post(f"/v1/domains/{domain}:place", beyond), 409, "plan_exceeded")
    owner.done(f"/v1/domains/{domain}:place", {"group_id": second, "mailbox_limit": 10})
    assert (handed_out(owner, first), handed_out(owner, second)) == ((0, 0), (1, 10))
    problem(owner.post(f"/v1/paid-groups/{second}:remove"), 409, "paid_group_not_empty")
    owner.done(f"/v1/domains/{domain}:withdraw")
    assert handed_out(owner, second) == (0, 0)
    owner.done(f"/v1/paid-groups/{second}:remove")
    listed = owner.shown("/v1/paid-groups")["paid_groups"]
    assert [(each["group_id"], each["removed"]) for each in listed] == [(first, False), (second, True)]


def test_only_an_operator_sells_and_changes_a_plan(tenant: Tenant) -> None:
    owner, group = tenant.key("owner"), a_group(tenant)
    problem(owner.post("/v1/paid-groups", PLAN), 403, "operators_only")
    more = {name: PLAN[name] for name in ("plan", "domains_max", "mailboxes_max")}
    problem(owner.post(f"/v1/paid-groups/{group}:changePlan", more), 403, "operators_only")
    tenant.operator.done(f"/v1/paid-groups/{group}:changePlan", {**more, "mailboxes_max": 200})
    assert owner.ask("PATCH", f"/v1/paid-groups/{group}", {"title": "Others"}).status_code == 200
    shown = owner.shown(f"/v1/paid-groups/{group}")
    assert (shown["title"], shown["mailboxes_max"]) == ("Others", 200)


def test_a_domain_that_the_tenant_does_not_hold_is_not_placed(stack: Stack, tenant: Tenant) -> None:
    owner, group = tenant.key("owner"), a_group(tenant)
    place = {"group_id": group, "mailbox_limit": 1}
    with a_tenant(stack) as other:
        theirs = other.domain()
        for domain in (theirs, "nobodys.example", "no domain"):
            problem(owner.post(f"/v1/domains/{domain}:place", place), 404, "domain_unknown")
        of_other = {**place, "group_id": a_group(other)}
        mine = tenant.domain()
        problem(owner.post(f"/v1/domains/{mine}:place", of_other), 404, "paid_group_unknown")


def test_a_sub_user_of_one_group_reaches_its_domains_and_no_other_group(tenant: Tenant) -> None:
    mine, other = a_group(tenant), a_group(tenant)
    inside, outside = tenant.domain(), tenant.domain()
    tenant.operator.done(f"/v1/domains/{inside}:place", {"group_id": mine, "mailbox_limit": 10})
    tenant.operator.done(f"/v1/domains/{outside}:place", {"group_id": other, "mailbox_limit": 10})
    key = tenant.key("sub_user", [permission("groups", "change", scope="groups", names=[mine])])
    assert [each["group_id"] for each in key.shown("/v1/paid-groups")["paid_groups"]] == [mine]
    problem(key.get(f"/v1/paid-groups/{other}"), 404, "paid_group_unknown")
    key.done(f"/v1/domains/{inside}:place", {"group_id": mine, "mailbox_limit": 20})
    move = {"group_id": other, "mailbox_limit": 1}
    problem(key.post(f"/v1/domains/{inside}:place", move), 404, "paid_group_unknown")
    problem(key.post(f"/v1/domains/{outside}:withdraw"), 404, "domain_unknown")
    seeing = [
        permission("groups", "see"),
        permission("groups", "change", scope="groups", names=[mine]),
    ]
    seeing_all = tenant.key("sub_user", seeing)
    assert len(seeing_all.shown("/v1/paid-groups")["paid_groups"]) == 2
    problem(seeing_all.post(f"/v1/domains/{outside}:withdraw"), 403, "page_forbidden")
    problem(seeing_all.post(f"/v1/domains/{inside}:place", move), 403, "page_forbidden")
