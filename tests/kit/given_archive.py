"""The customer's words for tests about archives, holds and retrievals. Archives and their mailboxes are named alike.

The archive's service orders unless a test says who else does. Time stands still at noon; an archive expires a year later.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from contracts import archive as a
from contracts import retrieval as r
from contracts.decision import Accepted, Refused
from contracts.ids import ActorName, CredentialId, SealKeyId
from contracts.outcome import RefusalCode
from services.archive.core import decide, fold, state
from services.archive.core.state import DomainArchives
from tests.kit.given import (
    DOMAIN,
    NOON,
    US,
    Core,
    Happened,
    Scenario,
    an_id,
    archive_id,
    mailbox_id,
    one_year_later,
)

SYSTEM: Final = ActorName("system:archive")
OPERATOR: Final = ActorName("operator:root")
OWNER: Final = ActorName("user:owner")
MICROSECOND: Final = timedelta(microseconds=1)
thirty_days_later: Final = NOON + timedelta(days=r.QUOTE_DAYS)

HEAD: Final = a.ChainHead(streamseq=9, sha256="9" * 64)
FIFTY: Final = r.Price(amount=5_000, currency="EUR")
NINETY: Final = r.Price(amount=9_000, currency="EUR")

ARCHIVE_CORE: Final = Core[DomainArchives, a.ArchiveCommand, a.ArchiveEvent](
    new_state=DomainArchives.unknown,
    subject_of=state.subject_of,
    version_of=DomainArchives.version_of,
    decide=decide.decide,
    evolve=fold.evolve,
)

Facts = tuple[Happened[a.ArchiveEvent], ...]
ArchiveScenario = Scenario[DomainArchives, a.ArchiveCommand, a.ArchiveEvent]


def given_archives(*facts: Facts, actor: ActorName = SYSTEM) -> ArchiveScenario:
    """Start with a mail domain of whose archives this is known."""
    return Scenario(ARCHIVE_CORE, DOMAIN, facts, actor)


def hold_id(name: str) -> str:
    """Give the id of the hold of that name."""
    return an_id(f"hold {name}")


def retrieval_id(name: str) -> str:
    """Give the id of the retrieval of that name."""
    return an_id(f"retrieval {name}")


def content(name: str, attempt: int = 1) -> a.Content:
    """Tell what was packed of the mailbox of that name; another attempt at it has another blob."""
    return a.Content(
        messages=3,
        size_bytes=3_000,
        packed_bytes=1_000,
        sha256=f"{attempt:064x}",
        blob=f"archives/{archive_id(name)}/{attempt}",
        key_id=an_id(f"key {name}"),
    )


def an_archive(
    name: str, *, until: datetime = one_year_later, empty: bool = False, of: Any = US, kind: Any = "deleted"
) -> Facts:
    """Say that an archive was opened; an empty one is stored then, too."""
    opened = archive_opened(name, until=until, empty=empty, kind=kind)
    events: tuple[a.ArchiveEvent, ...] = (opened, a.ArchiveStored()) if empty else (opened,)
    return tuple(Happened(each, archive_id(name), of, SYSTEM) for each in events)


def a_packed_archive(name: str, **how: Any) -> Facts:
    """Say that an archive was opened and packed."""
    return (
        *an_archive(name, **how),
        *it_happened(name, a.ArchivePacked(content=content(name)), **_whose(how)),
    )


def a_stored_archive(name: str, **how: Any) -> Facts:
    """Say that an archive was opened, packed and stored."""
    return (*a_packed_archive(name, **how), *it_happened(name, a.ArchiveStored(), **_whose(how)))


def it_happened(name: str, *events: a.ArchiveEvent, of: Any = US) -> Facts:
    """Say that something happened to the archive of that name."""
    return tuple(Happened(each, archive_id(name), of, SYSTEM) for each in events)


def a_hold(name: str, scope: a.HoldScope, *ids: str, by_provider: bool = False, of: Any = US) -> Facts:
    """Say that a hold was placed."""
    return (Happened(hold_placed(scope, *ids, by_provider=by_provider), hold_id(name), of),)


def a_released_hold(name: str, scope: a.HoldScope, *ids: str) -> Facts:
    """Say that a hold was placed and released."""
    return (*a_hold(name, scope, *ids), Happened(a.HoldReleased(), hold_id(name)))


def a_retrieval(name: str, *archives: str, until: datetime = thirty_days_later, of: Any = US) -> Facts:
    """Say that archives were asked back."""
    return (Happened(retrieval_requested(*archives, until=until), retrieval_id(name), of),)


def a_quoted_retrieval(
    name: str, *archives: str, price: r.Price = FIFTY, until: datetime = thirty_days_later
) -> Facts:
    """Say that a price was named for archives that were asked back."""
    return (*a_retrieval(name, *archives, until=until), *it_went_on(name, retrieval_quoted(price, until)))


def an_accepted_retrieval(name: str, *archives: str, until: datetime = thirty_days_later) -> Facts:
    """Say that the price was accepted."""
    accepted = r.RetrievalAccepted(valid_until=until)
    return (*a_quoted_retrieval(name, *archives, until=until), *it_went_on(name, accepted))


def a_paid_retrieval(name: str, *archives: str) -> Facts:
    """Say that the price came in."""
    paid = r.RetrievalPaid(price=FIFTY, reference="bank 1")
    return (*an_accepted_retrieval(name, *archives), *it_went_on(name, paid))


def it_went_on(name: str, *events: r.RetrievalEvent) -> Facts:
    """Say that something happened to the retrieval of that name."""
    return tuple(Happened(each, retrieval_id(name), US, OPERATOR) for each in events)


def open_archive(
    name: str, *, empty: bool = False, generation: int = 2, mailbox: str | None = None, kind: Any = "deleted"
) -> a.OpenArchive:
    """Order an archive. `mailbox` names its mailbox where that is another one's."""
    return a.OpenArchive(
        archive_id=archive_id(name),
        mailbox_id=mailbox_id(mailbox or name),
        kind=kind,
        generation=generation,
        expires_at=one_year_later,
        retention_years=1,
        empty=empty,
    )


