"""What permissions cost in a tenant of 10,000 domains and 1,000 sub-users, and how fast its domains follow it.

The same request is sent in turn by an operator of the keys file, by a key of the owner, and by a key whose permissions
name a paid group with a tenth of the domains, as those of the sub-users do.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import httpx2
from msgspec import Struct

from contracts.access import (
    AccessCommand,
    CreatePaidGroup,
    InviteUser,
    OnboardTenant,
    PlaceDomain,
    SuspendTenant,
)
from contracts.envelope import CommandEnvelope
from contracts.ids import LocalPart, TenantId
from contracts.mailbox import ActivateDomain, CreateMailbox, MailboxCommand, RegisterDomain
from contracts.permissions import PageName, Permission
from contracts.topics import ACCESS, MAILBOX, Family
from deploy.local.stack import Stack
from services.runtime.ids import new_id
from services.runtime.kafka.commands import CommandClient, open_command_client
from services.runtime.postgres import connect
from tests.bench.commands import order, settings_of, until_counted
from tests.bench.report import Figure, percentile

DOMAINS: Final = 10_000
GROUPS: Final = 10
SUB_USERS: Final = 1_000
MAILBOXES: Final = 20_000
REQUESTS: Final = 1_500
PAGES: Final = 100
PAGE_SIZES: Final = (50, 500)
AT_ONCE: Final = 1_000
FILLED_WITHIN_S: Final = 600.0
FOLLOWED_WITHIN_S: Final = 300.0
PAGES_SEEN: Final[tuple[PageName, ...]] = ("mailboxes", "domains")

Sent = tuple[Family[Any, Any], CommandEnvelope[Any]]


class Filled(Struct, frozen=True):
    """A tenant with all its domains, and a paid group with some of them, which has this mailbox among others."""

    tenant: TenantId
    group_id: str
    mailbox_id: str


async def measure(stack: Stack) -> list[Figure]:
    """Fill a tenant, time requests and lists, then suspend it."""
    tenant = TenantId(new_id())
    async with open_command_client(settings_of(stack), [ACCESS, MAILBOX]) as commands:
        began = time.monotonic()
        filled = await _fill(stack, commands, tenant)
        print(f"  filled within {time.monotonic() - began:.0f} s", flush=True)
        async with _callers(stack, filled) as callers:
            figures = await _time_requests(callers, filled)
            figures += await _time_lists(callers)
        figures.append(await _time_suspension(stack, commands, tenant))
    return figures


async def _fill(stack: Stack, commands: CommandClient, tenant: TenantId) -> Filled:
    groups = [new_id() for _ in range(GROUPS)]
    domains = [f"d{number:05}.{uuid4().hex[:8]}.example" for number in range(DOMAINS)]
    mailboxes = [new_id() for _ in range(MAILBOXES)]
    for step in _orders(tenant, groups, domains, mailboxes):
        await _send(commands, step)
    followed = "SELECT count(*) FROM gateway.domains WHERE tenant = $1 AND group_id IS NOT NULL"
    await until_counted(stack, followed, tenant, DOMAINS, FILLED_WITHIN_S)
    created = "SELECT count(*) FROM gateway.mailboxes WHERE tenant = $1"
    await until_counted(stack, created, tenant, MAILBOXES, FILLED_WITHIN_S)
    async with connect(stack.dsn, search_path="gateway") as connection:
        await connection.execute("VACUUM ANALYZE")
    return Filled(tenant, groups[0], mailboxes[0])


def _orders(
    tenant: TenantId, groups: list[str], domains: list[str], mailboxes: list[str]
) -> Iterator[Iterable[Sent]]:
    """Give what makes the tenant, step by step: each has to be accepted before the next. Groups take turns."""

    def of_tenant(data: AccessCommand) -> Sent:
        return ACCESS, order(tenant, tenant, data)

    def of_domain(number: int, data: MailboxCommand) -> Sent:
        return MAILBOX, order(tenant, domains[number % DOMAINS], data)

    yield [of_tenant(OnboardTenant(title="Large"))]
    yield (
        of_tenant(
            CreatePaidGroup(
                group_id=group, title="A tenth", plan="a", domains_max=DOMAINS, mailboxes_max=1_000_000
            )
        )
        for group in groups
    )
    yield (of_domain(number, RegisterDomain()) for number in range(DOMAINS))
    yield (of_domain(number, ActivateDomain(proof="operator")) for number in range(DOMAINS))
    yield (
        of_tenant(PlaceDomain(domain=domain, group_id=groups[number % GROUPS], mailbox_limit=100))
        for number, domain in enumerate(domains)
    )
    yield (of_tenant(_sub_user(number, groups[number % GROUPS])) for number in range(SUB_USERS))
    yield (
        of_domain(number, CreateMailbox(mailbox_id=mailbox_id, local_part=LocalPart(f"employee.{number}")))
        for number, mailbox_id in enumerate(mailboxes)
    )


def _sub_user(number: int, group_id: str) -> InviteUser:
    return InviteUser(
        user_id=new_id(),
        email=f"employee.{number}@staff.example",
        display_name=f"Employee {number}",
        role="sub_user",
        permissions=_of_group(group_id),
        invitation_id=new_id(),
    )


def _of_group(group_id: str) -> tuple[Permission, ...]:
    return tuple(
        Permission(page=page, actions=("see", "change"), scope="groups", names=(group_id,))
        for page in PAGES_SEEN
    )


async def _send(commands: CommandClient, orders: Iterable[Sent]) -> None:
    """Order all of it, so many at a time; every one must be accepted."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(family: Family[Any, Any], command: CommandEnvelope[Any]) -> None:
        async with places:
            outcome = await commands.send(family, command, 120.0)
        assert outcome.status == "accepted", f"{outcome.code} {outcome.detail}"

    await asyncio.gather(*(one(family, command) for family, command in orders))


