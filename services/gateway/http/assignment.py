"""Whether a domain may be made an employee's: it gives them whatever their permissions say of domains of their own."""

from http import HTTPStatus

from contracts.outcome import RefusalCode
from contracts.permissions import ACTIONS, PAGES, role_reach
from services.gateway.access_queries import get_user
from services.gateway.http.acting import Access
from services.gateway.http.problems import Problem, invalid
from services.gateway.reaching import DomainPlace, domain_place


async def check_assignment(access: Access, domain: str, user_id: str, pointer: str = "#/assigned_to") -> None:
    """Raises Problem for somebody who is not in the tenant, and for more than whoever asks could do themselves."""
    pool, principal = access.gateway.pool, access.principal
    user = await get_user(pool, access.tenant, user_id)
    if user is None or user.status == "removed":
        raise invalid(
            pointer, RefusalCode.USER_UNKNOWN, "there is no such person in the tenant", HTTPStatus.CONFLICT
        )
    place = await domain_place(pool, access.tenant, domain) or DomainPlace(domain, None, None)
    for page in PAGES:
        for action in ACTIONS:
            given = role_reach(user.role, tuple(user.permissions), page, action).assigned
            own = role_reach(principal.role, principal.permissions, page, action)
            if given and not place.within(own, principal.person_id):
                raise Problem(
                    HTTPStatus.FORBIDDEN,
                    RefusalCode.PERMISSION_EXCEEDED,
                    "this would let somebody do more in the domain than you may",
                )
