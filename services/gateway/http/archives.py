"""Archives of a tenant: the list, one of them, the certificate of one that is gone, and ending one early."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from msgspec import Meta
from starlette.responses import Response

from contracts.archive import DestroyArchive, StatedReason
from contracts.listing import ARCHIVE_FILTER_FIELDS, FILTER_LENGTH_MAX
from contracts.topics import ARCHIVE
from services.gateway.archive_queries import ListedArchive, OrderColumn, get_archive, list_archives
from services.gateway.http.acting import Access, Acting
from services.gateway.http.archive_views import (
    ArchivePage,
    ArchiveView,
    CertificateView,
    address_of,
    archive_view,
    certificate_view,
)
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
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
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, content_of, written
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/archives", tags=["archives"], dependencies=[Fresh])

_ORDERS: Final = "^(expires_at|created_at)( (asc|desc))?$"


class Destruction(RequestBody, frozen=True, kw_only=True):
    """Why an archive is to end before its time. `confirmation` repeats its id, or the address of its mailbox."""

    reason: StatedReason
    confirmation: Annotated[str, Meta(max_length=400)]


@router.get("", summary="List archives", **documented({200: ArchivePage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    order_by: Annotated[str, Query(pattern=_ORDERS)] = "expires_at",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the tenant's archives that match a filter, whichever expires first before the others."""
    try:
        filtered = compile_filter(filter_, ARCHIVE_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    column, _, direction = order_by.partition(" ")
    order: Any = msgspec.convert(column, OrderColumn)
    name, size = list_name("archives", acting.tenant, filter_, order, direction or "asc"), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await list_archives(
        acting.gateway.pool,
        acting.tenant,
        filtered,
        await acting.domains(),
        order=order,
        after=after,
        limit=size + 1,
        descending=direction == "desc",
    )
    page = cut(found, size, name, (order, "archive_id"))
    now = acting.gateway.clock()
    return answer(
        ArchivePage(
            archives=[archive_view(row, now) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{archive_id}", summary="Get an archive", **documented({200: ArchiveView}))
async def get(acting: Acting, archive_id: str) -> Response:
    """Give an archive."""
    row = await _find(acting, archive_id)
    return answer(archive_view(row, acting.gateway.clock()), headers={"ETag": f'"{row.version}"'})


@router.get(
    "/{archive_id}/certificate",
    summary="Get the certificate of a purged archive",
    **documented({200: CertificateView}),
)
async def certificate(acting: Acting, archive_id: str) -> Response:
    """Give what proves that the archive is gone for good, and where the log proves it. There is none before that."""
    row = await _find(acting, archive_id)
    if row.certificate is None:
        raise not_found("certificate_unknown")
    return answer(certificate_view(row, row.certificate), headers={"ETag": f'"{row.version}"'})


@router.post(
    "/{archive_id}:destroy",
    summary="Destroy an archive before its time",
    **documented({200: WriteResult, 202: Operation}, body=Destruction),
)
async def destroy(
    write: AnyWrite, acting: Acting, archive_id: str, body: Annotated[Destruction, body_of(Destruction)]
) -> Response:
    """End an archive now, for good. The address of a deleted mailbox is free afterwards. A hold prevents it."""
    row = await _find(acting, archive_id)
    if body.confirmation.strip().lower() not in (row.archive_id, address_of(row)):
        raise invalid("#/confirmation", "confirmation_needed", "repeat the archive's id or its address")

    async def act(attempt: Act) -> Response:
        command = DestroyArchive(archive_id=row.archive_id, reason=body.reason)
        return written(ARCHIVE, await attempt.order(ARCHIVE, row.domain, command))

    return await write.once(acting.tenant, content_of(body), act)


async def _find(access: Access, archive_id: str) -> ListedArchive:
    unknown = "archive_unknown"
    row = await get_archive(access.gateway.pool, access.tenant, thing_id(archive_id, unknown))
    if row is None:
        raise not_found(unknown)
    await access.admit(row.domain, unknown)
    return row
