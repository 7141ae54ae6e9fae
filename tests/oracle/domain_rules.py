"""The rules of a mail domain as a whole: who holds it, in which state, and what it follows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from contracts import mailbox as m
from tests.oracle.domain_facts import DomainFacts, Event, by_the_provider

_KEPT: Final = frozenset({"pending", "active", "suspended"})

# The statuses in which each event of a domain may happen.
DOMAIN_STEPS: Final = {
    m.DomainRegistered: frozenset({"unknown", "removed", "pending"}),
    m.DomainActivated: frozenset({"pending"}),
    m.DomainSuspended: frozenset({"active", "suspended"}),
    m.DomainResumed: frozenset({"active", "suspended"}),
    m.DomainSuspendedWithTenant: _KEPT,
    m.DomainResumedWithTenant: _KEPT,
    m.PaidGroupFollowed: _KEPT,
    m.MailboxLimitSet: _KEPT,
    m.DomainAssigned: _KEPT,
    m.DomainClosing: _KEPT,
    m.DomainRemoved: frozenset({"pending", "active", "closing"}),
}


def domain_step(domain: DomainFacts, event: Event) -> Iterator[str]:
    """Take an event of the domain itself and give the rules that it breaks."""
    if event.subject != event.stream:
        yield f"{event.type} about something that is not the domain"
    if domain.status not in DOMAIN_STEPS[type(event.data)]:
        yield f"{event.type} in a domain that is {domain.status}"
    match event.data:
        case m.DomainRegistered():
            yield from _registered(domain, event, event.data)
        case m.DomainActivated():
            domain.state = "active"
        case m.DomainSuspended() | m.DomainResumed():
            suspended = isinstance(event.data, m.DomainSuspended)
            if suspended == domain.suspended:
                yield "a domain's suspension changed to what it was"
            domain.suspended = suspended
        case m.DomainAssigned(user_id=user_id):
            if user_id == domain.assigned_to:
                yield "a domain assigned to whom it was"
            domain.assigned_to = user_id
        case m.MailboxLimitSet(mailbox_limit=limit):
            if domain.group_id is not None:
                yield "a limit set that the paid group hands out"
            domain.limit = limit
        case m.DomainRemoved():
            yield from _removed(domain, event)
        case _:
            yield from _followed(domain, event)


def _registered(domain: DomainFacts, event: Event, data: m.DomainRegistered) -> Iterator[str]:
    if domain.status == "pending":
        if event.tenant == domain.tenant:
            yield "a domain registered by whom holds it"
        elif domain.registered_at is None or event.time - domain.registered_at < timedelta(days=7):
            yield "a claim that has not lapsed taken from its holder"
    if any(rule.content is not None for rule in domain.rules.values()) or domain.aliases:
        yield "rules or aliases left behind by the holder before"
    if event.tenant != domain.tenant:
        domain.suspended_with_tenant = False
        domain.followed_tenant = domain.followed_group = 0
    domain.tenant, domain.state, domain.registered_at = event.tenant, "pending", event.time
    domain.limit, domain.assigned_to = data.mailbox_limit, data.assigned_to
    domain.suspended, domain.group_id = False, None


def _removed(domain: DomainFacts, event: Event) -> Iterator[str]:
    if domain.in_use:
        yield f"removed with {domain.in_use} mailboxes in use"
    if domain.state == "closing" and not by_the_provider(event):
        yield "a closing domain removed by its tenant"
    domain.state, domain.removed_by = "removed", event.command
    domain.catch_all = domain.contact = None


def _followed(domain: DomainFacts, event: Event) -> Iterator[str]:
    if not by_the_provider(event):
        yield f"{event.type} ordered by a tenant"
    match event.data:
        case m.DomainSuspendedWithTenant(as_of=as_of) | m.DomainResumedWithTenant(as_of=as_of):
            if as_of <= domain.followed_tenant:
                yield f"the tenant as of {as_of} followed after {domain.followed_tenant}"
            domain.followed_tenant = as_of
            domain.suspended_with_tenant = isinstance(event.data, m.DomainSuspendedWithTenant)
        case m.PaidGroupFollowed(as_of=as_of):
            if as_of <= domain.followed_group:
                yield f"the paid group as of {as_of} followed after {domain.followed_group}"
            domain.followed_group = as_of
            domain.group_id, domain.limit = event.data.group_id, event.data.mailbox_limit
        case m.DomainClosing():
            domain.state = "closing"
        case _:
            yield "an event that the oracle has no rule for"
