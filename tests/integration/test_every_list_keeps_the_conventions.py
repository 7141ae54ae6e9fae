"""Each list of the API in pages of one: nothing twice, nothing missing, an end that is said, and a count that is right."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from tests.kit.open_api import Operation, operations_of
from tests.kit.people import Client, Tenant, a_tenant
from tests.kit.settled import Settled

pytestmark = pytest.mark.integration

# Other tests onboard tenants meanwhile; the problems and the plan of an import are its file's, and in the tests of imports.
ELSEWHERE = {"tenants_list", "imports_problems", "imports_plan"}


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    """A tenant with three of what can be made at once."""
    with a_tenant(stack) as tenant:
        operator, domain = Settled(tenant.operator), tenant.domain()
        for number in range(3):
            mailbox = operator.mailbox(f"m{number}@{domain}")
            rule = {"pattern": f"r{number}{{any}}", "target": mailbox}
            operator.done(f"/v1/domains/{domain}/rules", rule)
            operator.done(f"/v1/domains/{domain}/aliases", {"local_part": f"a{number}", "target": mailbox})
            operator.done("/v1/exports", {"format": "csv"})
            tenant.operator.done("/v1/keys", {"title": f"Key {number}"})
            person = {"email": f"p{uuid4().hex[:12]}@people.example", "display_name": "Somebody"}
            tenant.operator.done("/v1/users", person)
        yield tenant


@pytest.fixture(scope="module")
def lists(stack: Stack) -> list[Operation]:
    found = [each for each in operations_of(stack.url) if "page_token" in each.parameters("query")]
    assert len(found) > 8
    return [each for each in found if each.id not in ELSEWHERE]


def items_of(page: dict[str, Any]) -> list[Any]:
    """What a page lists: its one field that is a list."""
    (items,) = [value for value in page.values() if isinstance(value, list)]
    return items


def pages_of(client: Client, path: str, size: int) -> list[dict[str, Any]]:
    pages = [client.shown(f"{path}?page_size={size}")]
    while "next_page_token" in pages[-1]:
        assert len(pages) < 50, path
        pages.append(client.shown(f"{path}?page_size={size}&page_token={pages[-1]['next_page_token']}"))
    return pages


def test_pages_of_one_hold_what_a_whole_page_holds(tenant: Tenant, lists: list[Operation]) -> None:
    domain: str = tenant.operator.shown("/v1/domains")["domains"][0]["domain"]
    seen_several = 0
    for operation in lists:
        path = operation.url(**dict.fromkeys(operation.path_parameters, domain))
        (whole,) = pages_of(tenant.operator, path, 2**31)
        single = pages_of(tenant.operator, path, 1)
        names = [identity(item) for page in single for item in items_of(page)]
        assert names == [identity(item) for item in items_of(whole)], path
        assert all(len(items_of(page)) <= 1 for page in single), path
        if whole["total_size_is"] == "exact":
            assert {page["total_size"] for page in (whole, *single)} == {len(names)}, path
        seen_several += len(names) > 2
    assert seen_several > 5


def identity(item: dict[str, Any]) -> Any:
    """What stays of a thing while a job goes on: its id, or a domain's name."""
    return next((value for name, value in item.items() if name.endswith("_id")), item.get("domain"))
