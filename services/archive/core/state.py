"""What the archive's writer knows of one mail domain: just what decisions need, lean enough for a million archives."""

from datetime import datetime

from msgspec import Struct, field

from contracts.archive import (
    ArchiveCommand,
    ArchiveKind,
    DestroyArchive,
    ExpireArchive,
    HoldScope,
    OpenArchive,
    PlaceHold,
    ReleaseHold,
    ReportArchivePacked,
    ReportArchivePurged,
    ReportArchiveReturned,
    ReportArchiveStored,
    ReportReturnFailed,
    ReturnArchive,
)
from contracts.ids import TenantId
from contracts.retrieval import Price
from contracts.views.archive import (
    OPEN_RETRIEVAL_STATES,
    ArchiveRow,
    ArchiveState,
    HoldRow,
    RetrievalRow,
    RetrievalState,
)


class Archive(Struct, gc=False):
    """One archive, also after its purge: its id must not be used again.

    `sha256` and `key_id` are those of the object that was packed; they go with the purge. The record is slotted and
    unknown to the garbage collector, because a writer holds a million of them.
    """

    tenant: TenantId
    mailbox_id: str
    kind: ArchiveKind
    generation: int
    expires_at: datetime
    retention_years: int
    empty: bool
    state: ArchiveState = "opened"
    sha256: str | None = None
    key_id: str | None = None
    blocked_by: tuple[str, ...] = ()
    destroyed_early: bool = False
    version: int = 1

    @property
    def over(self) -> bool:
        """Whether the archive is being destroyed, or is destroyed."""
        return self.state in ("expired", "purged")


class Hold(Struct, gc=False):
    """One hold, released or not. A released one keeps nothing but its id and whose it was."""

    tenant: TenantId
    by_provider: bool
    scope: HoldScope
    ids: tuple[str, ...]
    reason: str
    authority: str
    released: bool = False
    version: int = 1


class Retrieval(Struct, gc=False):
    """One retrieval. `left` are the archives that are not back yet, and `failed` counts those that can't come back."""

    tenant: TenantId
    archive_ids: tuple[str, ...]
    valid_until: datetime | None
    left: set[str]
    state: RetrievalState = "requested"
    price: Price | None = None
    reference: str | None = None
    failed: int = 0
    version: int = 1

    @property
    def paid(self) -> bool:
        """Whether the customer has a right to what is not back yet."""
        return self.state in ("paid", "restoring")


class ActiveHolds(Struct):
    """The ids of the holds that are not released, by what they name, so that what covers an archive is looked up."""

    on_domain: set[str] = field(default_factory=set[str])
    on_mailboxes: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    on_archives: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    count: dict[TenantId, int] = field(default_factory=dict[TenantId, int])

    def add(self, hold_id: str, hold: Hold) -> None:
        """Let the hold count."""
        self.count[hold.tenant] = self.count.get(hold.tenant, 0) + 1
        if hold.scope == "domain":
            self.on_domain.add(hold_id)
            return
        named = self._named(hold.scope)
        for each in hold.ids:
            named.setdefault(each, set()).add(hold_id)

    def remove(self, hold_id: str, hold: Hold) -> None:
        """Let the hold count no longer."""
        self.count[hold.tenant] -= 1
        if not self.count[hold.tenant]:
            del self.count[hold.tenant]
        if hold.scope == "domain":
            self.on_domain.discard(hold_id)
            return
        named = self._named(hold.scope)
        for each in set(hold.ids):
            named[each].discard(hold_id)
            if not named[each]:
                del named[each]

    def _named(self, scope: HoldScope) -> dict[str, set[str]]:
        return self.on_mailboxes if scope == "mailboxes" else self.on_archives


