"""What routes ask for by name: the gateway's connections, the request's trace, and how fresh a read must be."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from msgspec import Meta, Struct

from contracts.ids import parse_uuid
from contracts.outcome import Outcome
from services.gateway.context import Gateway
from services.gateway.http.problems import invalid, not_found, unavailable
from services.gateway.http.tokens import read_token, write_token
from services.gateway.projections import PROJECTION_OF_FAMILY
from services.runtime.ids import new_id
from services.runtime.kafka.projection import wait_for_position

POSITION_HEADER: Final = "Postfach-Position"
AFTER_HEADER: Final = "Postfach-After"
CORRELATION_HEADER: Final = "Postfach-Correlation"
CLOCK_SHIFT_HEADER: Final = "Postfach-Clock-Shift"
ANSWER_HEADERS: Final = "postfach.headers"
"""The key in a request's scope of the headers that its answer gets, whatever the answer is."""

CATCH_UP_WAIT_S: Final = 2.0

_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


async def _gateway(request: Request) -> Gateway:
    return request.app.state.gateway


Connections = Annotated[Gateway, Depends(_gateway)]


def correlation_of(header: str | None) -> str:
    """Give the id that a request, its commands and its events share: the client's own where it is acceptable."""
    return header if header is not None and _CORRELATION.fullmatch(header) else new_id()


def trace_id(request: Request) -> str:
    """Give the request's correlation id, which the outermost layer has chosen."""
    return request.scope["postfach.correlation"]


Text = Annotated[str, Meta(min_length=1, max_length=300, pattern="^[^\\x00]*$")]


class Position(Struct, frozen=True, array_like=True):
    """How far a stream of a family has come; an opaque token on the outside."""

    family: Text
    stream: Text
    streamseq: Annotated[int, Meta(ge=0, le=2**62)]

    def token(self) -> str:
        """Give the position as clients see it."""
        return write_token(self)

    @classmethod
    def parse(cls, token: str) -> "Position":
        """Raises ValueError for what no answer ever gave."""
        position = read_token(token, cls)
        if position.family not in PROJECTION_OF_FAMILY:
            raise ValueError("no token of this kind")
        return position


def position_of(family: str, outcome: Outcome) -> str:
    """Give the token of the position that a command's outcome left its stream at."""
    return Position(family, outcome.stream, outcome.streamseq).token()


async def _fresh(
    request: Request,
    gateway: Connections,
    _after: Annotated[
        str | None,
        Header(
            alias=AFTER_HEADER,
            description="Read no older state than this position.",
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        ),
    ] = None,
) -> None:
    # The parameter is for the document: it is None for an empty header too.
    after = request.headers.get(AFTER_HEADER)
    if after is None:
        return
    try:
        position = Position.parse(after)
    except ValueError:
        raise invalid(
            AFTER_HEADER, "invalid_position", "expected what Postfach-Position said", HTTPStatus.BAD_REQUEST
        ) from None
    projection = PROJECTION_OF_FAMILY[position.family]
    if not await wait_for_position(
        gateway.pool, projection, position.stream, position.streamseq, CATCH_UP_WAIT_S
    ):
        raise unavailable("not_caught_up", "the read model has not reached this position yet")


Fresh = Depends(_fresh)


async def _only_known_parameters(request: Request) -> None:
    # A misspelt filter would list, and export, everything.
    known = set(_query_names(request.scope["route"].dependant))
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise invalid(name, "unknown_parameter", "there is no such parameter", HTTPStatus.BAD_REQUEST)
        if name in seen:
            raise invalid(name, "duplicate_parameter", "the parameter is given twice", HTTPStatus.BAD_REQUEST)
        seen.add(name)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for each in dependant.dependencies:
        yield from _query_names(each)


OnlyKnownParameters = Depends(_only_known_parameters)


def thing_id(text: str, code: str) -> str:
    """Give an id from a path in its one form; what is no id names nothing, so it is not found."""
    try:
        return parse_uuid(text)
    except ValueError:
        raise not_found(code) from None
