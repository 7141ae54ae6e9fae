"""Mail domains and their mailboxes. Stream key: the domain's A-label, so one writer decides a domain in one order.

A mailbox is always named by its id, never by its address: an address that is used again belongs to another mailbox.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from contracts.ids import ArchiveId, CredentialId, LocalPart, MailboxId
from contracts.message import PERSONAL, STORABLE, Command, Event, UuidText
from contracts.routing import RoutingCommand, RoutingEvent

NOTE_LENGTH_MAX: Final = 1_000
"""Characters in a note."""

MAILBOX_LIMIT_MAX: Final = 10_000_000

PENDING_CLAIM_DAYS: Final = 7
"""How long a claim holds that nobody has proven: from then on another tenant may register the domain."""

FREE_RESTORE_DAYS: Final = 30
"""How long a deleted mailbox comes back for nothing, as long as an undo is promised; later it has to be retrieved."""

Note = Annotated[str, Meta(max_length=NOTE_LENGTH_MAX, pattern=STORABLE, extra=PERSONAL)]
PersonalLocalPart = Annotated[LocalPart, Meta(min_length=1, max_length=64, extra=PERSONAL)]
MailboxLimit = Annotated[int, Meta(ge=0, le=MAILBOX_LIMIT_MAX)]
Reason = Annotated[str, Meta(max_length=500, pattern=STORABLE)]
Challenge = Annotated[str, Meta(max_length=100, pattern="^[a-z0-9-]*$")]
Evidence = Annotated[str, Meta(max_length=500, pattern=STORABLE)]
AccessPosition = Annotated[int, Meta(ge=1)]
"""A `streamseq` of the tenant's stream in `access.events`: what follows from a newer one is not undone by an older."""


class RegisterDomain(Command, frozen=True, kw_only=True, tag="register_domain"):
    """Claim a domain for the ordering tenant. It holds mailboxes only once it is active.

    `challenge` is what the tenant is to publish in a TXT record to prove ownership; it is no secret. `assigned_to` is
    the user id of the employee whom a domain is made for.
    """

    mailbox_limit: MailboxLimit | None = None
    challenge: Challenge = ""
    assigned_to: UuidText | None = None


class ActivateDomain(Command, frozen=True, kw_only=True, tag="activate_domain"):
    """Accept that the tenant owns the domain: proven by a TXT record, by owning the parent, or vouched for.

    `evidence` says what was seen: the record and who answered it, or the parent domain.
    """

    proof: Literal["txt_record", "operator", "parent_domain"]
    evidence: Evidence = ""


class SuspendDomain(Command, frozen=True, kw_only=True, tag="suspend_domain"):
    """Stop changes and sign-ins for a whole domain."""

    reason: Reason = ""


class ResumeDomain(Command, frozen=True, kw_only=True, tag="resume_domain"):
    """End a domain's suspension."""


class RemoveDomain(Command, frozen=True, kw_only=True, tag="remove_domain"):
    """Give a domain up. Refused while it has mailboxes that are not deleted."""


class SetMailboxLimit(Command, frozen=True, kw_only=True, tag="set_mailbox_limit"):
    """Say how many mailboxes the domain may have; None is no limit. Existing ones stay."""

    mailbox_limit: MailboxLimit | None


class AssignDomain(Command, frozen=True, kw_only=True, tag="assign_domain"):
    """Say which employee a domain is for; without a user id, nobody in particular."""

    user_id: UuidText | None


class FollowTenant(Command, frozen=True, kw_only=True, tag="follow_tenant"):
    """Be suspended, or not, as the tenant is as of `as_of`. Sent by the system."""

    as_of: AccessPosition
    suspended: bool


class FollowPaidGroup(Command, frozen=True, kw_only=True, tag="follow_paid_group"):
    """Take the mailbox limit that the paid group hands out as of `as_of`; no group: no limit. Sent by the system."""

    as_of: AccessPosition
    group_id: UuidText | None
    mailbox_limit: MailboxLimit | None


class CloseDomain(Command, frozen=True, kw_only=True, tag="close_domain"):
    """Take nothing new and refuse mail: from here on the domain is only emptied. Sent by the system."""


