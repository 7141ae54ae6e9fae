"""Retrievals: getting archives back for a fee, from the request to the receipt."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Meta
from starlette.responses import Response

from contracts.listing import FILTER_LENGTH_MAX, RETRIEVAL_FILTER_FIELDS
from contracts.mailbox import Reason
from contracts.retrieval import (
    RETRIEVAL_ARCHIVES_MAX,
    AcceptRetrieval,
    DeclineRetrieval,
    PaymentReference,
    PayRetrieval,
    Price,
    QuoteRetrieval,
    RequestRetrieval,
    RetrievalCommand,
)
from contracts.topics import ARCHIVE
from contracts.views.archive import RetrievalRow
from services.gateway.archive_queries import archives_of, get_retrieval, list_retrievals
from services.gateway.http.acting import Access, Acting
from services.gateway.http.archive_views import (
    RetrievalPage,
    RetrievalReceiptView,
    receipt_view,
    retrieval_view,
)
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
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, Write, content_of, written
from services.gateway.reaching import domains_within
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/retrievals", tags=["retrievals"], dependencies=[Fresh])

IdText = Annotated[str, Meta(min_length=1, max_length=64)]


class NewRetrieval(RequestBody, frozen=True, kw_only=True):
    """The archives to get back, all of one domain. One has a fixed price; for several an operator names it."""

    archive_ids: Annotated[tuple[IdText, ...], Meta(min_length=1, max_length=RETRIEVAL_ARCHIVES_MAX)]


class Quote(RequestBody, frozen=True, kw_only=True):
    """What the retrieval costs."""

    price: Price


class Acceptance(RequestBody, frozen=True, kw_only=True):
    """The price that was read, so that nobody accepts another one."""

    price: Price


class Refusal(RequestBody, frozen=True, kw_only=True):
    """Why a retrieval is not wanted, or can't be offered."""

    reason: Reason = ""


class Payment(RequestBody, frozen=True, kw_only=True):
    """What came in, and under which reference."""

    price: Price
    reference: PaymentReference


