"""Who gets an address: the step that decides, now or as of a past moment."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.addresses import AddressError, parse_address
from services.gateway.http.acting import Acting
from services.gateway.http.bodies import answer, documented
from services.gateway.http.named_domain import find_domain
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.request import Fresh
from services.gateway.http.routing_views import RecipientView, recipient_view
from services.gateway.http.targets import targets_among
from services.gateway.recipients import PastNotKnown, recipient_at, recipient_now
from services.runtime.domain_names import to_a_label

router = APIRouter(prefix="/v1/recipients", tags=["recipients"], dependencies=[Fresh])


@router.get("", summary="Say who gets an address", **documented({200: RecipientView}))
async def get(
    acting: Acting,
    address: Annotated[str, Query(min_length=1, max_length=400, description="Any address of a domain.")],
    at: Annotated[
        str | None,
        Query(max_length=40, description="A past moment, as 2026-01-31T08:00:00Z; now, if left out."),
    ] = None,
) -> Response:
    """Answer with the step that decides, and what was passed over before it."""
    try:
        local_part, domain = parse_address(address, to_a_label)
    except AddressError as error:
        raise invalid("address", "address_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    row, pool = await find_domain(acting, domain), acting.gateway.pool
    moment = None if at is None else _moment(at, acting.gateway.clock())
    try:
        if moment is None:
            found = await recipient_now(pool, acting.tenant, row.domain, local_part)
        else:
            found = await recipient_at(pool, acting.tenant, row.domain, local_part, moment)
    except PastNotKnown:
        raise Problem(
            HTTPStatus.CONFLICT,
            "past_not_known",
            "the read model has to be rebuilt before it knows this moment",
        ) from None
    targets = await targets_among(acting, found.mailboxes)
    return answer(recipient_view(f"{local_part}@{row.domain}", moment, found, targets))


def _moment(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
        if datetime.fromisoformat(text).tzinfo is None or moment > now:
            raise ValueError
    except (ValueError, OverflowError):
        raise invalid(
            "at",
            "invalid_parameter",
            "expected a past time like 2026-01-31T08:00:00Z",
            HTTPStatus.BAD_REQUEST,
        ) from None
    return moment
