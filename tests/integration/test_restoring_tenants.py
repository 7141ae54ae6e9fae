"""A writer that restores tenants from the tables knows what one knows that has read every event."""

import shutil
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

import services.mailbox
from contracts import access as a
from contracts.ids import ActorName
from contracts.topics import ACCESS
from deploy.local.stack import Stack
from services.mailbox.projections import TENANTS
from services.mailbox.queries import load_tenants
from services.mailbox.wiring import TENANT_DECIDER
from services.runtime.postgres import connect, migrate, open_pool
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
from tests.kit.restoring import PARTITION, decided, own_schema, project

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


@pytest.fixture
async def schema(stack: Stack) -> AsyncGenerator[str]:
    """Give a schema of this test alone; it has nothing in it yet."""
    async with own_schema(stack.dsn, "restoring") as name:
        yield name


async def test_a_tenant_comes_back_from_the_tables_with_all_it_had(stack: Stack, schema: str) -> None:
    await migrate(stack.dsn, schema, MIGRATIONS)
    orders = [(US, US, *each) for each in ORDERS] + [
        (SOMEBODY_ELSE, SOMEBODY_ELSE, *each) for each in OTHER_ORDERS
    ]
    folded, events = decided(ACCESS, TENANT_DECIDER, orders)
    assert len(events) == len(orders)
    async with open_pool(stack.dsn, schema=schema) as pool:
        # In two halves, so that rows are read back and changed, too.
        for half in (events[:9], events[9:]):
            await project(pool, TENANTS, half)
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
    stack: Stack, schema: str, tmp_path: Path
) -> None:
    shutil.copy(MIGRATIONS / FIRST_MIGRATION, tmp_path)
    await migrate(stack.dsn, schema, tmp_path)
    add = (
        "INSERT INTO tenants (tenant, title, version, created_at, changed_at) VALUES ($1, 'Demo', 1, $2, $2)"
    )
    async with connect(stack.dsn, search_path=schema) as connection:
        await connection.execute(add, US, NOON)
        await migrate(stack.dsn, schema, MIGRATIONS)
        assert await connection.fetchval("SELECT status FROM tenants") == "active"
        with pytest.raises(asyncpg.NotNullViolationError):
            await connection.execute(add, SOMEBODY_ELSE, NOON)
