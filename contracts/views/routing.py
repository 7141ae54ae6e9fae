"""Collection rules and aliases as their readers know them."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from contracts.envelope import EventEnvelope
from contracts.mailbox import MailboxEvent
from contracts.patterns import parse_pattern
from contracts.routing import (
    AliasAdded,
    AliasRemoved,
    RuleAdded,
    RuleChanged,
    RuleDropped,
    RuleRemoved,
    RuleRestored,
)

RuleStatus = Literal["active", "dropped", "removed"]

RuleOwnEvent = RuleAdded | RuleChanged | RuleRemoved | RuleDropped | RuleRestored
AliasOwnEvent = AliasAdded | AliasRemoved


class RuleRow(Struct, kw_only=True):
    """A collection rule, also after it was removed. `dropped_with` is the mailbox that took it along.

    `prefix`, `suffix`, `literals` and `regex` follow from the pattern, so that a database can find and order the
    rules that may match.
    """

    rule_id: str
    tenant: str
    domain: str
    pattern: str
    rank: int
    prefix: str
    suffix: str
    literals: int
    regex: str
    target_id: str
    target_domain: str
    status: RuleStatus
    dropped_with: str | None
    version: int
    created_at: datetime
    changed_at: datetime


class AliasRow(Struct, kw_only=True):
    """An alias, also after it was removed."""

    alias_id: str
    tenant: str
    domain: str
    local_part: str
    target_id: str
    target_domain: str
    removed: bool
    version: int
    created_at: datetime
    changed_at: datetime


def fold_rule(row: RuleRow | None, event: EventEnvelope[MailboxEvent]) -> RuleRow | None:
    """The rule after the event; an event of something else changes no rule."""
    data = event.data
    if isinstance(data, RuleAdded):
        return _added(event, data)
    if row is None:
        return None
    match data:
        case RuleChanged():
            pattern = parse_pattern(data.pattern)
            row.pattern, row.rank = data.pattern, data.rank
            row.prefix, row.suffix = pattern.prefix, pattern.suffix
            row.literals, row.regex = pattern.literals, pattern.regex
            row.target_id, row.target_domain = data.target_id, data.target_domain
        case RuleRemoved():
            row.status, row.dropped_with = "removed", None
        case RuleDropped(mailbox_id=mailbox_id):
            row.status, row.dropped_with = "dropped", mailbox_id
        case RuleRestored():
            row.status, row.dropped_with = "active", None
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def _added(event: EventEnvelope[MailboxEvent], data: RuleAdded) -> RuleRow:
    pattern = parse_pattern(data.pattern)
    return RuleRow(
        rule_id=data.rule_id,
        tenant=event.tenant,
        domain=event.stream,
        pattern=data.pattern,
        rank=data.rank,
        prefix=pattern.prefix,
        suffix=pattern.suffix,
        literals=pattern.literals,
        regex=pattern.regex,
        target_id=data.target_id,
        target_domain=data.target_domain,
        status="active",
        dropped_with=None,
        version=event.version,
        created_at=event.time,
        changed_at=event.time,
    )


def fold_alias(row: AliasRow | None, event: EventEnvelope[MailboxEvent]) -> AliasRow | None:
    """The alias after the event; an event of something else changes no alias."""
    data = event.data
    if isinstance(data, AliasAdded):
        return AliasRow(
            alias_id=data.alias_id,
            tenant=event.tenant,
            domain=event.stream,
            local_part=data.local_part,
            target_id=data.target_id,
            target_domain=data.target_domain,
            removed=False,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None or not isinstance(data, AliasRemoved):
        return row
    row.removed = True
    row.version = event.version
    row.changed_at = event.time
    return row


def rule_of(event: EventEnvelope[Any]) -> str | None:
    """The rule that an event of a domain's stream is about, if it is about one."""
    return event.subject if isinstance(event.data, RuleOwnEvent) else None


def alias_of(event: EventEnvelope[Any]) -> str | None:
    """The alias that an event of a domain's stream is about, if it is about one."""
    return event.subject if isinstance(event.data, AliasOwnEvent) else None
