"""Where mail for an address goes: the order, once, and what is worth saying about a rule.

The same order is the SQL function `resolve_recipient` of the directory schema, for the mail server; a property test
holds the two together. Here it is fed with rows: the few that an index finds, or those of a past moment, folded from
the log. Feeding more rows than are needed changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct

from contracts.patterns import RESERVED, Pattern, could_match, covers, overlaps, parse_pattern
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow

Step = Literal[
    "mailbox",
    "alias",
    "mailbox_without_tag",
    "alias_without_tag",
    "rule",
    "catch_all",
    "contact",
    "refused",
]
WarningCode = Literal["target_gone", "unreachable", "overlapping"]

TAKES_MAIL: Final = ("active", "suspended")
"""States of a domain in which it takes mail."""

OVERLAPS_NAMED_MAX: Final = 5
COMPARISONS_MAX: Final = 500
"""Rules that one rule is compared with in full, after those whose ends can't meet were put aside."""


class PassedOver(Struct, frozen=True, kw_only=True):
    """What would have decided, had its mailbox not been deleted or, as far as the tenant is concerned, never been.

    `via` is the rule or alias, and None for a mailbox by its own address, the catch-all and the contact.
    """

    step: Step
    via: str | None
    mailbox_id: str
    reason: Literal["deleted", "unknown"]


class Route(Struct, frozen=True, kw_only=True):
    """Where mail for one address goes. `via` is the rule or alias that decided; `copy_to` gets the mail too."""

    step: Step
    mailbox_id: str | None = None
    via: str | None = None
    copy_to: str | None = None
    passed_over: tuple[PassedOver, ...] = ()


class RuleWarning(Struct, frozen=True, kw_only=True):
    """Something about a rule that its owner hardly meant. `rule_id` and `pattern` are those of the other rule."""

    code: WarningCode
    rule_id: str | None = None
    pattern: str | None = None


def resolve(
    domain: DomainRow | None,
    local_part: str,
    *,
    mailboxes: Iterable[MailboxRow],
    aliases: Iterable[AliasRow],
    rules: Iterable[RuleRow],
) -> Route:
    """Give where mail for a local part of `domain`, in its one form, goes.

    Needed are the domain's mailboxes and aliases of `wanted_local_parts`, its rules whose ends fit `prefixes_of` and
    `suffixes_of`, and the mailboxes named by `wanted_targets`, whatever their domain.
    """
    if domain is None or domain.status not in TAKES_MAIL:
        return Route(step="refused")
    known = {each.mailbox_id: each for each in mailboxes}
    passed_over: list[PassedOver] = []
    for step, via, mailbox_id in _attempts(domain, local_part, known.values(), aliases, rules):
        reason = _unusable(known.get(mailbox_id), domain.tenant)
        if reason is None:
            return Route(
                step=step,
                mailbox_id=mailbox_id,
                via=via,
                copy_to=_copy_to(domain, mailbox_id, known.get(domain.catch_all_id or "")),
                passed_over=tuple(passed_over),
            )
        passed_over.append(PassedOver(step=step, via=via, mailbox_id=mailbox_id, reason=reason))
    return Route(step="refused", passed_over=tuple(passed_over))


def wanted_local_parts(local_part: str) -> tuple[str, ...]:
    """Give the local parts whose mailboxes and aliases are asked for: this one, and the same without its tag."""
    untagged, plus, _ = local_part.partition("+")
    return (local_part, untagged) if plus and untagged else (local_part,)


def wanted_targets(
    domain: DomainRow, aliases: Iterable[AliasRow], rules: Iterable[RuleRow]
) -> frozenset[str]:
    """Give the ids of the mailboxes that these lead to."""
    named = [domain.catch_all_id, domain.contact_id]
    named += [each.target_id for each in aliases]
    named += [each.target_id for each in rules]
    return frozenset(each for each in named if each is not None)


def prefixes_of(local_part: str) -> list[str]:
    """Give every text that the local part begins with, so that an index over prefixes can be asked."""
    return [local_part[:length] for length in range(len(local_part) + 1)]


def suffixes_of(local_part: str) -> list[str]:
    """Give every text that the local part ends with, so that an index over suffixes can be asked."""
    return [local_part[length:] for length in range(len(local_part) + 1)]


def rule_order(rule: RuleRow) -> tuple[int, int, str]:
    """Give the place of a rule among the rules of its domain: by rank, then longer literal text, then id."""
    return (rule.rank, -rule.literals, rule.rule_id)


