"""The gateway's questions to its read models, but for the mailbox list, which has `mailbox_pages` to itself.

Each question about a tenant's things names the tenant in its condition, so what is another's is not there.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# SQL is put together from column names alone; ruff can't see that no value is among them.
# ruff: noqa: S608

from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import asyncpg
from msgspec import Struct

from contracts.views.access import TenantRow
from contracts.views.jobs import ExportRow, ImportRow
from contracts.views.mailbox import DomainRow, MailboxRow
from services.runtime.rows import RowStore

TOTAL_MAX: Final = 10_000

R = TypeVar("R", bound=Struct)


class _Table(Struct, Generic[R], frozen=True):
    """A read model's table, as far as its SQL follows from its row."""

    name: str
    columns: str
    rows: RowStore[R]

    @classmethod
    def of(cls, name: str, row: type[R], key: str) -> "_Table[R]":
        return cls(
            name, ", ".join(f'"{column}"' for column in row.__struct_fields__), RowStore(name, row, key)
        )


_TENANTS: Final = _Table.of("tenants", TenantRow, "tenant")
_DOMAINS: Final = _Table.of("domains", DomainRow, "domain")
_MAILBOXES: Final = _Table.of("mailboxes", MailboxRow, "mailbox_id")
_IMPORTS: Final = _Table.of("imports", ImportRow, "job_id")
_EXPORTS: Final = _Table.of("exports", ExportRow, "job_id")


class Found(Struct, Generic[R], frozen=True):
    """One more row than was asked for at most, and how many there are, counted up to one above TOTAL_MAX."""

    rows: list[R]
    counted: int


async def get_tenant(pool: asyncpg.Pool, tenant: str) -> TenantRow | None:
    """Give a customer."""
    return await _one(pool, _TENANTS, "tenant = $1", tenant)


async def get_domain(pool: asyncpg.Pool, tenant: str, domain: str) -> DomainRow | None:
    """Give a domain of the tenant."""
    return await _one(pool, _DOMAINS, "tenant = $1 AND domain = $2", tenant, domain)


async def get_mailbox(pool: asyncpg.Pool, tenant: str, mailbox_id: str) -> MailboxRow | None:
    """Give a mailbox of the tenant."""
    return await _one(pool, _MAILBOXES, "tenant = $1 AND mailbox_id = $2", tenant, mailbox_id)


async def get_import(pool: asyncpg.Pool, tenant: str, job_id: str) -> ImportRow | None:
    """Give an import job of the tenant."""
    return await _one(pool, _IMPORTS, "tenant = $1 AND job_id = $2", tenant, job_id)


async def get_export(pool: asyncpg.Pool, tenant: str, job_id: str) -> ExportRow | None:
    """Give an export job of the tenant."""
    return await _one(pool, _EXPORTS, "tenant = $1 AND job_id = $2", tenant, job_id)


async def _one(pool: asyncpg.Pool, table: _Table[R], condition: str, *values: object) -> R | None:
    record = await pool.fetchrow(f"SELECT {table.columns} FROM {table.name} WHERE {condition}", *values)
    return None if record is None else table.rows.row_of(record)


async def list_tenants(pool: asyncpg.Pool, after: str | None, limit: int) -> Found[TenantRow]:
    """Give customers by id."""
    return await _many(pool, _TENANTS, "tenant > $1", "tenant", limit, "true", [after or ""], [])


async def list_domains(pool: asyncpg.Pool, tenant: str, after: str | None, limit: int) -> Found[DomainRow]:
    """Give the tenant's domains by name."""
    return await _many(
        pool,
        _DOMAINS,
        "tenant = $1 AND domain > $2",
        "domain",
        limit,
        "tenant = $1",
        [tenant, after or ""],
        [tenant],
    )


NewestFirst = tuple[datetime, str]


async def list_imports(
    pool: asyncpg.Pool, tenant: str, after: NewestFirst | None, limit: int
) -> Found[ImportRow]:
    """Give the tenant's import jobs, newest first."""
    return await _jobs(pool, _IMPORTS, tenant, after, limit)


async def list_exports(
    pool: asyncpg.Pool, tenant: str, after: NewestFirst | None, limit: int
) -> Found[ExportRow]:
    """Give the tenant's export jobs, newest first."""
    return await _jobs(pool, _EXPORTS, tenant, after, limit)


async def _jobs(
    pool: asyncpg.Pool, table: _Table[R], tenant: str, after: NewestFirst | None, limit: int
) -> Found[R]:
    condition = "tenant = $1" + ("" if after is None else " AND (created_at, job_id) < ($2, $3)")
    values = [tenant, *(after or ())]
    return await _many(
        pool, table, condition, "created_at DESC, job_id DESC", limit, "tenant = $1", values, [tenant]
    )


async def _many(
    pool: asyncpg.Pool,
    table: _Table[R],
    condition: str,
    order: str,
    limit: int,
    counted: str,
    values: list[Any],
    counted_values: list[Any],
) -> Found[R]:
    records = await pool.fetch(
        f"SELECT {table.columns} FROM {table.name} WHERE {condition} ORDER BY {order} LIMIT {limit}", *values
    )
    count: int = await pool.fetchval(
        f"SELECT count(*) FROM (SELECT 1 FROM {table.name} WHERE {counted} LIMIT {TOTAL_MAX + 1}) AS counted",
        *counted_values,
    )
    return Found([table.rows.row_of(record) for record in records], count)


_NOTE_PENDING: Final = """
    INSERT INTO pending_commands (command_id, tenant, family, envelope) VALUES ($1, $2, $3, $4)
    ON CONFLICT (command_id) DO NOTHING
"""


async def note_pending(
    pool: asyncpg.Pool, command_id: str, tenant: str, family: str, envelope: bytes
) -> None:
    """Remember a command whose outcome is not known yet."""
    await pool.execute(_NOTE_PENDING, command_id, tenant, family, envelope)


class PendingCommand(Struct, frozen=True):
    """A command whose outcome was not known when its request was answered."""

    family: str
    envelope: bytes


_GET_PENDING: Final = "SELECT family, envelope FROM pending_commands WHERE tenant = $1 AND command_id = $2"


async def get_pending(pool: asyncpg.Pool, tenant: str, command_id: str) -> PendingCommand | None:
    """Give a command of the tenant whose outcome was not known when its request was answered."""
    record = await pool.fetchrow(_GET_PENDING, tenant, command_id)
    return None if record is None else PendingCommand(record["family"], record["envelope"])


_SWEEP_PENDING: Final = """
    DELETE FROM pending_commands WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM pending_commands WHERE created_at < now() - interval '1 day' LIMIT 10000))
"""


async def sweep_pending(pool: asyncpg.Pool) -> None:
    """Forget commands of yesterday."""
    await pool.execute(_SWEEP_PENDING)
