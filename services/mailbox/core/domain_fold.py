"""How the events of a mail domain change what its writer knows."""

from typing import assert_never

from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    DomainActivated,
    DomainAssigned,
    DomainClosing,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainResumedWithTenant,
    DomainSuspended,
    DomainSuspendedWithTenant,
    MailboxCleaned,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxLimitSet,
    MailboxPurged,
    MailboxRestored,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PaidGroupFollowed,
    PasswordSet,
    SelfServiceAllowed,
    SelfServiceForbidden,
)
from contracts.routing import (
    AliasAdded,
    AliasRemoved,
    CatchAllDisabled,
    CatchAllEnabled,
    ContactSet,
    RuleAdded,
    RuleChanged,
    RuleDropped,
    RuleRemoved,
    RuleRestored,
)
from services.mailbox.core.domain import Domain, Mailbox
from services.mailbox.core.routing import Alias, Destination, Routing, Rule

EventOfDomain = (
    DomainActivated
    | DomainSuspended
    | DomainResumed
    | DomainSuspendedWithTenant
    | DomainResumedWithTenant
    | DomainClosing
    | DomainRemoved
    | MailboxLimitSet
    | PaidGroupFollowed
    | DomainAssigned
    | CatchAllEnabled
    | CatchAllDisabled
    | ContactSet
)
ChangeOfRule = RuleChanged | RuleRemoved | RuleDropped | RuleRestored
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
    | MailboxPurged
)


def evolve(domain: Domain, event: EventEnvelope[MailboxEvent]) -> None:
    """Change the state as the event tells. Never refuses: an event is a fact."""
    data = event.data
    match data:
        case MailboxCreated():
            _create(domain, event, data)
        case RuleAdded():
            _add_rule(domain, event, data)
        case AliasAdded():
            _add_alias(domain, event, data)
        case DomainRegistered():
            _register(domain, event, data)
        case RuleChanged() | RuleRemoved() | RuleDropped() | RuleRestored():
            rule = domain.routing.rules[event.subject]
            rule.version = event.version
            _evolve_rule(domain.routing, rule, data)
        case AliasRemoved():
            alias = domain.routing.aliases[event.subject]
            alias.version = event.version
            domain.routing.remove_alias(alias)
        case (
            NoteChanged()
            | PasswordSet()
            | SelfServiceAllowed()
            | SelfServiceForbidden()
            | MailboxSuspended()
            | MailboxResumed()
            | MailboxCleaned()
            | MailboxDeleted()
            | MailboxRestored()
            | MailboxPurged()
        ):
            mailbox = domain.by_id[event.subject]
            mailbox.version = event.version
            _evolve_mailbox(domain, mailbox, event, data)
        case _:
            domain.version = event.version
            _evolve_domain(domain, data)
            _show_suspension(domain)


def _create(domain: Domain, event: EventEnvelope[MailboxEvent], data: MailboxCreated) -> None:
    domain.add(
        Mailbox(
            data.mailbox_id,
            domain.shared(event.tenant),
            data.local_part,
            data.credential_id,
            data.note,
            version=event.version,
        )
    )
    domain.mailboxes += 1


def _add_rule(domain: Domain, event: EventEnvelope[MailboxEvent], data: RuleAdded) -> None:
    target = Destination(data.target_id, data.target_domain)
    tenant = domain.shared(event.tenant)
    domain.routing.add_rule(
        Rule(data.rule_id, tenant, data.pattern, data.rank, target, version=event.version)
    )


def _add_alias(domain: Domain, event: EventEnvelope[MailboxEvent], data: AliasAdded) -> None:
    target = Destination(data.target_id, data.target_domain)
    tenant = domain.shared(event.tenant)
    domain.routing.add_alias(Alias(data.alias_id, tenant, data.local_part, target, version=event.version))


def _register(domain: Domain, event: EventEnvelope[MailboxEvent], data: DomainRegistered) -> None:
    """Begin anew. A tenant that comes back is still the same tenant: what was followed of it stays."""
    if domain.tenant != event.tenant:
        domain.suspended_with_tenant = False
        domain.followed_tenant = domain.followed_group = 0
    domain.tenant, domain.status, domain.registered_at = event.tenant, "pending", event.time
    domain.mailbox_limit, domain.assigned_to = data.mailbox_limit, data.assigned_to
    domain.suspended, domain.group_id = False, None
    domain.version = event.version


def _evolve_domain(domain: Domain, data: EventOfDomain) -> None:
    match data:
        case DomainActivated():
            domain.status = "active"
        case DomainSuspended():
            domain.suspended = True
        case DomainResumed():
            domain.suspended = False
        case DomainSuspendedWithTenant(as_of=as_of):
            domain.suspended_with_tenant, domain.followed_tenant = True, as_of
        case DomainResumedWithTenant(as_of=as_of):
            domain.suspended_with_tenant, domain.followed_tenant = False, as_of
        case DomainClosing():
            domain.status = "closing"
        case DomainRemoved():
            domain.status = "removed"
            domain.routing.catch_all, domain.routing.copies = None, False
            domain.routing.contact = None
        case MailboxLimitSet(mailbox_limit=limit):
            domain.mailbox_limit = limit
        case PaidGroupFollowed():
            domain.group_id, domain.mailbox_limit = data.group_id, data.mailbox_limit
            domain.followed_group = data.as_of
        case DomainAssigned(user_id=user_id):
            domain.assigned_to = user_id
        case CatchAllEnabled():
            domain.routing.catch_all = Destination(data.target_id, data.target_domain)
            domain.routing.copies = data.copy
        case CatchAllDisabled():
            domain.routing.catch_all, domain.routing.copies = None, False
        case ContactSet():
            domain.routing.contact = Destination.of(data.target_id, data.target_domain)
        case _:
            assert_never(data)


def _show_suspension(domain: Domain) -> None:
    if domain.status in ("active", "suspended"):
        domain.status = "suspended" if domain.suspended or domain.suspended_with_tenant else "active"


def _evolve_rule(routing: Routing, rule: Rule, data: ChangeOfRule) -> None:
    match data:
        case RuleChanged():
            rule.pattern, rule.rank = data.pattern, data.rank
            routing.retarget(rule, Destination(data.target_id, data.target_domain))
        case RuleRemoved():
            routing.remove_rule(rule)
        case RuleDropped(mailbox_id=mailbox_id):
            rule.status, rule.dropped_with = "dropped", mailbox_id
        case RuleRestored():
            rule.status, rule.dropped_with = "active", None
        case _:
            assert_never(data)


def _evolve_mailbox(
    domain: Domain, mailbox: Mailbox, event: EventEnvelope[MailboxEvent], data: ChangeOfMailbox
) -> None:
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
            mailbox.deleted_at = event.time
            domain.mailboxes -= 1
        case MailboxRestored():
            mailbox.archive_id, mailbox.generation = None, data.generation
            mailbox.deleted_at = None
            mailbox.credential_id, mailbox.note = data.credential_id, data.note
            mailbox.self_service, mailbox.suspended = data.self_service, data.suspended
            domain.mailboxes += 1
        case MailboxPurged():
            domain.purge(mailbox)
        case _:
            assert_never(data)
