"""What a writer decided, its events as records, and a schema to project them into: for tests that restore a state."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

from aiokafka import ConsumerRecord

from contracts.codec import encode
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.message import Command, Event
from contracts.topics import Family
from services.runtime.kafka.deciding import Decider, PartitionState, Snapshot
from services.runtime.kafka.projection import Projection, Projector
from services.runtime.postgres import Pool, connect, role_of
from tests.kit.given import NOON

PARTITION = 0
"""The one that all records are of; which one does not matter to a schema of its own."""

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
Records = list[ConsumerRecord[bytes, bytes]]


@asynccontextmanager
async def own_schema(dsn: str, name: str) -> AsyncGenerator[str]:
    """Give the name of a schema that begins like `name` and is nobody else's; it and its role go afterwards."""
    schema = f"{name}_{uuid4().hex[:12]}"
    yield schema
    async with connect(dsn, search_path="pg_catalog") as connection:
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await connection.execute(f"DROP ROLE IF EXISTS {role_of(schema)}")


def decided(
    family: Family[C, E],
    decider: Decider[S, C, E],
    orders: Sequence[tuple[TenantId, str, C, ActorName]],
) -> tuple[Snapshot[S], Records]:
    """Give the state of a writer that has decided (tenant, stream, command, actor) in this order, and its events."""
    state = Snapshot[S](next_offset=0, streams={})
    desk = PartitionState(
        family,
        decider,
        state,
        source="/postfach/test",
        writer_epoch=1,
        remembered_max=1_000,
        clock=lambda: NOON,
    )
    commands = family.commands.name
    result = desk.decide([_record(offset, commands, *_order(*each)) for offset, each in enumerate(orders)])
    state.next_offset = len(result.events)
    events = family.events.name
    return state, [_record(offset, events, *each) for offset, each in enumerate(result.events)]


async def project(pool: Pool, projection: Projection, records: Records) -> None:
    """Apply records as a projector that has just been started."""
    projector = Projector(projection)
    async with pool.acquire() as connection:
        claims = await projector.claim(connection, [PARTITION])
        epochs = {number: epoch for number, (_, epoch) in claims.items()}
        await projector.apply(connection, records, {PARTITION: records[-1].offset + 1}, epochs)


def _order(tenant: TenantId, stream: str, command: Command, actor: ActorName) -> tuple[bytes, bytes]:
    command_id = CommandId(str(uuid4()))
    envelope = CommandEnvelope(
        id=command_id,
        tenant=tenant,
        stream=stream,
        actor=actor,
        correlation=command_id,
        causation=command_id,
        sent_at=NOON,
        data=command,
    )
    return stream.encode(), encode(envelope)


def _record(offset: int, topic: str, key: bytes, value: bytes) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topic, PARTITION, offset, 0, 0, key, value, None, 0, 0, ())
