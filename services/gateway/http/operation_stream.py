"""An operation as server-sent events (HTML Living Standard, section 9.2): pushed when it changes, until it is done.

The facts are asked of the read model once a second, and so is whether the asker may still come in and see them. What
bulkio says between them is in memory. Nothing has to be resumed: a stream begins with what is so then.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.gateway.http.acting import Access, Acting, still_admitted
from services.gateway.http.problems import OUTAGES, Problem
from services.gateway.http.views import Operation
from services.gateway.stream_places import StreamsFull
from services.runtime.lifecycle import pause
from services.runtime.logs import get_logger

PUSH_INTERVAL_S: Final = 0.25
LOOK_INTERVAL_S: Final = 1.0
PING_INTERVAL_S: Final = 15
RETRY_AFTER_S: Final = 5

Shown = Callable[[], Operation]
"""Shows what was found of an operation, with what was heard of it until now."""

Find = Callable[[Access, str], Awaitable[Shown]]
"""Finds an operation for whoever asks, by its id. Raises Problem when there is none that they may see."""

log = get_logger(__name__)


async def _place(acting: Acting) -> AsyncGenerator[None]:
    try:
        with acting.gateway.streams.place(acting.principal.actor):
            # FastAPI goes on from here when the whole answer is sent, or nobody hears it any more.
            yield
    except StreamsFull:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_streams",
            "close a stream before you open another",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        ) from None


StreamPlace = Annotated[None, Depends(_place)]


def operation_stream(
    request: Request, access: Access, id_: str, find: Find, shown: Shown
) -> EventSourceResponse:
    """Give the answer that streams an operation, of which `shown` was found first."""
    return EventSourceResponse(
        _pushes(request, access, id_, find, shown),
        ping=PING_INTERVAL_S,
        ping_message_factory=lambda: ServerSentEvent(comment="ping", sep="\n"),
        sep="\n",
    )


async def _pushes(
    request: Request, access: Access, id_: str, find: Find, shown: Shown
) -> AsyncGenerator[ServerSentEvent]:
    """Give a push at each change. Ends when it is done, when it may not be seen any more, and when the server stops."""
    stopping = access.gateway.stopping
    number, pushed, looked_s = 0, b"", time.monotonic()
    while True:
        operation = shown()
        body = msgspec.json.encode(operation)
        if body != pushed:
            number, pushed = number + 1, body
            event = "done" if operation.done else "progress"
            yield ServerSentEvent(body.decode(), event=event, id=str(number), sep="\n")
        if operation.done:
            return
        await pause(stopping, PUSH_INTERVAL_S)
        if stopping.is_set():
            return
        if time.monotonic() - looked_s >= LOOK_INTERVAL_S:
            found = await _look_again(request, id_, find)
            if found is None:
                return
            shown, looked_s = found, time.monotonic()


async def _look_again(request: Request, id_: str, find: Find) -> Shown | None:
    try:
        access = await still_admitted(request)
        return None if access is None else await find(access, id_)
    except Problem:
        return None
    except OUTAGES as error:
        # The answer has begun, so it can only be cut short. Whoever listens comes again and is told what is wrong.
        log.warning("a stream met an outage", error=repr(error))
        return None
