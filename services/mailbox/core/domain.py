"""What the writer knows of one mail domain: just what decisions need, lean enough for a million mailboxes."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, field

from contracts.ids import ArchiveId, CredentialId, DomainName, LocalPart, MailboxId, TenantId
from contracts.mailbox import (
    AllowSelfService,
    ChangeNote,
    CleanMailbox,
    CreateMailbox,
    DeleteMailbox,
    ForbidSelfService,
    MailboxCommand,
    PurgeMailbox,
    RestoreMailbox,
    ResumeMailbox,
    SetPassword,
    SuspendMailbox,
)
from contracts.routing import AddAlias, AddRule, ChangeRule, RemoveAlias, RemoveRule
from contracts.views.mailbox import DomainRow, DomainStatus, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from services.mailbox.core.routing import Alias, Destination, Routing, Rule


class Mailbox(Struct, gc=False):
    """One mailbox, also after it was deleted: then `archive_id` is that of its deletion, and nothing else changes.

    `tenant` is who held the domain when the mailbox was created. A purged one has no address; it is remembered for its
    id and version. The record is slotted and unknown to the garbage collector, because a writer holds a million of them.
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
    deleted_at: datetime | None = None
    version: int = 1

    @property
    def deleted(self) -> bool:
        """Whether the mailbox is put away, its address in quarantine."""
        return self.archive_id is not None

    @property
    def purged(self) -> bool:
        """Whether the mailbox is gone for good, its address free."""
        return self.local_part == ""

    @property
    def in_use(self) -> bool:
        """Whether the mailbox is there: neither deleted nor purged."""
        return not self.deleted and not self.purged


class Domain(Struct, kw_only=True):
    """One mail domain. Without a status it was never registered; `mailboxes` counts those that are in use.

    `by_local_part` holds deleted mailboxes too: that is the quarantine of their addresses. It holds no purged ones. `registered_at` is when the
    present holder claimed the domain; the other fields are those of `DomainRow`.
    """

    name: DomainName
    tenant: TenantId | None = None
    status: DomainStatus | None = None
    suspended: bool = False
    suspended_with_tenant: bool = False
    mailbox_limit: int | None = None
    assigned_to: str | None = None
    group_id: str | None = None
    followed_tenant: int = 0
    followed_group: int = 0
    registered_at: datetime | None = None
    version: int = 0
    mailboxes: int = 0
    by_id: dict[str, Mailbox] = field(default_factory=dict[str, Mailbox])
    by_local_part: dict[str, Mailbox] = field(default_factory=dict[str, Mailbox])
    routing: Routing = field(default_factory=Routing)

    @classmethod
    def unknown(cls, stream: str) -> "Domain":
        """Give the state of a domain before its first event."""
        return cls(name=DomainName(stream))

    @classmethod
    def from_rows(
        cls,
        row: DomainRow,
        mailboxes: Iterable[MailboxRow] = (),
        rules: Iterable[RuleRow] = (),
        aliases: Iterable[AliasRow] = (),
    ) -> "Domain":
        """Give the state that the read model tells of: the same as folding the events it has seen."""
        domain = cls(
            name=DomainName(row.domain),
            tenant=TenantId(row.tenant),
            status=row.status,
            suspended=row.suspended,
            suspended_with_tenant=row.suspended_with_tenant,
            mailbox_limit=row.mailbox_limit,
            assigned_to=row.assigned_to,
            group_id=row.group_id,
            followed_tenant=row.followed_tenant,
            followed_group=row.followed_group,
            registered_at=row.created_at,
            version=row.version,
            routing=Routing(
                catch_all=Destination.of(row.catch_all_id, row.catch_all_domain),
                copies=row.copies,
                contact=Destination.of(row.contact_id, row.contact_domain),
            ),
        )
        for mailbox in mailboxes:
            domain.adopt(mailbox)
        for rule in rules:
            domain.adopt_rule(rule)
        for alias in aliases:
            domain.adopt_alias(alias)
        return domain

    def adopt(self, row: MailboxRow) -> None:
        """Take in a mailbox of this domain from the read model; called once for each of them, in any order."""
        mailbox = Mailbox(
            MailboxId(row.mailbox_id),
            self.shared(TenantId(row.tenant)),
            LocalPart(row.local_part),
            None if row.credential_id is None else CredentialId(row.credential_id),
            row.note,
            row.self_service,
            row.suspended,
            row.generation,
            None if row.archive_id is None else ArchiveId(row.archive_id),
            row.changed_at if row.status == "deleted" else None,
            row.version,
        )
        self.add(mailbox)
        if mailbox.in_use:
            self.mailboxes += 1

    def adopt_rule(self, row: RuleRow) -> None:
        """Take in a rule of this domain from the read model; called once for each of them, in any order."""
        self.routing.add_rule(
            Rule(
                row.rule_id,
                self.shared(TenantId(row.tenant)),
                row.pattern,
                row.rank,
                Destination(row.target_id, row.target_domain),
                row.status,
                row.dropped_with,
                row.version,
            )
        )

    def adopt_alias(self, row: AliasRow) -> None:
        """Take in an alias of this domain from the read model; called once for each of them, in any order."""
        self.routing.add_alias(
            Alias(
                row.alias_id,
                self.shared(TenantId(row.tenant)),
                LocalPart(row.local_part),
                Destination(row.target_id, row.target_domain),
                row.removed,
                row.version,
            )
        )

    def shared(self, tenant: TenantId) -> TenantId:
        """Give the tenant id: one text for a million mailboxes, not a million equal ones."""
        return self.tenant if self.tenant is not None and self.tenant == tenant else tenant

    def version_of(self, subject: str) -> int:
        """Give the version of the domain itself or of what is in it; 0 when the subject does not exist."""
        if subject == self.name:
            return self.version
        thing = (
            self.by_id.get(subject) or self.routing.rules.get(subject) or self.routing.aliases.get(subject)
        )
        return 0 if thing is None else thing.version

    def add(self, mailbox: Mailbox) -> None:
        """Make a mailbox known under its id and its address, if it has one."""
        self.by_id[mailbox.mailbox_id] = mailbox
        if not mailbox.purged:
            self.by_local_part[mailbox.local_part] = mailbox

    def purge(self, mailbox: Mailbox) -> None:
        """Let a mailbox be no more than its id and its version."""
        del self.by_local_part[mailbox.local_part]
        mailbox.local_part, mailbox.note = LocalPart(""), ""
        mailbox.credential_id = mailbox.archive_id = mailbox.deleted_at = None
        mailbox.self_service = mailbox.suspended = False


def subject_of(command: MailboxCommand, domain: Domain) -> str:
    """Give what the command is about: the id of a mailbox, rule or alias, or the domain's name."""
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
            | PurgeMailbox()
        ):
            return command.mailbox_id
        case AddRule() | ChangeRule() | RemoveRule():
            return command.rule_id
        case AddAlias() | RemoveAlias():
            return command.alias_id
        case _:
            return domain.name
