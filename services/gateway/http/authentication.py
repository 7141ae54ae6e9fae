"""Whom a request comes from: an opaque key that is sent as a bearer token."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from services.gateway.context import Gateway
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem

_BEARER: Final = HTTPBearer(auto_error=False, description="An opaque key.")


async def _documentation(_: Annotated[object, Depends(_BEARER)]) -> None:
    """Only says in the OpenAPI document how to sign in; the gate reads the headers itself."""


SignInDocumented = Depends(_documentation)


async def authenticate(request: Request, gateway: Gateway) -> Principal:
    """Give who is asking. Raises Problem, always the same, for whoever is nobody."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    principal = gateway.keys.principal(key.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "not_signed_in",
            "send a valid key as Authorization: Bearer …",
            headers={"WWW-Authenticate": 'Bearer realm="postfach"'},
        )
    return principal
