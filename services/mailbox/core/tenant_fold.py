"""A tenant's state after each event of its stream."""

from typing import assert_never

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
from contracts.views.access import TenantEvent
from services.mailbox.core.tenant import Key, PaidGroup, Tenant, User


def evolve(tenant: Tenant, event: EventEnvelope[AccessEvent]) -> None:
    """Change the state as the event tells. Never refuses: an event is a fact."""
    data = event.data
    match data:
        case (
            TenantOnboarded()
            | TenantRenamed()
            | TenantSuspended()
            | TenantResumed()
            | TenantClosing()
            | TenantClosed()
        ):
            tenant.version = event.version
            _evolve_tenant(tenant, data)
        case UserInvited():
            _invite(tenant, data, event.version)
        case KeyCreated():
            tenant.keys[data.key_id] = Key(
                key_id=data.key_id,
                title=data.title,
                role=data.role,
                permissions=data.permissions,
                networks=data.networks,
                expires_at=data.expires_at,
                version=event.version,
            )
        case KeyRevoked():
            key = tenant.keys[event.subject]
            key.revoked, key.version = True, event.version
        case PaidGroupCreated():
            tenant.paid_groups[data.group_id] = PaidGroup(
                group_id=data.group_id,
                title=data.title,
                plan=data.plan,
                domains_max=data.domains_max,
                mailboxes_max=data.mailboxes_max,
                version=event.version,
            )
        case PaidGroupRenamed() | PlanChanged() | PaidGroupRemoved():
            group = tenant.paid_groups[event.subject]
            group.version = event.version
            _evolve_paid_group(group, data)
        case DomainPlaced():
            tenant.place(data.domain, data.group_id, data.mailbox_limit, event.version)
        case DomainWithdrawn():
            tenant.place(data.domain, None, None, event.version)
        case _:
            user = tenant.users[event.subject]
            user.version = event.version
            _evolve_user(tenant, user, data)


def _evolve_tenant(tenant: Tenant, data: TenantEvent) -> None:
    match data:
        case TenantOnboarded(title=title):
            tenant.title, tenant.status = title, "active"
        case TenantRenamed(title=title):
            tenant.title = title
        case TenantSuspended():
            tenant.status = "suspended"
        case TenantResumed():
            tenant.status = "active"
        case TenantClosing():
            tenant.status = "closing"
        case TenantClosed():
            tenant.status = "closed"
        case _:
            assert_never(data)


def _invite(tenant: Tenant, data: UserInvited, version: int) -> None:
    user = User(
        user_id=data.user_id,
        email=data.email,
        display_name=data.display_name,
        role=data.role,
        permissions=data.permissions,
        invitation_id=data.invitation_id,
        invitation_expires_at=data.expires_at,
        version=version,
    )
    tenant.users[user.user_id] = tenant.by_email[user.email] = user


ChangeOfUser = (
    InvitationRenewed
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


def _evolve_user(tenant: Tenant, user: User, data: ChangeOfUser) -> None:
    match data:
        case InvitationRenewed():
            user.invitation_id, user.invitation_expires_at = data.invitation_id, data.expires_at
        case UserJoined():
            user.status, user.credential_id = "active", data.credential_id
            user.invitation_id, user.invitation_expires_at = None, None
        case UserPasswordSet():
            user.credential_id = data.credential_id
        case UserRenamed():
            user.display_name = data.display_name
        case AccessGranted():
            user.role, user.permissions = data.role, data.permissions
        case UserDisabled():
            user.status = "disabled"
        case UserEnabled():
            user.status = "active" if user.credential_id is not None else "invited"
        case UserRemoved():
            user.status = "removed"
            user.invitation_id, user.invitation_expires_at = None, None
            del tenant.by_email[user.email]
        case TotpEnabled():
            user.totp_id = data.totp_id
        case TotpDisabled():
            user.totp_id = None
        case UserSignedIn() | SessionsRevoked():
            # Sessions are the gateway's; the writer only tells of them.
            pass
        case _:
            assert_never(data)


def _evolve_paid_group(group: PaidGroup, data: PaidGroupRenamed | PlanChanged | PaidGroupRemoved) -> None:
    match data:
        case PaidGroupRenamed(title=title):
            group.title = title
        case PlanChanged():
            group.plan = data.plan
            group.domains_max, group.mailboxes_max = data.domains_max, data.mailboxes_max
        case PaidGroupRemoved():
            group.removed = True
        case _:
            assert_never(data)