class CreateMailbox(Command, frozen=True, kw_only=True, tag="create_mailbox"):
    """Create a mailbox. Without a credential it receives mail, but nobody can sign in."""

    mailbox_id: UuidText
    local_part: PersonalLocalPart
    credential_id: UuidText | None = None
    note: Note = ""


class ChangeNote(Command, frozen=True, kw_only=True, tag="change_note"):
    """Replace a mailbox's note."""

    mailbox_id: UuidText
    note: Note


class SetPassword(Command, frozen=True, kw_only=True, tag="set_password"):
    """Let the password behind `credential_id` in the vault be the mailbox's from now on."""

    mailbox_id: UuidText
    credential_id: UuidText


class AllowSelfService(Command, frozen=True, kw_only=True, tag="allow_self_service"):
    """Let the mailbox's owner change the password."""

    mailbox_id: UuidText


class ForbidSelfService(Command, frozen=True, kw_only=True, tag="forbid_self_service"):
    """No longer let the mailbox's owner change the password."""

    mailbox_id: UuidText


class SuspendMailbox(Command, frozen=True, kw_only=True, tag="suspend_mailbox"):
    """No sign-in while suspended; mail still arrives."""

    mailbox_id: UuidText
    reason: Reason = ""


class ResumeMailbox(Command, frozen=True, kw_only=True, tag="resume_mailbox"):
    """End a mailbox's suspension."""

    mailbox_id: UuidText


class CleanMailbox(Command, frozen=True, kw_only=True, tag="clean_mailbox"):
    """Put all mail of a mailbox away for a year; the mailbox stays."""

    mailbox_id: UuidText
    archive_id: UuidText


class DeleteMailbox(Command, frozen=True, kw_only=True, tag="delete_mailbox"):
    """Put a mailbox away for a year. Its address is quarantined until then.

    Refused while a rule or the catch-all of the domain leads to it, unless `drop_targets` says that they go with it.
    """

    mailbox_id: UuidText
    archive_id: UuidText
    drop_targets: bool = False


class RestoreMailbox(Command, frozen=True, kw_only=True, tag="restore_mailbox"):
    """Bring a deleted mailbox back with everything it had. Once it is to be retrieved, only the provider orders it."""

    mailbox_id: UuidText


class PurgeMailbox(Command, frozen=True, kw_only=True, tag="purge_mailbox"):
    """Give up a mailbox that was deleted into this archive, for good; its address is free. Sent by the system.

    `early` says that the archive was ordered to be destroyed before its time.
    """

    mailbox_id: UuidText
    archive_id: UuidText
    early: bool = False


class DomainRegistered(Event, frozen=True, kw_only=True, tag="domain_registered"):
    """The tenant holds the domain, and nobody else can."""

    mailbox_limit: int | None = None
    challenge: str = ""
    assigned_to: str | None = None


class DomainActivated(Event, frozen=True, kw_only=True, tag="domain_activated"):
    """Mailboxes can be created in the domain from now on."""

    proof: str
    evidence: str = ""


class DomainSuspended(Event, frozen=True, kw_only=True, tag="domain_suspended"):
    """Nothing in the domain can be changed, and nobody signs in."""

    reason: str = ""


class DomainResumed(Event, frozen=True, kw_only=True, tag="domain_resumed"):
    """The domain is active again."""


class DomainRemoved(Event, frozen=True, kw_only=True, tag="domain_removed"):
    """The tenant gave the domain up; its deleted mailboxes stay in the archive until their day."""


class MailboxLimitSet(Event, frozen=True, kw_only=True, tag="mailbox_limit_set"):
    """The domain may have so many mailboxes; None is no limit."""

    mailbox_limit: int | None


class DomainAssigned(Event, frozen=True, kw_only=True, tag="domain_assigned"):
    """The domain is for this employee, or for nobody in particular."""

    user_id: str | None


class DomainSuspendedWithTenant(Event, frozen=True, kw_only=True, tag="domain_suspended_with_tenant"):
    """The domain is suspended because its tenant is."""

    as_of: int


class DomainResumedWithTenant(Event, frozen=True, kw_only=True, tag="domain_resumed_with_tenant"):
    """The tenant no longer keeps the domain suspended; an operator still may."""

    as_of: int


