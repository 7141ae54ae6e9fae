"""The rules of routing: one namespace, targets that are there, and what goes with a mailbox or a domain."""

from collections.abc import Iterator
from typing import Any, Final

from contracts import routing as r
from contracts.patterns import PatternError, parse_pattern
from tests.oracle.domain_facts import DomainFacts, Event, RuleFacts, by_the_provider, in_one_form

ROUTING_STEPS: Final = (
    r.RuleAdded,
    r.RuleChanged,
    r.RuleRemoved,
    r.RuleDropped,
    r.RuleRestored,
    r.AliasAdded,
    r.AliasRemoved,
    r.CatchAllEnabled,
    r.CatchAllDisabled,
    r.ContactSet,
)


def routing_step(domain: DomainFacts, event: Event) -> Iterator[str]:
    """Take an event of rules, aliases, catch-all or contact and give the rules that it breaks."""
    yield from _right_moment(domain, event)
    match event.data:
        case r.RuleAdded():
            yield from _rule_added(domain, event, event.data)
        case r.RuleChanged() | r.RuleRemoved() | r.RuleDropped() | r.RuleRestored():
            yield from _rule_changed(domain, event)
        case r.AliasAdded():
            yield from _alias_added(domain, event, event.data)
        case r.AliasRemoved():
            if domain.aliases.pop(event.subject, None) is None:
                yield "an alias removed that is not there"
            domain.removed_aliases.add(event.subject)
        case _:
            yield from _ends(domain, event)


def left_leading(domain: DomainFacts, event: Event) -> Iterator[str]:
    """Give what still leads to a mailbox after the command that deleted it; the events of one command are one."""
    for mailbox_id, command in list(domain.deleted_by.items()):
        if command == event.command:
            continue
        del domain.deleted_by[mailbox_id]
        active = (rule for rule in domain.rules.values() if rule.content and rule.dropped_with is None)
        if any(rule.target_id == mailbox_id for rule in active):
            yield "a mailbox deleted while a rule leads to it"
        if domain.catch_all is not None and domain.catch_all[0] == mailbox_id:
            yield "a mailbox deleted while the catch-all leads to it"


def left_waiting(domain: DomainFacts, event: Event) -> Iterator[str]:
    """Give what still waits for a mailbox after the command that purged it."""
    for mailbox_id, command in list(domain.purged_by.items()):
        if command == event.command:
            continue
        del domain.purged_by[mailbox_id]
        if any(rule.dropped_with == mailbox_id for rule in domain.rules.values()):
            yield "a mailbox purged while a rule waits for it"


def is_known(domain: DomainFacts, subject: str) -> bool:
    """Say whether the id is that of anything in the domain, also of something that is gone."""
    return (
        subject in domain.mailboxes
        or subject in domain.rules
        or subject in domain.aliases
        or subject in domain.removed_aliases
    )


def _right_moment(domain: DomainFacts, event: Event) -> Iterator[str]:
    if domain.status == "active":
        return
    with_the_domain = domain.state == "removed" and domain.removed_by == event.command
    with_a_mailbox = (
        domain.state == "closing" and by_the_provider(event) and event.command in domain.deleted_by.values()
    )
    with_what_is_purged = event.command in domain.purged_by.values() and isinstance(event.data, r.RuleRemoved)
    if with_what_is_purged:
        return
    if not (with_the_domain and isinstance(event.data, r.RuleRemoved | r.AliasRemoved)) and not (
        with_a_mailbox and isinstance(event.data, r.RuleDropped | r.CatchAllDisabled)
    ):
        yield f"{event.type} in a domain that is {domain.status}"


def _rule_added(domain: DomainFacts, event: Event, data: r.RuleAdded) -> Iterator[str]:
    if data.rule_id != event.subject:
        yield "a rule added under another id than its subject"
    if is_known(domain, event.subject):
        yield "a rule added under an id that is known"
    if sum(rule.content is not None for rule in domain.rules.values()) >= r.RULES_MAX:
        yield "a rule beyond the limit"
    yield from _said(domain, event, data)
    domain.rules[event.subject] = RuleFacts(event.tenant, _content(data), data.target_id)


