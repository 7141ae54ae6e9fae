"""Tenants, their people, their keys and their paid groups. Stream key: the tenant id.

Subjects of a stream: the tenant itself (its id), people and keys and paid groups (their ids), and the place of a mail
domain in a paid group (the domain's A-label).
"""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from contracts.ids import CredentialId
from contracts.message import PERSONAL, STORABLE, Command, Event, UuidText
from contracts.permissions import Permissions, Role

TenantTitle = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE)]
Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE)]
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=STORABLE, extra=PERSONAL)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE, extra=PERSONAL)]
ClientAddress = Annotated[str, Meta(max_length=100, pattern=STORABLE, extra=PERSONAL)]
AccessReason = Annotated[str, Meta(max_length=500, pattern=STORABLE)]
Network = Annotated[str, Meta(min_length=2, max_length=49, pattern="^[0-9a-f:./]+$")]
DomainText = Annotated[str, Meta(min_length=3, max_length=253, pattern="^[a-z0-9.-]+$")]

MAILBOXES_OF_PLAN_MAX: Final = 100_000_000
DOMAINS_OF_PLAN_MAX: Final = 1_000_000
NETWORKS_MAX: Final = 20
INVITATION_DAYS: Final = 7
"""How long an invitation can be accepted."""

MailboxesMax = Annotated[int, Meta(ge=0, le=MAILBOXES_OF_PLAN_MAX)]
DomainsMax = Annotated[int, Meta(ge=0, le=DOMAINS_OF_PLAN_MAX)]
Networks = Annotated[tuple[Network, ...], Meta(max_length=NETWORKS_MAX)]


class OnboardTenant(Command, frozen=True, kw_only=True, tag="onboard_tenant"):
    """Make a customer known. Sent by operators."""

    title: TenantTitle


class RenameTenant(Command, frozen=True, kw_only=True, tag="rename_tenant"):
    """Give a customer another title."""

    title: TenantTitle


class SuspendTenant(Command, frozen=True, kw_only=True, tag="suspend_tenant"):
    """Stop a customer's changes; the domains follow."""

    reason: AccessReason = ""


class ResumeTenant(Command, frozen=True, kw_only=True, tag="resume_tenant"):
    """End a customer's suspension; the domains follow."""


class CloseTenant(Command, frozen=True, kw_only=True, tag="close_tenant"):
    """Begin to give a customer up: mailboxes are put away, then domains removed, then the tenant is closed."""

    reason: AccessReason = ""


class FinishClosing(Command, frozen=True, kw_only=True, tag="finish_closing"):
    """Tell that a closing customer has no domain any more. Sent by the system."""


class InviteUser(Command, frozen=True, kw_only=True, tag="invite_user"):
    """Ask a person in. The invitation's secret never comes here; whoever has it may choose a password."""

    user_id: UuidText
    email: Email
    display_name: DisplayName
    role: Role
    permissions: Permissions = ()
    invitation_id: UuidText


class RenewInvitation(Command, frozen=True, kw_only=True, tag="renew_invitation"):
    """Replace the invitation of somebody who has not joined yet; the former one ends."""

    user_id: UuidText
    invitation_id: UuidText


class AcceptInvitation(Command, frozen=True, kw_only=True, tag="accept_invitation"):
    """Join with a password of one's own, which is in the vault under `credential_id`."""

    user_id: UuidText
    invitation_id: UuidText
    credential_id: UuidText


class SetUserPassword(Command, frozen=True, kw_only=True, tag="set_user_password"):
    """Let the password behind `credential_id` be the person's from now on, whoever changes it."""

    user_id: UuidText
    credential_id: UuidText


class RenameUser(Command, frozen=True, kw_only=True, tag="rename_user"):
    """Change the name that a person is shown by."""

    user_id: UuidText
    display_name: DisplayName


class GrantAccess(Command, frozen=True, kw_only=True, tag="grant_access"):
    """Replace what a person may do."""

    user_id: UuidText
    role: Role
    permissions: Permissions = ()


class DisableUser(Command, frozen=True, kw_only=True, tag="disable_user"):
    """Shut a person out, until enabled again."""

    user_id: UuidText
    reason: AccessReason = ""


class EnableUser(Command, frozen=True, kw_only=True, tag="enable_user"):
    """Let a disabled person in again."""

    user_id: UuidText


