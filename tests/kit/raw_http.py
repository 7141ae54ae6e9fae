"""Bytes to a server and its answer, for requests that no client would send."""

import json
import socket
from dataclasses import dataclass
from typing import Any

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back. Header names are in lower case; `closed` says whether the server ended the connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool

    def json(self) -> Any:
        return json.loads(self.body)


def exchange(port: int, request: bytes, *further: bytes) -> RawAnswer:
    """Send a request in one or more pieces and read one answer. A server that hangs up meanwhile is heard to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        try:
            for piece in (request, *further):
                connection.sendall(piece)
        except ConnectionError:
            pass
        return _read(connection)


def _read(connection: socket.socket) -> RawAnswer:
    received, closed = b"", False
    while not closed and not _is_whole(received):
        try:
            piece = connection.recv(65_536)
        except ConnectionError:
            piece = b""
        received, closed = received + piece, not piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return RawAnswer(int(lines[0].split()[1]), headers, body, closed or headers.get("connection") == "close")


def _is_whole(received: bytes) -> bool:
    head, ended, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if ended and line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False
