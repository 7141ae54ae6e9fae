"""The mailbox reactor's handlers on a directory of their own: what no running stack can be brought to tell in time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import uuid4

import pytest

from contracts.access import AccessEvent, DomainPlaced, FinishClosing, TenantSuspended, WithdrawDomain
from contracts.envelope import FIRST_PREVHASH, CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, EventId, TenantId
from contracts.mailbox import CloseDomain, DomainRegistered, FollowPaidGroup, FollowTenant, MailboxEvent
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import ACCESS, MAILBOX, Family
from deploy.local.stack import Stack
from services.mailbox.closing import Closings
from services.mailbox.holdings import tenants_to_close
from services.mailbox.reactions import Reactions
from services.mailbox.settings import MailboxSettings
from services.mailbox.tools import Tools
from services.mailbox.wiring import MIGRATIONS, SYSTEM
from services.runtime.claimed_work import ClaimedWork
from services.runtime.ids import new_id
from services.runtime.kafka.commands import CommandClient
from services.runtime.kafka.voice import UnexpectedRefusal, Voice
from services.runtime.postgres import Pool, connect, migrate, open_pool, role_of
from services.runtime.settings import read_settings
from tests.kit.room import until

NOON: Final = datetime(2030, 6, 15, 12, tzinfo=UTC)
US: Final = TenantId(new_id())
FORMER: Final = TenantId(new_id())
GROUP: Final = new_id()


class Deciders:
    """Notes the commands that it is sent, and answers all of them alike."""

    def __init__(self) -> None:
        self.told: list[CommandEnvelope[Any]] = []
        self.refuses: RefusalCode | None = None

    async def send_until_answered(self, _family: Family[Any, Any], command: CommandEnvelope[Any]) -> Outcome:
        """Answer as `refuses` says."""
        self.told.append(command)
        return Outcome(
            command=command.id,
            tenant=command.tenant,
            stream=command.stream,
            correlation=command.correlation,
            subject=command.stream,
            status="accepted" if self.refuses is None else "refused",
            decided_at=NOON,
            streamseq=1,
            version=1,
            code=self.refuses,
        )


class Alone:
    """Reactions, what they tell, and the directory that they read."""

    def __init__(self, reactions: Reactions, closings: Closings, deciders: Deciders, pool: Pool) -> None:
        self.reactions = reactions
        self.closings = closings
        self.deciders = deciders
        self.pool = pool

    async def a_tenant(self, tenant: str, *, status: str = "active", version: int = 1) -> None:
        """Let the directory know a tenant as of position 9 of its stream."""
        await self.pool.execute(
            "INSERT INTO tenants (tenant, title, status, version, created_at, changed_at) VALUES ($1, '', $2, $3, $4, $4)",
            tenant,
            status,
            version,
            NOON,
        )
        await self._stands("tenants", tenant, 9)

    async def a_domain(self, domain: str, tenant: str) -> None:
        """Let the directory know an active domain as of position 2 of its stream."""
        await self.pool.execute(
            """
            INSERT INTO domains (domain, tenant, status, suspended, suspended_with_tenant, mailboxes, challenge,
                followed_tenant, followed_group, copies, version, created_at, changed_at)
            VALUES ($1, $2, 'active', false, false, 0, '', 0, 0, false, 2, $3, $3)
            """,
            domain,
            tenant,
            NOON,
        )
        await self._stands("directory", domain, 2)

    async def a_placement(self, domain: str, tenant: str, version: int) -> None:
        """Let the directory know that a tenant has placed a domain."""
        await self.pool.execute(
            """
            INSERT INTO placements (placement_id, tenant, domain, group_id, mailbox_limit, version, created_at, changed_at)
            VALUES ($1, $2, $3, $4, 5, $5, $6, $6)
            """,
            f"{tenant}/{domain}",
            tenant,
            domain,
            GROUP,
            version,
            NOON,
        )

    async def a_closing(self, tenant: str, *, finished: bool) -> None:
        """Let the directory know that a tenant is given up."""
        await self.pool.execute(
            "INSERT INTO closings VALUES ($1, $2, 'a request', $3)", tenant, new_id(), finished
        )

    async def _stands(self, projection: str, stream: str, streamseq: int) -> None:
        await self.pool.execute(
            "INSERT INTO projection_streams VALUES ($1, $2, 0, $3, '', $4)",
            projection,
            stream,
            streamseq,
            NOON,
        )


def an_event(family: Family[Any, Any], stream: str, data: Any, *, version: int = 1) -> EventEnvelope[Any]:
    """Give an event of ours at the first position of its stream."""
    command = CommandId(new_id())
    return EventEnvelope(
        id=EventId(new_id()),
        source="/postfach/test",
        type="test",
        subject=stream,
        time=NOON,
        tenant=US,
        stream=stream,
        streamseq=1,
        version=version,
        command=command,
        part="1/1",
        correlation=command,
        causation=command,
        actor=ActorName("operator:test"),
        writer=1,
        prevhash=FIRST_PREVHASH,
        data=data,
    )


@asynccontextmanager
async def a_schema(stack: Stack) -> AsyncGenerator[str]:
    """Make the directory's tables, empty, under another name, and take them away afterwards."""
    schema = f"mailbox_{uuid4().hex[:12]}"
    await migrate(stack.dsn, schema, MIGRATIONS)
    try:
        yield schema
    finally:
        async with connect(stack.dsn, search_path="pg_catalog") as connection:
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
            await connection.execute(f"DROP ROLE {role_of(schema)}")


