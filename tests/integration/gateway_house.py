"""Tenants and clients of their own for the tests of the HTTP API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx2

from deploy.local.stack import Stack
from services.runtime.ids import new_id

Answer = httpx2.Response


class House:
    """A client that acts as an operator for one tenant, which has one active domain."""

    def __init__(self, http: httpx2.Client, tenant: str) -> None:
        self.http = http
        self.tenant = tenant
        self.domain = f"g{uuid4().hex[:12]}.example"

    def post(self, path: str, body: Any = None, key: str | None = None, **headers: str) -> Answer:
        """Send a write; a fresh Idempotency-Key unless one is given."""
        sent = {
            "Idempotency-Key": key or str(uuid4()),
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return (
            self.http.post(path, headers=sent)
            if body is None
            else self.http.post(path, json=body, headers=sent)
        )

    def get(self, path: str, after: Answer | None = None, **parameters: Any) -> Answer:
        """Read, not before the state that another answer left."""
        headers = {} if after is None else {"Postfach-After": after.headers["Postfach-Position"]}
        return self.http.get(path, params=parameters, headers=headers)

    def a_mailbox(self, **fields: Any) -> dict[str, Any]:
        """Create a mailbox and wait until it can be read."""
        created = self.post("/v1/mailboxes", {"address": f"m{uuid4().hex[:10]}@{self.domain}", **fields})
        assert created.status_code == 201, created.text
        read = self.get(created.headers["Location"], created)
        assert read.status_code == 200, read.text
        return read.json()


@contextmanager
def a_house(stack: Stack) -> Iterator[House]:
    """Onboard a tenant with one active domain of its own."""
    tenant = new_id()
    headers = {"Authorization": f"Bearer {stack.secret('operator.key')}", "Postfach-Tenant": tenant}
    with httpx2.Client(base_url=stack.url, headers=headers, timeout=30.0) as http:
        house = House(http, tenant)
        assert house.post("/v1/tenants", {"title": "A test", "tenant": tenant}).status_code == 201
        assert house.post("/v1/domains", {"domain": house.domain}).status_code == 201
        activated = house.post(f"/v1/domains/{house.domain}:activate")
        assert activated.status_code == 200, activated.text
        assert house.get("/v1/domains", activated).status_code == 200
        yield house


def problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is this problem, in full form, and give it."""
    assert answer.status_code == status, answer.text
    document = answer.json()
    assert document["code"] == code, document
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "trace_id", "errors"} <= set(document)
    assert document["trace_id"] == answer.headers["Postfach-Correlation"]
    return document
