"""Aliases of a domain: further addresses that lead to mailboxes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from msgspec import Meta
from starlette.responses import Response

from contracts.addresses import AddressError, join_address, parse_local_part
from contracts.ids import DomainName, LocalPart
from contracts.routing import AddAlias, RemoveAlias
from contracts.topics import MAILBOX
from contracts.views.routing import AliasRow
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
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.routing_views import AliasPage, AliasView, alias_view
from services.gateway.http.targets import TargetText, targets_of, wanted_target
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.gateway.rules import get_alias, list_aliases

router = APIRouter(prefix="/v1/domains/{domain}/aliases", tags=["aliases"], dependencies=[Fresh])


class NewAlias(RequestBody, frozen=True, kw_only=True):
    """An alias: the part before the @, and the mailbox that it leads to."""

    local_part: Annotated[str, Meta(max_length=200)]
    target: TargetText


@router.post("", summary="Add an alias", **documented({201: AliasView, 202: Operation}, body=NewAlias))
async def add(
    write: KeyedWrite, acting: Acting, domain: str, body: Annotated[NewAlias, body_of(NewAlias)]
) -> Response:
    """Let another address of the domain lead to a mailbox."""
    row = await find_domain(acting, domain)
    local_part = _local_part(body.local_part, DomainName(row.domain))

    async def act(attempt: Act) -> Response:
        target = await wanted_target(acting, body.target)
        command = AddAlias(
            alias_id=attempt.thing_id,
            local_part=local_part,
            target_id=target.mailbox_id,
            target_domain=target.domain,
        )
        outcome = await attempt.order(MAILBOX, row.domain, command)
        alias = AliasRow(
            alias_id=outcome.subject,
            tenant=acting.tenant,
            domain=row.domain,
            local_part=local_part,
            target_id=target.mailbox_id,
            target_domain=target.domain,
            removed=False,
            version=outcome.version,
            created_at=outcome.decided_at,
            changed_at=outcome.decided_at,
        )
        view = alias_view(alias, await targets_of(acting, [target.mailbox_id]))
        location = f"/v1/domains/{row.domain}/aliases/{outcome.subject}"
        return written(MAILBOX, outcome, view, HTTPStatus.CREATED, location)

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List aliases", **documented({200: AliasPage}))
async def list_(
    acting: Acting, domain: str, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give the domain's aliases by address."""
    row = await find_domain(acting, domain)
    name, size = list_name("aliases", acting.tenant, row.domain), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text, Text], name).after
    found = await list_aliases(acting.gateway.pool, acting.tenant, row.domain, after, size + 1)
    page = cut(found, size, name, ("local_part", "alias_id"))
    targets = await targets_of(acting, [alias.target_id for alias in page.rows])
    return answer(
        AliasPage(
            aliases=[alias_view(alias, targets) for alias in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{alias_id}", summary="Get an alias", **documented({200: AliasView}))
async def get(acting: Acting, domain: str, alias_id: str) -> Response:
    """Give an alias."""
    row = await _find(acting, domain, alias_id)
    view = alias_view(row, await targets_of(acting, [row.target_id]))
    return answer(view, headers={"ETag": f'"{row.version}"'})


@router.post(
    "/{alias_id}:remove", summary="Remove an alias", **documented({200: WriteResult, 202: Operation})
)
async def remove(write: AnyWrite, acting: Acting, domain: str, alias_id: str) -> Response:
    """Remove an alias for good; its address is free at once."""

    async def act(attempt: Act) -> Response:
        # Looked for in here, so that a request that is sent again gets its answer although the alias is gone.
        row = await _find(acting, domain, alias_id)
        command = RemoveAlias(alias_id=row.alias_id)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, b"", act)


async def _find(access: Access, domain: str, alias_id: str) -> AliasRow:
    holder = await find_domain(access, domain)
    row = await get_alias(
        access.gateway.pool, access.tenant, holder.domain, thing_id(alias_id, "alias_unknown")
    )
    if row is None:
        raise not_found("alias_unknown")
    return row


def _local_part(text: str, domain: DomainName) -> LocalPart:
    try:
        local_part = parse_local_part(text)
        join_address(local_part, domain)
    except AddressError as error:
        raise invalid("#/local_part", "address_invalid", str(error)) from None
    return local_part
