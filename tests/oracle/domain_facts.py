"""What the rules of one mail domain need to know of it, and what several of them ask."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from contracts.addresses import AddressError, parse_local_part
from contracts.envelope import EventEnvelope

Event = EventEnvelope[Any]


class MailboxFacts(Struct, gc=False):
    """What the rules need to know of a mailbox. One that was purged has no address."""

    tenant: str
    local_part: str
    credential_id: str | None
    note: str
    archive_id: str | None = None
    generation: int = 1
    suspended: bool = False
    self_service: bool = False
    deleted_at: datetime | None = None
    expires_at: datetime | None = None


class RuleFacts(Struct):
    """What the rules need to know of a collection rule. Without content it is removed."""

    tenant: str
    content: tuple[Any, ...] | None
    target_id: str
    dropped_with: str | None = None


class DomainFacts(Struct):
    """What the rules need to know of a domain.

    `addresses` holds those of mailboxes, in quarantine too, `aliases` those of aliases that are not removed, by id.
    """

    tenant: str = ""
    state: str = "unknown"
    suspended: bool = False
    suspended_with_tenant: bool = False
    registered_at: datetime | None = None
    assigned_to: str | None = None
    limit: int | None = None
    group_id: str | None = None
    followed_tenant: int = 0
    followed_group: int = 0
    in_use: int = 0
    mailboxes: dict[str, MailboxFacts] = field(default_factory=dict[str, MailboxFacts])
    addresses: set[str] = field(default_factory=set[str])
    rules: dict[str, RuleFacts] = field(default_factory=dict[str, RuleFacts])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    removed_aliases: set[str] = field(default_factory=set[str])
    catch_all: tuple[str, str, bool] | None = None
    contact: tuple[str, str] | None = None
    removed_by: str = ""
    deleted_by: dict[str, str] = field(default_factory=dict[str, str])
    purged_by: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def status(self) -> str:
        """How the domain stands for everybody."""
        if self.state == "active" and (self.suspended or self.suspended_with_tenant):
            return "suspended"
        return self.state

    def is_receiving(self, mailbox_id: str) -> bool:
        """Say whether a mailbox of this domain is there and its holder's."""
        mailbox = self.mailboxes.get(mailbox_id)
        if mailbox is None or not mailbox.local_part:
            return False
        return mailbox.archive_id is None and mailbox.tenant == self.tenant


def by_the_provider(event: Event) -> bool:
    """Say whether the system or an operator ordered it."""
    return event.actor.startswith(("system:", "operator:"))


def in_one_form(local_part: str) -> bool:
    """Say whether an address is written as it is kept."""
    try:
        return parse_local_part(local_part) == local_part
    except AddressError:
        return False
