"""What becomes of a command about a domain or a mailbox: events, nothing because it is so already, or a refusal."""

from typing import assert_never

from contracts.addresses import AddressError, is_domain_name, join_address, parse_local_part
from contracts.decision import Accepted, Order, Refused
from contracts.ids import ArchiveId, CredentialId, MailboxId
from contracts.mailbox import (
    ActivateDomain,
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
    RegisterDomain,
    RemoveDomain,
    RestoreMailbox,
    ResumeDomain,
    ResumeMailbox,
    SelfServiceAllowed,
    SelfServiceForbidden,
    SetMailboxLimit,
    SetPassword,
    SuspendDomain,
    SuspendMailbox,
)
from contracts.outcome import RefusalCode
from services.mailbox.core.domain import Domain, Mailbox
from services.mailbox.core.expiry import RETENTION_YEARS, expires_at

Decision = Accepted[MailboxEvent] | Refused


def decide(command: MailboxCommand, domain: Domain, order: Order) -> Decision:
    """Judge one command against the domain as it is. Only reads the state; `order` says who asks, and when."""
    match command:
        case CreateMailbox():
            return _create(command, domain, order)
        case ChangeNote():
            return _change_note(command, domain, order)
        case SetPassword():
            return _set_password(command, domain, order)
        case AllowSelfService():
            return _allow_self_service(command, domain, order)
        case ForbidSelfService():
            return _forbid_self_service(command, domain, order)
        case SuspendMailbox():
            return _suspend_mailbox(command, domain, order)
        case ResumeMailbox():
            return _resume_mailbox(command, domain, order)
        case CleanMailbox():
            return _clean(command, domain, order)
        case DeleteMailbox():
            return _delete(command, domain, order)
        case RestoreMailbox():
            return _restore(command, domain, order)
        case RegisterDomain():
            return _register(command, domain, order)
        case ActivateDomain():
            return _activate(command, domain, order)
        case SuspendDomain():
            return _suspend_domain(command, domain, order)
        case ResumeDomain():
            return _resume_domain(domain, order)
        case RemoveDomain():
            return _remove(domain, order)
        case SetMailboxLimit():
            return _set_limit(command, domain, order)
        case _:
            assert_never(command)


def _register(command: RegisterDomain, domain: Domain, order: Order) -> Decision:
    if not is_domain_name(domain.name):
        return Refused(domain.name, RefusalCode.ADDRESS_INVALID, "this is no name of a mail domain")
    if domain.status is None or domain.status == "removed":
        return Accepted(domain.name, (DomainRegistered(mailbox_limit=command.mailbox_limit),))
    if domain.tenant != order.tenant:
        return Refused(domain.name, RefusalCode.DOMAIN_TAKEN)
    return Accepted(domain.name)


def _activate(command: ActivateDomain, domain: Domain, order: Order) -> Decision:
    if refused := _not_held(domain.name, domain, order):
        return refused
    match domain.status:
        case "pending":
            return Accepted(domain.name, (DomainActivated(proof=command.proof),))
        case "active":
            return Accepted(domain.name)
        case _:
            return Refused(
                domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "a suspended domain is resumed instead"
            )


def _suspend_domain(command: SuspendDomain, domain: Domain, order: Order) -> Decision:
    if refused := _not_held(domain.name, domain, order):
        return refused
    match domain.status:
        case "active":
            return Accepted(domain.name, (DomainSuspended(reason=command.reason),))
        case "suspended":
            return Accepted(domain.name)
        case _:
            return Refused(domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "the domain is pending")


def _resume_domain(domain: Domain, order: Order) -> Decision:
    if refused := _not_held(domain.name, domain, order):
        return refused
    match domain.status:
        case "suspended":
            return Accepted(domain.name, (DomainResumed(),))
        case "active":
            return Accepted(domain.name)
        case _:
            return Refused(domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "the domain is pending")


def _remove(domain: Domain, order: Order) -> Decision:
    if domain.status == "removed" and domain.tenant == order.tenant:
        return Accepted(domain.name)
    if refused := _not_held(domain.name, domain, order):
        return refused
    if domain.status == "suspended":
        # Else a tenant could end a suspension by removing the domain and registering it anew.
        return Refused(domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "the domain is suspended")
    if domain.mailboxes:
        return Refused(
            domain.name, RefusalCode.DOMAIN_NOT_EMPTY, f"{domain.mailboxes} mailboxes are not deleted"
        )
    return Accepted(domain.name, (DomainRemoved(),))


def _set_limit(command: SetMailboxLimit, domain: Domain, order: Order) -> Decision:
    # Allowed in a pending or suspended domain too: a limit is handed out by a plan, and changes no mailbox.
    if refused := _not_held(domain.name, domain, order):
        return refused
    if domain.mailbox_limit == command.mailbox_limit:
        return Accepted(domain.name)
    return Accepted(domain.name, (MailboxLimitSet(mailbox_limit=command.mailbox_limit),))


