"""The list of a tenant's domains, and the domains above one."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import Final, Literal

import asyncpg

from contracts.ids import DomainName
from contracts.views.mailbox import DomainRow
from services.gateway.read_models import Found, Table, many
from services.runtime.filtering import CompiledFilter

OrderColumn = Literal["domain", "created_at", "changed_at"]

_DOMAINS: Final = Table.of("domains", DomainRow, "domain")


async def list_domains(
    pool: asyncpg.Pool,
    tenant: str,
    filtered: CompiledFilter,
    within: list[str] | None,
    *,
    keys: tuple[str, ...],
    after: Sequence[object] | None,
    limit: int,
    descending: bool,
) -> Found[DomainRow]:
    """Give the tenant's domains `within`, where that is given; the filter's arguments begin with `$2`."""
    condition, values = f"tenant = $1 AND {filtered.sql}", [tenant, *filtered.arguments]
    if within is not None:
        values.append(within)
        condition += f" AND domain = ANY(${len(values)}::text[])"
    return await many(
        pool, _DOMAINS, condition, values, keys=keys, after=after, limit=limit, descending=descending
    )


_ACTIVE_PARENT: Final = """
    SELECT domain FROM domains WHERE tenant = $1 AND domain = ANY($2::text[]) AND status = 'active'
    ORDER BY length(domain) DESC LIMIT 1
"""


async def active_parent(pool: asyncpg.Pool, tenant: str, domain: DomainName) -> str | None:
    """Give the nearest domain above this one that is the tenant's, and active."""
    labels = domain.split(".")
    above = [".".join(labels[skipped:]) for skipped in range(1, len(labels) - 1)]
    return await pool.fetchval(_ACTIVE_PARENT, tenant, above) if above else None
