"""The permission table knows every route and nothing else, and what it says is what the gate asks for."""

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.ids import ActorName
from contracts.permissions import NOWHERE, Reach
from services.gateway.http.acting import Access, tenant_id
from services.gateway.http.app import create_app
from services.gateway.http.permission_table import TABLE, TableIncomplete, check_complete
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem
from services.gateway.reaching import DomainPlace
from services.runtime.health import Health

TENANT = "01890a5d-ac96-7b7c-8f8e-0123456789ab"
PERSON = "01890a5d-ac96-7b7c-8f8e-0123456789ac"


def access(see: Reach, reach: Reach, kind: Any = "person") -> Access:
    gateway: Any = None
    tenant = tenant_id(TENANT)
    principal = Principal(
        kind=kind, id=PERSON, actor=ActorName(f"user:{PERSON}"), tenant=tenant, role="sub_user"
    )
    return Access(gateway=gateway, principal=principal, tenant=tenant, see=see, reach=reach)


def test_a_route_without_an_entry_keeps_the_application_from_starting() -> None:
    with pytest.raises(TableIncomplete, match="/v1/forgotten"):
        check_complete([*TABLE, ("POST", "/v1/forgotten")])


def test_an_entry_without_a_route_does_too() -> None:
    with pytest.raises(TableIncomplete, match="/v1/tenants"):
        check_complete(route for route in TABLE if route != ("GET", "/v1/tenants"))


def test_every_documented_operation_is_in_the_table() -> None:
    gateway: Any = SimpleNamespace(health=Health())
    paths = create_app(gateway).openapi()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(TABLE)


def test_every_action_of_a_page_is_for_somebody_of_the_tenant_or_an_operator() -> None:
    for route, needs in TABLE.items():
        if needs.page is not None:
            assert needs.who in ("tenant", "operator"), route
        if route[0] == "GET":
            assert needs.action == "see", route


def test_what_is_not_seen_is_not_there_and_what_is_only_seen_is_forbidden() -> None:
    acting = access(
        Reach(domains=frozenset({"a.example", "b.example"})), Reach(domains=frozenset({"a.example"}))
    )
    acting.admit_place(DomainPlace("a.example", None, None), "mailbox_unknown")
    with pytest.raises(Problem, match="page_forbidden") as forbidden:
        acting.admit_place(DomainPlace("b.example", None, None), "mailbox_unknown")
    assert forbidden.value.status == 403
    for place in (DomainPlace("c.example", None, None), None):
        with pytest.raises(Problem, match="mailbox_unknown") as unknown:
            acting.admit_place(place, "mailbox_unknown")
        assert unknown.value.status == 404


def test_a_paid_group_reaches_the_domains_that_are_placed_in_it() -> None:
    reach = Reach(groups=frozenset({"g1"}))
    access(reach, reach).admit_place(DomainPlace("a.example", "g1", None), "domain_unknown")
    with pytest.raises(Problem, match="domain_unknown"):
        access(reach, reach).admit_place(DomainPlace("a.example", "g2", None), "domain_unknown")


def test_an_assigned_domain_is_reached_by_the_person_it_is_assigned_to_and_by_no_key() -> None:
    reach = Reach(assigned=True)
    mine, another = DomainPlace("a.example", None, PERSON), DomainPlace("b.example", None, TENANT)
    access(reach, reach).admit_place(mine, "domain_unknown")
    with pytest.raises(Problem, match="domain_unknown"):
        access(reach, reach).admit_place(another, "domain_unknown")
    with pytest.raises(Problem, match="domain_unknown"):
        access(reach, reach, kind="key").admit_place(mine, "domain_unknown")


def test_nowhere_reaches_nothing() -> None:
    with pytest.raises(Problem, match="domain_unknown"):
        access(NOWHERE, NOWHERE).admit_place(DomainPlace("a.example", None, None), "domain_unknown")


def test_what_is_no_tenant_id_is_no_tenant() -> None:
    assert tenant_id(TENANT.upper()) == TENANT
    with pytest.raises(Problem, match="tenant_unknown"):
        tenant_id("' OR 1=1")