class PaidGroupFollowed(Event, frozen=True, kw_only=True, tag="paid_group_followed"):
    """The domain's mailbox limit is what its paid group hands out; without a group there is none."""

    as_of: int
    group_id: str | None
    mailbox_limit: int | None


class DomainClosing(Event, frozen=True, kw_only=True, tag="domain_closing"):
    """The domain takes nothing new and no mail; it is only emptied and then removed."""


class MailboxCreated(Event, frozen=True, kw_only=True, tag="mailbox_created"):
    """The address is a mailbox from here on."""

    mailbox_id: MailboxId
    local_part: PersonalLocalPart
    credential_id: CredentialId | None = None
    note: Note = ""


class NoteChanged(Event, frozen=True, kw_only=True, tag="note_changed"):
    """The mailbox has another note."""

    note: Note


class PasswordSet(Event, frozen=True, kw_only=True, tag="password_set"):
    """An administrator gave the mailbox another password; it is in the vault under this id."""

    credential_id: CredentialId


class SelfServiceAllowed(Event, frozen=True, kw_only=True, tag="self_service_allowed"):
    """The owner may change the password."""


class SelfServiceForbidden(Event, frozen=True, kw_only=True, tag="self_service_forbidden"):
    """The owner may not change the password."""


class MailboxSuspended(Event, frozen=True, kw_only=True, tag="mailbox_suspended"):
    """No sign-in from here on; mail still arrives."""

    reason: str = ""


class MailboxResumed(Event, frozen=True, kw_only=True, tag="mailbox_resumed"):
    """Sign-in is possible again."""


class MailboxCleaned(Event, frozen=True, kw_only=True, tag="mailbox_cleaned"):
    """All mail went into an archive that is kept until `expires_at` (UTC); the mailbox is empty, its generation new.

    `retention_years` is the policy by which the date was computed.
    """

    archive_id: ArchiveId
    generation: int
    expires_at: datetime
    retention_years: int


class MailboxDeleted(Event, frozen=True, kw_only=True, tag="mailbox_deleted"):
    """Mailbox and mail went into an archive that is kept until `expires_at` (UTC); the address is quarantined."""

    archive_id: ArchiveId
    generation: int
    expires_at: datetime
    retention_years: int


class MailboxRestored(Event, frozen=True, kw_only=True, tag="mailbox_restored"):
    """The mailbox is back with what it had when it was deleted, told in full for readers who start here."""

    archive_id: ArchiveId
    generation: int
    local_part: PersonalLocalPart
    credential_id: CredentialId | None
    note: Note
    self_service: bool
    suspended: bool


class MailboxPurged(Event, frozen=True, kw_only=True, tag="mailbox_purged"):
    """The mailbox is gone for good and its address free. Address, note and password are to be forgotten by everybody.

    `credential_id` is what it had in the vault. `early` says that the archive was destroyed before it expired.
    """

    archive_id: ArchiveId
    credential_id: CredentialId | None
    early: bool = False


MailboxCommand = (
    RegisterDomain
    | ActivateDomain
    | SuspendDomain
    | ResumeDomain
    | RemoveDomain
    | SetMailboxLimit
    | AssignDomain
    | FollowTenant
    | FollowPaidGroup
    | CloseDomain
    | CreateMailbox
    | ChangeNote
    | SetPassword
    | AllowSelfService
    | ForbidSelfService
    | SuspendMailbox
    | ResumeMailbox
    | CleanMailbox
    | DeleteMailbox
    | RestoreMailbox
    | PurgeMailbox
    | RoutingCommand
)
MailboxEvent = (
    DomainRegistered
    | DomainActivated
    | DomainSuspended
    | DomainResumed
    | DomainRemoved
    | MailboxLimitSet
    | DomainAssigned
    | DomainSuspendedWithTenant
    | DomainResumedWithTenant
    | PaidGroupFollowed
    | DomainClosing
    | MailboxCreated
    | NoteChanged
    | PasswordSet
    | SelfServiceAllowed
    | SelfServiceForbidden
    | MailboxSuspended
    | MailboxResumed
    | MailboxCleaned
    | MailboxDeleted
    | MailboxRestored
    | MailboxPurged
    | RoutingEvent
)