Callers = dict[str, httpx2.AsyncClient]


@asynccontextmanager
async def _callers(stack: Stack, filled: Filled) -> AsyncGenerator[Callers]:
    """Give clients that act for the tenant, by what they are."""
    operator = {"Authorization": f"Bearer {stack.secret('operator.key')}", "Postfach-Tenant": filled.tenant}
    scoped = [
        {"page": page, "actions": ["see"], "scope": "groups", "names": [filled.group_id]}
        for page in PAGES_SEEN
    ]
    people = {"page": "users", "actions": ["see"]}
    async with (
        _client(stack, operator) as of_operator,
        _client(stack, await _key(of_operator, {"role": "owner"})) as of_owner,
        _client(stack, await _key(of_operator, {"permissions": [*scoped, people]})) as of_sub_user,
    ):
        yield {"operator": of_operator, "owner": of_owner, "sub-user": of_sub_user}


def _client(stack: Stack, headers: dict[str, str]) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=30.0)


async def _key(operator: httpx2.AsyncClient, holds: dict[str, Any]) -> dict[str, str]:
    made = await operator.post(
        "/v1/keys", json={"title": "Bench", **holds}, headers={"Idempotency-Key": str(uuid4())}
    )
    made.raise_for_status()
    return {"Authorization": f"Bearer {made.json()['secret']}"}


async def _timed(client: httpx2.AsyncClient, path: str, **parameters: Any) -> tuple[float, Any]:
    """Give milliseconds and the answer."""
    started = time.perf_counter()
    answer = await client.get(path, params=parameters)
    took_ms = (time.perf_counter() - started) * 1000
    answer.raise_for_status()
    return took_ms, answer.json()


async def _time_requests(callers: Callers, filled: Filled) -> list[Figure]:
    path = f"/v1/mailboxes/{filled.mailbox_id}"
    times: dict[str, list[float]] = {name: [] for name in callers}
    for number in range(REQUESTS):
        for name, client in callers.items():
            took_ms, _ = await _timed(client, path)
            if number >= REQUESTS // 10:
                times[name].append(took_ms)
    figures: list[Figure] = []
    for part, label in ((0.5, "p50"), (0.99, "p99")):
        plain, owner, sub_user = (percentile(times[name], part) for name in ("operator", "owner", "sub-user"))
        # The difference of two p99 is mostly chance, so the goal is for the middle.
        limit, limit_is = (1.0, "the most allowed") if part == 0.5 else (None, "")
        figures += [
            Figure(name=f"a mailbox, asked by an operator's bootstrap key, {label}", value=plain, unit="ms"),
            Figure(
                name=f"permission check of a sub-user's key adds, {label}",
                value=sub_user - plain,
                unit="ms",
                limit=limit,
                limit_is=limit_is,
            ),
            Figure(name=f"of this, the scope of a paid group, {label}", value=sub_user - owner, unit="ms"),
        ]
    return figures


async def _time_lists(callers: Callers) -> list[Figure]:
    figures: list[Figure] = []
    for what in ("domains", "users", "mailboxes"):
        for name in ("owner", "sub-user"):
            times: list[float] = []
            for size in PAGE_SIZES:
                times += await _walk(callers[name], f"/v1/{what}", size)
            named = f"list of {what}, {name}'s key ({len(times)} pages)"
            figures += [
                Figure(name=f"{named}, p50", value=percentile(times, 0.5), unit="ms"),
                Figure(
                    name=f"{named}, p99",
                    value=percentile(times, 0.99),
                    unit="ms",
                    limit=50.0,
                    limit_is="the most allowed",
                ),
            ]
    return figures


async def _walk(client: httpx2.AsyncClient, path: str, size: int) -> list[float]:
    """Time the pages of a list, from the first on, over and over until there are enough."""
    times: list[float] = []
    parameters: dict[str, Any] = {"page_size": size}
    while len(times) < PAGES:
        took_ms, page = await _timed(client, path, **parameters)
        times.append(took_ms)
        token = page.get("next_page_token")
        parameters = {"page_size": size} if token is None else {"page_size": size, "page_token": token}
    return times


async def _time_suspension(stack: Stack, commands: CommandClient, tenant: TenantId) -> Figure:
    began = time.monotonic()
    await _send(commands, [(ACCESS, order(tenant, tenant, SuspendTenant()))])
    suspended = "SELECT count(*) FROM gateway.domains WHERE tenant = $1 AND suspended_with_tenant"
    await until_counted(stack, suspended, tenant, DOMAINS, FOLLOWED_WITHIN_S)
    took_s = time.monotonic() - began
    return Figure(name=f"{DOMAINS:,} domains follow their suspended tenant", value=took_s, unit="s")
