"""The customer's words for rules, aliases and the catch-all; they go with `tests.kit.given`."""

from collections.abc import Sequence
from typing import Any, Final

from contracts import mailbox as m
from contracts import routing as r
from contracts.decision import Accepted
from contracts.ids import ActorName, LocalPart, TenantId
from tests.kit.given import DOMAIN, US, Answer, Facts, Happened, an_id, mailbox_id

SYSTEM: Final = ActorName("system:reactions")
ELSEWHERE: Final = "elsewhere.example"


def rule_id(name: str) -> str:
    """Give the id of the rule of that name."""
    return an_id(f"rule {name}")


def alias_id(name: str) -> str:
    """Give the id of the alias of that name."""
    return an_id(f"alias {name}")


def add_rule(
    name: str, pattern: str = "shop_{number}", *, to: str = "ina", rank: int = 1_000, domain: str = DOMAIN
) -> r.AddRule:
    """Order a rule that leads to the mailbox of a name."""
    return r.AddRule(
        rule_id=rule_id(name), pattern=pattern, rank=rank, target_id=mailbox_id(to), target_domain=domain
    )


def change_rule(
    name: str, pattern: str = "shop_{number}", *, to: str = "ina", rank: int = 1_000, domain: str = DOMAIN
) -> r.ChangeRule:
    """Order that a rule say this."""
    return r.ChangeRule(
        rule_id=rule_id(name), pattern=pattern, rank=rank, target_id=mailbox_id(to), target_domain=domain
    )


def remove_rule(name: str) -> r.RemoveRule:
    """Order that a rule go."""
    return r.RemoveRule(rule_id=rule_id(name))


def add_alias(name: str, *, to: str = "ina", alias: str | None = None, domain: str = DOMAIN) -> r.AddAlias:
    """Order an alias at an address; `alias` names it where its id is that of another one."""
    return r.AddAlias(
        alias_id=alias_id(alias or name),
        local_part=LocalPart(name),
        target_id=mailbox_id(to),
        target_domain=domain,
    )


def remove_alias(name: str) -> r.RemoveAlias:
    """Order that an alias go."""
    return r.RemoveAlias(alias_id=alias_id(name))


def enable_catch_all(to: str = "ina", *, copy: bool = False, domain: str = DOMAIN) -> r.EnableCatchAll:
    """Order that the mailbox of a name get what nobody else gets."""
    return r.EnableCatchAll(target_id=mailbox_id(to), target_domain=domain, copy=copy)


def set_contact(to: str | None, *, domain: str = DOMAIN) -> r.SetContact:
    """Order who gets mail for postmaster and abuse."""
    if to is None:
        return r.SetContact()
    return r.SetContact(target_id=mailbox_id(to), target_domain=domain)


def rule_added(
    name: str, pattern: str = "shop_{number}", *, to: str = "ina", rank: int = 1_000, domain: str = DOMAIN
) -> r.RuleAdded:
    """Tell that a rule was added."""
    return r.RuleAdded(
        rule_id=rule_id(name), pattern=pattern, rank=rank, target_id=mailbox_id(to), target_domain=domain
    )


def alias_added(name: str, *, to: str = "ina") -> r.AliasAdded:
    """Tell that an alias was added."""
    return r.AliasAdded(
        alias_id=alias_id(name), local_part=LocalPart(name), target_id=mailbox_id(to), target_domain=DOMAIN
    )


def catch_all_enabled(to: str = "ina", *, copy: bool = False) -> r.CatchAllEnabled:
    """Tell that the mailbox of a name gets what nobody else gets."""
    return r.CatchAllEnabled(target_id=mailbox_id(to), target_domain=DOMAIN, copy=copy)


def a_rule(
    name: str,
    pattern: str = "shop_{number}",
    *,
    to: str = "ina",
    rank: int = 1_000,
    domain: str = DOMAIN,
    of: TenantId = US,
) -> Facts:
    """Say that a rule was added."""
    return (Happened(rule_added(name, pattern, to=to, rank=rank, domain=domain), rule_id(name), of),)


def a_dropped_rule(name: str, *, to: str = "ina") -> Facts:
    """Say that a rule was added, and dropped with its mailbox, which is told elsewhere."""
    return (*a_rule(name, to=to), Happened(r.RuleDropped(mailbox_id=mailbox_id(to)), rule_id(name)))


def a_removed_rule(name: str) -> Facts:
    """Say that a rule was added and removed."""
    return (*a_rule(name), Happened(r.RuleRemoved(), rule_id(name)))


def an_alias(name: str, *, to: str = "ina") -> Facts:
    """Say that an alias was added."""
    return (Happened(alias_added(name, to=to), alias_id(name)),)


def a_removed_alias(name: str) -> Facts:
    """Say that an alias was added and removed."""
    return (*an_alias(name), Happened(r.AliasRemoved(), alias_id(name)))


def a_catch_all(to: str = "ina", *, copy: bool = False) -> Facts:
    """Say that the mailbox of a name gets what nobody else gets."""
    return (Happened(catch_all_enabled(to, copy=copy)),)


def a_contact(to: str = "ina") -> Facts:
    """Say that the mailbox of a name gets mail for postmaster and abuse."""
    return (Happened(r.ContactSet(target_id=mailbox_id(to), target_domain=DOMAIN)),)


def a_closing_domain(*facts: Facts) -> Facts:
    """Say that the domain was active, that this happened, and that it is closing."""
    return (
        Happened[m.MailboxEvent](m.DomainRegistered()),
        Happened[m.MailboxEvent](m.DomainActivated(proof="operator")),
        *(each for group in facts for each in group),
        Happened[m.MailboxEvent](m.DomainClosing()),
    )


def goes_with_it(answer: Answer[Any]) -> Sequence[tuple[str, Any]]:
    """Give what happens to others by an accepted command, as (subject, event)."""
    assert isinstance(answer.decision, Accepted), f"refused: {answer.decision}"
    return [(each.subject, each.event) for each in answer.decision.also]
