"""Bodies in and out: strict msgspec Structs, and their place in the OpenAPI document."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Depends, Request
from msgspec import Struct
from starlette.responses import Response

from contracts.mailbox import Reason
from contracts.schemas import schemas_of
from services.gateway.http.problems import MEDIA_TYPE, Problem, ProblemDocument, invalid

T = TypeVar("T")

BODY_WAIT_S: Final = 30.0
"""How long a client may take to send a whole body; one that never ends would hold its connection for ever."""

_documented: dict[str, type[Struct]] = {"ProblemDocument": ProblemDocument}

_PLACE: Final = re.compile(r"^(?P<detail>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class RequestBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends. A field that is not known is refused: it may be a misspelt one."""


class SuspensionReason(RequestBody, frozen=True, kw_only=True):
    """Why a domain or a mailbox is suspended."""

    reason: Reason = ""


async def read_bounded(
    chunks: AsyncIterator[bytes], bytes_max: int, too_large: Problem, wait_s: float = BODY_WAIT_S
) -> bytes:
    """Give a body of at most `bytes_max` bytes. Raises `too_large` as soon as there are more, Problem when it is slow."""
    read = bytearray()
    try:
        async with asyncio.timeout(wait_s):
            async for chunk in chunks:
                read += chunk
                if len(read) > bytes_max:
                    raise too_large
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "body_too_slow",
            f"the body did not come within {wait_s:g} s",
            headers={"Connection": "close"},
        ) from None
    return bytes(read)


def decode_body(data: bytes, kind: type[T]) -> T:
    """Give the body as `kind`. Raises Problem with a pointer to what is wrong."""
    try:
        body = msgspec.json.decode(data, type=kind)
        _refuse_doubtful_text(data)
    except msgspec.ValidationError as error:
        found = _PLACE.match(str(error))
        assert found is not None
        raise invalid(_pointer(found["path"] or "$"), "invalid_field", found["detail"]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "malformed_json", "the body is not one JSON document in UTF-8"
        ) from None
    return body


def _refuse_doubtful_text(data: bytes) -> None:
    # The decoder takes the last of two equal names; whoever reads only the first sees another request. A zero
    # character is text that no database keeps.
    def pairs(members: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in members]
        if len(set(names)) < len(names):
            name = next(name for name in names if names.count(name) > 1)
            raise invalid(f"#/{name}", "duplicate_field", "the field is given twice", HTTPStatus.BAD_REQUEST)
        for name, value in members:
            if isinstance(value, str) and "\0" in value:
                raise invalid(f"#/{name}", "invalid_field", "the text has a zero character")

    json.loads(data, object_pairs_hook=pairs)


def _pointer(path: str) -> str:
    steps = [name or index for name, index in _STEP.findall(path)]
    return "#" + "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)


def body_of(kind: type[T], bytes_max: int | None = None) -> Any:
    """Give the dependency that reads, bounds and decodes a JSON body; by default the bound is a setting."""

    async def read(request: Request) -> T:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "the body must be application/json")
        allowed: int = bytes_max or request.app.state.gateway.settings.gateway_body_bytes_max
        too_large = Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"the body has more than {allowed} bytes"
        )
        return decode_body(await read_bounded(request.stream(), allowed, too_large), kind)

    dependency: Callable[[Request], Awaitable[T]] = read
    return Depends(dependency)


def answer(
    body: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Give a JSON answer."""
    return Response(msgspec.json.encode(body), status, dict(headers or {}), "application/json")


Kind = type[Struct] | str | tuple[str, ...]
"""What a body is: JSON of a Struct, or a file of one media type or of several."""


def documented(
    answers: Mapping[int, Kind],
    *,
    body: Kind | None = None,
    form: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give a route's arguments that put its body and answers into the OpenAPI document.

    `form` is the schema of a form that may be sent instead of the body.
    """
    first = next(iter(answers))
    extra: dict[str, Any] = {}
    if body is not None:
        content = _content(body)
        if form is not None:
            content["multipart/form-data"] = {"schema": form}
        extra["requestBody"] = {"required": True, "content": content}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": _content(kind)}
        for status, kind in answers.items()
    }
    responses["default"] = {
        "description": "A problem document (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    return {
        "status_code": first,
        "response_model": None,
        "response_class": Response,
        "responses": responses,
        "openapi_extra": extra,
    }


def _content(kind: Kind) -> dict[str, Any]:
    if isinstance(kind, str):
        kind = (kind,)
    if isinstance(kind, tuple):
        return {each: {"schema": {"type": "string", "contentMediaType": each}} for each in kind}
    _documented[kind.__name__] = kind
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


def documented_kinds() -> dict[str, type[Struct]]:
    """Give every Struct that a route documents, by the name of its schema."""
    return dict(_documented)


def component_schemas() -> dict[str, Any]:
    """Give the schemas of every Struct that a route documents, by name."""
    _, components = schemas_of(*_documented.values())
    return components
