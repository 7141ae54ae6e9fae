"""What becomes of a command about a tenant, its people, keys or paid groups; and the life of the tenant itself."""

from typing import assert_never

from contracts.access import (
    AcceptInvitation,
    AccessCommand,
    ChangePlan,
    CloseTenant,
    CreateKey,
    CreatePaidGroup,
    DisableTotp,
    DisableUser,
    EnableTotp,
    EnableUser,
    FinishClosing,
    GrantAccess,
    InviteUser,
    OnboardTenant,
    PlaceDomain,
    RecordSignIn,
    RemovePaidGroup,
    RemoveUser,
    RenamePaidGroup,
    RenameTenant,
    RenameUser,
    RenewInvitation,
    ResumeTenant,
    RevokeKey,
    RevokeSessions,
    SetUserPassword,
    SuspendTenant,
    TenantClosed,
    TenantClosing,
    TenantOnboarded,
    TenantRenamed,
    TenantResumed,
    TenantSuspended,
    WithdrawDomain,
)
from contracts.decision import Accepted, Order, Refused
from contracts.outcome import RefusalCode
from services.mailbox.core import keys, paid_groups, people
from services.mailbox.core.authority import holder_of, is_of_the_provider
from services.mailbox.core.tenant import Decision, Tenant, subject_of


def decide(command: AccessCommand, tenant: Tenant, order: Order) -> Decision:
    """Judge one command against the tenant as it is. Only reads the state; `order` says who asks, and when."""
    if refused := _not_allowed(command, tenant, order) or _not_now(command, tenant, order):
        return refused
    match command:
        case OnboardTenant():
            return _onboard(command, tenant)
        case RenameTenant():
            return _rename(command, tenant)
        case SuspendTenant():
            return _suspend(command, tenant)
        case ResumeTenant():
            return _resume(tenant)
        case CloseTenant():
            return _close(command, tenant)
        case FinishClosing():
            return _finish_closing(tenant)
        case InviteUser():
            return people.invite(command, tenant, order)
        case RenewInvitation():
            return people.renew_invitation(command, tenant, order)
        case AcceptInvitation():
            return people.accept_invitation(command, tenant, order)
        case SetUserPassword():
            return people.set_password(command, tenant, order)
        case RenameUser():
            return people.rename(command, tenant, order)
        case GrantAccess():
            return people.grant(command, tenant, order)
        case DisableUser():
            return people.disable(command, tenant, order)
        case EnableUser():
            return people.enable(command, tenant, order)
        case RemoveUser():
            return people.remove(command, tenant, order)
        case EnableTotp():
            return people.enable_totp(command, tenant, order)
        case DisableTotp():
            return people.disable_totp(command, tenant, order)
        case RecordSignIn():
            return people.record_sign_in(command, tenant, order)
        case RevokeSessions():
            return people.revoke_sessions(command, tenant, order)
        case CreateKey():
            return keys.create(command, tenant, order)
        case RevokeKey():
            return keys.revoke(command, tenant, order)
        case CreatePaidGroup():
            return paid_groups.create(command, tenant)
        case RenamePaidGroup():
            return paid_groups.rename(command, tenant)
        case ChangePlan():
            return paid_groups.change_plan(command, tenant)
        case RemovePaidGroup():
            return paid_groups.remove(command, tenant)
        case PlaceDomain():
            return paid_groups.place(command, tenant)
        case WithdrawDomain():
            return paid_groups.withdraw(command, tenant)
        case _:
            assert_never(command)


def _not_allowed(command: AccessCommand, tenant: Tenant, order: Order) -> Refused | None:
    """Refuse whoever has no say in this stream, before anything of it can be learnt from the answer."""
    subject = subject_of(command, tenant)
    if order.tenant != tenant.tenant:
        return Refused(subject, RefusalCode.TENANT_UNKNOWN)
    match command:
        case AcceptInvitation() | RecordSignIn():
            # Ordered by people who are not in yet; each of them is compared with the person it is about.
            return None
        case FinishClosing():
            allowed = order.actor.startswith("system:")
        case (
            OnboardTenant()
            | SuspendTenant()
            | ResumeTenant()
            | CloseTenant()
            | CreatePaidGroup()
            | ChangePlan()
        ):
            allowed = is_of_the_provider(order) and holder_of(tenant, order) is not None
        case _:
            allowed = holder_of(tenant, order) is not None
    return None if allowed else Refused(subject, RefusalCode.PERMISSION_EXCEEDED)


def _not_now(command: AccessCommand, tenant: Tenant, order: Order) -> Refused | None:
    """Refuse what the tenant's own state forbids, whoever or whatever of it the command is about."""
    subject = subject_of(command, tenant)
    match tenant.status:
        case None if not isinstance(command, OnboardTenant):
            return Refused(subject, RefusalCode.TENANT_UNKNOWN)
        case "suspended" if not is_of_the_provider(order) and not _is_about_sessions(command):
            return Refused(subject, RefusalCode.TENANT_SUSPENDED)
        case "closing" | "closed" if not is_of_the_provider(order) or not _leads_to_the_end(command):
            return Refused(subject, RefusalCode.TENANT_CLOSING)
        case _:
            return None


def _is_about_sessions(command: AccessCommand) -> bool:
    # Whoever can change nothing may still look, and must be able to end a session that was stolen.
    return isinstance(command, RecordSignIn | RevokeSessions)


def _leads_to_the_end(command: AccessCommand) -> bool:
    return isinstance(
        command,
        CloseTenant
        | FinishClosing
        | DisableUser
        | RemoveUser
        | DisableTotp
        | RevokeSessions
        | RevokeKey
        | RemovePaidGroup
        | WithdrawDomain,
    )


def _onboard(command: OnboardTenant, tenant: Tenant) -> Decision:
    # Who is known already stays so, under the present title: a second request is no wish to rename.
    return Accepted(tenant.tenant, (TenantOnboarded(title=command.title),) if tenant.status is None else ())


def _rename(command: RenameTenant, tenant: Tenant) -> Decision:
    same = tenant.title == command.title
    return Accepted(tenant.tenant, () if same else (TenantRenamed(title=command.title),))


def _suspend(command: SuspendTenant, tenant: Tenant) -> Decision:
    if tenant.is_provider:
        return _of_the_provider_itself(tenant)
    suspended = tenant.status == "suspended"
    return Accepted(tenant.tenant, () if suspended else (TenantSuspended(reason=command.reason),))


def _resume(tenant: Tenant) -> Decision:
    return Accepted(tenant.tenant, (TenantResumed(),) if tenant.status == "suspended" else ())


def _close(command: CloseTenant, tenant: Tenant) -> Decision:
    if tenant.is_provider:
        return _of_the_provider_itself(tenant)
    begun = tenant.status in {"closing", "closed"}
    return Accepted(tenant.tenant, () if begun else (TenantClosing(reason=command.reason),))


def _finish_closing(tenant: Tenant) -> Decision:
    match tenant.status:
        case "closing":
            return Accepted(tenant.tenant, (TenantClosed(),))
        case "closed":
            return Accepted(tenant.tenant)
        case _:
            return Refused(tenant.tenant, RefusalCode.TENANT_NOT_EMPTY, "the tenant is not being closed")


def _of_the_provider_itself(tenant: Tenant) -> Refused:
    # Nobody would be left who could undo it.
    return Refused(tenant.tenant, RefusalCode.PERMISSION_EXCEEDED, "the provider's own tenant stays active")
