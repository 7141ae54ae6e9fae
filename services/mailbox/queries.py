"""Reading the directory back: the state of a partition's streams, as of one checkpoint."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg
from msgspec import Struct, convert

from contracts.views.access import KeyRow, PaidGroupRow, PlacementRow, TenantRow, UserRow
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from services.mailbox.core.domain import Domain
from services.mailbox.core.tenant import Tenant
from services.mailbox.projections import DIRECTORY, TENANTS
from services.runtime.kafka.deciding import Snapshot, StreamState
from services.runtime.kafka.projection import Projection
from services.runtime.postgres import Connection, Pool

S = TypeVar("S")
R = TypeVar("R", bound=Struct)

ROWS_AT_ONCE: Final = 10_000
"""Rows read between two breaths of the event loop: few enough for the heartbeats of a million-row restore."""


async def load_domains(pool: Pool, partition: int) -> Snapshot[Domain]:
    """Give the mail domains of a partition with all their mailboxes, as the writer's state."""
    streams: dict[str, StreamState[Domain]] = {}
    async with _at_one_moment(pool, DIRECTORY) as connection:
        next_offset = await _next_offset(connection, DIRECTORY, partition)
        async for records in _domain_records(connection, partition):
            for record in records:
                row = _row(record, DomainRow)
                streams[row.domain] = _stream_state(record, Domain.from_rows(row))
        async for records in _mailbox_records(connection, partition):
            for record in records:
                row = MailboxRow(**record)
                streams[row.domain].state.adopt(row)
        async for records in _rule_records(connection, partition):
            for rule in (_row(record, RuleRow) for record in records):
                streams[rule.domain].state.adopt_rule(rule)
        async for records in _alias_records(connection, partition):
            for alias in (_row(record, AliasRow) for record in records):
                streams[alias.domain].state.adopt_alias(alias)
    return Snapshot(next_offset=next_offset, streams=streams)


async def load_tenants(pool: Pool, partition: int) -> Snapshot[Tenant]:
    """Give the tenants of a partition with all they have, as the writer's state."""
    streams: dict[str, StreamState[Tenant]] = {}
    async with _at_one_moment(pool, TENANTS) as connection:
        next_offset = await _next_offset(connection, TENANTS, partition)
        async for records in _tenant_records(connection, partition):
            for record in records:
                row = _row(record, TenantRow)
                streams[row.tenant] = _stream_state(record, Tenant.from_rows(row))
        async for records in _user_records(connection, partition):
            for user in (_row(record, UserRow) for record in records):
                streams[user.tenant].state.adopt_user(user)
        async for records in _key_records(connection, partition):
            for key in (_row(record, KeyRow) for record in records):
                streams[key.tenant].state.adopt_key(key)
        async for records in _paid_group_records(connection, partition):
            for group in (_row(record, PaidGroupRow) for record in records):
                streams[group.tenant].state.adopt_paid_group(group)
        async for records in _placement_records(connection, partition):
            for placement in (_row(record, PlacementRow) for record in records):
                streams[placement.tenant].state.adopt_placement(placement)
    return Snapshot(next_offset=next_offset, streams=streams)


def _row(record: asyncpg.Record, kind: type[R]) -> R:
    return convert({column: record[column] for column in kind.__struct_fields__}, kind)


def _stream_state(record: asyncpg.Record, state: S) -> StreamState[S]:
    return StreamState(
        state=state,
        streamseq=record["streamseq"],
        tail_hash=record["tail_hash"],
        last_time=record["last_time"],
    )


@asynccontextmanager
async def _at_one_moment(pool: Pool, projection: Projection) -> AsyncGenerator[Connection]:
    """Give a connection that sees checkpoint, positions and rows as of one moment.

    The tables are locked before the moment is chosen (a transaction's view is frozen by its first query, and LOCK is
    none): otherwise a rebuild could put new tables in place between the two, whose rows this moment doesn't see.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        tables = ", ".join(table.name for table in projection.tables)
        await connection.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
        yield connection


async def _next_offset(connection: Connection, projection: Projection, partition: int) -> int:
    offset = await connection.fetchval(
        """
        SELECT next_offset FROM projection_checkpoints
        WHERE projection = $1 AND topic = $2 AND "partition" = $3
        """,
        projection.name,
        projection.family.events.name,
        partition,
    )
    return 0 if offset is None else offset


def _domain_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT d.domain, d.tenant, d.status, d.suspended, d.suspended_with_tenant, d.mailbox_limit, d.mailboxes,
            d.challenge, d.assigned_to, d.group_id, d.followed_tenant, d.followed_group, d.catch_all_id,
            d.catch_all_domain, d.copies, d.contact_id, d.contact_domain, d.version, d.created_at, d.changed_at,
            s.streamseq, s.tail_hash, s.last_time
        FROM projection_streams AS s JOIN domains AS d ON d.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _mailbox_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT m.mailbox_id, m.tenant, m.domain, m.local_part, m.note, m.status, m.suspended, m.self_service,
            m.credential_id, m.generation, m.archive_id, m.expires_at, m.version, m.created_at, m.changed_at
        FROM projection_streams AS s JOIN mailboxes AS m ON m.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _rule_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT r.rule_id, r.tenant, r.domain, r.pattern, r.rank, r.prefix, r.suffix, r.literals, r.regex,
            r.target_id, r.target_domain, r.status, r.dropped_with, r.version, r.created_at, r.changed_at
        FROM projection_streams AS s JOIN rules AS r ON r.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _alias_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT a.alias_id, a.tenant, a.domain, a.local_part, a.target_id, a.target_domain, a.removed, a.version,
            a.created_at, a.changed_at
        FROM projection_streams AS s JOIN aliases AS a ON a.domain = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        DIRECTORY.name,
        partition,
    )


def _tenant_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT t.tenant, t.title, t.status, t.version, t.created_at, t.changed_at, s.streamseq, s.tail_hash,
            s.last_time
        FROM projection_streams AS s JOIN tenants AS t ON t.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


def _user_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT u.user_id, u.tenant, u.email, u.display_name, u.role, u.permissions, u.status, u.credential_id,
            u.invitation_id, u.invitation_expires_at, u.totp_id, u.signed_in_at, u.version, u.created_at,
            u.changed_at
        FROM projection_streams AS s JOIN users AS u ON u.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


def _key_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT k.key_id, k.tenant, k.title, k.role, k.permissions, k.networks, k.expires_at, k.revoked,
            k.created_by, k.version, k.created_at, k.changed_at
        FROM projection_streams AS s JOIN api_keys AS k ON k.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


def _paid_group_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT g.group_id, g.tenant, g.title, g.plan, g.domains_max, g.mailboxes_max, g.removed, g.version,
            g.created_at, g.changed_at
        FROM projection_streams AS s JOIN paid_groups AS g ON g.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


def _placement_records(connection: Connection, partition: int) -> AsyncIterator[Sequence[asyncpg.Record]]:
    return _in_chunks(
        connection,
        """
        SELECT p.placement_id, p.tenant, p.domain, p.group_id, p.mailbox_limit, p.version, p.created_at,
            p.changed_at
        FROM projection_streams AS s JOIN placements AS p ON p.tenant = s.stream
        WHERE s.projection = $1 AND s."partition" = $2
        """,
        TENANTS.name,
        partition,
    )


async def _in_chunks(
    connection: Connection, query: str, *arguments: object
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Run a query through a cursor, so that neither memory nor the event loop bears its whole result at once."""
    cursor = await connection.cursor(query, *arguments)
    while records := await cursor.fetch(ROWS_AT_ONCE):
        yield records
