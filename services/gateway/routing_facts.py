"""The events that change where mail goes, kept as rows, so that any past moment can be folded from a few of them."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from contracts.envelope import EventEnvelope
from contracts.ids import ActorName, CommandId, EventId, TenantId
from contracts.mailbox import (
    DomainActivated,
    DomainClosing,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainResumedWithTenant,
    DomainSuspended,
    DomainSuspendedWithTenant,
    MailboxDeleted,
    MailboxEvent,
    MailboxRestored,
)
from contracts.message import tag_of
from contracts.patterns import parse_pattern
from contracts.routing import AliasAdded, RoutingEvent, RuleAdded, RuleChanged
from contracts.views.mailbox import DomainRow, fold_domain
from contracts.views.routing import AliasRow, RuleRow, alias_of, fold_alias, fold_rule, rule_of

_DomainFact = (
    DomainRegistered
    | DomainActivated
    | DomainSuspended
    | DomainResumed
    | DomainSuspendedWithTenant
    | DomainResumedWithTenant
    | DomainClosing
    | DomainRemoved
)
_Fact = _DomainFact | RoutingEvent | MailboxDeleted | MailboxRestored


class RoutingFactRow(Struct, kw_only=True):
    """One event. `kind` is its tag, `event` its data as JSON; of a mailbox's deletion and restoration the kind is all.

    `prefix` and `suffix` are those of a rule's pattern, `local_part` is an alias's: by these a fact is found.
    """

    event_id: str
    tenant: str
    domain: str
    subject: str
    streamseq: int
    version: int
    at: datetime
    kind: str
    prefix: str | None
    suffix: str | None
    local_part: str | None
    event: str


def fact_of(event: EventEnvelope[MailboxEvent]) -> str | None:
    """The key of the row that an event becomes, if where mail goes may depend on it."""
    return event.id if isinstance(event.data, _Fact) else None


def fold_fact(_: RoutingFactRow | None, event: EventEnvelope[MailboxEvent]) -> RoutingFactRow:
    """The row of an event."""
    data = event.data
    pattern = parse_pattern(data.pattern) if isinstance(data, RuleAdded | RuleChanged) else None
    of_mailbox = isinstance(data, MailboxDeleted | MailboxRestored)
    return RoutingFactRow(
        event_id=event.id,
        tenant=event.tenant,
        domain=event.stream,
        subject=event.subject,
        streamseq=event.streamseq,
        version=event.version,
        at=event.time,
        kind=tag_of(data),
        prefix=None if pattern is None else pattern.prefix,
        suffix=None if pattern is None else pattern.suffix,
        local_part=data.local_part if isinstance(data, AliasAdded) else None,
        event="" if of_mailbox else msgspec.json.encode(data).decode(),
    )


class RoutingPast(Struct):
    """What a domain's facts, told in order, have made of it: itself, and some of its rules and aliases."""

    domain: DomainRow | None = None
    rules: dict[str, RuleRow] = field(default_factory=dict[str, RuleRow])
    aliases: dict[str, AliasRow] = field(default_factory=dict[str, AliasRow])

    def tell(self, fact: RoutingFactRow) -> None:
        """Take in the next fact. One of a domain whose registration was not told is passed over."""
        event = _event_of(fact)
        if (rule_id := rule_of(event)) is not None:
            rule = fold_rule(self.rules.get(rule_id), event)
            if rule is not None:
                self.rules[rule_id] = rule
        elif (alias_id := alias_of(event)) is not None:
            alias = fold_alias(self.aliases.get(alias_id), event)
            if alias is not None:
                self.aliases[alias_id] = alias
        elif self.domain is not None or isinstance(event.data, DomainRegistered):
            self.domain = fold_domain(self.domain, event)


_decode: Final = msgspec.json.Decoder(_DomainFact | RoutingEvent).decode


def _event_of(fact: RoutingFactRow) -> EventEnvelope[MailboxEvent]:
    """The event as far as folds look at it; its place in the hash chain is not theirs."""
    return EventEnvelope(
        id=EventId(fact.event_id),
        source="",
        type=fact.kind,
        subject=fact.subject,
        time=fact.at,
        tenant=TenantId(fact.tenant),
        stream=fact.domain,
        streamseq=fact.streamseq,
        version=fact.version,
        command=CommandId(""),
        part="",
        correlation="",
        causation="",
        actor=ActorName(""),
        writer=0,
        prevhash="",
        data=_decode(fact.event),
    )
