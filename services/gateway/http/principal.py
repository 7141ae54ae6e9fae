"""Who a request comes from, once that is known."""

from typing import Literal

from msgspec import Struct

from contracts.ids import ActorName, TenantId
from contracts.permissions import Permission, Role

PrincipalKind = Literal["person", "key", "bootstrap"]


class Principal(Struct, frozen=True, kw_only=True):
    """A person with a session, an API key, or a key of the keys file.

    `id` is that of the person or key. `tenant` is the one that the principal belongs to: the provider's for operators,
    who act for any tenant. `session_id` is the session that a person came with.
    """

    kind: PrincipalKind
    id: str
    actor: ActorName
    tenant: TenantId
    role: Role
    permissions: tuple[Permission, ...] = ()
    tenant_suspended: bool = False
    session_id: str | None = None

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"

    @property
    def person_id(self) -> str | None:
        """The person, if it is one: domains are assigned to people alone."""
        return self.id if self.kind == "person" else None
