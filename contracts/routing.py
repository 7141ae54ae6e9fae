"""Where mail of a domain goes: collection rules, aliases, the catch-all and the contact. Stream key: the mail domain.

A target is a mailbox of the same tenant, in any of its domains; `target_domain` says in which. Only a target in the
stream's own domain is known to its writer; whether another exists is seen when mail is routed.
"""

from typing import Annotated, Final

from msgspec import Meta

from contracts.ids import LocalPart
from contracts.message import PERSONAL, Command, Event, UuidText

PATTERN_LENGTH_MAX: Final = 200
RANK_MAX: Final = 1_000_000
RANK_DEFAULT: Final = 1_000
RULES_MAX: Final = 10_000
"""Rules of one domain that are not removed."""
ALIASES_MAX: Final = 10_000
"""Aliases of one domain that are not removed: giving it up removes all of them in one decision."""

PatternText = Annotated[str, Meta(min_length=1, max_length=PATTERN_LENGTH_MAX)]
Rank = Annotated[int, Meta(ge=0, le=RANK_MAX)]
TargetDomain = Annotated[str, Meta(min_length=3, max_length=253, pattern="^[a-z0-9.-]+$")]
AliasLocalPart = Annotated[LocalPart, Meta(min_length=1, max_length=64, extra=PERSONAL)]


class AddRule(Command, frozen=True, kw_only=True, tag="add_rule"):
    """Deliver what matches a pattern to a mailbox. Rules are tried by rank, then longer literal text, then id."""

    rule_id: UuidText
    pattern: PatternText
    rank: Rank = RANK_DEFAULT
    target_id: UuidText
    target_domain: TargetDomain


class ChangeRule(Command, frozen=True, kw_only=True, tag="change_rule"):
    """Replace what a rule says."""

    rule_id: UuidText
    pattern: PatternText
    rank: Rank = RANK_DEFAULT
    target_id: UuidText
    target_domain: TargetDomain


class RemoveRule(Command, frozen=True, kw_only=True, tag="remove_rule"):
    """Remove a rule for good."""

    rule_id: UuidText


class AddAlias(Command, frozen=True, kw_only=True, tag="add_alias"):
    """Let another address lead to a mailbox. Mailboxes and aliases of a domain share one namespace."""

    alias_id: UuidText
    local_part: AliasLocalPart
    target_id: UuidText
    target_domain: TargetDomain


class RemoveAlias(Command, frozen=True, kw_only=True, tag="remove_alias"):
    """Remove an alias for good; its address is free at once."""

    alias_id: UuidText


class EnableCatchAll(Command, frozen=True, kw_only=True, tag="enable_catch_all"):
    """Deliver what nobody else gets to a main mailbox; `copy` also gives it a copy of what others get."""

    target_id: UuidText
    target_domain: TargetDomain
    copy: bool = False


class DisableCatchAll(Command, frozen=True, kw_only=True, tag="disable_catch_all"):
    """Refuse what nobody gets."""


class SetContact(Command, frozen=True, kw_only=True, tag="set_contact"):
    """Say who gets mail for `postmaster` and `abuse` when nobody else does; without a target, nobody."""

    target_id: UuidText | None = None
    target_domain: TargetDomain | None = None


class RuleAdded(Event, frozen=True, kw_only=True, tag="rule_added"):
    """The rule is tried from here on."""

    rule_id: str
    pattern: str
    rank: int
    target_id: str
    target_domain: str


class RuleChanged(Event, frozen=True, kw_only=True, tag="rule_changed"):
    """The rule says this from here on."""

    pattern: str
    rank: int
    target_id: str
    target_domain: str


class RuleRemoved(Event, frozen=True, kw_only=True, tag="rule_removed"):
    """The rule is gone."""


class RuleDropped(Event, frozen=True, kw_only=True, tag="rule_dropped"):
    """The rule went with the mailbox that it led to, and comes back with it."""

    mailbox_id: str


class RuleRestored(Event, frozen=True, kw_only=True, tag="rule_restored"):
    """The rule is back with its mailbox."""

    mailbox_id: str


class AliasAdded(Event, frozen=True, kw_only=True, tag="alias_added"):
    """The address leads to the mailbox from here on."""

    alias_id: str
    local_part: AliasLocalPart
    target_id: str
    target_domain: str


class AliasRemoved(Event, frozen=True, kw_only=True, tag="alias_removed"):
    """The address leads nowhere and is free."""


class CatchAllEnabled(Event, frozen=True, kw_only=True, tag="catch_all_enabled"):
    """What nobody else gets goes to this mailbox."""

    target_id: str
    target_domain: str
    copy: bool = False


class CatchAllDisabled(Event, frozen=True, kw_only=True, tag="catch_all_disabled"):
    """What nobody gets is refused."""


class ContactSet(Event, frozen=True, kw_only=True, tag="contact_set"):
    """Who gets mail for `postmaster` and `abuse` when nobody else does."""

    target_id: str | None = None
    target_domain: str | None = None


RoutingCommand = (
    AddRule | ChangeRule | RemoveRule | AddAlias | RemoveAlias | EnableCatchAll | DisableCatchAll | SetContact
)
RoutingEvent = (
    RuleAdded
    | RuleChanged
    | RuleRemoved
    | RuleDropped
    | RuleRestored
    | AliasAdded
    | AliasRemoved
    | CatchAllEnabled
    | CatchAllDisabled
    | ContactSet
)
