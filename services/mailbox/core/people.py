"""Decisions about the people of a tenant: who comes in, what they may do, and how they are shut out."""

from datetime import timedelta

from contracts.access import (
    INVITATION_DAYS,
    AcceptInvitation,
    AccessGranted,
    DisableTotp,
    DisableUser,
    EnableTotp,
    EnableUser,
    GrantAccess,
    InvitationRenewed,
    InviteUser,
    RecordSignIn,
    RemoveUser,
    RenameUser,
    RenewInvitation,
    RevokeSessions,
    SessionsRevoked,
    SetUserPassword,
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
from contracts.addresses import AddressError, is_domain_name, parse_address
from contracts.decision import Accepted, Order, Refused
from contracts.ids import CredentialId, DomainName
from contracts.outcome import RefusalCode
from services.mailbox.core.authority import Holder, beyond, is_self, role_misplaced
from services.mailbox.core.tenant import Decision, Tenant, User


def invite(command: InviteUser, tenant: Tenant, order: Order) -> Decision:
    """Ask a person in, under a mail address that nobody else of the tenant has."""
    subject = command.user_id
    try:
        email = _email_in_one_form(command.email)
    except AddressError as error:
        return Refused(subject, RefusalCode.ADDRESS_INVALID, str(error))
    if refused := _not_to_hand_out(subject, Holder(command.role, command.permissions), tenant, order):
        return refused
    known = tenant.users.get(subject)
    if known is not None and _is_as_invited(known, command, email):
        return Accepted(subject)
    if tenant.version_of(subject) or email in tenant.by_email:
        return Refused(subject, RefusalCode.USER_EXISTS)
    invited = UserInvited(
        user_id=subject,
        email=email,
        display_name=command.display_name,
        role=command.role,
        permissions=command.permissions,
        invitation_id=command.invitation_id,
        expires_at=order.now + timedelta(days=INVITATION_DAYS),
    )
    return Accepted(subject, (invited,))


def renew_invitation(command: RenewInvitation, tenant: Tenant, order: Order) -> Decision:
    """Replace the invitation of somebody who has not joined."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    if user.status != "invited":
        return _in_wrong_state(user)
    if user.invitation_id == command.invitation_id:
        return Accepted(user.user_id)
    expires_at = order.now + timedelta(days=INVITATION_DAYS)
    return Accepted(
        user.user_id, (InvitationRenewed(invitation_id=command.invitation_id, expires_at=expires_at),)
    )


def accept_invitation(command: AcceptInvitation, tenant: Tenant, order: Order) -> Decision:
    """Let the person in who has the invitation; nobody else can use it in their name."""
    user = tenant.users.get(command.user_id)
    if user is None:
        return Refused(command.user_id, RefusalCode.USER_UNKNOWN)
    if not is_self(user.user_id, tenant, order):
        return _not_in_their_name(user)
    if user.status == "active" and user.credential_id == command.credential_id:
        return Accepted(user.user_id)
    if (
        user.status != "invited"
        or user.invitation_id != command.invitation_id
        or user.invitation_expires_at is None
        or user.invitation_expires_at <= order.now
    ):
        return Refused(user.user_id, RefusalCode.INVITATION_INVALID)
    return Accepted(user.user_id, (UserJoined(credential_id=CredentialId(command.credential_id)),))


def set_password(command: SetUserPassword, tenant: Tenant, order: Order) -> Decision:
    """Change the password of somebody who has one; whoever never joined chooses the first one themselves."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    if user.credential_id is None:
        return _in_wrong_state(user)
    if user.credential_id == command.credential_id:
        return Accepted(user.user_id)
    return Accepted(user.user_id, (UserPasswordSet(credential_id=CredentialId(command.credential_id)),))


def rename(command: RenameUser, tenant: Tenant, order: Order) -> Decision:
    """Change the name that a person is shown by."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    same = user.display_name == command.display_name
    return Accepted(user.user_id, () if same else (UserRenamed(display_name=command.display_name),))


def grant(command: GrantAccess, tenant: Tenant, order: Order) -> Decision:
    """Replace what a person may do, by nothing that whoever orders it does not hold."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    if refused := _not_to_hand_out(user.user_id, Holder(command.role, command.permissions), tenant, order):
        return refused
    if (user.role, user.permissions) == (command.role, command.permissions):
        return Accepted(user.user_id)
    if command.role != "owner" and (refused := _last_owner(user, tenant)):
        return refused
    return Accepted(user.user_id, (AccessGranted(role=command.role, permissions=command.permissions),))


def disable(command: DisableUser, tenant: Tenant, order: Order) -> Decision:
    """Shut a person out."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    if user.status == "disabled":
        return Accepted(user.user_id)
    return _last_owner(user, tenant) or Accepted(user.user_id, (UserDisabled(reason=command.reason),))


def enable(command: EnableUser, tenant: Tenant, order: Order) -> Decision:
    """Let a person in again."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    return Accepted(user.user_id, (UserEnabled(),) if user.status == "disabled" else ())


def remove(command: RemoveUser, tenant: Tenant, order: Order) -> Decision:
    """Remove a person for good."""
    user = tenant.users.get(command.user_id)
    if user is not None and user.status == "removed":
        return Accepted(user.user_id)
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    return _last_owner(user, tenant) or Accepted(user.user_id, (UserRemoved(),))


def enable_totp(command: EnableTotp, tenant: Tenant, order: Order) -> Decision:
    """Ask for a one-time code from now on. Only the person can have the secret in their own device."""
    user = _present(command.user_id, tenant)
    if isinstance(user, Refused):
        return user
    if not is_self(user.user_id, tenant, order):
        return _not_in_their_name(user)
    same = user.totp_id == command.totp_id
    return Accepted(user.user_id, () if same else (TotpEnabled(totp_id=command.totp_id),))


def disable_totp(command: DisableTotp, tenant: Tenant, order: Order) -> Decision:
    """No longer ask for a one-time code."""
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    return Accepted(user.user_id, () if user.totp_id is None else (TotpDisabled(),))


def record_sign_in(command: RecordSignIn, tenant: Tenant, order: Order) -> Decision:
    """Tell that a session began. Each is told, for the writer does not count them."""
    user = tenant.users.get(command.user_id)
    if user is None:
        return Refused(command.user_id, RefusalCode.USER_UNKNOWN)
    if not is_self(user.user_id, tenant, order):
        return _not_in_their_name(user)
    if user.status != "active":
        return _in_wrong_state(user)
    signed_in = UserSignedIn(session_id=command.session_id, client_address=command.client_address)
    return Accepted(user.user_id, (signed_in,))


def revoke_sessions(command: RevokeSessions, tenant: Tenant, order: Order) -> Decision:
    """End sessions. Whoever is not active has none."""
    user = tenant.users.get(command.user_id)
    if user is not None and user.status == "removed":
        return Accepted(user.user_id)
    user = _in_reach(command.user_id, tenant, order)
    if isinstance(user, Refused):
        return user
    revoked = SessionsRevoked(session_id=command.session_id)
    return Accepted(user.user_id, (revoked,) if user.status == "active" else ())


def _email_in_one_form(text: str) -> str:
    local_part, domain = parse_address(text, _a_label)
    return f"{local_part}@{domain}"


def _a_label(text: str) -> DomainName:
    # Letters beyond ASCII were turned into an A-label at the edge, which has the library for it.
    domain = text.lower()
    if not is_domain_name(domain):
        raise AddressError("the part after @ is no name of a mail domain")
    return DomainName(domain)


def _is_as_invited(user: User, command: InviteUser, email: str) -> bool:
    return (
        user.status != "removed"
        and user.invitation_id in (None, command.invitation_id)
        and (user.email, user.display_name, user.role, user.permissions)
        == (email, command.display_name, command.role, command.permissions)
    )


def _present(user_id: str, tenant: Tenant) -> User | Refused:
    user = tenant.users.get(user_id)
    if user is None:
        return Refused(user_id, RefusalCode.USER_UNKNOWN)
    return _in_wrong_state(user) if user.status == "removed" else user


def _in_reach(user_id: str, tenant: Tenant, order: Order) -> User | Refused:
    """Give a person who holds no more than whoever orders; everybody is within their own reach.

    Else a sub-user could take over the owner by choosing a password for them.
    """
    user = _present(user_id, tenant)
    return user if isinstance(user, Refused) else beyond(user_id, user, tenant, order) or user


def _not_to_hand_out(subject: str, wanted: Holder, tenant: Tenant, order: Order) -> Refused | None:
    return role_misplaced(subject, wanted.role, tenant) or beyond(subject, wanted, tenant, order)


def _last_owner(user: User, tenant: Tenant) -> Refused | None:
    """Refuse to take the only owner away who can still sign in."""
    owners = (each for each in tenant.users.values() if each.role == "owner" and each.status == "active")
    if user.role == "owner" and user.status == "active" and all(each is user for each in owners):
        return Refused(user.user_id, RefusalCode.LAST_OWNER)
    return None


def _in_wrong_state(user: User) -> Refused:
    return Refused(user.user_id, RefusalCode.USER_STATE, f"the person is {user.status}")


def _not_in_their_name(user: User) -> Refused:
    return Refused(user.user_id, RefusalCode.PERMISSION_EXCEEDED, "only the person can do this")
