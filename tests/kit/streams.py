"""Server-sent events as a client of the API reads them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True, slots=True)
class Pushed:
    """One event of a stream of an operation."""

    event: str
    id: str
    operation: dict[str, Any]


@contextmanager
def watching(client: httpx2.Client, job_id: str, **headers: str) -> Iterator[Iterator[Pushed]]:
    """Open the stream of an operation, and give its events as they come; they end when the stream does."""
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    with client.stream("GET", f"/v1/operations/{job_id}/stream", headers=sent) as answer:
        if not answer.is_success:
            answer.read()
            raise AssertionError(f"{answer.status_code} {answer.text}")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield _pushed(answer)


def _pushed(answer: httpx2.Response) -> Iterator[Pushed]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Pushed(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}
