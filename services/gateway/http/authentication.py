"""Whom a request comes from: an API key as a bearer token, or the session that a cookie names.

Whoever is nobody gets one and the same answer, whatever the reason: a secret that is unknown, revoked, ended or
used from the wrong network, somebody who is shut out, or a tenant that is closed.
"""

from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from contracts.ids import ActorName, TenantId
from services.gateway import access_tokens
from services.gateway.access_tokens import PREFIX, SECRET_LENGTH_MAX, Holder
from services.gateway.context import Gateway
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem

SESSION_COOKIE: Final = "__Host-postfach-session"

_BEARER: Final = HTTPBearer(auto_error=False, description="An API key.")
_COOKIE: Final = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A person's session.")
_SAFE: Final = frozenset({"GET", "HEAD"})


async def _documentation(
    _: Annotated[object, Depends(_BEARER)], _cookie: Annotated[object, Depends(_COOKIE)]
) -> None:
    """Only says in the OpenAPI document how to sign in; the gate reads the headers itself."""


SignInDocumented = Depends(_documentation)


async def authenticate(request: Request, gateway: Gateway, *, is_use: bool = True) -> Principal | None:
    """Give who is asking, if it is anybody. Raises Problem when another site made a browser send its cookie.

    `is_use`: a session that is not used ends after a while.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await _by_key(request, gateway, secret.strip(), is_use=is_use)
    if (secret := request.cookies.get(SESSION_COOKIE)) is not None:
        return await _by_session(request, gateway, secret, is_use=is_use)
    return None


async def _by_key(request: Request, gateway: Gateway, secret: str, *, is_use: bool) -> Principal | None:
    if not secret.startswith(PREFIX):
        return gateway.keys.principal(secret)
    holder = await _holder(gateway, "key", secret, is_use=is_use)
    if holder is None or not is_within(client_address(request), holder.networks):
        return None
    kind = "operator" if holder.role == "operator" else "key"
    return Principal(
        kind="key",
        id=holder.id,
        actor=ActorName(f"{kind}:{holder.id}"),
        tenant=TenantId(holder.tenant),
        role=holder.role,
        permissions=holder.permissions,
        tenant_suspended=holder.tenant_suspended,
    )


async def _by_session(request: Request, gateway: Gateway, secret: str, *, is_use: bool) -> Principal | None:
    holder = await _holder(gateway, "session", secret, is_use=is_use)
    if holder is None or holder.user_id is None:
        return None
    if request.method not in _SAFE and not is_same_site(request):
        raise Problem(HTTPStatus.FORBIDDEN, "cross_site", "a session is for the pages of this site alone")
    return Principal(
        kind="person",
        id=holder.user_id,
        actor=actor_of_person(holder.user_id, operator=holder.role == "operator"),
        tenant=TenantId(holder.tenant),
        role=holder.role,
        permissions=holder.permissions,
        tenant_suspended=holder.tenant_suspended,
        session_id=holder.id,
    )


async def _holder(
    gateway: Gateway, kind: access_tokens.AuthKind, secret: str, *, is_use: bool
) -> Holder | None:
    if len(secret) > SECRET_LENGTH_MAX:
        return None
    idle_s = gateway.settings.gateway_session_idle_minutes * 60
    holder = await access_tokens.find_holder(gateway.pool, kind, secret, idle_s)
    if is_use and holder is not None and holder.stale:
        await access_tokens.touch(gateway.pool, kind, holder.id)
    return holder


def actor_of_person(user_id: str, *, operator: bool) -> ActorName:
    """Name a person as whoever orders something: people of the provider are operators."""
    return ActorName(f"{'operator' if operator else 'user'}:{user_id}")


def client_address(request: Request) -> str:
    """Give the address that a request comes from: the socket's, or what a trusted proxy says."""
    return "" if request.client is None else request.client.host


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Say whether an address is in one of the networks; every address is in none at all."""
    if not networks:
        return True
    try:
        client = ip_address(address)
    except ValueError:
        return False
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    return any(client in ip_network(network) for network in networks)


def is_same_site(request: Request) -> bool:
    """Say whether a browser sent this for a page of this site, or the person directly (Fetch Metadata; Origin, RFC 6454).

    Browsers always send one of the two headers with a write; whoever sends none has to use a key.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