class DomainArchives(Struct):
    """All archives, holds and retrievals of one mail domain by id, whichever tenant's, and what is looked up in them.

    `retrieval_of` gives the open retrieval that an archive is in.
    """

    archives: dict[str, Archive] = field(default_factory=dict[str, Archive])
    holds: dict[str, Hold] = field(default_factory=dict[str, Hold])
    retrievals: dict[str, Retrieval] = field(default_factory=dict[str, Retrieval])
    active_holds: ActiveHolds = field(default_factory=ActiveHolds)
    retrieval_of: dict[str, str] = field(default_factory=dict[str, str])
    tenants: dict[TenantId, TenantId] = field(default_factory=dict[TenantId, TenantId])

    @classmethod
    def unknown(cls, _stream: str) -> "DomainArchives":
        """Give the state of a domain before its first event."""
        return cls()

    def version_of(self, subject: str) -> int:
        """Give the version of an archive, hold or retrieval; 0 when there is none of that id."""
        thing = self.archives.get(subject) or self.holds.get(subject) or self.retrievals.get(subject)
        return 0 if thing is None else thing.version

    def shared(self, tenant: str) -> TenantId:
        """Give the tenant id: one text for a million archives, not a million equal ones."""
        return self.tenants.setdefault(TenantId(tenant), TenantId(tenant))

    def covering(self, archive_id: str, archive: Archive) -> tuple[str, ...]:
        """Give the holds that keep an archive, sorted. Another tenant's holds keep nothing of this one's."""
        active = self.active_holds
        found = active.on_domain.union(
            active.on_mailboxes.get(archive.mailbox_id, ()), active.on_archives.get(archive_id, ())
        )
        return tuple(sorted(each for each in found if self.holds[each].tenant == archive.tenant))

    def retrieving(self, archive_id: str) -> Retrieval | None:
        """Give the open retrieval in which the archive is not back yet."""
        retrieval_id = self.retrieval_of.get(archive_id)
        retrieval = None if retrieval_id is None else self.retrievals[retrieval_id]
        return retrieval if retrieval is not None and archive_id in retrieval.left else None

    def add_hold(self, hold_id: str, hold: Hold) -> None:
        """Make a hold known under its id, and under what it names while it is not released."""
        self.holds[hold_id] = hold
        if not hold.released:
            self.active_holds.add(hold_id, hold)

    def release_hold(self, hold_id: str) -> None:
        """Forget what a hold was about."""
        hold = self.holds[hold_id]
        self.active_holds.remove(hold_id, hold)
        hold.released, hold.ids, hold.reason, hold.authority = True, (), "", ""

    def add_retrieval(self, retrieval_id: str, retrieval: Retrieval) -> None:
        """Make a retrieval known under its id, and under its archives while it is open."""
        self.retrievals[retrieval_id] = retrieval
        if retrieval.state in OPEN_RETRIEVAL_STATES:
            self.retrieval_of.update(dict.fromkeys(retrieval.archive_ids, retrieval_id))

    def close_retrieval(self, retrieval: Retrieval, state: RetrievalState) -> None:
        """End a retrieval, which frees its archives for others."""
        retrieval.state, retrieval.valid_until = state, None
        for each in retrieval.archive_ids:
            del self.retrieval_of[each]

    def adopt_archive(self, row: ArchiveRow) -> None:
        """Take in an archive from the read model; called once for each of them, in any order."""
        content = None if row.state == "purged" else row.content
        self.archives[row.archive_id] = Archive(
            tenant=self.shared(row.tenant),
            mailbox_id=row.mailbox_id,
            kind=row.kind,
            generation=row.generation,
            expires_at=row.expires_at,
            retention_years=row.retention_years,
            empty=row.empty,
            state=row.state,
            sha256=None if content is None else content.sha256,
            key_id=None if content is None else content.key_id,
            blocked_by=tuple(row.blocked_by),
            destroyed_early=row.destroyed_early,
            version=row.version,
        )

    def adopt_hold(self, row: HoldRow) -> None:
        """Take in a hold from the read model; called once for each of them, in any order."""
        hold = Hold(
            tenant=self.shared(row.tenant),
            by_provider=row.by_provider,
            scope=row.scope,
            ids=() if row.released else tuple(row.ids),
            reason="" if row.released else row.reason,
            authority="" if row.released else row.authority,
            released=row.released,
            version=row.version,
        )
        self.add_hold(row.hold_id, hold)

    def adopt_retrieval(self, row: RetrievalRow) -> None:
        """Take in a retrieval from the read model; called once for each of them, in any order."""
        retrieval = Retrieval(
            tenant=self.shared(row.tenant),
            archive_ids=tuple(item.archive_id for item in row.items),
            valid_until=row.valid_until,
            left={item.archive_id for item in row.items if not item.ended},
            state=row.state,
            price=row.price,
            reference=row.reference,
            failed=sum(item.refusal is not None for item in row.items),
            version=row.version,
        )
        self.add_retrieval(row.retrieval_id, retrieval)


def subject_of(command: ArchiveCommand, _state: DomainArchives) -> str:
    """Give what the command is about: the id of an archive, a hold or a retrieval."""
    match command:
        case PlaceHold() | ReleaseHold():
            return command.hold_id
        case (
            OpenArchive()
            | ReportArchivePacked()
            | ReportArchiveStored()
            | ReturnArchive()
            | ReportArchiveReturned()
            | ReportReturnFailed()
            | ExpireArchive()
            | DestroyArchive()
            | ReportArchivePurged()
        ):
            return command.archive_id
        case _:
            return command.retrieval_id