def _rule_changed(domain: DomainFacts, event: Event) -> Iterator[str]:
    rule = domain.rules.get(event.subject)
    if rule is None or rule.content is None:
        yield f"{event.type} of a rule that is not there"
        return
    if rule.tenant != event.tenant:
        yield f"{event.type} of a rule of an earlier holder of the domain"
    match event.data:
        case r.RuleChanged():
            if rule.dropped_with is not None:
                yield "a dropped rule changed"
            if _content(event.data) == rule.content:
                yield "a rule changed to what it was"
            yield from _said(domain, event, event.data)
            rule.content, rule.target_id = _content(event.data), event.data.target_id
        case r.RuleRemoved():
            rule.content = rule.dropped_with = None
        case r.RuleDropped(mailbox_id=mailbox_id):
            if rule.dropped_with is not None or rule.target_id != mailbox_id:
                yield "a rule dropped that did not lead to the mailbox"
            if domain.deleted_by.get(mailbox_id) != event.command:
                yield "a rule dropped without its mailbox"
            rule.dropped_with = mailbox_id
        case _:
            if rule.dropped_with != event.data.mailbox_id or not domain.is_receiving(event.data.mailbox_id):
                yield "a rule restored without its mailbox"
            rule.dropped_with = None


def _said(domain: DomainFacts, event: Event, data: r.RuleAdded | r.RuleChanged) -> Iterator[str]:
    try:
        if parse_pattern(data.pattern).text != data.pattern:
            yield "a pattern not in its one form"
    except PatternError:
        yield "a pattern that is none"
    yield from _target(domain, event, data.target_id, data.target_domain)


def _content(data: r.RuleAdded | r.RuleChanged) -> tuple[Any, ...]:
    return data.pattern, data.rank, data.target_id, data.target_domain


def _alias_added(domain: DomainFacts, event: Event, data: r.AliasAdded) -> Iterator[str]:
    if data.alias_id != event.subject:
        yield "an alias added under another id than its subject"
    if is_known(domain, event.subject):
        yield "an alias added under an id that is known"
    if data.local_part in domain.addresses or data.local_part in domain.aliases.values():
        yield "an address given twice"
    if not in_one_form(data.local_part):
        yield "an address not in its one form"
    if len(domain.aliases) >= r.ALIASES_MAX:
        yield "an alias beyond the limit"
    yield from _target(domain, event, data.target_id, data.target_domain)
    domain.aliases[event.subject] = data.local_part


def _ends(domain: DomainFacts, event: Event) -> Iterator[str]:
    if event.subject != event.stream:
        yield f"{event.type} about something that is not the domain"
    match event.data:
        case r.CatchAllEnabled(target_id=target_id, target_domain=target_domain, copy=copy):
            if domain.catch_all == (target_id, target_domain, copy):
                yield "a catch-all changed to what it was"
            yield from _target(domain, event, target_id, target_domain)
            domain.catch_all = target_id, target_domain, copy
        case r.CatchAllDisabled():
            if domain.catch_all is None:
                yield "a catch-all disabled that is not there"
            domain.catch_all = None
        case _:
            target_id, target_domain = event.data.target_id, event.data.target_domain
            contact = None if target_id is None else (target_id, target_domain)
            if contact == domain.contact:
                yield "a contact changed to what it was"
            if contact is not None:
                yield from _target(domain, event, *contact)
            domain.contact = contact


def _target(domain: DomainFacts, event: Event, target_id: str, target_domain: str) -> Iterator[str]:
    if target_domain == event.stream and not domain.is_receiving(target_id):
        yield f"{event.type} leads to a mailbox that is not there"
