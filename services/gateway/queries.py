"""The gateway's questions to its read models, but for the mailbox list, which has `mailbox_pages` to itself.

Each question about a tenant's things names the tenant in its condition, so what is another's is not there.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from datetime import datetime
from typing import Final, TypeVar

import asyncpg
from msgspec import Struct

from contracts.views.access import TenantRow
from contracts.views.jobs import ExportRow, ImportRow
from contracts.views.mailbox import DomainRow, MailboxRow
from services.gateway.read_models import Found, Table, many, one
from services.runtime.filtering import CompiledFilter

R = TypeVar("R", bound=Struct)

_TENANTS: Final = Table.of("tenants", TenantRow, "tenant")
_DOMAINS: Final = Table.of("domains", DomainRow, "domain")
_MAILBOXES: Final = Table.of("mailboxes", MailboxRow, "mailbox_id")
# A job's domains can be thousands; nobody is shown them.
_IMPORTS: Final = Table.of("imports", ImportRow, "job_id", unread=("within",))
_EXPORTS: Final = Table.of("exports", ExportRow, "job_id", unread=("within",))


async def get_tenant(pool: asyncpg.Pool, tenant: str) -> TenantRow | None:
    """Give a customer."""
    return await one(pool, _TENANTS, "tenant = $1", tenant)


async def get_domain(pool: asyncpg.Pool, tenant: str, domain: str) -> DomainRow | None:
    """Give a domain of the tenant."""
    return await one(pool, _DOMAINS, "tenant = $1 AND domain = $2", tenant, domain)


async def get_mailbox(pool: asyncpg.Pool, tenant: str, mailbox_id: str) -> MailboxRow | None:
    """Give a mailbox of the tenant, unless it is gone for good."""
    wanted = "tenant = $1 AND mailbox_id = $2 AND status <> 'purged'"
    return await one(pool, _MAILBOXES, wanted, tenant, mailbox_id)


_JOB: Final = "tenant = $1 AND ($2::text IS NULL OR actor = $2) AND job_id = $3"


async def get_import(pool: asyncpg.Pool, tenant: str, actor: str | None, job_id: str) -> ImportRow | None:
    """Give an import job of the tenant; where an actor is given, only one of theirs."""
    return await one(pool, _IMPORTS, _JOB, tenant, actor, job_id)


_WITHIN: Final = "SELECT within FROM imports WHERE tenant = $1 AND job_id = $2"


async def domains_of_import(pool: asyncpg.Pool, tenant: str, job_id: str) -> list[str] | None:
    """Give the domains that an import of the tenant may touch, None for all."""
    return await pool.fetchval(_WITHIN, tenant, job_id)


async def get_export(pool: asyncpg.Pool, tenant: str, actor: str | None, job_id: str) -> ExportRow | None:
    """Give an export job of the tenant; where an actor is given, only one of theirs."""
    return await one(pool, _EXPORTS, _JOB, tenant, actor, job_id)


async def list_tenants(
    pool: asyncpg.Pool, filtered: CompiledFilter, after: tuple[str] | None, limit: int
) -> Found[TenantRow]:
    """Give customers by id; the filter's arguments begin with `$1`."""
    return await many(
        pool, _TENANTS, filtered.sql, filtered.arguments, keys=("tenant",), after=after, limit=limit
    )


NewestFirst = tuple[datetime, str]


async def list_imports(
    pool: asyncpg.Pool, tenant: str, actor: str | None, after: NewestFirst | None, limit: int
) -> Found[ImportRow]:
    """Give the tenant's import jobs, or only those of an actor, newest first."""
    return await _jobs(pool, _IMPORTS, tenant, actor, after, limit)


async def list_exports(
    pool: asyncpg.Pool, tenant: str, actor: str | None, after: NewestFirst | None, limit: int
) -> Found[ExportRow]:
    """Give the tenant's export jobs, or only those of an actor, newest first."""
    return await _jobs(pool, _EXPORTS, tenant, actor, after, limit)


async def _jobs(
    pool: asyncpg.Pool,
    table: Table[R],
    tenant: str,
    actor: str | None,
    after: NewestFirst | None,
    limit: int,
) -> Found[R]:
    return await many(
        pool,
        table,
        "tenant = $1 AND ($2::text IS NULL OR actor = $2)",
        [tenant, actor],
        keys=("created_at", "job_id"),
        after=after,
        limit=limit,
        descending=True,
    )


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
