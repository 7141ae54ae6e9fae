"""Mail domains of a tenant. Operators vouch for them, suspend them and set their limits."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.addresses import AddressError
from contracts.listing import DOMAIN_FILTER_FIELDS, FILTER_LENGTH_MAX
from contracts.mailbox import (
    ActivateDomain,
    AssignDomain,
    MailboxLimit,
    RegisterDomain,
    RemoveDomain,
    ResumeDomain,
    SetMailboxLimit,
    SuspendDomain,
)
from contracts.message import UuidText
from contracts.topics import MAILBOX
from services.gateway.domain_list import OrderColumn, active_parent, list_domains
from services.gateway.http.acting import Acting, page_forbidden
from services.gateway.http.assignment import check_assignment
from services.gateway.http.bodies import RequestBody, SuspensionReason, answer, body_of, documented
from services.gateway.http.domain_views import DomainPage, DomainView, show_domains
from services.gateway.http.named_domain import change_domain, find_domain
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    Instant,
    PageSize,
    PageToken,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.request import Fresh, Text
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.runtime.domain_names import to_a_label
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/domains", tags=["domains"], dependencies=[Fresh])

_WRITTEN = documented({200: WriteResult, 202: Operation})

_KEYS: Final[dict[OrderColumn, Any]] = {
    "domain": tuple[Text],
    "created_at": tuple[Instant, Text],
    "changed_at": tuple[Instant, Text],
}


class NewDomain(RequestBody, frozen=True, kw_only=True):
    """A domain to claim, as people or as protocols write it. Only an operator gives a limit.

    `assigned_to` is the user id of the employee whom it is for.
    """

    domain: Annotated[str, "at most 253 octets as an A-label"]
    mailbox_limit: MailboxLimit | None = None
    assigned_to: UuidText | None = None


class LimitChange(RequestBody, frozen=True, kw_only=True):
    """How many mailboxes the domain may have; null is no limit."""

    mailbox_limit: MailboxLimit | None


class Assignment(RequestBody, frozen=True, kw_only=True):
    """The user id of the employee whom the domain is for; null is nobody in particular."""

    assigned_to: UuidText | None


@router.post(
    "", summary="Register a domain", **documented({201: WriteResult, 202: Operation}, body=NewDomain)
)
async def register(
    write: KeyedWrite, acting: Acting, body: Annotated[NewDomain, body_of(NewDomain)]
) -> Response:
    """Claim a domain. Below an active domain of the tenant it is active at once, else once it is proven."""
    try:
        domain = to_a_label(body.domain)
    except AddressError as error:
        raise invalid("#/domain", "domain_invalid", str(error)) from None
    if body.mailbox_limit is not None and not write.principal.is_operator:
        raise Problem(HTTPStatus.FORBIDDEN, "operators_only", "only an operator sets a limit")
    if not acting.reach.everywhere:
        raise page_forbidden()

    async def act(attempt: Act) -> Response:
        if body.assigned_to is not None:
            await check_assignment(acting, domain, body.assigned_to)
        outcome = await attempt.order(
            MAILBOX,
            domain,
            RegisterDomain(
                mailbox_limit=body.mailbox_limit,
                challenge=attempt.part_id("challenge").replace("-", ""),
                assigned_to=body.assigned_to,
            ),
        )
        parent = await active_parent(write.gateway.pool, acting.tenant, domain)
        if outcome.events and parent is not None:
            command = ActivateDomain(proof="parent_domain", evidence=parent)
            outcome = await attempt.order(MAILBOX, domain, command, step="activate")
        return written(MAILBOX, outcome, None, HTTPStatus.CREATED, f"/v1/domains/{domain}")

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List domains", **documented({200: DomainPage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    order_by: Annotated[str, Query(pattern="^(domain|created_at|changed_at)( (asc|desc))?$")] = "domain",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the tenant's domains that match a filter."""
    try:
        filtered = compile_filter(filter_, DOMAIN_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    column, _, direction = order_by.partition(" ")
    order = msgspec.convert(column, OrderColumn)
    name, size = list_name("domains", acting.tenant, filter_, order, direction or "asc"), page_size(size)
    after = None if token is None else decode_token(token, _KEYS[order], name).after
    keys = ("domain",) if order == "domain" else (order, "domain")
    found = await list_domains(
        acting.gateway.pool,
        acting.tenant,
        filtered,
        await acting.domains(),
        keys=keys,
        after=after,
        limit=size + 1,
        descending=direction == "desc",
    )
    page = cut(found, size, name, keys)
    return answer(
        DomainPage(
            domains=await show_domains(acting, page.rows),
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{domain}", summary="Get a domain", **documented({200: DomainView}))
async def get(acting: Acting, domain: str) -> Response:
    """Give a domain."""
    row = await find_domain(acting, domain)
    (view,) = await show_domains(acting, [row])
    return answer(view, headers={"ETag": f'"{row.version}"'})


@router.post("/{domain}:activate", summary="Activate a domain", **_WRITTEN)
async def activate(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """Vouch that the tenant owns the domain. Operators only."""
    return await change_domain(write, acting, domain, ActivateDomain(proof="operator"))


@router.post(
    "/{domain}:suspend",
    summary="Suspend a domain",
    **documented({200: WriteResult, 202: Operation}, body=SuspensionReason),
)
async def suspend(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[SuspensionReason, body_of(SuspensionReason)]
) -> Response:
    """Stop changes and sign-ins for the whole domain. Operators only."""
    return await change_domain(write, acting, domain, SuspendDomain(reason=body.reason), body)


@router.post("/{domain}:resume", summary="Resume a domain", **_WRITTEN)
async def resume(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """End the suspension. Operators only."""
    return await change_domain(write, acting, domain, ResumeDomain())


@router.post(
    "/{domain}:setMailboxLimit",
    summary="Set a domain's mailbox limit",
    **documented({200: WriteResult, 202: Operation}, body=LimitChange),
)
async def set_mailbox_limit(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[LimitChange, body_of(LimitChange)]
) -> Response:
    """Say how many mailboxes the domain may have. Existing ones stay. Operators only."""
    return await change_domain(write, acting, domain, SetMailboxLimit(mailbox_limit=body.mailbox_limit), body)


@router.post(
    "/{domain}:assign",
    summary="Assign a domain to an employee",
    **documented({200: WriteResult, 202: Operation}, body=Assignment),
)
async def assign(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[Assignment, body_of(Assignment)]
) -> Response:
    """Say which employee the domain is for. Nobody hands out more by this than they may do themselves."""
    row = await find_domain(acting, domain)

    async def act(attempt: Act) -> Response:
        if body.assigned_to is not None:
            await check_assignment(acting, row.domain, body.assigned_to)
        command = AssignDomain(user_id=body.assigned_to)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, content_of(body), act)


@router.post("/{domain}:remove", summary="Remove a domain", **_WRITTEN)
async def remove(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """Give the domain up. Refused while it has mailboxes that are not deleted."""
    return await change_domain(write, acting, domain, RemoveDomain())
