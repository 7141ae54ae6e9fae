"""The customer's words for tests about tenants, their people, keys and paid groups. People are named by a first name.

Operators order unless a test says who else does.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from contracts import access as a
from contracts.ids import PROVIDER_TENANT, ActorName, CredentialId
from contracts.permissions import Action, PageName, Permission, Role, Scope
from services.mailbox.core import decide_tenant, tenant, tenant_fold
from services.mailbox.core.tenant import Tenant
from tests.kit.given import NOON, US, Core, Happened, Scenario, an_id

OPERATOR: Final = ActorName("operator:root")
REACTOR: Final = ActorName("system:mailbox")
one_week_later: Final = NOON + timedelta(days=7)

TENANT_CORE: Final = Core[Tenant, a.AccessCommand, a.AccessEvent](
    new_state=Tenant.unknown,
    subject_of=tenant.subject_of,
    version_of=Tenant.version_of,
    decide=decide_tenant.decide,
    evolve=tenant_fold.evolve,
)

Facts = tuple[Happened[a.AccessEvent], ...]
TenantScenario = Scenario[Tenant, a.AccessCommand, a.AccessEvent]


def given_tenant(*facts: Facts) -> TenantScenario:
    """Start with a customer to whom this has happened."""
    return Scenario(TENANT_CORE, US, facts, OPERATOR)


def given_provider(*facts: Facts) -> TenantScenario:
    """Start with the provider's own tenant, onboarded, and this has happened to it."""
    ours = tuple(
        tuple(Happened(each.data, each.subject, PROVIDER_TENANT) for each in group)
        for group in (a_tenant(), *facts)
    )
    return Scenario(TENANT_CORE, PROVIDER_TENANT, ours, OPERATOR)


def user_id(name: str) -> str:
    """Give the id of the person of that name."""
    return an_id(f"user {name}")


def key_id(name: str) -> str:
    """Give the id of the key of that name."""
    return an_id(f"key {name}")


def group_id(name: str) -> str:
    """Give the id of the paid group of that name."""
    return an_id(f"paid group {name}")


def invitation_id(name: str) -> str:
    """Give the id of the invitation of that name."""
    return an_id(f"invitation {name}")


def password_id(name: str) -> CredentialId:
    """Give the id under which the vault keeps the password of that name."""
    return CredentialId(an_id(f"credential {name}"))


def totp_id(name: str) -> str:
    """Give the id under which the vault keeps the secret of one-time codes of that name."""
    return an_id(f"totp {name}")


def session_id(name: str) -> str:
    """Give the id of the session of that name."""
    return an_id(f"session {name}")


def by_user(name: str) -> ActorName:
    """Name the person as whoever orders."""
    return ActorName(f"user:{user_id(name)}")


def by_key(name: str) -> ActorName:
    """Name the key as whoever orders."""
    return ActorName(f"key:{key_id(name)}")


def may(
    page: PageName, *actions: Action, scope: Scope = "all", names: tuple[str, ...] = ()
) -> tuple[Permission, ...]:
    """Give the permission to do this, as the only one."""
    return (Permission(page=page, actions=actions or ("see",), scope=scope, names=names),)


def a_tenant(title: str = "Demo") -> Facts:
    """Say that the customer is known."""
    return (Happened(a.TenantOnboarded(title=title)),)


def a_suspended_tenant() -> Facts:
    """Say that the customer was onboarded and is suspended."""
    return (*a_tenant(), the_tenant(a.TenantSuspended())[0])


def a_closing_tenant() -> Facts:
    """Say that the customer was onboarded and is being given up."""
    return (*a_tenant(), the_tenant(a.TenantClosing())[0])


def the_tenant(event: a.AccessEvent) -> Facts:
    """Say that something happened to the customer itself."""
    return (Happened(event),)


def invited(
    name: str,
    role: Role = "sub_user",
    permissions: tuple[Permission, ...] = (),
    *,
    email: str | None = None,
    invitation: str | None = None,
    expires_at: datetime = one_week_later,
) -> a.UserInvited:
    """Tell that a person was asked in."""
    return a.UserInvited(
        user_id=user_id(name),
        email=email or f"{name}@example.org",
        display_name=name.title(),
        role=role,
        permissions=permissions,
        invitation_id=invitation_id(invitation or name),
        expires_at=expires_at,
    )


