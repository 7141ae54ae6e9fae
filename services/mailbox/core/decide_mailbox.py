"""What becomes of a command about one mailbox."""

from datetime import timedelta

from contracts.decision import About, Accepted, Order, Refused
from contracts.ids import ArchiveId, CredentialId, MailboxId
from contracts.mailbox import (
    FREE_RESTORE_DAYS,
    AllowSelfService,
    ChangeNote,
    CleanMailbox,
    CreateMailbox,
    DeleteMailbox,
    ForbidSelfService,
    MailboxCleaned,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxPurged,
    MailboxRestored,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PasswordSet,
    PurgeMailbox,
    RestoreMailbox,
    ResumeMailbox,
    SelfServiceAllowed,
    SelfServiceForbidden,
    SetPassword,
    SuspendMailbox,
)
from contracts.outcome import RefusalCode
from contracts.routing import CatchAllDisabled, RuleDropped, RuleRemoved, RuleRestored
from services.mailbox.core.domain import Domain, Mailbox
from services.mailbox.core.expiry import RETENTION_YEARS, expires_at
from services.mailbox.core.standing import (
    Decision,
    address_invalid,
    address_taken,
    not_active,
    not_the_system,
)


def create_mailbox(command: CreateMailbox, domain: Domain, order: Order) -> Decision:
    """Refused when the address is taken, invalid, or the domain is full."""
    subject = command.mailbox_id
    if refused := not_active(subject, domain, order):
        return refused
    same_id = domain.by_id.get(subject)
    if same_id is not None and same_id.tenant == order.tenant and same_id.purged:
        return Refused(subject, RefusalCode.MAILBOX_PURGED)
    if same_id is not None and same_id.tenant == order.tenant and same_id.local_part == command.local_part:
        # A resumed import asks again for what it has made already: whatever became of it since must stay.
        return Refused(subject, RefusalCode.MAILBOX_DELETED) if same_id.deleted else Accepted(subject)
    if refused := address_invalid(subject, command.local_part, domain):
        return refused
    if refused := address_taken(subject, command.local_part, domain):
        return refused
    if domain.version_of(subject):
        return Refused(subject, RefusalCode.ADDRESS_TAKEN, "the id is that of something else")
    if refused := _full(subject, domain):
        return refused
    created = MailboxCreated(
        mailbox_id=MailboxId(subject),
        local_part=command.local_part,
        credential_id=None if command.credential_id is None else CredentialId(command.credential_id),
        note=command.note,
    )
    return Accepted(subject, (created,))


def change_note(command: ChangeNote, domain: Domain, order: Order) -> Decision:
    """Nothing when it is equal."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.note == command.note:
        return Accepted(command.mailbox_id)
    return Accepted(command.mailbox_id, (NoteChanged(note=command.note),))


def set_password(command: SetPassword, domain: Domain, order: Order) -> Decision:
    """Nothing when it is the same credential."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.credential_id == command.credential_id:
        return Accepted(command.mailbox_id)
    return Accepted(command.mailbox_id, (PasswordSet(credential_id=CredentialId(command.credential_id)),))


def allow_self_service(command: AllowSelfService, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, () if mailbox.self_service else (SelfServiceAllowed(),))


def forbid_self_service(command: ForbidSelfService, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, (SelfServiceForbidden(),) if mailbox.self_service else ())


def suspend_mailbox(command: SuspendMailbox, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already, whatever the reason."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(
        command.mailbox_id, () if mailbox.suspended else (MailboxSuspended(reason=command.reason),)
    )


def resume_mailbox(command: ResumeMailbox, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, (MailboxResumed(),) if mailbox.suspended else ())


def clean_mailbox(command: CleanMailbox, domain: Domain, order: Order) -> Decision:
    """Never nothing: each cleaning is an archive."""
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    cleaned = MailboxCleaned(
        archive_id=ArchiveId(command.archive_id),
        generation=mailbox.generation + 1,
        expires_at=expires_at(order.now),
        retention_years=RETENTION_YEARS,
    )
    return Accepted(command.mailbox_id, (cleaned,))


