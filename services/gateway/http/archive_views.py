"""Archives, their certificates, holds and retrievals as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from contracts.archive import ArchiveKind, ChainHead, HoldScope
from contracts.listing import ShownArchiveState
from contracts.retrieval import Price
from contracts.topics import ARCHIVE, MAILBOX
from contracts.views.archive import Certificate, HoldRow, RetrievalItem, RetrievalRow, RetrievalState
from services.gateway.archive_queries import ListedArchive
from services.gateway.http.problems import title_of
from services.gateway.http.views import Page, View


class ArchiveView(View, frozen=True, kw_only=True):
    """Content that was put away when its mailbox was cleaned or deleted.

    The state is `held` while a hold keeps a stored archive; `hold_ids` are those of the holds, a hundred at most. The
    counts are null until the content is packed. `expires_in_s` counts down to `expires_at`, and is null once the archive is
    over. `returned` says that the mailbox got the content back at least once, `retrieval_id` who is getting it back now.
    `certificate` is where the proof of a purge is; the address is null once the mailbox is purged, too.
    """

    archive_id: str
    address: str | None
    domain: str
    mailbox_id: str
    kind: ArchiveKind
    generation: int
    state: ShownArchiveState
    hold_ids: list[str]
    empty: bool
    messages: int | None
    size_bytes: int | None
    retention_years: int
    expires_at: datetime
    expires_in_s: int | None
    returned: bool
    destroyed_early: bool
    retrieval_id: str | None
    certificate: str | None
    version: int
    created_at: datetime
    changed_at: datetime


class PolicyView(View, frozen=True, kw_only=True):
    """Under which policy an archive was kept: for so many years, until that instant (UTC)."""

    retention_years: int
    expires_at: datetime


class DestroyedView(View, frozen=True, kw_only=True):
    """What was destroyed: the key of the content, the password's hash, and the sealed object by its SHA-256.

    An empty archive has neither key nor object; a mailbox that lives on keeps its password.
    """

    key_id: str | None
    credential_id: str | None
    object_sha256: str | None


class EventPlaceView(View, frozen=True, kw_only=True):
    """The event that the certificate is taken from, in the stream of the domain's archives.

    `prevhash` is the SHA-256 of the value of the event before it in that stream, and of this event's own value there is
    one in the event after it.
    """

    topic: str
    stream: str
    streamseq: int
    event_id: str
    prevhash: str


class MailboxHeadView(View, frozen=True, kw_only=True):
    """What the mailbox's own purge followed in the stream of the domain's mailboxes: that event's number and SHA-256."""

    topic: str
    stream: str
    streamseq: int
    sha256: str


class CertificateView(View, frozen=True, kw_only=True):
    """What proves that an archive is gone for good. It is not signed: the log proves it.

    `event` says where its event is. Read the topic with any Kafka client, keep the records whose key is `stream`, in order:
    the SHA-256 of each value is the `prevhash` of the next one. So it is proven that the event stands where it says, and
    nothing before it was altered or left out. `mailbox_head` is to be found in its topic likewise; it is null where the
    mailbox lives on. docs/api.md shows how.

    `ended_by` is who or what ended the archive, `reason` what they said if it was before its time, `purged_by` who destroyed it.
    """

    archive_id: str
    tenant: str
    domain: str
    mailbox_id: str
    kind: ArchiveKind
    mailbox_purged: bool
    early: bool
    reason: str
    ended_by: str
    purged_by: str
    purged_at: datetime
    policy: PolicyView
    destroyed: DestroyedView
    event: EventPlaceView
    mailbox_head: MailboxHeadView | None


class HoldView(View, frozen=True, kw_only=True):
    """A hold: what it covers does not expire. `ids` are of mailboxes or archives, as `scope` says; a domain has none.

    One that is `by_provider` is released by the provider alone.
    """

    hold_id: str
    domain: str
    scope: HoldScope
    ids: list[str]
    reason: str
    authority: str
    by_provider: bool
    placed_by: str
    released: bool
    version: int
    created_at: datetime
    changed_at: datetime


class RetrievalView(View, frozen=True, kw_only=True):
    """An order to get archives back. Of so many `archives`, so many are `restored`, and so many could not be.

    It ends at `valid_until` unless somebody answers. `fixed_price` says that the price is that of the list, `reference` is
    that of the payment, `reason` why it was declined.
    """

    retrieval_id: str
    domain: str
    state: RetrievalState
    archives: int
    restored: int
    failed: int
    price: Price | None
    fixed_price: bool
    valid_until: datetime | None
    reference: str | None
    reason: str
    requested_by: str
    version: int
    created_at: datetime
    changed_at: datetime


class RetrievedView(View, frozen=True, kw_only=True):
    """One archive of a retrieval: `ended` when it is back, or when it can't be because of `refusal`, said in `detail`."""

    archive_id: str
    mailbox_id: str | None
    address: str | None
    kind: ArchiveKind | None
    messages: int | None
    ended: bool
    restored: bool
    refusal: str | None
    detail: str


