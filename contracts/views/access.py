"""Tenants, their people, keys and paid groups as their readers know them."""

from datetime import datetime
from typing import Any, Literal, assert_never

from msgspec import Struct

from contracts.access import (
    AccessEvent,
    AccessGranted,
    DomainPlaced,
    DomainWithdrawn,
    InvitationRenewed,
    KeyCreated,
    KeyRevoked,
    PaidGroupCreated,
    PaidGroupRemoved,
    PaidGroupRenamed,
    PlanChanged,
    SessionsRevoked,
    TenantClosed,
    TenantClosing,
    TenantOnboarded,
    TenantRenamed,
    TenantResumed,
    TenantSuspended,
    TotpDisabled,
    TotpEnabled,
    UserDisabled,
    UserEnabled,
    UserInvited,
    UserJoined,
    UserPasswordSet,
    UserRemoved,
    UserRenamed,
    UserSignedIn,
)
from contracts.envelope import EventEnvelope
from contracts.permissions import Permission, Role

TenantStatus = Literal["active", "suspended", "closing", "closed"]
UserStatus = Literal["invited", "active", "disabled", "removed"]

TenantEvent = TenantOnboarded | TenantRenamed | TenantSuspended | TenantResumed | TenantClosing | TenantClosed
UserEvent = (
    UserInvited
    | InvitationRenewed
    | UserJoined
    | UserPasswordSet
    | UserRenamed
    | AccessGranted
    | UserDisabled
    | UserEnabled
    | UserRemoved
    | TotpEnabled
    | TotpDisabled
    | UserSignedIn
    | SessionsRevoked
)
KeyEvent = KeyCreated | KeyRevoked
PaidGroupEvent = PaidGroupCreated | PaidGroupRenamed | PlanChanged | PaidGroupRemoved
PlacementEvent = DomainPlaced | DomainWithdrawn


class TenantRow(Struct, kw_only=True):
    """A customer."""

    tenant: str
    title: str
    status: TenantStatus
    version: int
    created_at: datetime
    changed_at: datetime


class UserRow(Struct, kw_only=True):
    """A person of a tenant, also after removal. A disabled one who never joined has no credential."""

    user_id: str
    tenant: str
    email: str
    display_name: str
    role: Role
    permissions: list[Permission]
    status: UserStatus
    credential_id: str | None
    invitation_id: str | None
    invitation_expires_at: datetime | None
    totp_id: str | None
    signed_in_at: datetime | None
    version: int
    created_at: datetime
    changed_at: datetime


class KeyRow(Struct, kw_only=True):
    """An API key; its secret is nowhere in here."""

    key_id: str
    tenant: str
    title: str
    role: Role
    permissions: list[Permission]
    networks: list[str]
    expires_at: datetime | None
    revoked: bool
    created_by: str
    version: int
    created_at: datetime
    changed_at: datetime


class PaidGroupRow(Struct, kw_only=True):
    """A plan that a tenant has bought, also after its end."""

    group_id: str
    tenant: str
    title: str
    plan: str
    domains_max: int
    mailboxes_max: int
    removed: bool
    version: int
    created_at: datetime
    changed_at: datetime


class PlacementRow(Struct, kw_only=True):
    """Which paid group a tenant has put a domain into; `placement_id` is tenant/domain. Without a group: withdrawn."""

    placement_id: str
    tenant: str
    domain: str
    group_id: str | None
    mailbox_limit: int | None
    version: int
    created_at: datetime
    changed_at: datetime


