"""What a bulk action needs depends on what it does; here is what, where, and who sees the job."""

from typing import Literal

from contracts.bulk_actions import DESTROYING, BulkActionKind
from contracts.permissions import Action, role_reach
from contracts.views.bulk_actions import BulkActionRow
from services.gateway.http.acting import Access, page_forbidden
from services.gateway.http.job_scope import own_jobs_of
from services.gateway.http.problems import not_found
from services.gateway.http.request import thing_id
from services.gateway.jobs import get_bulk_action
from services.gateway.reaching import domains_within


def action_needed(action: BulkActionKind, undone: BulkActionKind | Literal["import"] | None = None) -> Action:
    """Give what somebody must be allowed on the page of mailboxes. To undo a restoration or an import is to delete."""
    destroys = action in DESTROYING or (action == "undo" and undone in ("restore", "undo", "import"))
    return "destroy" if destroys else "change"


async def domains_reached(access: Access, action: Action) -> list[str] | None:
    """Give the domains in which the caller may do this to mailboxes, None for all. Raises Problem: nowhere."""
    principal = access.principal
    reach = role_reach(principal.role, principal.permissions, "mailboxes", action)
    if not reach:
        raise page_forbidden()
    return await domains_within(access.gateway.pool, access.tenant, reach, principal.person_id)


async def demand_reach(access: Access, row: BulkActionRow) -> None:
    """Raises Problem unless the caller may do the job's action wherever the job may."""
    undone = None
    if row.undo_of is not None:
        former = await get_bulk_action(access.gateway.pool, access.tenant, None, row.undo_of)
        undone = "import" if former is None else former.action
    demand_within(await domains_reached(access, action_needed(row.action, undone)), row.within)


def demand_within(reached: list[str] | None, within: list[str] | None) -> None:
    """Raises Problem unless the domains that somebody reaches are at least those that a job is within; None is all."""
    if reached is not None and (within is None or not set(within) <= set(reached)):
        raise page_forbidden()


async def visible_bulk_action(access: Access, job_id: str) -> BulkActionRow:
    """Give a job to whoever asked for it, and to whoever sees mailboxes everywhere. Raises Problem."""
    whose = own_jobs_of(access.see, access.principal)
    row = await get_bulk_action(access.gateway.pool, access.tenant, whose, thing_id(job_id, "job_unknown"))
    if row is None:
        raise not_found("job_unknown")
    return row
