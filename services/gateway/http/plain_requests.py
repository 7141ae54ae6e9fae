"""What a request must be before anybody asks what it means: said once, in few words, and not packed.

Two headers of one name, or two parameters, are a request that means one thing to a proxy and another to us.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from fastapi import Depends, Request

from services.gateway.http.bodies import read_bounded
from services.gateway.http.problems import Problem, invalid

HEAD_BYTES_MAX: Final = 64 * 1024
"""Of all headers of a request together, with the line that names its target."""

Headers = Iterable[tuple[bytes, bytes]]

_ONCE: Final = frozenset(
    {"authorization", "content-encoding", "content-type", "cookie", "host", "if-match", "idempotency-key"}
    | {"last-event-id", "origin", "postfach-after", "postfach-correlation", "postfach-tenant"}
    | {"webhook-id", "webhook-signature", "webhook-timestamp"}
)
"""The headers that something here reads."""

_NO_BODY: Final = frozenset({b"", b"{}"})


def head_too_large() -> Problem:
    """Give the answer to a request whose headers are too many or too long."""
    return Problem(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_large",
        f"the headers have more than {HEAD_BYTES_MAX} bytes",
    )


def doubt_about(target: bytes, headers: Headers) -> Problem | None:
    """Give the problem of a request that can't be taken at its word; None when there is none."""
    seen: set[str] = set()
    size = len(target)
    for raw_name, value in headers:
        size += len(raw_name) + len(value)
        name = raw_name.decode("latin-1").lower()
        if name in _ONCE and name in seen:
            detail = "the header is given twice"
            return invalid(name.title(), "duplicate_header", detail, HTTPStatus.BAD_REQUEST)
        if name == "content-encoding" and value.strip().lower() != b"identity":
            detail = "send the body as it is, not compressed"
            return invalid(name.title(), "encoding_unsupported", detail, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        seen.add(name)
    return head_too_large() if size > HEAD_BYTES_MAX else None


async def _no_unknown_body(request: Request) -> None:
    # A route that takes no body would obey half of a request that has one. `{}` is what some clients send for nothing.
    route = request.scope["route"]
    takes_body = "requestBody" in (route.openapi_extra or {})
    has_body = "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
    if takes_body or not has_body:
        return
    unexpected = invalid("#", "unexpected_body", "this request takes no body", HTTPStatus.BAD_REQUEST)
    if await read_bounded(request.stream(), len(b"{}"), unexpected) not in _NO_BODY:
        raise unexpected


NoUnknownBody = Depends(_no_unknown_body)
