"""A writer that restores domains from the tables knows what one knows that has read every event."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec.structs import replace

import services.mailbox
from contracts import mailbox as m
from contracts.ids import TenantId
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.mailbox.projections import DIRECTORY
from services.mailbox.queries import load_domains
from services.mailbox.wiring import DOMAIN_DECIDER
from services.runtime.postgres import connect, migrate, open_pool
from tests.kit.given import (
    DOMAIN,
    NOON,
    SOMEBODY_ELSE,
    US,
    an_id,
    create_mailbox,
    delete_mailbox,
    mailbox_id,
)
from tests.kit.given_routing import (
    ELSEWHERE,
    SYSTEM,
    add_alias,
    add_rule,
    alias_id,
    change_rule,
    enable_catch_all,
    remove_alias,
    remove_rule,
    rule_id,
    set_contact,
)
from tests.kit.restoring import PARTITION, decided, own_schema, project

MIGRATIONS = Path(services.mailbox.__file__).parent / "migrations"
EMPLOYEE, GROUP = an_id("user ole"), an_id("group gold")

ACTIVE: list[m.MailboxCommand] = [
    m.RegisterDomain(challenge="postfach-1"),
    m.ActivateDomain(proof="txt_record"),
]
ORDERS: list[m.MailboxCommand] = [
    *ACTIVE,
    m.AssignDomain(user_id=EMPLOYEE),
    m.FollowPaidGroup(as_of=4, group_id=GROUP, mailbox_limit=9),
    create_mailbox("ina"),
    create_mailbox("ole"),
    add_rule("kept", "shop_{number}", rank=7),
    add_rule("changed", "{any}"),
    add_rule("elsewhere", "{word}", domain=ELSEWHERE, to="una"),
    add_rule("removed", "{number}"),
    add_rule("dropped", "x{any}", to="ole"),
    change_rule("changed", "desk_{word}"),
    remove_rule("removed"),
    add_alias("info"),
    add_alias("sales"),
    remove_alias("sales"),
    enable_catch_all("ina", copy=True),
    set_contact("ole"),
    replace(delete_mailbox("ole"), drop_targets=True),
    m.FollowTenant(as_of=5, suspended=True),
    m.SuspendDomain(reason="unpaid"),
]
# One closes, one was given up with what it had and is claimed anew by another tenant.
OTHER_ORDERS: list[tuple[TenantId, str, m.MailboxCommand]] = [
    *((SOMEBODY_ELSE, "closing.example", each) for each in (*ACTIVE, m.CloseDomain())),
    *((SOMEBODY_ELSE, "anew.example", each) for each in ACTIVE),
    (
        SOMEBODY_ELSE,
        "anew.example",
        m.CreateMailbox(mailbox_id=an_id("theirs"), local_part=create_mailbox("a").local_part),
    ),
    (
        SOMEBODY_ELSE,
        "anew.example",
        m.DeleteMailbox(mailbox_id=an_id("theirs"), archive_id=an_id("archive of theirs")),
    ),
    (SOMEBODY_ELSE, "anew.example", replace(add_rule("far", domain=ELSEWHERE), rule_id=an_id("far"))),
    (SOMEBODY_ELSE, "anew.example", replace(add_alias("b", domain=ELSEWHERE), alias_id=an_id("b"))),
    (SOMEBODY_ELSE, "anew.example", m.FollowTenant(as_of=3, suspended=False)),
    (SOMEBODY_ELSE, "anew.example", m.RemoveDomain()),
    (US, "anew.example", m.RegisterDomain()),
]


@pytest.fixture
async def schema(stack: Stack) -> AsyncGenerator[str]:
    """Give a schema of this test alone; it has nothing in it yet."""
    async with own_schema(stack.dsn, "restoring") as name:
        yield name


async def test_a_domain_comes_back_from_the_tables_with_all_it_had(stack: Stack, schema: str) -> None:
    await migrate(stack.dsn, schema, MIGRATIONS)
    orders = [(US, DOMAIN, each, SYSTEM) for each in ORDERS] + [(*each, SYSTEM) for each in OTHER_ORDERS]
    folded, events = decided(MAILBOX, DOMAIN_DECIDER, orders)
    # One rule goes with a mailbox, a rule and an alias with a domain.
    assert len(events) == len(orders) + 3
    async with open_pool(stack.dsn, schema=schema) as pool:
        # In two halves, so that rows are read back and changed, too.
        for half in (events[:10], events[10:]):
            await project(pool, DIRECTORY, half)
        restored = await load_domains(pool, PARTITION)
    assert restored.streams.keys() == {DOMAIN, "closing.example", "anew.example"}
    assert restored == folded
    domain = restored.streams[DOMAIN].state
    assert (domain.status, domain.followed_tenant, domain.followed_group) == ("suspended", 5, 4)
    assert domain.routing.rules[rule_id("dropped")].dropped_with == mailbox_id("ole")
    assert domain.routing.aliases[alias_id("sales")].removed


async def test_what_was_known_before_there_was_routing_is_kept(
    stack: Stack, schema: str, tmp_path: Path
) -> None:
    for name in ("0001_directory.sql", "0002_access.sql"):
        shutil.copy(MIGRATIONS / name, tmp_path)
    await migrate(stack.dsn, schema, tmp_path)
    async with connect(stack.dsn, search_path=schema) as connection:
        for name, status in (("a.example", "active"), ("b.example", "suspended")):
            await connection.execute(
                """
                INSERT INTO domains (domain, tenant, status, mailbox_limit, mailboxes, version, created_at, changed_at)
                VALUES ($1, $2, $3, 5, 0, 3, $4, $4)
                """,
                name,
                US,
                status,
                NOON,
            )
            await connection.execute(
                """
                INSERT INTO projection_streams (projection, stream, "partition", streamseq, tail_hash, last_time)
                VALUES ($1, $2, $3, 3, '', $4)
                """,
                DIRECTORY.name,
                name,
                PARTITION,
                NOON,
            )
    await migrate(stack.dsn, schema, MIGRATIONS)
    async with open_pool(stack.dsn, schema=schema) as pool:
        streams = (await load_domains(pool, PARTITION)).streams
    states = {name: (each.state.status, each.state.suspended) for name, each in streams.items()}
    assert states == {"a.example": ("active", False), "b.example": ("suspended", True)}
    assert streams["a.example"].state.registered_at == NOON
