"""Which domains of a tenant somebody reaches: the permissions' names, groups and assignments, looked up.

A paid group's domains are those that the tenant's own stream placed in it; what the domain followed may be older.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Collection
from typing import Final

import asyncpg
from msgspec import Struct

from contracts.permissions import Reach


class DomainPlace(Struct, frozen=True):
    """What decides whether a domain is within a reach: its name, its paid group, and whose it is as an employee."""

    domain: str
    group_id: str | None
    assigned_to: str | None

    def within(self, reach: Reach, person_id: str | None) -> bool:
        """Say whether the domain is within what somebody, perhaps the person of this id, reaches."""
        own = person_id is not None and self.assigned_to == person_id
        return reach.covers(self.domain, self.group_id, assigned=own)


_PLACE: Final = """
    SELECT d.domain, p.group_id, d.assigned_to
    FROM domains AS d LEFT JOIN placements AS p ON p.placement_id = d.tenant || '/' || d.domain
    WHERE d.tenant = $1 AND d.domain = $2
"""


async def domain_place(pool: asyncpg.Pool, tenant: str, domain: str) -> DomainPlace | None:
    """Give the place of a domain of the tenant."""
    record = await pool.fetchrow(_PLACE, tenant, domain)
    return None if record is None else DomainPlace(*record.values())


_DOMAINS: Final = """
    SELECT domain FROM domains WHERE tenant = $1 AND domain = ANY($2::text[])
    UNION SELECT domain FROM placements WHERE tenant = $1 AND group_id = ANY($3::text[])
    UNION SELECT domain FROM domains WHERE tenant = $1 AND assigned_to = $4
"""


async def domains_within(
    pool: asyncpg.Pool, tenant: str, reach: Reach, person_id: str | None
) -> list[str] | None:
    """Give the tenant's domains within a reach, in no order; None for all of them."""
    if reach.everywhere:
        return None
    assigned_to = person_id if reach.assigned else None
    records = await pool.fetch(_DOMAINS, tenant, list(reach.domains), list(reach.groups), assigned_to)
    return [record["domain"] for record in records]


_AMONG: Final = """
    SELECT d.domain, p.group_id, d.assigned_to
    FROM domains AS d LEFT JOIN placements AS p ON p.placement_id = d.tenant || '/' || d.domain
    WHERE d.tenant = $1 AND d.domain = ANY($2::text[])
"""


async def domains_among(
    pool: asyncpg.Pool, tenant: str, reach: Reach, person_id: str | None, names: Collection[str]
) -> list[str]:
    """Give those of the tenant's domains of these names that are within a reach."""
    places = [DomainPlace(*record.values()) for record in await pool.fetch(_AMONG, tenant, list(names))]
    return [place.domain for place in places if place.within(reach, person_id)]
