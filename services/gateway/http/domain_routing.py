"""Who gets the mail of a domain that nobody else gets: the catch-all, and the contact for postmaster and abuse."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.routing import DisableCatchAll, EnableCatchAll, SetContact
from contracts.topics import MAILBOX
from services.gateway.http.acting import Acting
from services.gateway.http.bodies import RequestBody, body_of, documented
from services.gateway.http.named_domain import change_domain, find_domain
from services.gateway.http.request import Fresh
from services.gateway.http.targets import TargetText, wanted_target
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, content_of, written

router = APIRouter(prefix="/v1/domains", tags=["domains"], dependencies=[Fresh])


class CatchAll(RequestBody, frozen=True, kw_only=True):
    """The main mailbox; with `copy` it also gets a copy of what other mailboxes of the domain get."""

    target: TargetText
    copy: bool = False


class Contact(RequestBody, frozen=True, kw_only=True):
    """Who gets the mail for postmaster and abuse when nobody else does; null is nobody."""

    target: TargetText | None


@router.post(
    "/{domain}:enableCatchAll",
    summary="Enable the catch-all",
    **documented({200: WriteResult, 202: Operation}, body=CatchAll),
)
async def enable_catch_all(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[CatchAll, body_of(CatchAll)]
) -> Response:
    """Deliver what nobody else gets to a main mailbox."""
    row = await find_domain(acting, domain)

    async def act(attempt: Act) -> Response:
        target = await wanted_target(acting, body.target)
        command = EnableCatchAll(target_id=target.mailbox_id, target_domain=target.domain, copy=body.copy)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, content_of(body), act)


@router.post(
    "/{domain}:disableCatchAll",
    summary="Disable the catch-all",
    **documented({200: WriteResult, 202: Operation}),
)
async def disable_catch_all(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """Refuse what nobody gets."""
    return await change_domain(write, acting, domain, DisableCatchAll())


@router.post(
    "/{domain}:setContact",
    summary="Set the contact",
    **documented({200: WriteResult, 202: Operation}, body=Contact),
)
async def set_contact(
    write: AnyWrite, acting: Acting, domain: str, body: Annotated[Contact, body_of(Contact)]
) -> Response:
    """Say who gets the mail for postmaster and abuse when nobody else does."""
    row = await find_domain(acting, domain)

    async def act(attempt: Act) -> Response:
        command = SetContact()
        if body.target is not None:
            target = await wanted_target(acting, body.target)
            command = SetContact(target_id=target.mailbox_id, target_domain=target.domain)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, content_of(body), act)
