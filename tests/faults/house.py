"""What the tests of faults see of the house from below: the log and the database, past any service."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import asyncpg
from aiokafka import ConsumerRecord

from contracts.codec import encode
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, DomainName, LocalPart, TenantId
from contracts.mailbox import CreateMailbox, MailboxCommand, MailboxCreated, MailboxEvent
from contracts.outcome import Outcome
from contracts.topics import MAILBOX
from deploy.local.roles import PARTITIONS
from deploy.local.stack import Stack
from services.runtime.clock import utc_now
from services.runtime.ids import new_id
from services.runtime.kafka.commands import open_command_client
from services.runtime.settings import RuntimeSettings, read_settings
from tests.kit.bulk_api import Customer
from tests.kit.room import read_all, read_key

ACTOR: Final = ActorName("system:faults")
ANSWERED_WITHIN_S: Final = 60.0


def settings_of(stack: Stack) -> RuntimeSettings:
    """Give the settings that a role of the stack has."""
    return read_settings(RuntimeSettings, stack.env())


def an_order(
    customer: Customer, data: MailboxCommand, domain: str | None = None
) -> CommandEnvelope[MailboxCommand]:
    """Give a command of a customer in its envelope."""
    command = CommandId(new_id())
    return CommandEnvelope(
        id=command,
        tenant=TenantId(customer.tenant),
        stream=DomainName(domain or customer.domain),
        actor=ACTOR,
        correlation=command,
        causation=command,
        sent_at=utc_now(),
        data=data,
    )


def a_creation(name: str) -> CreateMailbox:
    """Order a mailbox."""
    return CreateMailbox(mailbox_id=new_id(), local_part=LocalPart(name))


async def answers(
    stack: Stack, orders: Sequence[CommandEnvelope[MailboxCommand]], within_s: float = ANSWERED_WITHIN_S
) -> list[Outcome]:
    """Send commands all at once and give their outcomes."""
    async with open_command_client(settings_of(stack), [MAILBOX]) as commands:
        return await asyncio.gather(*(commands.send(MAILBOX, order, within_s) for order in orders))


async def records(stack: Stack, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Give all committed records of a topic."""
    return await read_all(stack.bootstrap, topic, PARTITIONS)


async def happened(stack: Stack, domain: str) -> AsyncIterator[EventEnvelope[MailboxEvent]]:
    """Give the events of a domain, as the log has them."""
    for record in await read_key(stack.bootstrap, MAILBOX.events.name, domain, PARTITIONS):
        yield MAILBOX.codec.decode_event(record.value or b"")


async def creations(stack: Stack, domain: str) -> Counter[str]:
    """Count how often each address of a domain was created, as the log has it."""
    events = [each.data async for each in happened(stack, domain)]
    return Counter(data.local_part for data in events if isinstance(data, MailboxCreated))


def ask_database(stack: Stack, query: str, *arguments: object) -> Any:
    """Give the first value of a query."""

    async def ask() -> Any:
        connection = await asyncpg.connect(stack.dsn)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())


def created_so_far(stack: Stack, domain: str) -> int:
    """Count the mailboxes of a domain that have got as far as a read model."""
    return ask_database(stack, "SELECT count(*) FROM bulkio.mailboxes WHERE domain = $1", domain)


def encoded(order: CommandEnvelope[Any]) -> tuple[bytes, bytes]:
    """Give key and value of a command's record."""
    return order.stream.encode(), encode(order)
