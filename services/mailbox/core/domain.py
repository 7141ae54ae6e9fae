"""What the writer knows of one mail domain: just what decisions need, lean enough for a million mailboxes."""

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct, field

from contracts.envelope import EventEnvelope
from contracts.ids import ArchiveId, CredentialId, DomainName, LocalPart, MailboxId, TenantId
from contracts.mailbox import (
    AllowSelfService,
    ChangeNote,
    CleanMailbox,
    CreateMailbox,
    DeleteMailbox,
    DomainActivated,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainSuspended,
    ForbidSelfService,
    MailboxCleaned,
    MailboxCommand,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxLimitSet,
    MailboxRestored,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PasswordSet,
    RestoreMailbox,
    ResumeMailbox,
    SelfServiceAllowed,
    SelfServiceForbidden,
    SetPassword,
    SuspendMailbox,
)
from contracts.views.mailbox import DomainRow, DomainStatus, MailboxRow


class Mailbox(Struct, gc=False):
    """One mailbox, also after it was deleted: then `archive_id` is that of its deletion, and nothing else changes.

    `tenant` is who held the domain when the mailbox was created. The record is slotted and unknown to the garbage
    collector, because a writer holds a million of them.
    """

    mailbox_id: MailboxId
    tenant: TenantId
    local_part: LocalPart
    credential_id: CredentialId | None
    note: str
    self_service: bool = False
    suspended: bool = False
    generation: int = 1
    archive_id: ArchiveId | None = None
    version: int = 1

    @property
    def deleted(self) -> bool:
        """Whether the mailbox is put away, its address in quarantine."""
        return self.archive_id is not None


class Domain(Struct, kw_only=True):
    """One mail domain. Without a status it was never registered; `mailboxes` counts those that are not deleted.

    `by_local_part` holds deleted mailboxes too: that is the quarantine of their addresses.
    """

    name: DomainName
    tenant: TenantId | None = None
    status: DomainStatus | None = None
    mailbox_limit: int | None = None
    version: int = 0
    mailboxes: int = 0
    by_id: dict[str, Mailbox] = field(default_factory=dict[str, Mailbox])
    by_local_part: dict[str, Mailbox] = field(default_factory=dict[str, Mailbox])

    @classmethod
    def unknown(cls, stream: str) -> "Domain":
        """Give the state of a domain before its first event."""
        return cls(name=DomainName(stream))

    @classmethod
    def from_rows(cls, row: DomainRow, mailboxes: Iterable[MailboxRow] = ()) -> "Domain":
        """Give the state that the read model tells of: the same as folding the events it has seen."""
        domain = cls(
            name=DomainName(row.domain),
            tenant=TenantId(row.tenant),
            status=row.status,
            mailbox_limit=row.mailbox_limit,
            version=row.version,
        )
        for mailbox in mailboxes:
            domain.adopt(mailbox)
        return domain

    def adopt(self, row: MailboxRow) -> None:
        """Take in a mailbox of this domain from the read model; called once for each of them, in any order."""
        tenant = self.tenant if self.tenant == row.tenant else None
        mailbox = Mailbox(
            MailboxId(row.mailbox_id),
            # One text for a million mailboxes, not a million equal ones.
            tenant or TenantId(row.tenant),
            LocalPart(row.local_part),
            None if row.credential_id is None else CredentialId(row.credential_id),
            row.note,
            row.self_service,
            row.suspended,
            row.generation,
            None if row.archive_id is None else ArchiveId(row.archive_id),
            row.version,
        )
        self.add(mailbox)
        if not mailbox.deleted:
            self.mailboxes += 1

    def version_of(self, subject: str) -> int:
        """Give the version of the domain itself or of a mailbox in it; 0 when the subject does not exist."""
        if subject == self.name:
            return self.version
        mailbox = self.by_id.get(subject)
        return 0 if mailbox is None else mailbox.version

    def add(self, mailbox: Mailbox) -> None:
        """Make a mailbox known under its id and its address."""
        self.by_id[mailbox.mailbox_id] = mailbox
        self.by_local_part[mailbox.local_part] = mailbox


