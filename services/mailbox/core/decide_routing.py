"""What becomes of a command about rules, aliases, the catch-all or the contact of a domain."""

from contracts.decision import Accepted, Order, Refused
from contracts.outcome import RefusalCode
from contracts.patterns import PatternError, parse_pattern
from contracts.routing import (
    ALIASES_MAX,
    RULES_MAX,
    AddAlias,
    AddRule,
    AliasAdded,
    AliasRemoved,
    CatchAllDisabled,
    CatchAllEnabled,
    ChangeRule,
    ContactSet,
    EnableCatchAll,
    RemoveAlias,
    RemoveRule,
    RuleAdded,
    RuleChanged,
    RuleRemoved,
    SetContact,
)
from services.mailbox.core.domain import Domain
from services.mailbox.core.routing import Alias, Destination, Rule
from services.mailbox.core.standing import (
    Decision,
    address_invalid,
    address_taken,
    not_active,
    target_unknown,
)


def add_rule(command: AddRule, domain: Domain, order: Order) -> Decision:
    """Nothing when the rule is there and says this."""
    subject = command.rule_id
    if refused := not_active(subject, domain, order):
        return refused
    known = domain.routing.rules.get(subject)
    if known is not None and _says(known, command, order) and known.status == "active":
        return Accepted(subject)
    if domain.version_of(subject):
        return Refused(subject, RefusalCode.RULE_UNKNOWN, "the id is that of something else")
    if refused := _content_invalid(command, domain):
        return refused
    if domain.routing.rule_count >= RULES_MAX:
        return Refused(subject, RefusalCode.RULE_LIMIT_REACHED, f"the limit is {RULES_MAX}")
    added = RuleAdded(
        rule_id=subject,
        pattern=command.pattern,
        rank=command.rank,
        target_id=command.target_id,
        target_domain=command.target_domain,
    )
    return Accepted(subject, (added,))


def change_rule(command: ChangeRule, domain: Domain, order: Order) -> Decision:
    """Nothing when the rule says this already. One that went with its mailbox waits for it, or is removed."""
    subject = command.rule_id
    rule = _rule(subject, domain, order)
    if isinstance(rule, Refused):
        return rule
    if rule.status != "active":
        return Refused(subject, RefusalCode.RULE_UNKNOWN, f"the rule is {rule.status}")
    if _says(rule, command, order):
        return Accepted(subject)
    if refused := _content_invalid(command, domain):
        return refused
    changed = RuleChanged(
        pattern=command.pattern,
        rank=command.rank,
        target_id=command.target_id,
        target_domain=command.target_domain,
    )
    return Accepted(subject, (changed,))


def remove_rule(command: RemoveRule, domain: Domain, order: Order) -> Decision:
    """Nothing when it is removed. One that went with its mailbox won't come back with it."""
    rule = _rule(command.rule_id, domain, order)
    if isinstance(rule, Refused):
        return rule
    return Accepted(command.rule_id, () if rule.status == "removed" else (RuleRemoved(),))


def add_alias(command: AddAlias, domain: Domain, order: Order) -> Decision:
    """Nothing when the alias is there and leads there."""
    subject = command.alias_id
    if refused := not_active(subject, domain, order):
        return refused
    target = Destination(command.target_id, command.target_domain)
    known = domain.routing.aliases.get(subject)
    if (
        known is not None
        and not known.removed
        and (known.tenant, known.local_part, known.target) == (order.tenant, command.local_part, target)
    ):
        return Accepted(subject)
    if domain.version_of(subject):
        return Refused(subject, RefusalCode.ALIAS_UNKNOWN, "the id is that of something else")
    if (
        refused := address_invalid(subject, command.local_part, domain)
        or address_taken(subject, command.local_part, domain)
        or target_unknown(subject, target, domain)
    ):
        return refused
    if len(domain.routing.alias_at) >= ALIASES_MAX:
        return Refused(subject, RefusalCode.ALIAS_LIMIT_REACHED, f"the limit is {ALIASES_MAX}")
    added = AliasAdded(
        alias_id=subject,
        local_part=command.local_part,
        target_id=command.target_id,
        target_domain=command.target_domain,
    )
    return Accepted(subject, (added,))


def remove_alias(command: RemoveAlias, domain: Domain, order: Order) -> Decision:
    """Nothing when it is removed."""
    alias = _alias(command.alias_id, domain, order)
    if isinstance(alias, Refused):
        return alias
    return Accepted(command.alias_id, () if alias.removed else (AliasRemoved(),))


def enable_catch_all(command: EnableCatchAll, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already; another target or another wish for copies replaces what was."""
    if refused := not_active(domain.name, domain, order):
        return refused
    target = Destination(command.target_id, command.target_domain)
    if (domain.routing.catch_all, domain.routing.copies) == (target, command.copy):
        return Accepted(domain.name)
    if refused := target_unknown(domain.name, target, domain):
        return refused
    enabled = CatchAllEnabled(
        target_id=command.target_id, target_domain=command.target_domain, copy=command.copy
    )
    return Accepted(domain.name, (enabled,))


def disable_catch_all(domain: Domain, order: Order) -> Decision:
    """Nothing when there is none."""
    if refused := not_active(domain.name, domain, order):
        return refused
    return Accepted(domain.name, () if domain.routing.catch_all is None else (CatchAllDisabled(),))


def set_contact(command: SetContact, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already."""
    if refused := not_active(domain.name, domain, order):
        return refused
    if (command.target_id is None) != (command.target_domain is None):
        return Refused(domain.name, RefusalCode.TARGET_UNKNOWN, "a target is a mailbox and its domain")
    target = Destination.of(command.target_id, command.target_domain)
    if domain.routing.contact == target:
        return Accepted(domain.name)
    if target is not None and (refused := target_unknown(domain.name, target, domain)):
        return refused
    contact = ContactSet(target_id=command.target_id, target_domain=command.target_domain)
    return Accepted(domain.name, (contact,))


def _rule(rule_id: str, domain: Domain, order: Order) -> Rule | Refused:
    """Give the orderer's rule, whatever became of it. One of an earlier holder of the domain is as good as absent."""
    if refused := not_active(rule_id, domain, order):
        return refused
    rule = domain.routing.rules.get(rule_id)
    if rule is None or rule.tenant != order.tenant:
        return Refused(rule_id, RefusalCode.RULE_UNKNOWN)
    return rule


def _alias(alias_id: str, domain: Domain, order: Order) -> Alias | Refused:
    """Give the orderer's alias, removed or not. One of an earlier holder of the domain is as good as absent."""
    if refused := not_active(alias_id, domain, order):
        return refused
    alias = domain.routing.aliases.get(alias_id)
    if alias is None or alias.tenant != order.tenant:
        return Refused(alias_id, RefusalCode.ALIAS_UNKNOWN)
    return alias


def _says(rule: Rule, command: AddRule | ChangeRule, order: Order) -> bool:
    target = Destination(command.target_id, command.target_domain)
    said = (order.tenant, command.pattern, command.rank, target)
    return (rule.tenant, rule.pattern, rule.rank, rule.target) == said


def _content_invalid(command: AddRule | ChangeRule, domain: Domain) -> Refused | None:
    subject = command.rule_id
    try:
        pattern = parse_pattern(command.pattern)
    except PatternError as error:
        return Refused(subject, RefusalCode.PATTERN_INVALID, str(error))
    if pattern.text != command.pattern:
        return Refused(subject, RefusalCode.PATTERN_INVALID, "the pattern is not in its one form")
    return target_unknown(subject, Destination(command.target_id, command.target_domain), domain)