def delete_mailbox(command: DeleteMailbox, domain: Domain, order: Order) -> Decision:
    """Refused while rules or the catch-all lead there, unless they are to go with it."""
    mailbox = _to_empty(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.archive_id == command.archive_id:
        return Accepted(command.mailbox_id)
    if mailbox.deleted:
        return Refused(command.mailbox_id, RefusalCode.MAILBOX_DELETED)
    targets = _leading_to(command.mailbox_id, domain)
    if targets and not command.drop_targets:
        return Refused(
            command.mailbox_id, RefusalCode.MAILBOX_IS_TARGET, f"{len(targets)} rules or catch-all"
        )
    # The generation counts put-away archives, cleanings and deletions alike, so no two of a mailbox share one.
    deleted = MailboxDeleted(
        archive_id=ArchiveId(command.archive_id),
        generation=mailbox.generation + 1,
        expires_at=expires_at(order.now),
        retention_years=RETENTION_YEARS,
    )
    return Accepted(command.mailbox_id, (deleted,), targets)


def restore_mailbox(command: RestoreMailbox, domain: Domain, order: Order) -> Decision:
    """What it had comes with it, the rules that it took along too. Free only for a while, but to the provider."""
    mailbox = _owned(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.archive_id is None:
        return Refused(command.mailbox_id, RefusalCode.MAILBOX_NOT_DELETED)
    if _has_to_be_retrieved(mailbox, order):
        return Refused(
            command.mailbox_id,
            RefusalCode.RETRIEVAL_NEEDED,
            f"deleted more than {FREE_RESTORE_DAYS} days ago",
        )
    if refused := _full(command.mailbox_id, domain):
        return refused
    restored = MailboxRestored(
        archive_id=mailbox.archive_id,
        generation=mailbox.generation,
        local_part=mailbox.local_part,
        credential_id=mailbox.credential_id,
        note=mailbox.note,
        self_service=mailbox.self_service,
        suspended=mailbox.suspended,
    )
    rules = tuple(
        About[MailboxEvent](rule.rule_id, RuleRestored(mailbox_id=command.mailbox_id))
        for rule in domain.routing.rules_of(command.mailbox_id)
        if rule.dropped_with == command.mailbox_id
    )
    return Accepted(command.mailbox_id, (restored,), rules)


def purge_mailbox(command: PurgeMailbox, domain: Domain, order: Order) -> Decision:
    """Whatever became of the domain since: a year later it may be anybody's. Nothing when it is so already.

    The rules that went with the mailbox are removed: what they waited for does not come any more.
    """
    subject = command.mailbox_id
    if refused := not_the_system(subject, order):
        return refused
    mailbox = domain.by_id.get(subject)
    if mailbox is None or mailbox.tenant != order.tenant:
        return Refused(subject, RefusalCode.MAILBOX_UNKNOWN)
    if mailbox.purged:
        return Accepted(subject)
    if mailbox.archive_id is None or mailbox.archive_id != command.archive_id:
        return Refused(subject, RefusalCode.MAILBOX_NOT_DELETED, "not deleted into this archive")
    purged = MailboxPurged(
        archive_id=mailbox.archive_id, credential_id=mailbox.credential_id, early=command.early
    )
    rules = tuple(
        About[MailboxEvent](rule.rule_id, RuleRemoved())
        for rule in domain.routing.rules_of(subject)
        if rule.dropped_with == subject
    )
    return Accepted(subject, (purged,), rules)


def _owned(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    """Give the orderer's mailbox, deleted or not. One of an earlier holder of the domain is as good as absent."""
    if refused := not_active(mailbox_id, domain, order):
        return refused
    return _known(mailbox_id, domain, order)


def _to_empty(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    """Give the orderer's mailbox like `_owned`, and to the system also while the domain is closing."""
    if domain.status == "closing" and domain.tenant == order.tenant and order.by_provider:
        return _known(mailbox_id, domain, order)
    return _owned(mailbox_id, domain, order)


def _known(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    mailbox = domain.by_id.get(mailbox_id)
    if mailbox is None or mailbox.tenant != order.tenant:
        return Refused(mailbox_id, RefusalCode.MAILBOX_UNKNOWN)
    return Refused(mailbox_id, RefusalCode.MAILBOX_PURGED) if mailbox.purged else mailbox


def _in_use(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    mailbox = _owned(mailbox_id, domain, order)
    if isinstance(mailbox, Mailbox) and mailbox.deleted:
        return Refused(mailbox_id, RefusalCode.MAILBOX_DELETED)
    return mailbox


def _has_to_be_retrieved(mailbox: Mailbox, order: Order) -> bool:
    """Say whether the time has passed in which anybody brings a deleted mailbox back for nothing."""
    return (
        not order.by_provider
        and mailbox.deleted_at is not None
        and order.now - mailbox.deleted_at > timedelta(days=FREE_RESTORE_DAYS)
    )


def _full(subject: str, domain: Domain) -> Refused | None:
    if domain.mailbox_limit is not None and domain.mailboxes >= domain.mailbox_limit:
        return Refused(subject, RefusalCode.MAILBOX_LIMIT_REACHED, f"the limit is {domain.mailbox_limit}")
    return None


def _leading_to(mailbox_id: str, domain: Domain) -> tuple[About[MailboxEvent], ...]:
    """Give what is to happen to the rules and the catch-all that lead to a mailbox when it goes."""
    dropped = [
        About[MailboxEvent](rule.rule_id, RuleDropped(mailbox_id=mailbox_id))
        for rule in domain.routing.rules_of(mailbox_id)
        if rule.status == "active"
    ]
    catch_all = domain.routing.catch_all
    if catch_all is not None and catch_all.mailbox_id == mailbox_id:
        dropped.append(About[MailboxEvent](domain.name, CatchAllDisabled()))
    return tuple(dropped)
