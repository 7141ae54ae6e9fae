"""Customers. Operators only."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from contracts.access import OnboardTenant, TenantTitle
from contracts.ids import TenantId
from contracts.message import UuidText
from contracts.topics import ACCESS
from services.gateway import queries
from services.gateway.http.acting import tenant_id
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
from services.gateway.http.problems import not_found
from services.gateway.http.request import Connections, Fresh, Text
from services.gateway.http.views import Operation, TenantPage, TenantView, WriteResult, tenant_view
from services.gateway.http.writes import Act, KeyedWrite, content_of, written

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], dependencies=[Fresh])


class NewTenant(RequestBody, frozen=True, kw_only=True):
    """A customer to onboard; without an id it gets one."""

    title: TenantTitle
    tenant: UuidText | None = None


@router.post("", summary="Onboard a tenant", **documented({201: WriteResult, 202: Operation}, body=NewTenant))
async def onboard(write: KeyedWrite, body: Annotated[NewTenant, body_of(NewTenant)]) -> Response:
    """Make a customer known."""

    async def act(attempt: Act) -> Response:
        tenant = TenantId(body.tenant or attempt.thing_id)
        outcome = await attempt.for_tenant(tenant).order(ACCESS, tenant, OnboardTenant(title=body.title))
        return written(ACCESS, outcome, None, HTTPStatus.CREATED, f"/v1/tenants/{tenant}")

    return await write.once(TenantId("operators"), content_of(body), act)


@router.get("", summary="List tenants", **documented({200: TenantPage}))
async def list_(
    gateway: Connections, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give customers by id."""
    name, size = list_name("tenants"), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text], name).after[0]
    page = cut(await queries.list_tenants(gateway.pool, after, size + 1), size, name, ("tenant",))
    return answer(
        TenantPage(
            tenants=[tenant_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{tenant}", summary="Get a tenant", **documented({200: TenantView}))
async def get(gateway: Connections, tenant: str) -> Response:
    """Give a customer."""
    row = await queries.get_tenant(gateway.pool, tenant_id(tenant))
    if row is None:
        raise not_found("tenant_unknown")
    return answer(tenant_view(row), headers={"ETag": f'"{row.version}"'})