class RemoveUser(Command, frozen=True, kw_only=True, tag="remove_user"):
    """Remove a person for good; the mail address can be invited again."""

    user_id: UuidText


class EnableTotp(Command, frozen=True, kw_only=True, tag="enable_totp"):
    """Ask the person for a one-time code (RFC 6238) from now on; the secret is in the vault under `totp_id`."""

    user_id: UuidText
    totp_id: UuidText


class DisableTotp(Command, frozen=True, kw_only=True, tag="disable_totp"):
    """No longer ask the person for a one-time code."""

    user_id: UuidText


class RecordSignIn(Command, frozen=True, kw_only=True, tag="record_sign_in"):
    """Begin a session for a person whose password was right. Refused for whoever may not sign in."""

    user_id: UuidText
    session_id: UuidText
    client_address: ClientAddress = ""


class RevokeSessions(Command, frozen=True, kw_only=True, tag="revoke_sessions"):
    """End one session of a person, or all of them."""

    user_id: UuidText
    session_id: UuidText | None = None


class CreateKey(Command, frozen=True, kw_only=True, tag="create_key"):
    """Make an API key. Its secret never comes here. Without networks it works from everywhere."""

    key_id: UuidText
    title: Title
    role: Role
    permissions: Permissions = ()
    networks: Networks = ()
    expires_at: datetime | None = None


class RevokeKey(Command, frozen=True, kw_only=True, tag="revoke_key"):
    """End an API key for good."""

    key_id: UuidText


class CreatePaidGroup(Command, frozen=True, kw_only=True, tag="create_paid_group"):
    """Sell a plan: so many domains, with so many mailboxes between them. Sent by operators."""

    group_id: UuidText
    title: Title
    plan: Title
    domains_max: DomainsMax
    mailboxes_max: MailboxesMax


class RenamePaidGroup(Command, frozen=True, kw_only=True, tag="rename_paid_group"):
    """Give a paid group another title."""

    group_id: UuidText
    title: Title


class ChangePlan(Command, frozen=True, kw_only=True, tag="change_plan"):
    """Change what a paid group may hold. Refused below what is handed out already. Sent by operators."""

    group_id: UuidText
    plan: Title
    domains_max: DomainsMax
    mailboxes_max: MailboxesMax


class RemovePaidGroup(Command, frozen=True, kw_only=True, tag="remove_paid_group"):
    """End a paid group. Refused while it has domains."""

    group_id: UuidText


class PlaceDomain(Command, frozen=True, kw_only=True, tag="place_domain"):
    """Put a domain into a paid group, or move it there, and hand it a number of the group's mailboxes."""

    domain: DomainText
    group_id: UuidText
    mailbox_limit: MailboxesMax


class WithdrawDomain(Command, frozen=True, kw_only=True, tag="withdraw_domain"):
    """Take a domain out of its paid group; what it was handed is free again."""

    domain: DomainText


class TenantOnboarded(Event, frozen=True, kw_only=True, tag="tenant_onboarded"):
    """The customer is known from here on."""

    title: str


class TenantRenamed(Event, frozen=True, kw_only=True, tag="tenant_renamed"):
    """The customer has another title."""

    title: str


class TenantSuspended(Event, frozen=True, kw_only=True, tag="tenant_suspended"):
    """The customer can change nothing; the domains follow."""

    reason: str = ""


class TenantResumed(Event, frozen=True, kw_only=True, tag="tenant_resumed"):
    """The customer is no longer suspended; the domains follow."""


class TenantClosing(Event, frozen=True, kw_only=True, tag="tenant_closing"):
    """The customer is being given up: nobody signs in, nothing new is taken, everything is put away."""

    reason: str = ""


class TenantClosed(Event, frozen=True, kw_only=True, tag="tenant_closed"):
    """The customer has nothing any more but what is in the archive."""


class UserInvited(Event, frozen=True, kw_only=True, tag="user_invited"):
    """A person may join with the invitation until `expires_at` (UTC)."""

    user_id: str
    email: Email
    display_name: DisplayName
    role: Role
    permissions: Permissions = ()
    invitation_id: str
    expires_at: datetime


class InvitationRenewed(Event, frozen=True, kw_only=True, tag="invitation_renewed"):
    """Only this invitation counts, until `expires_at` (UTC)."""

    invitation_id: str
    expires_at: datetime


