"""Tenants and domains ordered straight from the deciders, past the gateway, and how the directory tells of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from uuid import uuid4

from contracts.access import AccessCommand, OnboardTenant
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.mailbox import ActivateDomain, MailboxCommand, RegisterDomain
from contracts.message import Command, Event
from contracts.outcome import Outcome
from contracts.topics import ACCESS, MAILBOX, Family
from deploy.local.stack import Stack
from services.runtime.clock import utc_now
from services.runtime.ids import new_id
from services.runtime.kafka.commands import CommandClient, open_command_client
from services.runtime.postgres import connect
from services.runtime.settings import RuntimeSettings, read_settings
from tests.kit.room import until

OPERATOR: Final = ActorName("operator:test")
ANSWERED_WITHIN_S: Final = 60.0

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Ordering:
    """Orders as an operator, in streams of any tenant."""

    def __init__(self, stack: Stack, commands: CommandClient) -> None:
        self.stack = stack
        self._commands = commands

    async def send(self, family: Family[C, E], tenant: str, stream: str, data: C) -> Outcome:
        """Order something and give the outcome, whatever it is."""
        command = CommandId(new_id())
        envelope = CommandEnvelope(
            id=command,
            tenant=TenantId(tenant),
            stream=stream,
            actor=OPERATOR,
            correlation=command,
            causation=command,
            sent_at=utc_now(),
            data=data,
        )
        return await self._commands.send(family, envelope, ANSWERED_WITHIN_S)

    async def tell(self, tenant: str, data: AccessCommand) -> Outcome:
        """Order something of a tenant that must be accepted."""
        return _accepted(await self.send(ACCESS, tenant, tenant, data))

    async def tell_domain(self, tenant: str, domain: str, data: MailboxCommand) -> Outcome:
        """Order something of a domain that must be accepted."""
        return _accepted(await self.send(MAILBOX, tenant, domain, data))

    async def a_tenant(self) -> str:
        """Onboard a tenant of the test's own."""
        tenant = new_id()
        await self.tell(tenant, OnboardTenant(title="A test"))
        return tenant

    async def domains(self, tenant: str, count: int, *, active: bool = True) -> list[str]:
        """Let the tenant hold so many domains of the test's own."""
        names = [f"d{number}-{uuid4().hex[:10]}.example" for number in range(count)]
        await asyncio.gather(*(self.tell_domain(tenant, name, RegisterDomain()) for name in names))
        if active:
            proven = ActivateDomain(proof="operator")
            await asyncio.gather(*(self.tell_domain(tenant, name, proven) for name in names))
        return names

    async def rows(self, table: str, column: str, value: str) -> list[Mapping[str, Any]]:
        """Give the rows of a table of the directory."""
        async with connect(self.stack.dsn, search_path="mailbox") as connection:
            return await connection.fetch(f"SELECT * FROM {table} WHERE {column} = $1", value)

    async def until_domains(self, domains: Iterable[str], within_s: float = 30.0, **wanted: Any) -> None:
        """Wait until the directory tells this of all the domains."""
        names = list(domains)

        async def are_so() -> bool:
            async with connect(self.stack.dsn, search_path="mailbox") as connection:
                rows = await connection.fetch("SELECT * FROM domains WHERE domain = ANY($1)", names)
            so = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
            return len(so) == len(names)

        await until(are_so, within_s)

    async def until_tenant(self, tenant: str, status: str, within_s: float = 60.0) -> None:
        """Wait until the directory tells that the tenant stands so."""

        async def is_so() -> bool:
            (row,) = await self.rows("tenants", "tenant", tenant)
            return row["status"] == status

        await until(is_so, within_s)


def _accepted(outcome: Outcome) -> Outcome:
    assert outcome.status == "accepted", f"{outcome.subject}: {outcome.code} {outcome.detail}"
    return outcome


@asynccontextmanager
async def ordering(stack: Stack) -> AsyncGenerator[Ordering]:
    """Give what orders in a running stack."""
    settings = read_settings(RuntimeSettings, stack.env())
    async with open_command_client(settings, [ACCESS, MAILBOX]) as commands:
        yield Ordering(stack, commands)
