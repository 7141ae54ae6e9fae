"""Customers. Operators only."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.access import (
    AccessReason,
    CloseTenant,
    OnboardTenant,
    RenameTenant,
    ResumeTenant,
    SuspendTenant,
    TenantTitle,
)
from contracts.ids import TenantId
from contracts.listing import FILTER_LENGTH_MAX, TENANT_FILTER_FIELDS
from contracts.message import UuidText
from contracts.topics import ACCESS
from services.gateway import queries
from services.gateway.http.access_writes import change, order
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
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Connections, Fresh, Text
from services.gateway.http.views import Operation, TenantPage, TenantView, WriteResult, tenant_view
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], dependencies=[Fresh])


class NewTenant(RequestBody, frozen=True, kw_only=True):
    """A customer to onboard; without an id it gets one."""

    title: TenantTitle
    tenant: UuidText | None = None


class TitleChange(RequestBody, frozen=True, kw_only=True):
    """The title that the customer is shown by."""

    title: TenantTitle


class TenantReason(RequestBody, frozen=True, kw_only=True):
    """Why a customer is suspended or given up."""

    reason: AccessReason = ""


@router.post("", summary="Onboard a tenant", **documented({201: WriteResult, 202: Operation}, body=NewTenant))
async def onboard(write: KeyedWrite, body: Annotated[NewTenant, body_of(NewTenant)]) -> Response:
    """Make a customer known."""

    async def act(attempt: Act) -> Response:
        tenant = TenantId(body.tenant or attempt.thing_id)
        outcome = await order(attempt.for_tenant(tenant), OnboardTenant(title=body.title))
        return written(ACCESS, outcome, None, HTTPStatus.CREATED, f"/v1/tenants/{tenant}")

    return await write.once(TenantId("operators"), content_of(body), act)


@router.get("", summary="List tenants", **documented({200: TenantPage}))
async def list_(
    gateway: Connections,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give customers by id."""
    try:
        filtered = compile_filter(filter_, TENANT_FILTER_FIELDS)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    name, size = list_name("tenants", filter_), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text], name).after
    page = cut(await queries.list_tenants(gateway.pool, filtered, after, size + 1), size, name, ("tenant",))
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


@router.patch(
    "/{tenant}",
    summary="Rename a tenant",
    **documented({200: WriteResult, 202: Operation}, body=TitleChange),
)
async def rename(
    write: AnyWrite, tenant: str, body: Annotated[TitleChange, body_of(TitleChange)]
) -> Response:
    """Give a customer another title."""
    return await change(write, tenant_id(tenant), RenameTenant(title=body.title), body)


@router.post(
    "/{tenant}:suspend",
    summary="Suspend a tenant",
    **documented({200: WriteResult, 202: Operation}, body=TenantReason),
)
async def suspend(
    write: AnyWrite, tenant: str, body: Annotated[TenantReason, body_of(TenantReason)]
) -> Response:
    """Let a customer read but change nothing; the domains follow a moment later."""
    return await change(write, tenant_id(tenant), SuspendTenant(reason=body.reason), body)


@router.post("/{tenant}:resume", summary="Resume a tenant", **documented({200: WriteResult, 202: Operation}))
async def resume(write: AnyWrite, tenant: str) -> Response:
    """End the suspension; the domains follow a moment later."""
    return await change(write, tenant_id(tenant), ResumeTenant())


@router.post(
    "/{tenant}:close",
    summary="Close a tenant",
    **documented({200: WriteResult, 202: Operation}, body=TenantReason),
)
async def close(
    write: AnyWrite, tenant: str, body: Annotated[TenantReason, body_of(TenantReason)]
) -> Response:
    """Begin to give a customer up: nobody of it signs in any more, and everything is put away step by step."""
    return await change(write, tenant_id(tenant), CloseTenant(reason=body.reason), body)
