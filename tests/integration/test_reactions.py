"""What follows in one stream from what happened in another: the mailbox reactor on a running stack."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from functools import partial
from uuid import uuid4

import pytest

from contracts.access import (
    CloseTenant,
    CreatePaidGroup,
    InviteUser,
    PlaceDomain,
    RemoveUser,
    ResumeTenant,
    SuspendTenant,
    WithdrawDomain,
)
from contracts.codec import decode_any_event
from contracts.ids import LocalPart
from contracts.mailbox import (
    ActivateDomain,
    AssignDomain,
    CreateMailbox,
    RegisterDomain,
    RemoveDomain,
    ResumeDomain,
    SuspendDomain,
)
from contracts.outcome import RefusalCode
from contracts.routing import AddAlias, AddRule, EnableCatchAll
from contracts.topics import ACCESS, MAILBOX
from deploy.local.roles import PARTITIONS
from deploy.local.stack import Stack
from services.runtime.ids import new_id
from tests.kit.ordering import Ordering, ordering
from tests.kit.room import read_all, until

MANY = 300


@pytest.fixture
async def orders(stack: Stack) -> AsyncGenerator[Ordering]:
    async with ordering(stack) as made:
        yield made


async def happened(orders: Ordering, domains: Collection[str]) -> Counter[tuple[str, str]]:
    """Count what happened to each of the domains, by type of event, as the log has it."""
    found: Counter[tuple[str, str]] = Counter()
    for record in await read_all(orders.stack.bootstrap, MAILBOX.events.name, PARTITIONS):
        event = decode_any_event(record.value or b"")
        if event.stream in domains:
            found[event.stream, event.type] += 1
    return found


async def a_paid_group(orders: Ordering, tenant: str, mailboxes_max: int = 100) -> str:
    group_id = new_id()
    group = CreatePaidGroup(
        group_id=group_id, title="Plan A", plan="a", domains_max=10, mailboxes_max=mailboxes_max
    )
    await orders.tell(tenant, group)
    return group_id


async def a_mailbox(orders: Ordering, tenant: str, domain: str) -> str:
    mailbox_id = new_id()
    created = CreateMailbox(mailbox_id=mailbox_id, local_part=LocalPart(f"m{mailbox_id}"))
    await orders.tell_domain(tenant, domain, created)
    return mailbox_id


async def test_every_domain_is_suspended_with_its_tenant_and_comes_back_with_it(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    domains = await orders.domains(tenant, MANY)
    others = await orders.domains(await orders.a_tenant(), 1)
    await orders.tell(tenant, SuspendTenant())
    await orders.until_domains(domains, status="suspended", suspended_with_tenant=True)
    await orders.tell(tenant, ResumeTenant())
    await orders.until_domains(domains, status="active", suspended_with_tenant=False)
    counted = await happened(orders, [*domains, *others])
    for domain in domains:
        assert counted[domain, "domain_suspended_with_tenant"] == 1
        assert counted[domain, "domain_resumed_with_tenant"] == 1
    assert set(counted) >= {(others[0], "domain_activated")}
    assert counted[others[0], "domain_suspended_with_tenant"] == 0


async def test_a_domain_that_an_operator_suspended_stays_so_when_its_tenant_is_resumed(
    orders: Ordering,
) -> None:
    tenant = await orders.a_tenant()
    domains = await orders.domains(tenant, 2)
    await orders.tell_domain(tenant, domains[0], SuspendDomain())
    await orders.tell(tenant, SuspendTenant())
    await orders.until_domains(domains, status="suspended", suspended_with_tenant=True)
    await orders.tell(tenant, ResumeTenant())
    await orders.until_domains(domains[1:], status="active")
    await orders.until_domains(domains[:1], status="suspended", suspended_with_tenant=False)
    await orders.tell_domain(tenant, domains[0], ResumeDomain())
    await orders.until_domains(domains, status="active")


async def test_domains_registered_while_the_tenant_is_suspended_and_resumed_end_like_it(
    orders: Ordering,
) -> None:
    """Registering goes on through both, so that some domains are missed by one reaction or the other."""
    tenant = await orders.a_tenant()
    made: list[str] = []
    told = asyncio.Event()

    async def go_on_registering() -> None:
        while not told.is_set():
            made.extend(await orders.domains(tenant, 4, active=len(made) % 8 == 0))

    registering = asyncio.create_task(go_on_registering())
    for suspended in (True, False, True):
        await until(partial(_more, made, len(made) + 12))
        await orders.tell(tenant, SuspendTenant() if suspended else ResumeTenant())
    await until(partial(_more, made, len(made) + 12))
    told.set()
    await registering
    await orders.until_domains(made, suspended_with_tenant=True)


async def _more(made: list[str], count: int) -> bool:
    return len(made) >= count


async def test_a_domain_registered_again_is_not_suspended_by_what_was_true_before(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    (domain,) = await orders.domains(tenant, 1, active=False)
    await orders.tell(tenant, SuspendTenant())
    await orders.until_domains([domain], suspended_with_tenant=True)
    await orders.tell_domain(tenant, domain, RemoveDomain())
    await orders.until_domains([domain], status="removed")
    await orders.tell(tenant, ResumeTenant())
    await orders.until_tenant(tenant, "active")
    await orders.tell_domain(tenant, domain, RegisterDomain())
    await orders.tell_domain(tenant, domain, ActivateDomain(proof="operator"))
    await orders.until_domains([domain], status="active", suspended_with_tenant=False)


async def test_a_domain_takes_the_limit_that_its_paid_group_hands_out(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    (domain,) = await orders.domains(tenant, 1)
    first, second = await a_paid_group(orders, tenant), await a_paid_group(orders, tenant)
    await orders.tell(tenant, PlaceDomain(domain=domain, group_id=first, mailbox_limit=7))
    await orders.until_domains([domain], group_id=first, mailbox_limit=7)
    await orders.tell(tenant, PlaceDomain(domain=domain, group_id=second, mailbox_limit=9))
    await orders.until_domains([domain], group_id=second, mailbox_limit=9)
    await orders.tell(tenant, WithdrawDomain(domain=domain))
    await orders.until_domains([domain], group_id=None, mailbox_limit=None)


async def test_a_share_larger_than_any_domain_is_the_largest_limit_there_is(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    (domain,) = await orders.domains(tenant, 1)
    group_id = await a_paid_group(orders, tenant, mailboxes_max=50_000_000)
    await orders.tell(tenant, PlaceDomain(domain=domain, group_id=group_id, mailbox_limit=50_000_000))
    await orders.until_domains([domain], group_id=group_id, mailbox_limit=10_000_000)


@pytest.mark.parametrize("held_by", ["nobody", "another tenant"])
async def test_a_placement_of_a_domain_that_the_tenant_does_not_hold_is_withdrawn(
    orders: Ordering, held_by: str
) -> None:
    tenant = await orders.a_tenant()
    domain = f"{uuid4().hex[:12]}.example"
    if held_by == "another tenant":
        (domain,) = await orders.domains(await orders.a_tenant(), 1)
    group_id = await a_paid_group(orders, tenant)
    await orders.tell(tenant, PlaceDomain(domain=domain, group_id=group_id, mailbox_limit=100))
    await until_withdrawn(orders, tenant, domain)
    (free,) = await orders.domains(tenant, 1)
    await orders.tell(tenant, PlaceDomain(domain=free, group_id=group_id, mailbox_limit=100))
    await orders.until_domains([free], mailbox_limit=100)


async def until_withdrawn(orders: Ordering, tenant: str, domain: str) -> None:
    """Wait until the directory tells that the tenant's placement of the domain is over."""

    async def is_over() -> bool:
        rows = await orders.rows("placements", "placement_id", f"{tenant}/{domain}")
        return [row["group_id"] for row in rows] == [None]

    await until(is_over)