@router.post(
    "", summary="Request a retrieval", **documented({201: WriteResult, 202: Operation}, body=NewRetrieval)
)
async def request(
    write: KeyedWrite, acting: Acting, body: Annotated[NewRetrieval, body_of(NewRetrieval)]
) -> Response:
    """Ask for archives back. One archive is quoted at once, at the price of the list."""
    ids = ids_named(body.archive_ids, "archive_ids", "archive_unknown")
    domain = await _domain_of(acting, ids)

    async def act(attempt: Act) -> Response:
        command = RequestRetrieval(
            retrieval_id=attempt.thing_id,
            archive_ids=tuple(ids),
            fixed_price=acting.gateway.retrieval_price if len(ids) == 1 else None,
        )
        outcome = await attempt.order(ARCHIVE, domain, command)
        return written(ARCHIVE, outcome, None, HTTPStatus.CREATED, f"/v1/retrievals/{outcome.subject}")

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List retrievals", **documented({200: RetrievalPage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the tenant's retrievals, newest first."""
    try:
        filtered = compile_filter(filter_, RETRIEVAL_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    name, size = list_name("retrievals", acting.tenant, filter_), page_size(size)
    after = None if token is None else decode_token(token, tuple[Instant, Text], name).after
    found = await list_retrievals(
        acting.gateway.pool, acting.tenant, filtered, await acting.domains(), after, size + 1
    )
    page = cut(found, size, name, ("created_at", "retrieval_id"))
    return answer(
        RetrievalPage(
            retrievals=[retrieval_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{retrieval_id}", summary="Get a retrieval", **documented({200: RetrievalReceiptView}))
async def get(acting: Acting, retrieval_id: str) -> Response:
    """Give a retrieval with its receipt: price, payment, and what came back or why it did not."""
    row = await _find(acting, retrieval_id)
    ids = [item.archive_id for item in row.items]
    archives = await archives_of(acting.gateway.pool, acting.tenant, ids)
    return answer(receipt_view(row, archives), headers={"ETag": f'"{row.version}"'})


@router.post(
    "/{retrieval_id}:quote",
    summary="Quote a retrieval",
    **documented({200: WriteResult, 202: Operation}, body=Quote),
)
async def quote(
    write: AnyWrite, acting: Acting, retrieval_id: str, body: Annotated[Quote, body_of(Quote)]
) -> Response:
    """Name the price, or another one while nobody has accepted. Operators only."""
    row = await _find(acting, retrieval_id)
    return await _change(
        write, acting, row, QuoteRetrieval(retrieval_id=row.retrieval_id, price=body.price), body
    )


@router.post(
    "/{retrieval_id}:accept",
    summary="Accept a retrieval's price",
    **documented({200: WriteResult, 202: Operation}, body=Acceptance),
)
async def accept(
    write: AnyWrite, acting: Acting, retrieval_id: str, body: Annotated[Acceptance, body_of(Acceptance)]
) -> Response:
    """Take the offer of exactly this price. Once it is paid, the archives are brought back."""
    row = await _find(acting, retrieval_id)
    return await _change(
        write, acting, row, AcceptRetrieval(retrieval_id=row.retrieval_id, price=body.price), body
    )


@router.post(
    "/{retrieval_id}:decline",
    summary="Decline a retrieval",
    **documented({200: WriteResult, 202: Operation}, body=Refusal),
)
async def decline(
    write: AnyWrite, acting: Acting, retrieval_id: str, body: Annotated[Refusal, body_of(Refusal)]
) -> Response:
    """End a retrieval that is not paid."""
    row = await _find(acting, retrieval_id)
    return await _change(
        write, acting, row, DeclineRetrieval(retrieval_id=row.retrieval_id, reason=body.reason), body
    )


@router.post(
    "/{retrieval_id}:markPaid",
    summary="Mark a retrieval as paid",
    **documented({200: WriteResult, 202: Operation}, body=Payment),
)
async def mark_paid(
    write: AnyWrite, acting: Acting, retrieval_id: str, body: Annotated[Payment, body_of(Payment)]
) -> Response:
    """Record that the price came in. Operators only; a payment provider has a route of its own."""
    row = await _find(acting, retrieval_id)
    command = PayRetrieval(retrieval_id=row.retrieval_id, price=body.price, reference=body.reference)
    return await _change(write, acting, row, command, body)


async def _domain_of(access: Access, ids: list[str]) -> str:
    """Give the one domain that archives are of. Raises Problem for what is not seen or reached, and for several."""
    gateway, tenant = access.gateway, access.tenant
    rows = await archives_of(gateway.pool, tenant, ids)
    seen = await domains_within(gateway.pool, tenant, access.see, access.principal.person_id)
    known = {each for each, row in rows.items() if seen is None or row.domain in seen}
    demand_all(ids, known, "archive_ids", "archive_unknown")
    domains = {row.domain for row in rows.values()}
    if len(domains) > 1:
        detail = "the archives are of several domains: order a retrieval for each of them"
        raise invalid("#/archive_ids", "several_domains", detail)
    (domain,) = domains
    await access.admit(domain, "archive_unknown")
    return domain


async def _find(access: Access, retrieval_id: str) -> RetrievalRow:
    unknown = "retrieval_unknown"
    row = await get_retrieval(access.gateway.pool, access.tenant, thing_id(retrieval_id, unknown))
    if row is None:
        raise not_found(unknown)
    await access.admit(row.domain, unknown)
    return row


async def _change(
    write: Write, access: Access, row: RetrievalRow, command: RetrievalCommand, body: RequestBody
) -> Response:
    async def act(attempt: Act) -> Response:
        return written(ARCHIVE, await attempt.order(ARCHIVE, row.domain, command))

    return await write.once(access.tenant, content_of(body), act)
