"""Mail domains of a tenant. Operators vouch for them, suspend them and set their limits."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.addresses import AddressError
from contracts.ids import DomainName, TenantId
from contracts.mailbox import (
    ActivateDomain,
    MailboxCommand,
    MailboxLimit,
    RegisterDomain,
    RemoveDomain,
    ResumeDomain,
    SetMailboxLimit,
    SuspendDomain,
)
from contracts.topics import MAILBOX
from services.gateway import queries
from services.gateway.http.bodies import RequestBody, SuspensionReason, answer, body_of, documented
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    PageSize,
    PageToken,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import Problem, invalid, not_found
from services.gateway.http.request import Connections, Fresh, Text
from services.gateway.http.sign_in import ActingFor, Operator, SignedIn
from services.gateway.http.views import DomainPage, DomainView, Operation, WriteResult, domain_view
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, Write, content_of, written
from services.runtime.domain_names import to_a_label

router = APIRouter(prefix="/v1/domains", tags=["domains"], dependencies=[Fresh])

_WRITTEN = documented({200: WriteResult, 202: Operation})


class NewDomain(RequestBody, frozen=True, kw_only=True):
    """A domain to claim, as people or as protocols write it. Only an operator gives a limit."""

    domain: Annotated[str, "at most 253 octets as an A-label"]
    mailbox_limit: MailboxLimit | None = None


class LimitChange(RequestBody, frozen=True, kw_only=True):
    """How many mailboxes the domain may have; null is no limit."""

    mailbox_limit: MailboxLimit | None


@router.post(
    "", summary="Register a domain", **documented({201: WriteResult, 202: Operation}, body=NewDomain)
)
async def register(
    write: KeyedWrite, tenant: ActingFor, body: Annotated[NewDomain, body_of(NewDomain)]
) -> Response:
    """Claim a domain. It holds mailboxes once it is active."""
    try:
        domain = to_a_label(body.domain)
    except AddressError as error:
        raise invalid("#/domain", "domain_invalid", str(error)) from None
    if body.mailbox_limit is not None and not write.principal.is_operator:
        raise Problem(HTTPStatus.FORBIDDEN, "operators_only", "only an operator sets a limit")

    async def act(attempt: Act) -> Response:
        outcome = await attempt.order(MAILBOX, domain, RegisterDomain(mailbox_limit=body.mailbox_limit))
        return written(MAILBOX, outcome, None, HTTPStatus.CREATED, f"/v1/domains/{domain}")

    return await write.once(tenant, content_of(body), act)


@router.get("", summary="List domains", **documented({200: DomainPage}))
async def list_(
    gateway: Connections, tenant: ActingFor, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give the tenant's domains by name."""
    name, size = list_name("domains", tenant), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text], name).after
    page = cut(await queries.list_domains(gateway.pool, tenant, after, size + 1), size, name, ("domain",))
    return answer(
        DomainPage(
            domains=[domain_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{domain}", summary="Get a domain", **documented({200: DomainView}))
async def get(gateway: Connections, tenant: ActingFor, domain: str) -> Response:
    """Give a domain."""
    row = await queries.get_domain(gateway.pool, tenant, _known_form(domain))
    if row is None:
        raise not_found("domain_unknown")
    return answer(domain_view(row), headers={"ETag": f'"{row.version}"'})


@router.post("/{domain}:activate", summary="Activate a domain", **_WRITTEN)
async def activate(write: AnyWrite, tenant: ActingFor, _: Operator, domain: str) -> Response:
    """Vouch that the tenant owns the domain."""
    return await _change(write, tenant, domain, ActivateDomain(proof="operator"))


@router.post(
    "/{domain}:suspend",
    summary="Suspend a domain",
    **documented({200: WriteResult, 202: Operation}, body=SuspensionReason),
)
async def suspend(
    write: AnyWrite,
    tenant: ActingFor,
    _: Operator,
    domain: str,
    body: Annotated[SuspensionReason, body_of(SuspensionReason)],
) -> Response:
    """Stop changes and sign-ins for the whole domain."""
    return await _change(write, tenant, domain, SuspendDomain(reason=body.reason), body)


@router.post("/{domain}:resume", summary="Resume a domain", **_WRITTEN)
async def resume(write: AnyWrite, tenant: ActingFor, _: Operator, domain: str) -> Response:
    """End the suspension."""
    return await _change(write, tenant, domain, ResumeDomain())


@router.post(
    "/{domain}:setMailboxLimit",
    summary="Set a domain's mailbox limit",
    **documented({200: WriteResult, 202: Operation}, body=LimitChange),
)
async def set_mailbox_limit(
    write: AnyWrite,
    tenant: ActingFor,
    _: Operator,
    domain: str,
    body: Annotated[LimitChange, body_of(LimitChange)],
) -> Response:
    """Say how many mailboxes the domain may have. Existing ones stay."""
    return await _change(write, tenant, domain, SetMailboxLimit(mailbox_limit=body.mailbox_limit), body)


@router.post("/{domain}:remove", summary="Remove a domain", **_WRITTEN)
async def remove(write: AnyWrite, tenant: ActingFor, _: SignedIn, domain: str) -> Response:
    """Give the domain up. Refused while it has mailboxes that are not deleted."""
    return await _change(write, tenant, domain, RemoveDomain())


async def _change(
    write: Write, tenant: TenantId, domain: str, command: MailboxCommand, body: RequestBody | None = None
) -> Response:
    name = _known_form(domain)

    async def act(attempt: Act) -> Response:
        return written(MAILBOX, await attempt.order(MAILBOX, name, command))

    return await write.once(tenant, content_of(body), act)


def _known_form(domain: str) -> DomainName:
    try:
        return to_a_label(domain)
    except AddressError:
        raise not_found("domain_unknown") from None
