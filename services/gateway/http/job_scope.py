"""Which jobs somebody may see, and which domains a job may touch: those of whoever begins it, as of then."""

from http import HTTPStatus
from typing import Final

from contracts.permissions import Reach
from services.gateway.http.acting import Access
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem

WITHIN_DOMAINS_MAX: Final = 10_000
WITHIN_OCTETS_MAX: Final = 500_000
"""A job's domains travel in one message, which has to stay below what Kafka takes."""


def own_jobs_of(see: Reach, principal: Principal) -> str | None:
    """Give whose jobs may be seen: only the asker's own, or None for all, for whoever sees the page everywhere."""
    return None if see.everywhere else principal.actor


async def within_of(access: Access) -> tuple[str, ...] | None:
    """Give the domains that a job may touch, None for all of the tenant. Raises Problem when they are too many."""
    return bounded(await access.domains())


def bounded(domains: list[str] | None) -> tuple[str, ...] | None:
    """Give domains as a job's message holds them. Raises Problem when they are too many for one."""
    if domains is None:
        return None
    if len(domains) > WITHIN_DOMAINS_MAX or sum(map(len, domains)) > WITHIN_OCTETS_MAX:
        detail = "your permissions name too many domains for one job; ask for one about all of the tenant"
        raise Problem(HTTPStatus.CONFLICT, "scope_too_large", detail)
    return tuple(sorted(domains))
