"""What a payment provider reports: a webhook whose signature is all that says who sends it.

Standard Webhooks 1.0.0. The same message may come again: its command has the same id, so it is decided once, and whoever
sends it again hears the same answer. Anything but 2xx asks the provider to send it again.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Request
from msgspec import Meta, Struct
from starlette.responses import Response

from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId, derived_id
from contracts.job_fields import DomainText
from contracts.message import UuidText
from contracts.retrieval import AMOUNT_MAX, PaymentReference, PayRetrieval, Price
from contracts.topics import ARCHIVE
from services.gateway.context import Gateway
from services.gateway.http.bodies import answer, decode_body, documented, read_bounded
from services.gateway.http.problems import Problem, not_found, refused, unavailable
from services.gateway.http.request import Connections, trace_id
from services.gateway.http.views import View
from services.gateway.webhook_signatures import SignatureInvalid, check_signature
from services.runtime.kafka.commands import OutcomePending

router = APIRouter(prefix="/v1/payments", tags=["payments"])

ACTOR: Final = ActorName("system:payments")
PAID: Final = "payment.succeeded"


class Paid(Struct, frozen=True, kw_only=True):
    """A payment that came in: for which retrieval, how much in the currency's minor unit, under which reference.

    Domain and tenant are those of the retrieval. What else the provider says is passed over.
    """

    retrieval_id: UuidText
    domain: DomainText
    tenant: UuidText
    amount: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    reference: PaymentReference


class PaymentNotice(Struct, frozen=True, kw_only=True):
    """A message of the payment provider. One of any other type is passed over."""

    type: Literal["payment.succeeded"]
    data: Paid


class PaymentHeard(View, frozen=True, kw_only=True):
    """Whether the message was one that matters here; one that does not need not be sent again."""

    heard: bool


class _AnyNotice(Struct, frozen=True):
    type: str


async def _secret(gateway: Connections) -> bytes:
    if gateway.payment_secret is None:
        raise not_found("route_unknown")
    return gateway.payment_secret


@router.post(
    "/webhook",
    summary="Report a payment",
    **documented({200: PaymentHeard, 202: PaymentHeard}, body=PaymentNotice),
)
async def webhook(
    secret: Annotated[bytes, Depends(_secret)],
    gateway: Connections,
    request: Request,
    message_id: Annotated[str, Header(alias="webhook-id", description="Which message it is.")],
    timestamp: Annotated[
        str, Header(alias="webhook-timestamp", description="When it was sent, in seconds since 1970.")
    ],
    signature: Annotated[
        str, Header(alias="webhook-signature", description="`v1,` and base64; several parted by spaces.")
    ],
) -> Response:
    """Take a payment provider's message, signed by the rules of Standard Webhooks; without a shared secret, 404."""
    allowed = gateway.settings.gateway_body_bytes_max
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"the body has more than {allowed} bytes"
    )
    body = await read_bounded(request.stream(), allowed, too_large)
    try:
        check_signature(secret, message_id, timestamp, signature, body, gateway.clock.machine())
    except SignatureInvalid:
        detail = "the message is not signed by whom we share a secret with, or not of these five minutes"
        raise Problem(HTTPStatus.BAD_REQUEST, "signature_invalid", detail) from None
    if decode_body(body, _AnyNotice).type != PAID:
        return answer(PaymentHeard(heard=False), HTTPStatus.ACCEPTED)
    await _pay(gateway, decode_body(body, PaymentNotice).data, message_id, trace_id(request))
    return answer(PaymentHeard(heard=True))


async def _pay(gateway: Gateway, paid: Paid, message_id: str, trace: str) -> None:
    """Order what was reported. Raises Problem when it is refused, or when nobody knows yet."""
    envelope = CommandEnvelope[Any](
        id=CommandId(derived_id(paid.retrieval_id, f"payment {message_id}")),
        tenant=TenantId(paid.tenant),
        stream=paid.domain,
        actor=ACTOR,
        correlation=trace,
        causation=trace,
        sent_at=gateway.clock(),
        data=PayRetrieval(
            retrieval_id=paid.retrieval_id,
            price=Price(amount=paid.amount, currency=paid.currency),
            reference=paid.reference,
        ),
    )
    try:
        outcome = await gateway.commands.send(ARCHIVE, envelope, gateway.settings.gateway_outcome_wait_s)
    except OutcomePending:
        # Sent again, the message hears the outcome of the same command.
        raise unavailable(
            "outcome_pending", "the payment is not decided yet; send the message again"
        ) from None
    if outcome.status == "refused":
        raise refused(outcome)
