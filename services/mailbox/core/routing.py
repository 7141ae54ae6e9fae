"""What the writer knows of a domain's routing: rules and aliases, removed ones too, and where the rest of mail goes."""

from msgspec import Struct, field

from contracts.ids import LocalPart, TenantId
from contracts.views.routing import RuleStatus


class Destination(Struct, frozen=True, gc=False):
    """The mailbox that something leads to, and its domain."""

    mailbox_id: str
    domain: str

    @classmethod
    def of(cls, mailbox_id: str | None, domain: str | None) -> "Destination | None":
        """Give the destination that two columns name, if they name one."""
        return None if mailbox_id is None or domain is None else cls(mailbox_id, domain)


class Rule(Struct, gc=False):
    """One rule. `tenant` is who held the domain when it was added; a removed one is remembered for its version."""

    rule_id: str
    tenant: TenantId
    pattern: str
    rank: int
    target: Destination
    status: RuleStatus = "active"
    dropped_with: str | None = None
    version: int = 1


class Alias(Struct, gc=False):
    """One alias. A removed one is remembered for its version; its address is free."""

    alias_id: str
    tenant: TenantId
    local_part: LocalPart
    target: Destination
    removed: bool = False
    version: int = 1


class Routing(Struct, kw_only=True):
    """Where mail of one domain goes besides its mailboxes.

    `rules_to` finds the rules that lead to a mailbox, so that deleting one does not look at all of them; it and
    `alias_at` know no removed ones.
    """

    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])
    rules_to: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    rule_count: int = 0
    aliases: dict[str, Alias] = field(default_factory=dict[str, Alias])
    alias_at: dict[str, Alias] = field(default_factory=dict[str, Alias])
    catch_all: Destination | None = None
    copies: bool = False
    contact: Destination | None = None

    def add_rule(self, rule: Rule) -> None:
        """Make a rule known."""
        self.rules[rule.rule_id] = rule
        if rule.status != "removed":
            self.rule_count += 1
            self.rules_to.setdefault(rule.target.mailbox_id, set()).add(rule.rule_id)

    def retarget(self, rule: Rule, target: Destination) -> None:
        """Let a rule lead elsewhere."""
        self._forget_target(rule)
        rule.target = target
        self.rules_to.setdefault(target.mailbox_id, set()).add(rule.rule_id)

    def remove_rule(self, rule: Rule) -> None:
        """Let a rule be no more than its version."""
        self._forget_target(rule)
        self.rule_count -= 1
        rule.status, rule.dropped_with = "removed", None

    def rules_of(self, mailbox_id: str) -> list[Rule]:
        """Give the rules that lead to a mailbox, dropped ones too, in the order of their ids."""
        return [self.rules[rule_id] for rule_id in sorted(self.rules_to.get(mailbox_id, ()))]

    def add_alias(self, alias: Alias) -> None:
        """Make an alias known under its id and, unless removed, its address."""
        self.aliases[alias.alias_id] = alias
        if not alias.removed:
            self.alias_at[alias.local_part] = alias

    def remove_alias(self, alias: Alias) -> None:
        """Let an alias be no more than its version."""
        alias.removed = True
        del self.alias_at[alias.local_part]

    def _forget_target(self, rule: Rule) -> None:
        leading = self.rules_to[rule.target.mailbox_id]
        leading.discard(rule.rule_id)
        if not leading:
            del self.rules_to[rule.target.mailbox_id]