class RetrievalReceiptView(RetrievalView, frozen=True, kw_only=True):
    """A retrieval with its receipt: what it cost, under which reference that was paid, and what became of each archive."""

    items: list[RetrievedView]


class ArchivePage(Page, frozen=True, kw_only=True):
    """A page of archives."""

    archives: list[ArchiveView]


class HoldPage(Page, frozen=True, kw_only=True):
    """A page of holds, newest first."""

    holds: list[HoldView]


class RetrievalPage(Page, frozen=True, kw_only=True):
    """A page of retrievals, newest first."""

    retrievals: list[RetrievalView]


def archive_view(row: ListedArchive, now: datetime) -> ArchiveView:
    """Show an archive as it is `now`."""
    is_over = row.state in ("expired", "purged", "abandoned")
    empty = 0 if row.empty else None
    return ArchiveView(
        archive_id=row.archive_id,
        address=address_of(row),
        domain=row.domain,
        mailbox_id=row.mailbox_id,
        kind=row.kind,
        generation=row.generation,
        state=row.shown_state,
        hold_ids=row.hold_ids,
        empty=row.empty,
        messages=empty if row.content is None else row.content.messages,
        size_bytes=empty if row.content is None else row.content.size_bytes,
        retention_years=row.retention_years,
        expires_at=row.expires_at,
        expires_in_s=None if is_over else max(0, int((row.expires_at - now).total_seconds())),
        returned=row.returned,
        destroyed_early=row.destroyed_early,
        retrieval_id=row.retrieval_id,
        certificate=f"/v1/archives/{row.archive_id}/certificate" if row.certificate is not None else None,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def address_of(row: ListedArchive) -> str | None:
    """Give the address of an archive's mailbox, as long as it is known."""
    return None if row.local_part is None else f"{row.local_part}@{row.domain}"


def certificate_view(row: ListedArchive, certificate: Certificate) -> CertificateView:
    """Show what proves that an archive was purged."""
    purged = certificate.purged
    return CertificateView(
        archive_id=row.archive_id,
        tenant=row.tenant,
        domain=row.domain,
        mailbox_id=purged.mailbox_id,
        kind=purged.kind,
        mailbox_purged=purged.mailbox_purged,
        early=purged.early,
        reason=row.ended_why,
        ended_by=row.ended_by or certificate.actor,
        purged_by=certificate.actor,
        purged_at=certificate.time,
        policy=PolicyView(retention_years=purged.retention_years, expires_at=purged.expires_at),
        destroyed=DestroyedView(
            key_id=purged.key_id, credential_id=purged.credential_id, object_sha256=purged.sha256
        ),
        event=EventPlaceView(
            topic=ARCHIVE.events.name,
            stream=row.domain,
            streamseq=certificate.streamseq,
            event_id=certificate.event_id,
            prevhash=certificate.prevhash,
        ),
        mailbox_head=_mailbox_head(row.domain, purged.head),
    )


def _mailbox_head(domain: str, head: ChainHead | None) -> MailboxHeadView | None:
    if head is None:
        return None
    topic = MAILBOX.events.name
    return MailboxHeadView(topic=topic, stream=domain, streamseq=head.streamseq, sha256=head.sha256)


def hold_view(row: HoldRow) -> HoldView:
    """Show a hold."""
    return HoldView(
        hold_id=row.hold_id,
        domain=row.domain,
        scope=row.scope,
        ids=row.ids,
        reason=row.reason,
        authority=row.authority,
        by_provider=row.by_provider,
        placed_by=row.placed_by,
        released=row.released,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def retrieval_view(row: RetrievalRow) -> RetrievalView:
    """Show a retrieval in a list."""
    return RetrievalView(
        retrieval_id=row.retrieval_id,
        domain=row.domain,
        state=row.state,
        archives=len(row.items),
        restored=sum(_is_restored(item) for item in row.items),
        failed=sum(item.refusal is not None for item in row.items),
        price=row.price,
        fixed_price=row.fixed_price,
        valid_until=row.valid_until,
        reference=row.reference,
        reason=row.reason,
        requested_by=row.requested_by,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def receipt_view(row: RetrievalRow, archives: Mapping[str, ListedArchive]) -> RetrievalReceiptView:
    """Show a retrieval with what became of each archive; `archives` are those of its items, by id."""
    summary = retrieval_view(row)
    return RetrievalReceiptView(
        **{name: getattr(summary, name) for name in summary.__struct_fields__},
        items=[_retrieved(item, archives.get(item.archive_id)) for item in row.items],
    )


def _retrieved(item: RetrievalItem, archive: ListedArchive | None) -> RetrievedView:
    content = None if archive is None else archive.content
    return RetrievedView(
        archive_id=item.archive_id,
        mailbox_id=None if archive is None else archive.mailbox_id,
        address=None if archive is None else address_of(archive),
        kind=None if archive is None else archive.kind,
        messages=None if content is None else content.messages,
        ended=item.ended,
        restored=_is_restored(item),
        refusal=item.refusal,
        detail="" if item.refusal is None else title_of(item.refusal, HTTPStatus.CONFLICT),
    )


def _is_restored(item: RetrievalItem) -> bool:
    return item.ended and item.refusal is None
