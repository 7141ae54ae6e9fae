"""The gate: who is asking, for which tenant, and whether the permission table lets them; then, where they may act.

It stands before every route and before anything of a body is read. What one may not see answers 404, what one may not
do 403; another tenant's things are as if they were not there.
"""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from msgspec import Struct

from contracts.ids import TenantId, parse_uuid
from contracts.permissions import NOWHERE, Reach, role_reach
from services.gateway.context import Gateway
from services.gateway.http.authentication import authenticate, client_address
from services.gateway.http.permission_table import TABLE, Needs
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem, invalid, not_found
from services.gateway.http.request import ANSWER_HEADERS
from services.gateway.rate_limits import Policy
from services.gateway.reaching import DomainPlace, domain_place, domains_within

TENANT_HEADER: Final = "Postfach-Tenant"

_ACCESS: Final = "postfach.access"
_READING: Final = frozenset({"GET", "HEAD"})


class Access(Struct, frozen=True, kw_only=True):
    """Who acts, for which tenant, and where on the page of the route.

    `see` is where things of the page may be seen, `reach` where the route's action may be done; the routes ask for
    each thing of a domain whether it is within. `reach` never goes beyond `see`.
    """

    gateway: Gateway
    principal: Principal
    tenant: TenantId
    see: Reach
    reach: Reach

    def admit_place(self, place: DomainPlace | None, unknown: str) -> None:
        """Raises Problem: `unknown` (404) for what is not seen, page_forbidden (403) for what is seen but not reached."""
        person_id = self.principal.person_id
        if place is None or not place.within(self.see, person_id):
            raise not_found(unknown)
        if not place.within(self.reach, person_id):
            raise page_forbidden()

    async def admit(self, domain: str, unknown: str = "domain_unknown") -> None:
        """The same for a domain of the tenant, or for something in it. Whoever acts everywhere costs no question."""
        if not self.reach.everywhere:
            self.admit_place(await domain_place(self.gateway.pool, self.tenant, domain), unknown)

    def admit_group(self, group_id: str) -> None:
        """The same for a paid group: it is within when it is named, or everything is."""
        if not (self.see.everywhere or group_id in self.see.groups):
            raise not_found("paid_group_unknown")
        if not (self.reach.everywhere or group_id in self.reach.groups):
            raise page_forbidden()

    async def domains(self) -> list[str] | None:
        """Give the domains that the route's action may be done in; None for all of the tenant."""
        return await domains_within(self.gateway.pool, self.tenant, self.reach, self.principal.person_id)


def page_forbidden() -> Problem:
    """Give the answer for what may be seen but not done."""
    return Problem(HTTPStatus.FORBIDDEN, "page_forbidden", "your permissions don't include this")


async def _gate(request: Request) -> None:
    needs = TABLE[request.method, request.scope["route"].path]
    gateway: Gateway = request.app.state.gateway
    if needs.who == "anyone":
        await _count(request, gateway, "address", client_address(request))
        return
    principal = await authenticate(request, gateway)
    if principal is None:
        # Counted, so that secrets can't be tried out at leisure.
        await _count(request, gateway, "address", client_address(request))
        raise _not_signed_in()
    await _count(request, gateway, "principal", principal.actor)
    request.scope[_ACCESS] = _access(request, gateway, principal, needs)


Gate = Depends(_gate)


async def still_admitted(request: Request) -> Access | None:
    """Give the access of a request whose answer goes on for long, as it is now; None for whom the gate would stop now.

    It is no further request, so it counts for no limit, and no use of a session, which would never end otherwise.
    """
    gateway: Gateway = request.app.state.gateway
    try:
        principal = await authenticate(request, gateway, is_use=False)
        if principal is None:
            return None
        return _access(request, gateway, principal, TABLE[request.method, request.scope["route"].path])
    except Problem:
        return None


async def _count(request: Request, gateway: Gateway, policy: Policy, whom: str) -> None:
    standing = await gateway.limits.count(policy, whom, gateway.clock.machine())
    request.scope[ANSWER_HEADERS].update(standing.headers())
    if not standing.allowed:
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", "wait before the next request")


def _not_signed_in() -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "not_signed_in",
        "send a valid key as Authorization: Bearer …, or sign in",
        headers={"WWW-Authenticate": 'Bearer realm="postfach"'},
    )


def _access(request: Request, gateway: Gateway, principal: Principal, needs: Needs) -> Access:
    if needs.who == "operator" and not principal.is_operator:
        raise Problem(HTTPStatus.FORBIDDEN, "operators_only", "only an operator may do this")
    if needs.who == "person" and principal.kind != "person":
        raise Problem(HTTPStatus.FORBIDDEN, "persons_only", "only a person with a session may do this")
    tenant = _acting_for(request.headers.get(TENANT_HEADER), principal, needs)
    see = reach = NOWHERE
    if needs.page is not None:
        see = role_reach(principal.role, principal.permissions, needs.page, "see")
        reach = role_reach(principal.role, principal.permissions, needs.page, needs.action)
        if not reach:
            raise page_forbidden()
    is_write = request.method not in _READING
    if is_write and principal.tenant_suspended and not principal.is_operator and not needs.while_suspended:
        raise Problem(HTTPStatus.FORBIDDEN, "tenant_suspended", "nothing can be changed for now")
    return Access(gateway=gateway, principal=principal, tenant=tenant, see=see, reach=reach)


def _acting_for(named: str | None, principal: Principal, needs: Needs) -> TenantId:
    if named is None:
        if principal.is_operator and needs.for_tenant:
            raise invalid(
                TENANT_HEADER, "tenant_missing", "name the tenant in this header", HTTPStatus.BAD_REQUEST
            )
        return principal.tenant
    tenant = tenant_id(named)
    if not principal.is_operator and tenant != principal.tenant:
        raise not_found("tenant_unknown")
    return tenant


async def _acting(
    request: Request,
    _documentation: Annotated[
        str | None,
        Header(alias=TENANT_HEADER, description="For whom an operator acts; others may leave it out."),
    ] = None,
) -> Access:
    return request.scope[_ACCESS]


Acting = Annotated[Access, Depends(_acting)]


async def _signed_in(request: Request) -> Principal:
    return request.scope[_ACCESS].principal


SignedIn = Annotated[Principal, Depends(_signed_in)]


def tenant_id(text: str) -> TenantId:
    """Give a tenant id in its one form. Raises Problem: whoever has no form of an id has no tenant."""
    try:
        return TenantId(parse_uuid(text))
    except ValueError:
        raise not_found("tenant_unknown") from None