def report_packed(name: str, attempt: int = 1) -> a.ReportArchivePacked:
    """Report that the content is packed."""
    return a.ReportArchivePacked(archive_id=archive_id(name), content=content(name, attempt))


def report_return_failed(name: str) -> a.ReportReturnFailed:
    """Report that the content could not be given back, because the mailbox is purged."""
    return a.ReportReturnFailed(archive_id=archive_id(name), refusal=RefusalCode.MAILBOX_PURGED)


def report_purged(name: str, *, mailbox: bool = True) -> a.ReportArchivePurged:
    """Report that all is destroyed, the credential too if the mailbox went with it."""
    credential = an_id(f"credential {name}") if mailbox else None
    return a.ReportArchivePurged(
        archive_id=archive_id(name), mailbox_purged=mailbox, credential_id=credential, head=HEAD
    )


def place_hold(
    name: str, scope: a.HoldScope, *ids: str, reason: str = "a dispute", authority: str = "court 7"
) -> a.PlaceHold:
    """Order a hold."""
    return a.PlaceHold(hold_id=hold_id(name), scope=scope, ids=ids, reason=reason, authority=authority)


def request_retrieval(name: str, *archives: str, price: r.Price | None = None) -> r.RequestRetrieval:
    """Ask for archives back. `price` is that of the list."""
    return r.RequestRetrieval(
        retrieval_id=retrieval_id(name),
        archive_ids=tuple(archive_id(each) for each in archives),
        fixed_price=price,
    )


def pay_retrieval(name: str, price: r.Price = FIFTY, reference: str = "bank 1") -> r.PayRetrieval:
    """Record that the price came in."""
    return r.PayRetrieval(retrieval_id=retrieval_id(name), price=price, reference=reference)


def archive_opened(
    name: str, *, until: datetime = one_year_later, empty: bool = False, kind: Any = "deleted"
) -> a.ArchiveOpened:
    """Tell that an archive was opened."""
    return a.ArchiveOpened(
        mailbox_id=mailbox_id(name),
        kind=kind,
        generation=2,
        expires_at=until,
        retention_years=1,
        empty=empty,
    )


def archive_purged(
    name: str, *, early: bool = False, empty: bool = False, mailbox: bool = True
) -> a.ArchivePurged:
    """Tell that nothing is left of the archive of a deleted mailbox."""
    packed = content(name)
    return a.ArchivePurged(
        mailbox_id=mailbox_id(name),
        kind="deleted",
        mailbox_purged=mailbox,
        early=early,
        retention_years=1,
        expires_at=one_year_later,
        key_id=None if empty else SealKeyId(packed.key_id),
        sha256=None if empty else packed.sha256,
        credential_id=CredentialId(an_id(f"credential {name}")) if mailbox else None,
        head=HEAD,
    )


def hold_placed(scope: a.HoldScope, *ids: str, by_provider: bool = False) -> a.HoldPlaced:
    """Tell that a hold was placed."""
    return a.HoldPlaced(
        scope=scope, ids=ids, reason="a dispute", authority="court 7", by_provider=by_provider
    )


def retrieval_requested(*archives: str, until: datetime = thirty_days_later) -> r.RetrievalRequested:
    """Tell that archives were asked back."""
    return r.RetrievalRequested(archive_ids=tuple(archive_id(each) for each in archives), valid_until=until)


def retrieval_quoted(
    price: r.Price = FIFTY, until: datetime = thirty_days_later, *, fixed: bool = False
) -> r.RetrievalQuoted:
    """Tell that a price was named."""
    return r.RetrievalQuoted(price=price, valid_until=until, fixed=fixed)


def also(decision: Accepted[a.ArchiveEvent] | Refused) -> list[tuple[str, a.ArchiveEvent]]:
    """Give what a decision tells of other subjects than its own."""
    assert isinstance(decision, Accepted), f"refused: {decision}"
    return [(each.subject, each.event) for each in decision.also]


def _whose(how: dict[str, Any]) -> dict[str, Any]:
    return {"of": how["of"]} if "of" in how else {}
