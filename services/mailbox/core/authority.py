"""Who orders something in a tenant's stream, what they hold, and whether that is enough.

The gateway has checked pages and actions against what it knows; only here is known what is true at the moment of the
decision. So whoever lost something a moment ago can't hand it out any more.
"""

from typing import Final

from msgspec import Struct

from contracts.decision import Order, Refused
from contracts.outcome import RefusalCode
from contracts.permissions import Permission, Role, within
from services.mailbox.core.tenant import Key, Tenant, User


class Holder(Struct, frozen=True):
    """What somebody may do."""

    role: Role
    permissions: tuple[Permission, ...] = ()


PROVIDER: Final = Holder("operator")
"""What operators and the system itself hold."""


def is_of_the_provider(order: Order) -> bool:
    """Whether an operator or the system itself orders."""
    return order.actor.partition(":")[0] in {"operator", "system"}


def is_self(user_id: str, tenant: Tenant, order: Order) -> bool:
    """Whether the person orders it. People of the provider's own tenant are called operators."""
    kind, _, name = order.actor.partition(":")
    return name == user_id and (kind == "user" or (kind == "operator" and tenant.is_provider))


def holder_of(tenant: Tenant, order: Order) -> Holder | None:
    """Give what whoever orders holds in this tenant; None for those who are unknown, shut out, revoked or expired."""
    kind, _, name = order.actor.partition(":")
    match kind:
        case "system":
            return PROVIDER
        case "operator":
            # An operator who is named by no person or key of the provider's is one of the keys file.
            listed = (tenant.users.get(name) or tenant.keys.get(name)) if tenant.is_provider else None
            return PROVIDER if listed is None else _held_by(listed, order)
        case "user":
            return _held_by(tenant.users.get(name), order)
        case "key":
            return _held_by(tenant.keys.get(name), order)
        case _:
            return None


def _held_by(listed: User | Key | None, order: Order) -> Holder | None:
    match listed:
        case User(status="active"):
            return Holder(listed.role, listed.permissions)
        case Key(revoked=False) if listed.expires_at is None or order.now < listed.expires_at:
            return Holder(listed.role, listed.permissions)
        case _:
            return None


def beyond(subject: str, wanted: Holder | User | Key, tenant: Tenant, order: Order) -> Refused | None:
    """Refuse whoever would hand out, or act on, more than they hold themselves."""
    holder = holder_of(tenant, order)
    if holder is not None and within(wanted.role, wanted.permissions, holder.role, holder.permissions):
        return None
    return Refused(subject, RefusalCode.PERMISSION_EXCEEDED, "this is more than whoever orders it holds")


def role_misplaced(subject: str, role: Role, tenant: Tenant) -> Refused | None:
    """Refuse operators anywhere but in the provider's own tenant, and everybody else there."""
    if (role == "operator") == tenant.is_provider:
        return None
    return Refused(subject, RefusalCode.PERMISSION_EXCEEDED, f"nobody is {role} in this tenant")
