"""What the reactor asks of the directory: what a tenant holds, and how the tenant stands."""

from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from contracts.views.access import TenantStatus
from contracts.views.mailbox import DomainStatus
from services.mailbox.projections import DIRECTORY, TENANTS
from services.runtime.kafka.voice import Cause
from services.runtime.postgres import Pool

CLOSINGS_PER_SWEEP_MAX: Final = 100


class Standing(Struct, frozen=True):
    """A tenant as of a position of its stream; `version` counts the events about the tenant itself."""

    status: TenantStatus
    version: int
    streamseq: int


class HeldDomain(Struct, frozen=True):
    """A domain that is not removed. `streamseq` is the position of its stream that the rest is true for."""

    domain: str
    status: DomainStatus
    streamseq: int


class Placement(Struct, frozen=True):
    """A domain's place in a paid group of a tenant."""

    tenant: str
    version: int


class Closing(Struct, frozen=True):
    """Why a tenant is given up, and whether that has ended."""

    cause: Cause
    finished: bool


async def standing(pool: Pool, tenant: str) -> Standing | None:
    """Give how a tenant stands; None before it was onboarded, as far as the directory knows."""
    row = await pool.fetchrow(
        """
        SELECT t.status, t.version, s.streamseq
        FROM tenants AS t JOIN projection_streams AS s ON s.projection = $2 AND s.stream = t.tenant
        WHERE t.tenant = $1
        """,
        tenant,
        TENANTS.name,
    )
    return None if row is None else Standing(row["status"], row["version"], row["streamseq"])


async def held_domains(pool: Pool, tenant: str, page_rows: int) -> AsyncGenerator[list[HeldDomain]]:
    """Give the domains that a tenant holds, page by page, each page as of its own moment."""
    after = ""
    while True:
        rows = await pool.fetch(
            """
            SELECT d.domain, d.status, s.streamseq
            FROM domains AS d JOIN projection_streams AS s ON s.projection = $4 AND s.stream = d.domain
            WHERE d.tenant = $1 AND d.status <> 'removed' AND d.domain > $2
            ORDER BY d.domain LIMIT $3
            """,
            tenant,
            after,
            page_rows,
            DIRECTORY.name,
        )
        if not rows:
            return
        yield [HeldDomain(row["domain"], row["status"], row["streamseq"]) for row in rows]
        after = rows[-1]["domain"]


async def holds_any_domain(pool: Pool, tenant: str) -> bool:
    """Say whether a tenant holds a domain."""
    return await pool.fetchval(
        "SELECT EXISTS (SELECT FROM domains WHERE tenant = $1 AND status <> 'removed')", tenant
    )


async def mailboxes_left(pool: Pool, domain: str, page_rows: int) -> AsyncGenerator[list[str]]:
    """Give the ids of a domain's mailboxes that are in use, page by page."""
    after = ""
    while True:
        rows = await pool.fetch(
            """
            SELECT mailbox_id, local_part FROM mailboxes
            WHERE domain = $1 AND status IN ('active', 'suspended') AND local_part > $2
            ORDER BY local_part LIMIT $3
            """,
            domain,
            after,
            page_rows,
        )
        if not rows:
            return
        yield [row["mailbox_id"] for row in rows]
        after = rows[-1]["local_part"]


async def domains_assigned(pool: Pool, tenant: str, user_id: str) -> list[str]:
    """Give the domains that are for this employee."""
    rows = await pool.fetch(
        "SELECT domain FROM domains WHERE assigned_to = $1 AND tenant = $2 AND status <> 'removed'",
        user_id,
        tenant,
    )
    return [row["domain"] for row in rows]


async def version_if_assigned(pool: Pool, domain: str, user_id: str) -> int | None:
    """Give the version of a domain that is for this employee; None when it is not, or not any more."""
    return await pool.fetchval(
        "SELECT version FROM domains WHERE domain = $1 AND assigned_to = $2 AND status <> 'removed'",
        domain,
        user_id,
    )


async def user_is_removed(pool: Pool, user_id: str) -> bool:
    """Say whether a person was removed, as far as the directory knows."""
    return await pool.fetchval("SELECT status = 'removed' FROM users WHERE user_id = $1", user_id) or False


async def placements(pool: Pool, domain: str) -> list[Placement]:
    """Give who has placed a domain in a paid group: more than one when it changed hands."""
    rows = await pool.fetch(
        "SELECT tenant, version FROM placements WHERE domain = $1 AND group_id IS NOT NULL", domain
    )
    return [Placement(row["tenant"], row["version"]) for row in rows]


async def closing(pool: Pool, tenant: str) -> Closing | None:
    """Give the closing of a tenant; None when it is not closed and not being closed."""
    row = await pool.fetchrow(
        "SELECT event_id, correlation, finished FROM closings WHERE tenant = $1", tenant
    )
    return None if row is None else Closing(Cause(row["event_id"], row["correlation"]), row["finished"])


async def tenants_to_close(pool: Pool) -> list[str]:
    """Give tenants whose closing has not ended, and closed ones that were given a domain in the last moment."""
    rows = await pool.fetch(
        """
        SELECT c.tenant FROM closings AS c
        WHERE NOT c.finished OR EXISTS (
            SELECT FROM domains AS d WHERE d.tenant = c.tenant AND d.status <> 'removed'
        )
        LIMIT $1
        """,
        CLOSINGS_PER_SWEEP_MAX,
    )
    return [row["tenant"] for row in rows]
