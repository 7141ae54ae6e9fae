"""The mailbox reactor killed in the middle of a reaction: it ends by itself, and nothing happens twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection

from contracts.access import CloseTenant, ResumeTenant, SuspendTenant
from contracts.codec import decode_any_event
from contracts.ids import LocalPart
from contracts.mailbox import CreateMailbox
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.ids import new_id
from tests.faults.house import ask_database, records
from tests.kit.ordering import Ordering, ordering
from tests.kit.waiting import eventually

REACTOR = "mailbox-reactor"
DOMAINS = 300
MAILBOXES = 400


def kill_at(stack: Stack, query: str, tenant: str, count: int) -> None:
    """Kill the reactor as soon as so much of its work has got as far as the directory."""
    eventually(lambda: ask_database(stack, query, tenant) >= count, 60)
    stack.kill(REACTOR)


async def happened(stack: Stack, kind: str, domains: Collection[str]) -> Counter[str]:
    """Count events of one type in these domains, as the log has them."""
    events = [decode_any_event(each.value or b"") for each in await records(stack, MAILBOX.events.name)]
    return Counter(each.stream for each in events if each.type == kind and each.stream in domains)


def given(stack: Stack, work: Callable[[Ordering], Awaitable[None]]) -> None:
    """Do something with a connection to the deciders."""

    async def connected() -> None:
        async with ordering(stack) as orders:
            await work(orders)

    asyncio.run(connected())


def test_a_suspension_goes_on_after_the_reactor_was_killed_in_its_middle(
    stack: Stack, chance: random.Random
) -> None:
    suspended = "SELECT count(*) FROM mailbox.domains WHERE tenant = $1 AND suspended_with_tenant"
    resumed = "SELECT count(*) FROM mailbox.domains WHERE tenant = $1 AND NOT suspended_with_tenant"

    async def suspend_and_resume(orders: Ordering) -> None:
        tenant = await orders.a_tenant()
        domains = await orders.domains(tenant, DOMAINS)
        await orders.tell(tenant, SuspendTenant())
        await asyncio.to_thread(kill_at, stack, suspended, tenant, chance.randrange(1, DOMAINS * 2 // 3))
        await orders.until_domains(domains, within_s=60.0, status="suspended")
        await asyncio.to_thread(stack.wait_ready, REACTOR)
        await orders.tell(tenant, ResumeTenant())
        await asyncio.to_thread(kill_at, stack, resumed, tenant, chance.randrange(1, DOMAINS * 2 // 3))
        await orders.until_domains(domains, within_s=60.0, status="active")
        once = Counter(dict.fromkeys(domains, 1))
        assert await happened(stack, "domain_suspended_with_tenant", domains) == once
        assert await happened(stack, "domain_resumed_with_tenant", domains) == once

    given(stack, suspend_and_resume)


def test_a_closing_goes_on_after_the_reactor_was_killed_again_and_again(
    stack: Stack, chance: random.Random
) -> None:
    shut = "SELECT count(*) FROM mailbox.domains WHERE tenant = $1 AND status = 'closing'"
    deleted = "SELECT count(*) FROM mailbox.mailboxes WHERE tenant = $1 AND status = 'deleted'"
    removed = "SELECT count(*) FROM mailbox.domains WHERE tenant = $1 AND status = 'removed'"

    async def close(orders: Ordering) -> None:
        tenant = await orders.a_tenant()
        domains = await orders.domains(tenant, DOMAINS)
        pending = await orders.domains(tenant, 5, active=False)
        full = domains[: DOMAINS // 100]
        names = [LocalPart(f"m{number}") for number in range(MAILBOXES)]
        await asyncio.gather(
            *(
                orders.tell_domain(tenant, domain, CreateMailbox(mailbox_id=new_id(), local_part=name))
                for domain in full
                for name in names
            )
        )
        await orders.tell(tenant, CloseTenant())
        total = len(full) * MAILBOXES
        for query, count in (
            (shut, chance.randrange(1, DOMAINS // 2)),
            (deleted, chance.randrange(1, total // 2)),
            (deleted, chance.randrange(total // 2, total)),
            (removed, chance.randrange(len(pending) + 1, DOMAINS // 2)),
        ):
            await asyncio.to_thread(kill_at, stack, query, tenant, count)
            await asyncio.to_thread(stack.wait_ready, REACTOR)
        await orders.until_tenant(tenant, "closed", within_s=90.0)
        every = [*domains, *pending]
        await orders.until_domains(every, status="removed", mailboxes=0)
        assert await happened(stack, "domain_closing", every) == Counter(dict.fromkeys(domains, 1))
        assert await happened(stack, "domain_removed", every) == Counter(dict.fromkeys(every, 1))
        assert await happened(stack, "mailbox_deleted", every) == Counter(dict.fromkeys(full, MAILBOXES))

    given(stack, close)
