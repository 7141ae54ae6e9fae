"""How a running supervisor is spoken to: one JSON line each way over a socket in the stack's folder."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deploy.local.site import Site

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Awaitable[Answer]]

_SOCKET = "control.sock"


class SupervisorGoneError(Exception):
    """No supervisor answers for this stack."""


@contextmanager
def _short_path(site: Site) -> Iterator[str]:
    # A socket's path may have 107 bytes and a project folder may be deeper than that; the kernel's own name for the
    # open folder is always short.
    folder = os.open(site.run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{_SOCKET}"
    finally:
        os.close(folder)


async def serve(site: Site, handler: Handler) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line:
            reply = await handler(json.loads(line))
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    (site.run / _SOCKET).unlink(missing_ok=True)
    with _short_path(site) as path:
        return await asyncio.start_unix_server(answer, path)


def ask(site: Site, request: dict[str, Any], *, within_s: float) -> Answer:
    """Raises SupervisorGoneError when nobody listens, TimeoutError when the answer takes too long."""
    if not site.run.exists():
        raise SupervisorGoneError(site.name)
    with socket.socket(socket.AF_UNIX) as connection, _short_path(site) as path:
        connection.settimeout(within_s)
        try:
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as replies:
                line = replies.readline()
        except (FileNotFoundError, ConnectionError) as error:
            raise SupervisorGoneError(site.name) from error
    if not line:
        raise SupervisorGoneError(site.name)
    return json.loads(line)
