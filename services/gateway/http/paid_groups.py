"""Paid groups: the plans that a tenant has bought, and which domains share each of them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.access import (
    ChangePlan,
    CreatePaidGroup,
    DomainsMax,
    MailboxesMax,
    PlaceDomain,
    RemovePaidGroup,
    RenamePaidGroup,
    Title,
    WithdrawDomain,
)
from contracts.message import UuidText
from contracts.topics import ACCESS
from contracts.views.access import PaidGroupRow
from services.gateway import access_queries
from services.gateway.access_queries import HandedOut
from services.gateway.http.access_views import PaidGroupPage, PaidGroupView, paid_group_view
from services.gateway.http.access_writes import change, order
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.named_domain import find_domain
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    PageSize,
    PageToken,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import Problem, not_found
from services.gateway.http.request import Connections, Fresh, Text, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written

router = APIRouter(tags=["paid_groups"], dependencies=[Fresh])

_WRITTEN = documented({200: WriteResult, 202: Operation})


class NewPaidGroup(RequestBody, frozen=True, kw_only=True):
    """A plan that a tenant has bought: so many domains, with so many mailboxes between them."""

    title: Title
    plan: Title
    domains_max: DomainsMax
    mailboxes_max: MailboxesMax


class TitleChange(RequestBody, frozen=True, kw_only=True):
    """The title that the paid group is shown by."""

    title: Title


class NewPlan(RequestBody, frozen=True, kw_only=True):
    """What the paid group may hold from now on: no less than what is handed out."""

    plan: Title
    domains_max: DomainsMax
    mailboxes_max: MailboxesMax


class Placement(RequestBody, frozen=True, kw_only=True):
    """The paid group for a domain, and how many of its mailboxes the domain is handed."""

    group_id: UuidText
    mailbox_limit: MailboxesMax


@router.post(
    "/v1/paid-groups",
    summary="Create a paid group",
    **documented({201: WriteResult, 202: Operation}, body=NewPaidGroup),
)
async def create(
    write: KeyedWrite, acting: Acting, body: Annotated[NewPaidGroup, body_of(NewPaidGroup)]
) -> Response:
    """Let the tenant have a plan."""

    async def act(attempt: Act) -> Response:
        command = CreatePaidGroup(
            group_id=attempt.thing_id,
            title=body.title,
            plan=body.plan,
            domains_max=body.domains_max,
            mailboxes_max=body.mailboxes_max,
        )
        outcome = await order(attempt, command)
        location = f"/v1/paid-groups/{outcome.subject}"
        return written(ACCESS, outcome, None, HTTPStatus.CREATED, location)

    return await write.once(acting.tenant, content_of(body), act)


@router.get("/v1/paid-groups", summary="List paid groups", **documented({200: PaidGroupPage}))
async def list_(
    gateway: Connections, acting: Acting, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give the paid groups that the caller may see, in the order of their making, also those that ended."""
    within = None if acting.see.everywhere else sorted(acting.see.groups)
    name, size = list_name("paid groups", acting.tenant, *(within or ())), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text], name).after
    found = await access_queries.list_paid_groups(gateway.pool, acting.tenant, within, after, size + 1)
    page = cut(found, size, name, ("group_id",))
    sums = await access_queries.handed_out(gateway.pool, acting.tenant, [row.group_id for row in page.rows])
    return answer(
        PaidGroupPage(
            paid_groups=[paid_group_view(row, sums.get(row.group_id, HandedOut())) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/v1/paid-groups/{group_id}", summary="Get a paid group", **documented({200: PaidGroupView}))
async def get(gateway: Connections, acting: Acting, group_id: str) -> Response:
    """Give a paid group with what is handed out of it."""
    row = await _find(acting, group_id)
    sums = await access_queries.handed_out(gateway.pool, acting.tenant, [row.group_id])
    view = paid_group_view(row, sums.get(row.group_id, HandedOut()))
    return answer(view, headers={"ETag": f'"{row.version}"'})


@router.patch(
    "/v1/paid-groups/{group_id}",
    summary="Rename a paid group",
    **documented({200: WriteResult, 202: Operation}, body=TitleChange),
)
async def rename(
    write: AnyWrite, acting: Acting, group_id: str, body: Annotated[TitleChange, body_of(TitleChange)]
) -> Response:
    """Give the paid group another title."""
    row = await _find(acting, group_id)
    return await change(write, acting.tenant, RenamePaidGroup(group_id=row.group_id, title=body.title), body)


@router.post(
    "/v1/paid-groups/{group_id}:changePlan",
    summary="Change a paid group's plan",
    **documented({200: WriteResult, 202: Operation}, body=NewPlan),
)
async def change_plan(
    write: AnyWrite, acting: Acting, group_id: str, body: Annotated[NewPlan, body_of(NewPlan)]
) -> Response:
    """Change what the paid group may hold. Refused below what is handed out."""
    row = await _find(acting, group_id)
    command = ChangePlan(
        group_id=row.group_id,
        plan=body.plan,
        domains_max=body.domains_max,
        mailboxes_max=body.mailboxes_max,
    )
    return await change(write, acting.tenant, command, body)


@router.post("/v1/paid-groups/{group_id}:remove", summary="Remove a paid group", **_WRITTEN)
async def remove(write: AnyWrite, acting: Acting, group_id: str) -> Response:
    """End the paid group. Refused while it has domains."""
    row = await _find(acting, group_id)
    return await change(write, acting.tenant, RemovePaidGroup(group_id=row.group_id))


@router.post(
    "/v1/domains/{domain}:place",
    summary="Place a domain in a paid group",
    **documented({200: WriteResult, 202: Operation}, body=Placement),
)
async def place(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[Placement, body_of(Placement)]
) -> Response:
    """Put a domain into a paid group, or move it there. Its mailbox limit follows a moment later."""
    row = await find_domain(acting, domain)
    acting.admit_group(body.group_id)
    if row.status in ("closing", "removed"):
        raise Problem(HTTPStatus.CONFLICT, "domain_not_active", f"the domain is {row.status}")
    command = PlaceDomain(domain=row.domain, group_id=body.group_id, mailbox_limit=body.mailbox_limit)
    return await change(write, acting.tenant, command, body)


@router.post("/v1/domains/{domain}:withdraw", summary="Take a domain out of its paid group", **_WRITTEN)
async def withdraw(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """Take a domain out of its paid group; what it was handed is free again."""
    row = await find_domain(acting, domain)
    return await change(write, acting.tenant, WithdrawDomain(domain=row.domain))


async def _find(acting: Access, group_id: str) -> PaidGroupRow:
    id_ = thing_id(group_id, "paid_group_unknown")
    acting.admit_group(id_)
    row = await access_queries.get_paid_group(acting.gateway.pool, acting.tenant, id_)
    if row is None:
        raise not_found("paid_group_unknown")
    return row