def fold_tenant(row: TenantRow | None, event: EventEnvelope[AccessEvent]) -> TenantRow | None:
    """The customer after the event, which may also be about somebody or something of the customer's."""
    data = event.data
    if isinstance(data, TenantOnboarded):
        return TenantRow(
            tenant=event.tenant,
            title=data.title,
            status="active",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    match data:
        case TenantRenamed(title=title):
            row.title = title
        case TenantSuspended():
            row.status = "suspended"
        case TenantResumed():
            row.status = "active"
        case TenantClosing():
            row.status = "closing"
        case TenantClosed():
            row.status = "closed"
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_user(row: UserRow | None, event: EventEnvelope[UserEvent]) -> UserRow:
    """The person after the event."""
    data = event.data
    if isinstance(data, UserInvited):
        return UserRow(
            user_id=data.user_id,
            tenant=event.tenant,
            email=data.email,
            display_name=data.display_name,
            role=data.role,
            permissions=list(data.permissions),
            status="invited",
            credential_id=None,
            invitation_id=data.invitation_id,
            invitation_expires_at=data.expires_at,
            totp_id=None,
            signed_in_at=None,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    match data:
        case InvitationRenewed():
            row.invitation_id, row.invitation_expires_at = data.invitation_id, data.expires_at
        case UserJoined():
            row.status, row.credential_id = "active", data.credential_id
            row.invitation_id, row.invitation_expires_at = None, None
        case UserPasswordSet():
            row.credential_id = data.credential_id
        case UserRenamed():
            row.display_name = data.display_name
        case AccessGranted():
            row.role, row.permissions = data.role, list(data.permissions)
        case UserDisabled():
            row.status = "disabled"
        case UserEnabled():
            row.status = "active" if row.credential_id is not None else "invited"
        case UserRemoved():
            row.status = "removed"
            row.invitation_id, row.invitation_expires_at = None, None
        case TotpEnabled():
            row.totp_id = data.totp_id
        case TotpDisabled():
            row.totp_id = None
        case UserSignedIn():
            row.signed_in_at = event.time
        case SessionsRevoked():
            pass
        case _:
            assert_never(data)
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_key(row: KeyRow | None, event: EventEnvelope[KeyEvent]) -> KeyRow:
    """The key after the event."""
    data = event.data
    if isinstance(data, KeyCreated):
        return KeyRow(
            key_id=data.key_id,
            tenant=event.tenant,
            title=data.title,
            role=data.role,
            permissions=list(data.permissions),
            networks=list(data.networks),
            expires_at=data.expires_at,
            revoked=False,
            created_by=event.actor,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    row.revoked = True
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_paid_group(row: PaidGroupRow | None, event: EventEnvelope[PaidGroupEvent]) -> PaidGroupRow:
    """The paid group after the event."""
    data = event.data
    if isinstance(data, PaidGroupCreated):
        return PaidGroupRow(
            group_id=data.group_id,
            tenant=event.tenant,
            title=data.title,
            plan=data.plan,
            domains_max=data.domains_max,
            mailboxes_max=data.mailboxes_max,
            removed=False,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    match data:
        case PaidGroupRenamed():
            row.title = data.title
        case PlanChanged():
            row.plan = data.plan
            row.domains_max, row.mailboxes_max = data.domains_max, data.mailboxes_max
        case PaidGroupRemoved():
            row.removed = True
        case _:
            assert_never(data)
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_placement(row: PlacementRow | None, event: EventEnvelope[PlacementEvent]) -> PlacementRow:
    """The place of a domain after the event."""
    data = event.data
    group_id = data.group_id if isinstance(data, DomainPlaced) else None
    mailbox_limit = data.mailbox_limit if isinstance(data, DomainPlaced) else None
    return PlacementRow(
        placement_id=f"{event.tenant}/{data.domain}",
        tenant=event.tenant,
        domain=data.domain,
        group_id=group_id,
        mailbox_limit=mailbox_limit,
        version=event.version,
        created_at=event.time if row is None else row.created_at,
        changed_at=event.time,
    )


def tenant_of(event: EventEnvelope[Any]) -> str | None:
    """The tenant that an event is about, if it is about the tenant itself."""
    return event.stream if isinstance(event.data, TenantEvent) else None


def user_of(event: EventEnvelope[Any]) -> str | None:
    """The person that an event is about."""
    return event.subject if isinstance(event.data, UserEvent) else None


def key_of(event: EventEnvelope[Any]) -> str | None:
    """The API key that an event is about."""
    return event.subject if isinstance(event.data, KeyEvent) else None


def paid_group_of(event: EventEnvelope[Any]) -> str | None:
    """The paid group that an event is about."""
    return event.subject if isinstance(event.data, PaidGroupEvent) else None


def placement_of(event: EventEnvelope[Any]) -> str | None:
    """The placement that an event is about."""
    return f"{event.tenant}/{event.subject}" if isinstance(event.data, PlacementEvent) else None
