"""API keys of a tenant: as limited as sub-users, shown once, and revoked at once."""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated

from fastapi import APIRouter
from msgspec import Meta
from starlette.responses import Response

from contracts.access import CreateKey, Networks, RevokeKey, Title
from contracts.permissions import Permissions, Role
from contracts.topics import ACCESS
from contracts.views.access import KeyRow
from services.gateway import access_queries, access_tokens
from services.gateway.access_tokens import NewToken, new_secret
from services.gateway.http.access_views import KeyMade, KeyPage, KeyView, key_view
from services.gateway.http.access_writes import change, know_provider, order_with_token, shown_once
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
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
from services.gateway.http.request import Connections, Fresh, Text, position_of, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of

router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Fresh])


class NewKey(RequestBody, frozen=True, kw_only=True):
    """A key to make. `networks` are addresses or networks (RFC 4632, RFC 4291) that it works from."""

    title: Title
    role: Role = "sub_user"
    permissions: Permissions = ()
    networks: Networks = ()
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


@router.post("", summary="Make an API key", **documented({201: KeyMade, 202: Operation}, body=NewKey))
async def create(write: KeyedWrite, acting: Acting, body: Annotated[NewKey, body_of(NewKey)]) -> Response:
    """Make a key, and get its secret this once. It holds nothing that whoever makes it does not hold."""
    for number, network in enumerate(body.networks):
        try:
            ip_network(network)
        except ValueError as error:
            raise invalid(f"#/networks/{number}", "network_invalid", str(error)) from None

    async def act(attempt: Act) -> Response:
        await know_provider(attempt)
        token = NewToken(secret=new_secret(), kind="key", id=attempt.thing_id, tenant=attempt.tenant)
        command = CreateKey(
            key_id=attempt.thing_id,
            title=body.title,
            role=body.role,
            permissions=body.permissions,
            networks=body.networks,
            expires_at=body.expires_at,
        )
        outcome = await order_with_token(attempt, command, token)

        def view(secret: str | None) -> KeyMade:
            position = position_of(ACCESS.name, outcome)
            return KeyMade(key_id=outcome.subject, secret=secret, version=outcome.version, position=position)

        return shown_once(outcome, view(token.secret), view(None), f"/v1/keys/{outcome.subject}")

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List API keys", **documented({200: KeyPage}))
async def list_(
    gateway: Connections, acting: Acting, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give the keys in the order of their making, also those that were revoked."""
    name, size = list_name("keys", acting.tenant), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text], name).after
    page = cut(
        await access_queries.list_keys(gateway.pool, acting.tenant, after, size + 1), size, name, ("key_id",)
    )
    return answer(
        KeyPage(
            keys=[key_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{key_id}", summary="Get an API key", **documented({200: KeyView}))
async def get(acting: Acting, key_id: str) -> Response:
    """Give a key, without its secret."""
    row = await _find(acting, key_id)
    return answer(key_view(row), headers={"ETag": f'"{row.version}"'})


@router.post(
    "/{key_id}:revoke", summary="Revoke an API key", **documented({200: WriteResult, 202: Operation})
)
async def revoke(write: AnyWrite, acting: Acting, key_id: str) -> Response:
    """End a key for good. When this answers, no gateway lets it in any more."""
    row = await _find(acting, key_id)

    async def after() -> None:
        await access_tokens.drop(write.gateway.pool, "key", row.key_id)

    return await change(write, acting.tenant, RevokeKey(key_id=row.key_id), after=after)


async def _find(acting: Access, key_id: str) -> KeyRow:
    id_ = thing_id(key_id, "key_unknown")
    row = await access_queries.get_key(acting.gateway.pool, acting.tenant, id_)
    if row is None:
        raise not_found("key_unknown")
    return row