def subject_of(command: MailboxCommand, domain: Domain) -> str:
    """Give what the command is about: a mailbox's id, or the domain's name."""
    match command:
        case (
            CreateMailbox()
            | ChangeNote()
            | SetPassword()
            | AllowSelfService()
            | ForbidSelfService()
            | SuspendMailbox()
            | ResumeMailbox()
            | CleanMailbox()
            | DeleteMailbox()
            | RestoreMailbox()
        ):
            return command.mailbox_id
        case _:
            return domain.name


def evolve(domain: Domain, event: EventEnvelope[MailboxEvent]) -> None:
    """Change the state as the event tells. Never refuses: an event is a fact."""
    data = event.data
    match data:
        case MailboxCreated():
            _create(domain, event, data)
        case (
            DomainRegistered()
            | DomainActivated()
            | DomainSuspended()
            | DomainResumed()
            | DomainRemoved()
            | MailboxLimitSet()
        ):
            _evolve_domain(domain, event, data)
        case _:
            mailbox = domain.by_id[event.subject]
            mailbox.version = event.version
            _evolve_mailbox(domain, mailbox, data)


def _create(domain: Domain, event: EventEnvelope[MailboxEvent], data: MailboxCreated) -> None:
    tenant = domain.tenant if domain.tenant == event.tenant else None
    domain.add(
        Mailbox(
            data.mailbox_id,
            tenant or event.tenant,
            data.local_part,
            data.credential_id,
            data.note,
            version=event.version,
        )
    )
    domain.mailboxes += 1


DomainEvent = (
    DomainRegistered | DomainActivated | DomainSuspended | DomainResumed | DomainRemoved | MailboxLimitSet
)


def _evolve_domain(domain: Domain, event: EventEnvelope[MailboxEvent], data: DomainEvent) -> None:
    domain.version = event.version
    match data:
        case DomainRegistered(mailbox_limit=limit):
            domain.tenant, domain.status, domain.mailbox_limit = event.tenant, "pending", limit
        case DomainActivated() | DomainResumed():
            domain.status = "active"
        case DomainSuspended():
            domain.status = "suspended"
        case DomainRemoved():
            domain.status = "removed"
        case MailboxLimitSet(mailbox_limit=limit):
            domain.mailbox_limit = limit
        case _:
            assert_never(data)


ChangeOfMailbox = (
    NoteChanged
    | PasswordSet
    | SelfServiceAllowed
    | SelfServiceForbidden
    | MailboxSuspended
    | MailboxResumed
    | MailboxCleaned
    | MailboxDeleted
    | MailboxRestored
)


def _evolve_mailbox(domain: Domain, mailbox: Mailbox, data: ChangeOfMailbox) -> None:
    match data:
        case NoteChanged(note=note):
            mailbox.note = note
        case PasswordSet(credential_id=credential_id):
            mailbox.credential_id = credential_id
        case SelfServiceAllowed():
            mailbox.self_service = True
        case SelfServiceForbidden():
            mailbox.self_service = False
        case MailboxSuspended():
            mailbox.suspended = True
        case MailboxResumed():
            mailbox.suspended = False
        case MailboxCleaned(generation=generation):
            mailbox.generation = generation
        case MailboxDeleted():
            mailbox.archive_id, mailbox.generation = data.archive_id, data.generation
            domain.mailboxes -= 1
        case MailboxRestored():
            mailbox.archive_id, mailbox.generation = None, data.generation
            mailbox.credential_id, mailbox.note = data.credential_id, data.note
            mailbox.self_service, mailbox.suspended = data.self_service, data.suspended
            domain.mailboxes += 1
        case _:
            assert_never(data)
