"""What tests of archives, holds and retrievals do through the public API: put content away, and wait for what follows."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import msgspec

from deploy.local.stack import Stack
from services.gateway.webhook_signatures import read_secret, signature_of
from services.runtime.clock import utc_now
from tests.kit.people import Answer, Client
from tests.kit.settled import Settled
from tests.kit.waiting import eventually

FIFTY = {"amount": 5000, "currency": "EUR"}
SETTLED_WITHIN_S = 60.0


def put_away(client: Client, domain: str, *, how: str = "delete") -> dict[str, Any]:
    """Create a mailbox, delete or clean it, and give its archive once that is stored."""
    settled, address = Settled(client), f"m{uuid4().hex[:10]}@{domain}"
    mailbox_id = settled.mailbox(address)
    settled.done(f"/v1/mailboxes/{mailbox_id}:{how}")

    def stored() -> dict[str, Any] | None:
        found = client.shown(f"/v1/archives?filter=mailbox_id = {mailbox_id}")["archives"]
        return next((each for each in found if each["state"] in ("stored", "held")), None)

    return eventually(stored, SETTLED_WITHIN_S)


def in_state(client: Client, path: str, *states: str) -> dict[str, Any]:
    """Wait until an archive or a retrieval is in one of these states, and give it."""

    def reached() -> dict[str, Any] | None:
        shown = client.shown(path)
        return shown if shown["state"] in states else None

    return eventually(reached, SETTLED_WITHIN_S)


def notice_of(retrieval: dict[str, Any], tenant: str, **fields: Any) -> dict[str, Any]:
    """Give a payment provider's message that a retrieval was paid as it was quoted."""
    data = {
        "retrieval_id": retrieval["retrieval_id"],
        "domain": retrieval["domain"],
        "tenant": tenant,
        "reference": "R-7",
        **retrieval["price"],
    }
    return {"type": "payment.succeeded", "data": data | fields}


def report(
    stack: Stack,
    notice: dict[str, Any],
    *,
    message_id: str | None = None,
    at: datetime | None = None,
    secret: bytes | None = None,
    url: str | None = None,
) -> Answer:
    """Send a message as the payment provider does, signed with the stack's secret and to its gateway unless told otherwise."""
    body, message_id = msgspec.json.encode(notice), message_id or f"msg_{uuid4().hex}"
    timestamp = str(int((at or utc_now()).timestamp()))
    secret = secret or read_secret(str(Path(stack.site.secrets) / "payments.secret"))
    assert secret is not None
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature_of(secret, message_id, timestamp, body),
    }
    return httpx2.post(f"{url or stack.url}/v1/payments/webhook", content=body, headers=headers, timeout=30.0)