class UserJoined(Event, frozen=True, kw_only=True, tag="user_joined"):
    """The person chose a password and may sign in; the invitation is used up."""

    credential_id: CredentialId


class UserPasswordSet(Event, frozen=True, kw_only=True, tag="user_password_set"):
    """The person has another password; the actor tells who changed it."""

    credential_id: CredentialId


class UserRenamed(Event, frozen=True, kw_only=True, tag="user_renamed"):
    """The person is shown by another name."""

    display_name: DisplayName


class AccessGranted(Event, frozen=True, kw_only=True, tag="access_granted"):
    """The person may do this from here on, and nothing else."""

    role: Role
    permissions: Permissions = ()


class UserDisabled(Event, frozen=True, kw_only=True, tag="user_disabled"):
    """The person is shut out; every session has ended."""

    reason: str = ""


class UserEnabled(Event, frozen=True, kw_only=True, tag="user_enabled"):
    """The person may sign in again."""


class UserRemoved(Event, frozen=True, kw_only=True, tag="user_removed"):
    """The person is gone for good; every session has ended."""


class TotpEnabled(Event, frozen=True, kw_only=True, tag="totp_enabled"):
    """The person is asked for a one-time code."""

    totp_id: str


class TotpDisabled(Event, frozen=True, kw_only=True, tag="totp_disabled"):
    """The person is no longer asked for a one-time code."""


class UserSignedIn(Event, frozen=True, kw_only=True, tag="user_signed_in"):
    """The person began a session."""

    session_id: str
    client_address: ClientAddress = ""


class SessionsRevoked(Event, frozen=True, kw_only=True, tag="sessions_revoked"):
    """One session of the person ended, or without an id all of them."""

    session_id: str | None = None


class KeyCreated(Event, frozen=True, kw_only=True, tag="key_created"):
    """The key works from here on."""

    key_id: str
    title: str
    role: Role
    permissions: Permissions = ()
    networks: Networks = ()
    expires_at: datetime | None = None


class KeyRevoked(Event, frozen=True, kw_only=True, tag="key_revoked"):
    """The key works no more."""


class PaidGroupCreated(Event, frozen=True, kw_only=True, tag="paid_group_created"):
    """The customer has a plan."""

    group_id: str
    title: str
    plan: str
    domains_max: int
    mailboxes_max: int


class PaidGroupRenamed(Event, frozen=True, kw_only=True, tag="paid_group_renamed"):
    """The paid group has another title."""

    title: str


class PlanChanged(Event, frozen=True, kw_only=True, tag="plan_changed"):
    """The paid group may hold this much."""

    plan: str
    domains_max: int
    mailboxes_max: int


class PaidGroupRemoved(Event, frozen=True, kw_only=True, tag="paid_group_removed"):
    """The paid group is gone."""


class DomainPlaced(Event, frozen=True, kw_only=True, tag="domain_placed"):
    """The domain is in the paid group with so many of its mailboxes; before, it was in `former_group_id`."""

    domain: str
    group_id: str
    mailbox_limit: int
    former_group_id: str | None = None


class DomainWithdrawn(Event, frozen=True, kw_only=True, tag="domain_withdrawn"):
    """The domain is in no paid group any more."""

    domain: str
    former_group_id: str


AccessCommand = (
    OnboardTenant
    | RenameTenant
    | SuspendTenant
    | ResumeTenant
    | CloseTenant
    | FinishClosing
    | InviteUser
    | RenewInvitation
    | AcceptInvitation
    | SetUserPassword
    | RenameUser
    | GrantAccess
    | DisableUser
    | EnableUser
    | RemoveUser
    | EnableTotp
    | DisableTotp
    | RecordSignIn
    | RevokeSessions
    | CreateKey
    | RevokeKey
    | CreatePaidGroup
    | RenamePaidGroup
    | ChangePlan
    | RemovePaidGroup
    | PlaceDomain
    | WithdrawDomain
)
AccessEvent = (
    TenantOnboarded
    | TenantRenamed
    | TenantSuspended
    | TenantResumed
    | TenantClosing
    | TenantClosed
    | UserInvited
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
    | KeyCreated
    | KeyRevoked
    | PaidGroupCreated
    | PaidGroupRenamed
    | PlanChanged
    | PaidGroupRemoved
    | DomainPlaced
    | DomainWithdrawn
)
