"""Commands in bulk, for benchmarks that speak to the writers without the gateway."""

import os
from collections.abc import Iterator
from typing import Final, TypeVar

from contracts.codec import encode
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, LocalPart, TenantId
from contracts.mailbox import ActivateDomain, CreateMailbox, RegisterDomain
from contracts.message import Command
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.clock import utc_now
from services.runtime.ids import new_id
from services.runtime.kafka.commands import open_command_client
from services.runtime.postgres import connect
from services.runtime.settings import RuntimeSettings, read_settings
from tests.kit.room import until

C = TypeVar("C", bound=Command)

LARGE_ROWS: Final = int(os.environ.get("POSTFACH_BENCH_ROWS", "100000"))
"""How many mailboxes the large benchmarks are about; 1,000,000 are the most that one job may have."""

BENCH_ACTOR = ActorName("operator:bench")


def settings_of(stack: Stack) -> RuntimeSettings:
    """Give the settings of a role of the stack."""
    return read_settings(RuntimeSettings, stack.env("mailbox-writer"))


def order(tenant: TenantId, stream: str, data: C) -> CommandEnvelope[C]:
    """Give a command in its envelope."""
    command = CommandId(new_id())
    return CommandEnvelope(
        id=command,
        tenant=tenant,
        stream=stream,
        actor=BENCH_ACTOR,
        correlation=command,
        causation=command,
        sent_at=utc_now(),
        data=data,
    )


async def open_domains(stack: Stack, tenant: TenantId, count: int) -> list[str]:
    """Register and activate so many domains for a tenant, and give their names."""
    domains = [f"d{number}.{tenant[-8:]}.example" for number in range(count)]
    async with open_command_client(settings_of(stack), [MAILBOX]) as commands:
        for domain in domains:
            for data in (RegisterDomain(), ActivateDomain(proof="operator")):
                outcome = await commands.send(MAILBOX, order(tenant, domain, data))
                assert outcome.status == "accepted", outcome.code
    return domains


def creations(tenant: TenantId, domains: list[str], count: int) -> Iterator[tuple[str, bytes]]:
    """Give (domain, encoded command) for so many mailboxes, spread over the domains."""
    for number in range(count):
        domain = domains[number % len(domains)]
        data = CreateMailbox(
            mailbox_id=new_id(), local_part=LocalPart(f"employee.{number}"), note=f"desk {number}"
        )
        yield domain, encode(order(tenant, domain, data))


async def until_counted(stack: Stack, query: str, tenant: str, count: int, within_s: float) -> None:
    """Wait until a query about a tenant gives that count."""
    async with connect(stack.dsn, search_path="pg_catalog") as connection:

        async def is_there() -> bool:
            return await connection.fetchval(query, tenant) == count

        await until(is_there, within_s)
