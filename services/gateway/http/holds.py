"""Holds: what keeps archives of a domain from expiring, placed and released."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Meta
from starlette.responses import Response

from contracts.addresses import AddressError
from contracts.archive import HOLD_IDS_MAX, Authority, HoldScope, PlaceHold, ReleaseHold, StatedReason
from contracts.ids import DomainName
from contracts.job_fields import FilterText
from contracts.listing import ARCHIVE_FILTER_FIELDS, FILTER_LENGTH_MAX, HOLD_FILTER_FIELDS
from contracts.mailbox import Reason
from contracts.topics import ARCHIVE
from contracts.views.archive import HoldRow
from services.gateway.archive_queries import (
    archives_of,
    get_hold,
    is_domain_with_archives,
    list_holds,
    matching_archives,
)
from services.gateway.bulk_selection import domains_of
from services.gateway.http.acting import Access, Acting
from services.gateway.http.archive_views import HoldPage, HoldView, hold_view
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.named_things import demand_all, ids_named
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
from services.gateway.http.problems import Problem, invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.runtime.domain_names import to_a_label
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/holds", tags=["holds"], dependencies=[Fresh])

IdText = Annotated[str, Meta(min_length=1, max_length=64)]
Ids = Annotated[tuple[IdText, ...], Meta(min_length=1, max_length=HOLD_IDS_MAX)]


class NewHold(RequestBody, frozen=True, kw_only=True):
    """What to keep of a domain, why, and on whose authority.

    Mailboxes (also what they put away later), or archives, or those that match a filter of the archive list just now;
    without any of these, all of the domain, future archives too.
    """

    domain: Annotated[str, "at most 253 octets as an A-label"]
    reason: StatedReason
    authority: Authority
    mailbox_ids: Ids | None = None
    archive_ids: Ids | None = None
    filter: FilterText | None = None


class HoldRelease(RequestBody, frozen=True, kw_only=True):
    """Why a hold ends."""

    reason: Reason = ""


@router.post("", summary="Place a hold", **documented({201: WriteResult, 202: Operation}, body=NewHold))
async def place(write: KeyedWrite, acting: Acting, body: Annotated[NewHold, body_of(NewHold)]) -> Response:
    """Keep archives of a domain from expiring until the hold is released. An operator's is released by operators alone."""
    domain = await _domain(acting, body.domain)
    if sum(each is not None for each in (body.mailbox_ids, body.archive_ids, body.filter)) > 1:
        raise invalid("#", "hold_invalid", "give mailbox_ids, archive_ids or a filter, or none of them")

    async def act(attempt: Act) -> Response:
        scope, ids = await _covered(acting, domain, body)
        command = PlaceHold(
            hold_id=attempt.thing_id,
            scope=scope,
            ids=ids,
            reason=body.reason,
            authority=body.authority,
        )
        outcome = await attempt.order(ARCHIVE, domain, command)
        return written(ARCHIVE, outcome, None, HTTPStatus.CREATED, f"/v1/holds/{outcome.subject}")

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List holds", **documented({200: HoldPage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the tenant's holds, released ones too, newest first."""
    try:
        filtered = compile_filter(filter_, HOLD_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    name, size = list_name("holds", acting.tenant, filter_), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await list_holds(
        acting.gateway.pool, acting.tenant, filtered, await acting.domains(), after, size + 1
    )
    page = cut(found, size, name, ("created_at", "hold_id"))
    return answer(
        HoldPage(
            holds=[hold_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{hold_id}", summary="Get a hold", **documented({200: HoldView}))
async def get(acting: Acting, hold_id: str) -> Response:
    """Give a hold."""
    row = await _find(acting, hold_id)
    return answer(hold_view(row), headers={"ETag": f'"{row.version}"'})


@router.post(
    "/{hold_id}:release",
    summary="Release a hold",
    **documented({200: WriteResult, 202: Operation}, body=HoldRelease),
)
async def release(
    write: AnyWrite, acting: Acting, hold_id: str, body: Annotated[HoldRelease, body_of(HoldRelease)]
) -> Response:
    """End a hold. What is overdue by then, and held by nothing else, expires."""
    row = await _find(acting, hold_id)

    async def act(attempt: Act) -> Response:
        command = ReleaseHold(hold_id=row.hold_id, reason=body.reason)
        return written(ARCHIVE, await attempt.order(ARCHIVE, row.domain, command))

    return await write.once(acting.tenant, content_of(body), act)


async def _find(access: Access, hold_id: str) -> HoldRow:
    unknown = "hold_unknown"
    row = await get_hold(access.gateway.pool, access.tenant, thing_id(hold_id, unknown))
    if row is None:
        raise not_found(unknown)
    await access.admit(row.domain, unknown)
    return row


async def _domain(access: Access, text: str) -> DomainName:
    unknown = invalid("#/domain", "domain_unknown", "there is no such domain", HTTPStatus.NOT_FOUND)
    try:
        domain = to_a_label(text)
    except AddressError:
        raise unknown from None
    if not await is_domain_with_archives(access.gateway.pool, access.tenant, domain):
        raise unknown
    await access.admit(domain)
    return domain


async def _covered(access: Access, domain: str, body: NewHold) -> tuple[HoldScope, tuple[str, ...]]:
    """Give what a hold is to name. Raises Problem for what is not in the domain, or too much."""
    pool, tenant = access.gateway.pool, access.tenant
    if body.mailbox_ids is not None:
        ids = ids_named(body.mailbox_ids, "mailbox_ids", "mailbox_unknown")
        found = await domains_of(pool, tenant, ids)
        demand_all(ids, {each for each in ids if found.get(each) == domain}, "mailbox_ids", "mailbox_unknown")
        return "mailboxes", tuple(dict.fromkeys(ids))
    if body.archive_ids is not None:
        ids = ids_named(body.archive_ids, "archive_ids", "archive_unknown")
        rows = await archives_of(pool, tenant, ids)
        known = {each for each, row in rows.items() if row.domain == domain}
        demand_all(ids, known, "archive_ids", "archive_unknown")
        return "archives", tuple(dict.fromkeys(ids))
    if body.filter is not None:
        return "archives", await _matching(access, domain, body.filter)
    return "domain", ()


async def _matching(access: Access, domain: str, text: str) -> tuple[str, ...]:
    try:
        filtered = compile_filter(text, ARCHIVE_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("#/filter", "filter_invalid", str(error)) from None
    pool, tenant = access.gateway.pool, access.tenant
    ids = await matching_archives(pool, tenant, domain, filtered, HOLD_IDS_MAX + 1)
    if not ids:
        raise invalid("#/filter", "nothing_selected", "no archive of the domain that is not over matches")
    if len(ids) > HOLD_IDS_MAX:
        detail = f"more than {HOLD_IDS_MAX} archives match: hold the domain instead"
        raise Problem(HTTPStatus.CONFLICT, "selection_too_large", detail)
    return tuple(ids)
