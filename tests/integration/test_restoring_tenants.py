"""A writer that restores tenants from the tables knows what one knows that has read every event."""

import shutil
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import ConsumerRecord

import services.mailbox
from contracts import access as a
from contracts.codec import encode
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.topics import ACCESS
from deploy.local.stack import Stack
from services.mailbox.core.tenant import Tenant
from services.mailbox.projections import TENANTS
from services.mailbox.queries import load_tenants
from services.mailbox.wiring import TENANT_DECIDER
from services.runtime.kafka.deciding import PartitionState, Snapshot
from services.runtime.kafka.projection import Projector
from services.runtime.postgres import Pool, connect, migrate, open_pool, role_of
from services.runtime.settings import RuntimeSettings, read_settings
from tests.kit.given import NOON, SOMEBODY_ELSE, US
from tests.kit.given_tenant import (
    OPERATOR,
    by_user,
    create_key,
    create_paid_group,
    invitation_id,
    invite,
    key_id,
    may,
    password_id,
    place,
    session_id,
    totp_id,
    user_id,
)

PARTITION = 0
MIGRATIONS = Path(services.mailbox.__file__).parent / "migrations"
FIRST_MIGRATION = "0001_directory.sql"

HELD = may("mailboxes", "change", "enter", scope="domains", names=("a.example", "b.example"))


def _accept(name: str) -> a.AcceptInvitation:
    return a.AcceptInvitation(
        user_id=user_id(name), invitation_id=invitation_id(name), credential_id=password_id(name)
    )


ORDERS: list[tuple[a.AccessCommand, ActorName]] = [
    (a.OnboardTenant(title="Demo"), OPERATOR),
    (invite("ina", "owner"), OPERATOR),
    (_accept("ina"), by_user("ina")),
    (invite("ole", permissions=HELD), by_user("ina")),
    (_accept("ole"), by_user("ole")),
    (invite("una"), by_user("ina")),
    (invite("gone", email="gone@example.org"), by_user("ina")),
    (a.RemoveUser(user_id=user_id("gone")), by_user("ina")),
    (a.EnableTotp(user_id=user_id("ole"), totp_id=totp_id("ole")), by_user("ole")),
    (a.RecordSignIn(user_id=user_id("ole"), session_id=session_id("ole")), by_user("ole")),
    (a.DisableUser(user_id=user_id("una")), by_user("ina")),
    (
        create_key(
            "robot", permissions=HELD, networks=("192.0.2.0/24",), expires_at=NOON + timedelta(days=9)
        ),
        by_user("ole"),
    ),
    (create_key("old", "owner"), by_user("ina")),
    (a.RevokeKey(key_id=key_id("old")), by_user("ina")),
    (create_paid_group("basic"), OPERATOR),
    (create_paid_group("big"), OPERATOR),
    (place("a.example", "basic", 5), by_user("ina")),
    (place("b.example", "basic", 3), by_user("ina")),
    (place("a.example", "big", 4), by_user("ina")),
    (a.WithdrawDomain(domain="b.example"), by_user("ina")),
    (a.SuspendTenant(reason="unpaid"), OPERATOR),
]

OTHER_ORDERS: list[tuple[a.AccessCommand, ActorName]] = [
    (a.OnboardTenant(title="Other"), OPERATOR),
    (invite("them", "owner"), OPERATOR),
    (create_paid_group("theirs"), OPERATOR),
    (place("a.example", "theirs"), OPERATOR),
]


def _record(offset: int, topic: str, key: bytes, value: bytes) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topic, PARTITION, offset, 0, 0, key, value, None, 0, 0, ())


def _order(
    offset: int, tenant: TenantId, command: a.AccessCommand, actor: ActorName
) -> ConsumerRecord[bytes, bytes]:
    command_id = CommandId(str(uuid4()))
    envelope = CommandEnvelope[a.AccessCommand](
        id=command_id,
        tenant=tenant,
        stream=tenant,
        actor=actor,
        correlation=command_id,
        causation=command_id,
        sent_at=NOON,
        data=command,
    )
    return _record(offset, ACCESS.commands.name, tenant.encode(), encode(envelope))


def decided() -> tuple[Snapshot[Tenant], list[ConsumerRecord[bytes, bytes]]]:
    """Give the state of a writer that has decided all of it for two tenants, and the events that it wrote."""
    state = Snapshot[Tenant](next_offset=0, streams={})
    desk = PartitionState(
        ACCESS,
        TENANT_DECIDER,
        state,
        source="/postfach/test",
        writer_epoch=1,
        remembered_max=100,
        clock=lambda: NOON,
    )
    orders = [(US, *each) for each in ORDERS] + [(SOMEBODY_ELSE, *each) for each in OTHER_ORDERS]
    result = desk.decide([_order(offset, *each) for offset, each in enumerate(orders)])
    assert len(result.events) == len(orders)
    state.next_offset = len(result.events)
    return state, [
        _record(offset, ACCESS.events.name, key, value) for offset, (key, value) in enumerate(result.events)
    ]


@pytest.fixture
async def schema(stack: Stack) -> AsyncGenerator[tuple[RuntimeSettings, str]]:
    """Give a schema of this test alone; it has nothing in it yet."""
    settings, name = read_settings(RuntimeSettings, stack.env()), f"restoring_{uuid4().hex[:8]}"
    yield settings, name
    async with connect(settings.postgres_dsn, search_path="pg_catalog") as connection:
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
        await connection.execute(f"DROP ROLE {role_of(name)}")


async def _project(pool: Pool, records: list[ConsumerRecord[bytes, bytes]], projector: Projector) -> None:
    async with pool.acquire() as connection:
        claims = await projector.claim(connection, [PARTITION])
        epochs = {number: epoch for number, (_, epoch) in claims.items()}
        await projector.apply(connection, records, {PARTITION: records[-1].offset + 1}, epochs)


async def test_a_tenant_comes_back_from_the_tables_with_all_it_had(
    schema: tuple[RuntimeSettings, str],
) -> None:
    settings, name = schema
    await migrate(settings.postgres_dsn, name, MIGRATIONS)
    folded, events = decided()
    async with open_pool(settings.postgres_dsn, schema=name) as pool:
        # In two halves, so that rows are read back and changed, too.
        for half in (events[:9], events[9:]):
            await _project(pool, half, Projector(TENANTS))
        restored = await load_tenants(pool, PARTITION)
    assert restored.streams.keys() == {US, SOMEBODY_ELSE}
    assert restored == folded
    tenant = restored.streams[US].state
    assert (tenant.status, len(tenant.users), len(tenant.keys), len(tenant.paid_groups)) == (
        "suspended",
        4,
        2,
        2,
    )
    assert {domain: each.group_id for domain, each in tenant.placements.items()}["b.example"] is None


async def test_a_tenant_that_was_known_before_there_was_a_status_is_active(
    schema: tuple[RuntimeSettings, str], tmp_path: Path
) -> None:
    settings, name = schema
    shutil.copy(MIGRATIONS / FIRST_MIGRATION, tmp_path)
    await migrate(settings.postgres_dsn, name, tmp_path)
    add = (
        "INSERT INTO tenants (tenant, title, version, created_at, changed_at) VALUES ($1, 'Demo', 1, $2, $2)"
    )
    async with connect(settings.postgres_dsn, search_path=name) as connection:
        await connection.execute(add, US, NOON)
        await migrate(settings.postgres_dsn, name, MIGRATIONS)
        assert await connection.fetchval("SELECT status FROM tenants") == "active"
        with pytest.raises(asyncpg.NotNullViolationError):
            await connection.execute(add, SOMEBODY_ELSE, NOON)
