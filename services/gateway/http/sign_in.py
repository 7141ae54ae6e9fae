"""Who is asking, and for which tenant: the one place where access is decided.

Keys are opaque bearer tokens that are known by their SHA-256 alone. An owner's key is bound to its tenant; an operator
names one with the header `Postfach-Tenant`.
"""

import hashlib
import hmac
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer
from msgspec import Struct

from contracts.ids import ActorName, TenantId, parse_uuid
from services.gateway.http.problems import Problem, invalid, not_found
from services.runtime.settings import SettingsError

TENANT_HEADER: Final = "Postfach-Tenant"

_BEARER: Final = HTTPBearer(auto_error=False, description="An opaque key.")


class Principal(Struct, frozen=True):
    """Whom a key stands for. Without a tenant it is an operator."""

    actor: ActorName
    tenant: TenantId | None = None

    @property
    def is_operator(self) -> bool:
        return self.tenant is None


class KeyRing:
    """The keys that are accepted."""

    def __init__(self, principals: dict[str, Principal]) -> None:
        self._principals = principals

    @classmethod
    def from_file(cls, path: str) -> "KeyRing":
        """Read the keys. Raises SettingsError when the file holds something else."""
        try:
            return cls(msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Principal]))
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError("POSTFACH_KEYS_FILE does not hold keys") from error

    def principal(self, key: str) -> Principal | None:
        """Give whom the key stands for, after the same time whichever key it is."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        found: Principal | None = None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known.encode(), digest.encode()):
                found = principal
        return found


async def _signed_in(request: Request, _documentation: Annotated[object, Depends(_BEARER)]) -> Principal:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    principal = request.app.state.gateway.keys.principal(key.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "not_signed_in",
            "send a valid key as Authorization: Bearer …",
            headers={"WWW-Authenticate": 'Bearer realm="postfach"'},
        )
    return principal


SignedIn = Annotated[Principal, Depends(_signed_in)]


async def _operator(principal: SignedIn) -> Principal:
    if not principal.is_operator:
        raise Problem(HTTPStatus.FORBIDDEN, "operators_only", "only an operator may do this")
    return principal


Operator = Annotated[Principal, Depends(_operator)]


async def _acting_for(
    principal: SignedIn,
    named: Annotated[
        str | None,
        Header(alias=TENANT_HEADER, description="For whom an operator acts; an owner may leave it out."),
    ] = None,
) -> TenantId:
    if named is None:
        if principal.tenant is None:
            raise invalid(
                TENANT_HEADER, "tenant_missing", "name the tenant in this header", HTTPStatus.BAD_REQUEST
            )
        return principal.tenant
    tenant = tenant_id(named)
    if principal.tenant not in (None, tenant):
        raise not_found("tenant_unknown")
    return tenant


ActingFor = Annotated[TenantId, Depends(_acting_for)]


def tenant_id(text: str) -> TenantId:
    """Give a tenant id in its one form. Raises Problem: whoever has no form of an id has no tenant."""
    try:
        return TenantId(parse_uuid(text))
    except ValueError:
        raise not_found("tenant_unknown") from None