def invite(
    name: str,
    role: Role = "sub_user",
    permissions: tuple[Permission, ...] = (),
    *,
    email: str | None = None,
    invitation: str | None = None,
) -> a.InviteUser:
    """Order that a person be asked in."""
    return a.InviteUser(
        user_id=user_id(name),
        email=email or f"{name}@example.org",
        display_name=name.title(),
        role=role,
        permissions=permissions,
        invitation_id=invitation_id(invitation or name),
    )


def an_invited_user(name: str, role: Role = "sub_user", permissions: tuple[Permission, ...] = ()) -> Facts:
    """Say that a person was asked in and has not joined."""
    return (Happened(invited(name, role, permissions), user_id(name)),)


def a_user(name: str, role: Role = "sub_user", permissions: tuple[Permission, ...] = ()) -> Facts:
    """Say that a person has joined, with a password of the same name."""
    return (
        *an_invited_user(name, role, permissions),
        *it_happened_to(name, a.UserJoined(credential_id=password_id(name))),
    )


def an_owner(name: str) -> Facts:
    """Say that an owner has joined."""
    return a_user(name, "owner")


def it_happened_to(name: str, event: a.AccessEvent) -> Facts:
    """Say that something happened to a person."""
    return (Happened(event, user_id(name)),)


def create_key(
    name: str,
    role: Role = "sub_user",
    permissions: tuple[Permission, ...] = (),
    *,
    title: str | None = None,
    networks: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> a.CreateKey:
    """Order an API key."""
    return a.CreateKey(
        key_id=key_id(name),
        title=title or name,
        role=role,
        permissions=permissions,
        networks=networks,
        expires_at=expires_at,
    )


def key_created(name: str, role: Role = "sub_user", permissions: Any = (), **rest: Any) -> a.KeyCreated:
    """Tell that an API key was made."""
    return a.KeyCreated(
        key_id=key_id(name), title=rest.pop("title", name), role=role, permissions=permissions, **rest
    )


def a_key(name: str, role: Role = "sub_user", permissions: Any = (), **rest: Any) -> Facts:
    """Say that there is an API key."""
    return (Happened(key_created(name, role, permissions, **rest), key_id(name)),)


def the_key_revoked(name: str) -> Facts:
    """Say that an API key was revoked."""
    return (Happened(a.KeyRevoked(), key_id(name)),)


def create_paid_group(
    name: str, *, plan: str = "basic", domains: int = 2, mailboxes: int = 10
) -> a.CreatePaidGroup:
    """Order a plan for so many domains and mailboxes."""
    return a.CreatePaidGroup(
        group_id=group_id(name), title=name, plan=plan, domains_max=domains, mailboxes_max=mailboxes
    )


def paid_group_created(
    name: str, *, plan: str = "basic", domains: int = 2, mailboxes: int = 10
) -> a.PaidGroupCreated:
    """Tell that the customer has a plan."""
    return a.PaidGroupCreated(
        group_id=group_id(name), title=name, plan=plan, domains_max=domains, mailboxes_max=mailboxes
    )


def a_paid_group(name: str, *, domains: int = 2, mailboxes: int = 10) -> Facts:
    """Say that the customer has a plan."""
    return (Happened(paid_group_created(name, domains=domains, mailboxes=mailboxes), group_id(name)),)


def place(domain: str, group: str, mailboxes: int = 5) -> a.PlaceDomain:
    """Order that a domain be in a paid group."""
    return a.PlaceDomain(domain=domain, group_id=group_id(group), mailbox_limit=mailboxes)


def placed(domain: str, group: str, mailboxes: int = 5, *, before: str | None = None) -> a.DomainPlaced:
    """Tell that a domain is in a paid group."""
    return a.DomainPlaced(
        domain=domain,
        group_id=group_id(group),
        mailbox_limit=mailboxes,
        former_group_id=None if before is None else group_id(before),
    )


def a_placement(domain: str, group: str, mailboxes: int = 5) -> Facts:
    """Say that a domain is in a paid group."""
    return (Happened(placed(domain, group, mailboxes), domain),)
