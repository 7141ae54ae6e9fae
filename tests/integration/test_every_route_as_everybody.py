"""Every route of the API as everybody: let through, or stopped, as the table "Routes" of docs/api.md says.

The page is a second statement, written for people; tests/docs compares it with the table that the gateway asks. Things
that are named here exist nowhere, so a request that is let through changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from contracts.permissions import PAGES
from deploy.local.stack import Stack
from tests.docs.documents import document
from tests.kit.open_api import Operation, operations_of
from tests.kit.people import Answer, Client, Tenant, a_tenant, permission, the_provider

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

STOPPED = {"operators_only", "persons_only", "page_forbidden", "tenant_suspended"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What the page says of one route."""

    name: str
    who: str
    page: str
    action: str
    while_suspended: bool


RULES = {
    route: Rule(name, who, page, action.partition(",")[0], "while suspended too" in action)
    for route, name, who, page, action in document("docs/api.md").table("Routes")
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, as the page speaks of them. `may` is what a sub-user is allowed, as pairs of page and action."""

    client: Client
    role: str
    is_person: bool
    may: frozenset[tuple[str, str]] = frozenset()

    def is_allowed(self, rule: Rule) -> bool:
        """Say whether the page lets them through."""
        if rule.who == "anyone":
            return True
        if rule.who == "operator" and self.role != "operator":
            return False
        if rule.who == "person" and not self.is_person:
            return False
        if rule.page == "–" or self.role in ("operator", "owner"):
            return True
        if self.role == "auditor":
            return rule.action == "see" or (rule.page, rule.action) == ("export", "change")
        seen = rule.action == "see" and any(page == rule.page for page, _ in self.may)
        return seen or (rule.page, rule.action) in self.may


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def operations(stack: Stack) -> list[Operation]:
    # Whoever has signed out is somebody else afterwards.
    return sorted(operations_of(stack.url), key=lambda each: each.id == "sessions_end")


def ask(client: Client, operation: Operation, **headers: str) -> Answer:
    """Send a request about a thing that exists nowhere, with a body that the page shows."""
    values = {
        name: f"{uuid4().hex[:12]}.example" if name == "domain" else str(uuid4())
        for name in operation.path_parameters
    }
    # What is made without naming a thing would be made: its body says nothing.
    makes = operation.writes and not operation.path_parameters
    body = {} if makes or not operation.takes_json else operation.body_example
    return client.ask(
        operation.method, operation.url(**values), body if operation.takes_json else None, **headers
    )


def walk(actor: Actor, operations: list[Operation]) -> None:
    """Ask for everything, and see that the actor is let through or stopped as the page says."""
    for operation in operations:
        answer = ask(actor.client, operation)
        told = (operation.label, answer.status_code, answer.text[:300])
        if actor.is_allowed(RULES[operation.label]):
            assert answer.status_code not in (401, 403) or is_of_the_thing(operation, answer), told
            assert answer.status_code < 500, told
        else:
            assert answer.status_code == 403, told
            assert answer.json()["code"] in STOPPED, told


def is_of_the_thing(operation: Operation, answer: Answer) -> bool:
    """Whether it was the sign-in itself that failed, and not the caller who was stopped."""
    return operation.id == "sessions_begin" and answer.status_code == 401


def test_the_page_knows_every_route(operations: list[Operation]) -> None:
    assert {each.label: each.id for each in operations} == {label: rule.name for label, rule in RULES.items()}


def test_nobody_gets_in(tenant: Tenant, operations: list[Operation]) -> None:
    nobody = tenant.nobody()
    for operation in operations:
        answer = ask(nobody, operation)
        if RULES[operation.label].who == "anyone":
            assert 400 <= answer.status_code < 500, operation.label
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), operation.label


def test_an_operator_s_key_and_session_do_everything(
    stack: Stack, tenant: Tenant, operations: list[Operation]
) -> None:
    walk(Actor(tenant.operator, "operator", is_person=False), operations)
    with the_provider(stack) as provider:
        person = provider.person("operator").client
        person.http.headers["Postfach-Tenant"] = tenant.tenant
        walk(Actor(person, "operator", is_person=True), operations)


@pytest.mark.parametrize("role", ["owner", "auditor", "sub_user"])
def test_a_person_of_each_role_is_let_through_as_the_page_says(
    tenant: Tenant, operations: list[Operation], role: str
) -> None:
    walk(Actor(tenant.person(role).client, role, is_person=True), operations)


@pytest.mark.parametrize("role", ["owner", "auditor", "sub_user"])
def test_a_key_of_each_role_is_let_through_as_the_page_says(
    tenant: Tenant, operations: list[Operation], role: str
) -> None:
    walk(Actor(tenant.key(role), role, is_person=False), operations)


@pytest.mark.parametrize("page", PAGES)
def test_a_sub_user_of_one_page_is_let_through_there_alone(
    tenant: Tenant, operations: list[Operation], page: str
) -> None:
    for action in ("see", "change", "destroy"):
        key = tenant.key("sub_user", [permission(page, action)])
        walk(Actor(key, "sub_user", is_person=False, may=frozenset({(page, action)})), operations)


def test_another_tenant_s_owner_can_t_even_name_this_one(
    stack: Stack, tenant: Tenant, operations: list[Operation]
) -> None:
    with a_tenant(stack) as other:
        owner = other.key("owner")
        for operation in operations:
            if RULES[operation.label].who in ("operator", "person", "anyone"):
                continue
            answer = ask(owner, operation, Postfach_Tenant=tenant.tenant)
            unknown = ask(owner, operation, Postfach_Tenant=str(uuid4()))
            assert (answer.status_code, answer.json()["code"]) == (404, "tenant_unknown"), operation.label
            assert without_names(answer) == without_names(unknown), operation.label


def without_names(answer: Answer) -> dict[str, Any]:
    """A problem without what differs between two of the same kind."""
    return {name: value for name, value in answer.json().items() if name not in ("trace_id", "instance")}


def test_a_suspended_tenant_s_owner_only_reads_and_ends_sessions(
    stack: Stack, operations: list[Operation]
) -> None:
    with a_tenant(stack) as tenant:
        owner = tenant.person("owner")
        tenant.operator.done(f"/v1/tenants/{tenant.tenant}:suspend", {})
        actor = Actor(owner.client, "owner", is_person=True)
        for operation in operations:
            rule = RULES[operation.label]
            if rule.who == "anyone" or not actor.is_allowed(rule):
                continue
            answer = ask(owner.client, operation)
            stopped = answer.status_code == 403 and answer.json()["code"] == "tenant_suspended"
            assert stopped == (operation.writes and not rule.while_suspended), (operation.label, answer.text)
