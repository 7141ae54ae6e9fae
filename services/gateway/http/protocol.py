"""HTTP/1.1 as the server speaks it, with our form of a problem for what is no request at all, and an end to every head."""

from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.http.plain_requests import HEAD_BYTES_MAX, head_too_large
from services.gateway.http.problems import Problem, problem_response
from services.gateway.http.request import CORRELATION_HEADER
from services.runtime.ids import new_id

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


class Protocol(HttpToolsProtocol):
    """The server's protocol. The parser itself would keep a head of any size in memory."""

    _head_bytes = 0
    _in_head = False

    def on_message_begin(self) -> None:
        self._head_bytes, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(head_too_large())

    def send_400_response(self, msg: str) -> None:
        """Called by the server for bytes that are no HTTP request; `msg` is its own and always the same."""
        self._refuse(Problem(HTTPStatus.BAD_REQUEST, "malformed_request", "this is no HTTP/1.1 request"))

    def _refuse(self, problem: Problem) -> None:
        correlation = new_id()
        response = problem_response(problem, "", correlation)
        lines = [
            f"HTTP/1.1 {problem.status} {_PHRASES[problem.status]}".encode(),
            *(name + b": " + value for name, value in response.raw_headers),
            f"{CORRELATION_HEADER}: {correlation}".encode(),
            b"connection: close",
            b"",
            bytes(response.body),
        ]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
