"""A tenant with everybody who may act in it, made through the public API: operator, owner, sub-users, auditor, keys."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

from contracts.ids import PROVIDER_TENANT
from deploy.local.stack import Stack
from services.runtime.ids import new_id

COOKIE = "__Host-postfach-session"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "a quiet brown river 7"

Answer = httpx2.Response


class Client:
    """Somebody's client. Every write has a fresh Idempotency-Key unless one is given."""

    def __init__(self, base_url: str, headers: dict[str, str]) -> None:
        self.http = httpx2.Client(base_url=base_url, headers=headers, timeout=30.0)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send any request; `Header_Name="text"` sends that header."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        if method not in ("GET", "HEAD"):
            sent.setdefault("Idempotency-Key", str(uuid4()))
        return self.http.request(method, path, headers=sent, **({} if body is None else {"json": body}))

    def get(self, path: str, **headers: str) -> Answer:
        """Read."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Order something that may be refused."""
        return self.ask("POST", path, body, **headers)

    def done(self, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Order something; anything but success fails the test."""
        answer = self.post(path, body, **headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def shown(self, path: str, **headers: str) -> dict[str, Any]:
        """Ask for something that is there."""
        answer = self.get(path, **headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def close(self) -> None:
        """End the client's connections."""
        self.http.close()


@dataclass
class Person:
    """Somebody who has joined. The client has a session; `key` makes one of an API key."""

    user_id: str
    email: str
    client: Client
    password: str = PASSWORD


@dataclass
class Tenant:
    """A tenant, the operator who made it, and a client that acts for it as that operator."""

    stack: Stack
    tenant: str
    operator: Client
    _open: ExitStack = field(repr=False, default_factory=ExitStack)

    def invited(self, role: str, permissions: Any = (), by: Client | None = None) -> tuple[str, str, str]:
        """Ask somebody in, and give the id, the mail address and the invitation's secret."""
        email = f"p{uuid4().hex[:12]}@people.example"
        body = {"email": email, "display_name": "Somebody", "role": role, "permissions": permissions}
        invited = (by or self.operator).done("/v1/users", body)
        return invited["user_id"], email, invited["secret"]

    def person(self, role: str, permissions: Any = (), by: Client | None = None) -> Person:
        """Give somebody of this role who has joined and signed in."""
        user_id, email, secret = self.invited(role, permissions, by)
        nobody = self.nobody()
        nobody.done("/v1/invitations:accept", {"token": secret, "password": PASSWORD})
        return Person(user_id, email, self.session(email))

    def session(self, email: str, password: str = PASSWORD, **fields: Any) -> Client:
        """Sign in, and give the client of the session."""
        forgive(self.stack)
        answer = self.nobody().post("/v1/sessions", {"email": email, "password": password, **fields})
        assert answer.status_code == 201, answer.text
        return self.with_cookie(cookie_of(answer))

    def with_cookie(self, secret: str) -> Client:
        """Give a browser's client of this site with a session's secret."""
        return self._client({"Cookie": f"{COOKIE}={secret}", **SAME_SITE})

    def key(self, role: str, permissions: Any = (), by: Client | None = None, **fields: Any) -> Client:
        """Give a client with a new API key of this role."""
        body = {"title": "A key", "role": role, "permissions": permissions, **fields}
        return self.bearer((by or self.operator).done("/v1/keys", body)["secret"])

    def bearer(self, secret: str) -> Client:
        """Give a client with an API key's secret."""
        return self._client({"Authorization": f"Bearer {secret}"})

    def nobody(self) -> Client:
        """Give a client that is not signed in."""
        return self._client({})

    def domain(self) -> str:
        """Give a new active domain of the tenant."""
        name = f"d{uuid4().hex[:12]}.example"
        self.operator.done("/v1/domains", {"domain": name})
        activated = self.operator.post(f"/v1/domains/{name}:activate")
        assert activated.is_success, activated.text
        position = activated.headers["Postfach-Position"]
        assert self.operator.get(f"/v1/domains/{name}", Postfach_After=position).is_success
        return name

    def _client(self, headers: dict[str, str]) -> Client:
        client = Client(self.stack.url, headers)
        self._open.callback(client.close)
        return client


def permission(page: str, *actions: str, scope: str = "all", names: Any = ()) -> dict[str, Any]:
    """Give a permission as the API takes it."""
    return {"page": page, "actions": list(actions), "scope": scope, "names": list(names)}


def cookie_of(answer: Answer) -> str:
    """Give the session's secret that an answer sets as a cookie."""
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    assert name == COOKIE, name
    return rest.partition(";")[0]


@contextmanager
def a_tenant(stack: Stack) -> Iterator[Tenant]:
    """Onboard a tenant of its own; its clients are closed at the end."""
    with _tenant(stack, new_id()) as tenant:
        tenant.operator.done("/v1/tenants", {"title": "A test", "tenant": tenant.tenant})
        yield tenant


@contextmanager
def the_provider(stack: Stack) -> Iterator[Tenant]:
    """Give the provider's own tenant, whose people and keys are operators."""
    with _tenant(stack, PROVIDER_TENANT) as tenant:
        yield tenant


@contextmanager
def _tenant(stack: Stack, tenant: str) -> Iterator[Tenant]:
    key = stack.secret("operator.key")
    with ExitStack() as opened:
        operator = Client(stack.url, {"Authorization": f"Bearer {key}", "Postfach-Tenant": tenant})
        opened.callback(operator.close)
        yield Tenant(stack, tenant, operator, opened)


def forgive(stack: Stack) -> None:
    """Forget all failed sign-ins: the tests of a stack come from one address, and some of them fail on purpose."""
    in_database(stack, "DELETE FROM sign_in_failures")


def in_database(stack: Stack, query: str, *values: object) -> list[Any]:
    """Run one statement in the gateway's schema, for what a test can't wait for: the time that passes."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(stack.site.dsn, server_settings={"search_path": "gateway"})
        try:
            return await connection.fetch(query, *values)
        finally:
            await connection.close()

    return asyncio.run(run())
