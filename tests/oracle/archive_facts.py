"""What the rules of one domain's archives need to know, and what several of them ask."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from contracts.archive import Content
from contracts.envelope import EventEnvelope
from contracts.retrieval import Price

Event = EventEnvelope[Any]


class ArchiveFacts(Struct):
    """What the rules need to know of an archive. `told_by` is the command of the newest event about it."""

    tenant: str
    mailbox_id: str
    kind: str
    expires_at: datetime
    retention_years: int
    empty: bool
    told_by: str
    state: str = "opened"
    content: Content | None = None
    blocked_by: tuple[str, ...] = ()
    early: bool = False


class HoldFacts(Struct):
    """What the rules need to know of a hold."""

    tenant: str
    scope: str
    ids: tuple[str, ...]
    by_provider: bool
    released: bool = False


class RetrievalFacts(Struct):
    """What the rules need to know of a retrieval. `left` are the archives that have not ended."""

    tenant: str
    archive_ids: tuple[str, ...]
    left: set[str]
    valid_until: datetime
    asked_by: str
    state: str = "requested"
    price: Price | None = None
    failed: int = 0

    @property
    def open(self) -> bool:
        """Whether it is neither restored nor given up."""
        return self.state in ("requested", "quoted", "accepted", "paid", "restoring")

    @property
    def paid(self) -> bool:
        """Whether it is open, and the customer has paid."""
        return self.state in ("paid", "restoring")


class DomainArchiveFacts(Struct):
    """What the rules need to know of a domain's archives.

    `generations` are those that have an archive, by mailbox; `ended_by` names the command that ended an archive of an
    open retrieval, until the end of the retrieval has to have followed.
    """

    archives: dict[str, ArchiveFacts] = field(default_factory=dict[str, ArchiveFacts])
    holds: dict[str, HoldFacts] = field(default_factory=dict[str, HoldFacts])
    retrievals: dict[str, RetrievalFacts] = field(default_factory=dict[str, RetrievalFacts])
    generations: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    active_holds: set[str] = field(default_factory=set[str])
    open_retrievals: dict[str, str] = field(default_factory=dict[str, str])
    ended_by: dict[str, str] = field(default_factory=dict[str, str])

    def is_known(self, subject: str) -> bool:
        """Say whether the id is that of anything here."""
        return subject in self.archives or subject in self.holds or subject in self.retrievals

    def holds_on(self, archive_id: str) -> tuple[str, ...]:
        """Give the holds that keep an archive, sorted."""
        archive = self.archives[archive_id]
        found: list[str] = []
        for hold_id in self.active_holds:
            hold = self.holds[hold_id]
            named = {"archives": archive_id, "mailboxes": archive.mailbox_id}.get(hold.scope)
            if hold.tenant == archive.tenant and (named is None or named in hold.ids):
                found.append(hold_id)
        return tuple(sorted(found))

    def retrieval_of(self, archive_id: str) -> RetrievalFacts | None:
        """Give the open retrieval in which an archive has not ended."""
        retrieval = self.retrievals.get(self.open_retrievals.get(archive_id, ""))
        return retrieval if retrieval is not None and archive_id in retrieval.left else None