def _create(command: CreateMailbox, domain: Domain, order: Order) -> Decision:
    subject = command.mailbox_id
    if refused := _not_active(subject, domain, order):
        return refused
    same_id = domain.by_id.get(subject)
    if same_id is not None and same_id.tenant == order.tenant and same_id.local_part == command.local_part:
        # A resumed import asks again for what it has made already: whatever became of it since must stay.
        return Refused(subject, RefusalCode.MAILBOX_DELETED) if same_id.deleted else Accepted(subject)
    if problem := _address_problem(command, domain):
        return Refused(subject, RefusalCode.ADDRESS_INVALID, problem)
    same_address = domain.by_local_part.get(command.local_part)
    if same_address is not None and same_address.deleted:
        return Refused(subject, RefusalCode.ADDRESS_QUARANTINED)
    if same_address is not None or same_id is not None:
        return Refused(subject, RefusalCode.ADDRESS_TAKEN)
    if refused := _full(subject, domain):
        return refused
    created = MailboxCreated(
        mailbox_id=MailboxId(subject),
        local_part=command.local_part,
        credential_id=None if command.credential_id is None else CredentialId(command.credential_id),
        note=command.note,
    )
    return Accepted(subject, (created,))


def _change_note(command: ChangeNote, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.note == command.note:
        return Accepted(command.mailbox_id)
    return Accepted(command.mailbox_id, (NoteChanged(note=command.note),))


def _set_password(command: SetPassword, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.credential_id == command.credential_id:
        return Accepted(command.mailbox_id)
    return Accepted(command.mailbox_id, (PasswordSet(credential_id=CredentialId(command.credential_id)),))


def _allow_self_service(command: AllowSelfService, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, () if mailbox.self_service else (SelfServiceAllowed(),))


def _forbid_self_service(command: ForbidSelfService, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, (SelfServiceForbidden(),) if mailbox.self_service else ())


def _suspend_mailbox(command: SuspendMailbox, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(
        command.mailbox_id, () if mailbox.suspended else (MailboxSuspended(reason=command.reason),)
    )


def _resume_mailbox(command: ResumeMailbox, domain: Domain, order: Order) -> Decision:
    mailbox = _in_use(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    return Accepted(command.mailbox_id, (MailboxResumed(),) if mailbox.suspended else ())


def _clean(command: CleanMailbox, domain: Domain, order: Order) -> Decision:
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


def _delete(command: DeleteMailbox, domain: Domain, order: Order) -> Decision:
    mailbox = _owned(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.archive_id == command.archive_id:
        return Accepted(command.mailbox_id)
    if mailbox.deleted:
        return Refused(command.mailbox_id, RefusalCode.MAILBOX_DELETED)
    # The generation counts put-away archives, cleanings and deletions alike, so no two of a mailbox share one.
    deleted = MailboxDeleted(
        archive_id=ArchiveId(command.archive_id),
        generation=mailbox.generation + 1,
        expires_at=expires_at(order.now),
        retention_years=RETENTION_YEARS,
    )
    return Accepted(command.mailbox_id, (deleted,))


def _restore(command: RestoreMailbox, domain: Domain, order: Order) -> Decision:
    mailbox = _owned(command.mailbox_id, domain, order)
    if isinstance(mailbox, Refused):
        return mailbox
    if mailbox.archive_id is None:
        return Refused(command.mailbox_id, RefusalCode.MAILBOX_NOT_DELETED)
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
    return Accepted(command.mailbox_id, (restored,))


def _not_held(subject: str, domain: Domain, order: Order) -> Refused | None:
    """Refuse whoever does not hold the domain, in the same words whether nobody or somebody else does."""
    if domain.status is None or domain.tenant != order.tenant:
        return Refused(subject, RefusalCode.DOMAIN_UNKNOWN)
    if domain.status == "removed":
        return Refused(subject, RefusalCode.DOMAIN_REMOVED)
    return None


def _not_active(subject: str, domain: Domain, order: Order) -> Refused | None:
    if refused := _not_held(subject, domain, order):
        return refused
    if domain.status != "active":
        return Refused(subject, RefusalCode.DOMAIN_NOT_ACTIVE, f"the domain is {domain.status}")
    return None


def _owned(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    """Give the orderer's mailbox, deleted or not. One of an earlier holder of the domain is as good as absent."""
    if refused := _not_active(mailbox_id, domain, order):
        return refused
    mailbox = domain.by_id.get(mailbox_id)
    if mailbox is None or mailbox.tenant != order.tenant:
        return Refused(mailbox_id, RefusalCode.MAILBOX_UNKNOWN)
    return mailbox


def _in_use(mailbox_id: str, domain: Domain, order: Order) -> Mailbox | Refused:
    mailbox = _owned(mailbox_id, domain, order)
    if isinstance(mailbox, Mailbox) and mailbox.deleted:
        return Refused(mailbox_id, RefusalCode.MAILBOX_DELETED)
    return mailbox


def _full(subject: str, domain: Domain) -> Refused | None:
    if domain.mailbox_limit is not None and domain.mailboxes >= domain.mailbox_limit:
        return Refused(subject, RefusalCode.MAILBOX_LIMIT_REACHED, f"the limit is {domain.mailbox_limit}")
    return None


def _address_problem(command: CreateMailbox, domain: Domain) -> str | None:
    try:
        local_part = parse_local_part(command.local_part)
        join_address(local_part, domain.name)
    except AddressError as error:
        return str(error)
    return None if local_part == command.local_part else "the part before @ is not in its one form"