def warnings_for(
    rule: RuleRow, others: Iterable[RuleRow], gone_targets: Collection[str] = ()
) -> list[RuleWarning]:
    """Say what is odd about an active rule among the others of its domain, which may include the rule itself.

    `gone_targets` are mailboxes that can't receive (any more): a rule that leads to one is passed over, so it hides
    no other. At most `COMPARISONS_MAX` rules are compared in full, those tried first first.
    """
    warnings: list[RuleWarning] = []
    if rule.target_id in gone_targets:
        warnings.append(RuleWarning(code="target_gone"))
    pattern = parse_pattern(rule.pattern)
    overlapping: list[RuleWarning] = []
    for other, theirs in _comparable(rule, others, gone_targets):
        if rule_order(other) < rule_order(rule) and covers(theirs, pattern):
            warnings.append(RuleWarning(code="unreachable", rule_id=other.rule_id, pattern=other.pattern))
            return warnings
        if other.rank == rule.rank and len(overlapping) < OVERLAPS_NAMED_MAX and overlaps(theirs, pattern):
            overlapping.append(RuleWarning(code="overlapping", rule_id=other.rule_id, pattern=other.pattern))
    return warnings + overlapping


def _attempts(
    domain: DomainRow,
    local_part: str,
    mailboxes: Collection[MailboxRow],
    aliases: Iterable[AliasRow],
    rules: Iterable[RuleRow],
) -> Iterator[tuple[Step, str | None, str]]:
    """Give (step, via, mailbox id) of all that lead somewhere, in the order in which they are asked."""
    aliases = [each for each in aliases if each.domain == domain.domain and not each.removed]
    steps: tuple[tuple[Step, Step], ...] = (
        ("mailbox", "alias"),
        ("mailbox_without_tag", "alias_without_tag"),
    )
    for (by_mailbox, by_alias), text in zip(steps, wanted_local_parts(local_part), strict=False):
        for mailbox in sorted(_at(domain, text, mailboxes), key=lambda each: each.mailbox_id):
            yield by_mailbox, None, mailbox.mailbox_id
        for alias in aliases:
            if alias.local_part == text:
                yield by_alias, alias.alias_id, alias.target_id
    if local_part not in RESERVED:
        for rule in sorted(_fitting(domain, local_part, rules), key=rule_order):
            if parse_pattern(rule.pattern).matches(local_part):
                yield "rule", rule.rule_id, rule.target_id
    if domain.catch_all_id is not None:
        yield "catch_all", None, domain.catch_all_id
    if local_part in RESERVED and domain.contact_id is not None:
        yield "contact", None, domain.contact_id


def _at(domain: DomainRow, local_part: str, mailboxes: Collection[MailboxRow]) -> list[MailboxRow]:
    return [each for each in mailboxes if each.local_part == local_part and each.domain == domain.domain]


def _fitting(domain: DomainRow, local_part: str, rules: Iterable[RuleRow]) -> list[RuleRow]:
    return [
        each
        for each in rules
        if each.status == "active" and each.domain == domain.domain and could_match(each.pattern, local_part)
    ]


def _unusable(mailbox: MailboxRow | None, tenant: str) -> Literal["deleted", "unknown"] | None:
    """Say why a mailbox can't receive for this tenant. A suspended one can."""
    if mailbox is None or mailbox.tenant != tenant or mailbox.status == "purged":
        return "unknown"
    return "deleted" if mailbox.status == "deleted" else None


def _copy_to(domain: DomainRow, mailbox_id: str, main: MailboxRow | None) -> str | None:
    if not domain.copies or main is None or main.mailbox_id == mailbox_id:
        return None
    return main.mailbox_id if _unusable(main, domain.tenant) is None else None


def _comparable(
    rule: RuleRow, others: Iterable[RuleRow], gone_targets: Collection[str]
) -> Sequence[tuple[RuleRow, Pattern]]:
    """Give the other rules that an address of this rule may meet, those tried first first."""
    meeting = [
        other
        for other in others
        if other.status == "active"
        and other.rule_id != rule.rule_id
        and other.target_id not in gone_targets
        and (other.prefix.startswith(rule.prefix) or rule.prefix.startswith(other.prefix))
        and (other.suffix.endswith(rule.suffix) or rule.suffix.endswith(other.suffix))
    ]
    meeting.sort(key=rule_order)
    return [(other, parse_pattern(other.pattern)) for other in meeting[:COMPARISONS_MAX]]