async def test_what_a_removed_domain_was_handed_is_free_again(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    (domain,) = await orders.domains(tenant, 1)
    group_id = await a_paid_group(orders, tenant)
    await orders.tell(tenant, PlaceDomain(domain=domain, group_id=group_id, mailbox_limit=100))
    await orders.until_domains([domain], mailbox_limit=100)
    await orders.tell_domain(tenant, domain, RemoveDomain())
    await until_withdrawn(orders, tenant, domain)


async def test_the_domains_of_a_removed_employee_are_for_nobody_in_particular(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    leaver, colleague = new_id(), new_id()
    for user_id in (leaver, colleague):
        invited = InviteUser(
            user_id=user_id,
            email=f"{user_id}@example.com",
            display_name="An employee",
            role="sub_user",
            invitation_id=new_id(),
        )
        await orders.tell(tenant, invited)
    domains = await orders.domains(tenant, 3, active=False)
    for domain, user_id in zip(domains, (leaver, leaver, colleague), strict=True):
        await orders.tell_domain(tenant, domain, AssignDomain(user_id=user_id))
    await orders.tell(tenant, RemoveUser(user_id=leaver))
    await orders.until_domains(domains[:2], assigned_to=None)
    await orders.until_domains(domains[2:], assigned_to=colleague)
    await orders.tell_domain(tenant, domains[0], AssignDomain(user_id=leaver))
    late = f"{uuid4().hex[:12]}.example"
    await orders.tell_domain(tenant, late, RegisterDomain(assigned_to=leaver))
    await orders.until_domains([domains[0], late], assigned_to=None)


async def test_a_tenant_is_closed_with_all_it_has(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    domains = await orders.domains(tenant, 4)
    pending = await orders.domains(tenant, 2, active=False)
    shop, office, suspended, _ = domains
    boss, clerk = await a_mailbox(orders, tenant, office), await a_mailbox(orders, tenant, office)
    for number in range(20):
        rule = AddRule(
            rule_id=new_id(), pattern=f"s{number}_{{number}}", target_id=boss, target_domain=office
        )
        await orders.tell_domain(tenant, shop, rule)
        own = AddRule(rule_id=new_id(), pattern=f"o{number}_{{word}}", target_id=clerk, target_domain=office)
        await orders.tell_domain(tenant, office, own)
    alias = AddAlias(alias_id=new_id(), local_part=LocalPart("info"), target_id=boss, target_domain=office)
    await orders.tell_domain(tenant, office, alias)
    for domain in (shop, office):
        await orders.tell_domain(tenant, domain, EnableCatchAll(target_id=boss, target_domain=office))
    await a_mailbox(orders, tenant, suspended)
    await orders.tell_domain(tenant, suspended, SuspendDomain())
    group_id = await a_paid_group(orders, tenant)
    await orders.tell(tenant, PlaceDomain(domain=shop, group_id=group_id, mailbox_limit=5))

    await orders.tell(tenant, CloseTenant())
    await orders.until_tenant(tenant, "closed")

    await orders.until_domains([*domains, *pending], status="removed", mailboxes=0)
    mailboxes = await orders.rows("mailboxes", "tenant", tenant)
    assert len(mailboxes) == 3
    assert {each["status"] for each in mailboxes} == {"deleted"}
    await until_withdrawn(orders, tenant, shop)
    counted = await happened(orders, [*domains, *pending])
    assert all(counted[domain, "domain_closing"] == 1 for domain in domains)
    assert all(counted[domain, "domain_closing"] == 0 for domain in pending)
    assert all(counted[domain, "domain_removed"] == 1 for domain in [*domains, *pending])


async def test_nothing_comes_in_while_a_domain_is_emptied(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    (domain,) = await orders.domains(tenant, 1)
    for _ in range(150):
        await a_mailbox(orders, tenant, domain)
    await orders.tell(tenant, CloseTenant())
    refused: set[RefusalCode | None] = set()

    async def is_closed() -> bool:
        late = CreateMailbox(mailbox_id=new_id(), local_part=LocalPart(f"late-{uuid4().hex[:8]}"))
        outcome = await orders.send(MAILBOX, tenant, domain, late)
        refused.add(outcome.code)
        (row,) = await orders.rows("tenants", "tenant", tenant)
        return row["status"] == "closed"

    await until(is_closed, within_s=60.0)
    assert RefusalCode.DOMAIN_REMOVED in refused
    mailboxes = await orders.rows("mailboxes", "domain", domain)
    assert {each["status"] for each in mailboxes} == {"deleted"}


async def test_a_domain_that_a_closed_tenant_gets_in_the_last_moment_goes_too(orders: Ordering) -> None:
    tenant = await orders.a_tenant()
    await orders.tell(tenant, CloseTenant())
    await orders.until_tenant(tenant, "closed")
    late = await orders.domains(tenant, 2, active=False)
    await orders.until_domains(late, status="removed")
    outcome = await orders.send(ACCESS, tenant, tenant, ResumeTenant())
    assert outcome.code is RefusalCode.TENANT_CLOSING
