"""Rules, aliases and answers to "who gets this address?" as the API shows them."""

from datetime import datetime
from typing import Literal

from contracts.recipients import PassedOver, Step, WarningCode
from contracts.views.mailbox import DomainStatus
from contracts.views.routing import AliasRow, RuleRow
from services.gateway.http.targets import Targets, TargetView
from services.gateway.http.views import Page, View
from services.gateway.recipients import Resolution
from services.gateway.rules import Remarks


class WarningView(View, frozen=True, kw_only=True):
    """Something about a rule that its owner hardly meant. `rule_id` and `pattern` are those of the other rule."""

    code: WarningCode
    rule_id: str | None
    pattern: str | None


class RuleView(View, frozen=True, kw_only=True):
    """A collection rule. A dropped one went with its mailbox and comes back with it.

    When `warnings_complete` is false there were too many rules to compare it with all of them.
    """

    rule_id: str
    domain: str
    pattern: str
    rank: int
    target: TargetView
    status: Literal["active", "dropped"]
    warnings: list[WarningView]
    warnings_complete: bool
    version: int
    created_at: datetime
    changed_at: datetime


class AliasView(View, frozen=True, kw_only=True):
    """Another address that leads to a mailbox."""

    alias_id: str
    domain: str
    address: str
    local_part: str
    target: TargetView
    version: int
    created_at: datetime
    changed_at: datetime


class RulePage(Page, frozen=True, kw_only=True):
    """A page of rules, in the order of evaluation."""

    rules: list[RuleView]


class AliasPage(Page, frozen=True, kw_only=True):
    """A page of aliases, by address."""

    aliases: list[AliasView]


class MailboxRef(View, frozen=True, kw_only=True):
    """A mailbox that an answer speaks of. The address is null for whoever may not see its domain, or when it is unknown."""

    mailbox_id: str
    address: str | None


class RuleRef(View, frozen=True, kw_only=True):
    """A rule as it was at the moment that was asked about."""

    rule_id: str
    pattern: str
    rank: int


class AliasRef(View, frozen=True, kw_only=True):
    """An alias as it was at the moment that was asked about."""

    alias_id: str
    address: str


class PassedOverView(View, frozen=True, kw_only=True):
    """What would have decided, had its mailbox not been deleted, or not unknown."""

    step: Step
    mailbox: MailboxRef
    rule: RuleRef | None
    alias: AliasRef | None
    reason: Literal["deleted", "unknown"]


class RecipientView(View, frozen=True, kw_only=True):
    """Who gets the mail for an address, and why. With the step `refused` nobody does.

    `domain_status` is null when the tenant did not hold the domain at that moment. Of rules that were passed over,
    fifty are told.
    """

    address: str
    at: datetime | None
    domain_status: DomainStatus | None
    step: Step
    mailbox: MailboxRef | None
    rule: RuleRef | None
    alias: AliasRef | None
    copy_to: MailboxRef | None
    passed_over: list[PassedOverView]


def rule_view(row: RuleRow, targets: Targets, remarks: Remarks | None) -> RuleView:
    """Show a rule."""
    warnings = [] if remarks is None else remarks.warnings
    return RuleView(
        rule_id=row.rule_id,
        domain=row.domain,
        pattern=row.pattern,
        rank=row.rank,
        target=targets.view(row.target_id, row.target_domain),
        status="dropped" if row.status == "dropped" else "active",
        warnings=[
            WarningView(code=each.code, rule_id=each.rule_id, pattern=each.pattern) for each in warnings
        ],
        warnings_complete=remarks is None or remarks.complete,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def alias_view(row: AliasRow, targets: Targets) -> AliasView:
    """Show an alias."""
    return AliasView(
        alias_id=row.alias_id,
        domain=row.domain,
        address=f"{row.local_part}@{row.domain}",
        local_part=row.local_part,
        target=targets.view(row.target_id, row.target_domain),
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def recipient_view(address: str, at: datetime | None, found: Resolution, targets: Targets) -> RecipientView:
    """Show who gets an address."""

    def mailbox(mailbox_id: str | None) -> MailboxRef | None:
        if mailbox_id is None:
            return None
        row = found.mailboxes.get(mailbox_id)
        return MailboxRef(mailbox_id=mailbox_id, address=None if row is None else targets.address(row))

    def rule(via: str | None) -> RuleRef | None:
        row = found.rules.get(via or "")
        return None if row is None else RuleRef(rule_id=row.rule_id, pattern=row.pattern, rank=row.rank)

    def alias(via: str | None) -> AliasRef | None:
        row = found.aliases.get(via or "")
        return (
            None if row is None else AliasRef(alias_id=row.alias_id, address=f"{row.local_part}@{row.domain}")
        )

    def passed_over(each: PassedOver) -> PassedOverView:
        passed = mailbox(each.mailbox_id)
        assert passed is not None
        return PassedOverView(
            step=each.step, mailbox=passed, rule=rule(each.via), alias=alias(each.via), reason=each.reason
        )

    route = found.route
    return RecipientView(
        address=address,
        at=at,
        domain_status=None if found.domain is None else found.domain.status,
        step=route.step,
        mailbox=mailbox(route.mailbox_id),
        rule=rule(route.via),
        alias=alias(route.via),
        copy_to=mailbox(route.copy_to),
        passed_over=[passed_over(each) for each in route.passed_over],
    )