@pytest.fixture
async def alone(stack: Stack) -> AsyncGenerator[Alone]:
    settings = read_settings(MailboxSettings, stack.env())
    async with a_schema(stack) as schema, open_pool(stack.dsn, schema=schema) as pool:
        deciders = Deciders()
        voice = Voice(cast("CommandClient", deciders), lambda: NOON, SYSTEM)
        tools = Tools(settings=settings, pool=pool, voice=voice)
        async with ClaimedWork(pool, 1) as work:
            closings = Closings(tools, work)
            yield Alone(Reactions(tools, closings), closings, deciders, pool)


def registered(domain: str) -> EventEnvelope[MailboxEvent]:
    return an_event(MAILBOX, domain, DomainRegistered())


async def test_a_claim_that_lapsed_frees_what_its_former_holder_had_placed(alone: Alone) -> None:
    await alone.a_tenant(US)
    await alone.a_domain("example.org", US)
    await alone.a_placement("example.org", FORMER, version=3)
    await alone.a_placement("example.org", US, version=1)
    await alone.reactions.on_mailbox_event(registered("example.org"))
    (told,) = alone.deciders.told
    assert told.data == WithdrawDomain(domain="example.org")
    assert (told.stream, told.tenant, told.expected_version) == (FORMER, FORMER, 3)


async def test_a_placement_is_withdrawn_only_in_the_version_that_was_refused(alone: Alone) -> None:
    alone.deciders.refuses = RefusalCode.DOMAIN_UNKNOWN
    placed = DomainPlaced(domain="example.org", group_id=GROUP, mailbox_limit=5)
    event: EventEnvelope[AccessEvent] = an_event(ACCESS, US, placed, version=4)
    with pytest.raises(UnexpectedRefusal):
        await alone.reactions.on_access_event(event)
    followed, withdrawn = alone.deciders.told
    assert followed.data == FollowPaidGroup(as_of=1, group_id=GROUP, mailbox_limit=5)
    assert (withdrawn.data, withdrawn.expected_version) == (WithdrawDomain(domain="example.org"), 4)


async def test_the_same_event_again_orders_the_same(alone: Alone) -> None:
    await alone.a_tenant(US, version=2)
    for name in ("a.example", "b.example"):
        await alone.a_domain(name, US)
    suspended = an_event(ACCESS, US, TenantSuspended())
    await alone.reactions.on_access_event(suspended)
    first = {each.id for each in alone.deciders.told}
    await alone.reactions.on_access_event(suspended)
    assert len(alone.deciders.told) == 4
    assert {each.id for each in alone.deciders.told} == first
    event = registered("a.example")
    await alone.reactions.on_mailbox_event(event)
    await alone.reactions.on_mailbox_event(event)
    *_, one, other = alone.deciders.told
    assert one.id == other.id
    assert one.id not in first


@pytest.mark.parametrize(("status", "suspended"), [("active", False), ("suspended", True)])
async def test_a_new_domain_is_told_how_its_tenant_stands_by_now(
    alone: Alone, status: str, suspended: bool
) -> None:
    await alone.a_tenant(US, status=status, version=2)
    await alone.a_domain("example.org", US)
    await alone.reactions.on_mailbox_event(registered("example.org"))
    (told,) = alone.deciders.told
    assert told.data == FollowTenant(as_of=9, suspended=suspended)


async def test_a_new_domain_of_a_tenant_that_nothing_was_told_of_is_left_alone(alone: Alone) -> None:
    await alone.a_tenant(US, version=1)
    await alone.a_domain("example.org", US)
    await alone.reactions.on_mailbox_event(registered("example.org"))
    assert not alone.deciders.told


async def test_a_refusal_that_must_not_be_ends_the_reactor(alone: Alone) -> None:
    await alone.a_tenant(US)
    await alone.a_domain("example.org", US)
    alone.deciders.refuses = RefusalCode.PERMISSION_EXCEEDED
    with pytest.raises(ExceptionGroup) as raised:
        await alone.reactions.on_access_event(an_event(ACCESS, US, TenantSuspended()))
    assert raised.group_contains(UnexpectedRefusal)


async def test_a_closing_that_nobody_works_on_is_taken_up_by_the_sweep(alone: Alone) -> None:
    await alone.a_tenant(US, status="closing", version=2)
    await alone.a_closing(US, finished=False)
    await alone.closings.sweep()
    (told,) = await until(lambda: asyncio.sleep(0, alone.deciders.told))
    assert (told.stream, told.data, told.correlation) == (US, FinishClosing(), "a request")


async def test_of_tenants_that_are_closed_the_sweep_looks_for_those_with_a_domain(alone: Alone) -> None:
    for tenant in (US, FORMER):
        await alone.a_tenant(tenant, status="closed", version=3)
        await alone.a_closing(tenant, finished=True)
    await alone.a_domain("example.org", FORMER)
    assert await tenants_to_close(alone.pool) == [FORMER]
    await alone.closings.sweep()
    (told, *_) = await until(lambda: asyncio.sleep(0, alone.deciders.told))
    assert (told.stream, told.tenant, told.data) == ("example.org", FORMER, CloseDomain())
