"""Retrievals: content that a customer gets back from the archive for a fee. Stream key: the mail domain.

Requested → quoted → accepted → paid → restoring → restored, or declined, or expired. One archive has a fixed price and
is quoted at once; for several an operator names it. They join the messages of `contracts.archive`: one writer decides
archives and their retrievals in one order, so what is paid for can't expire meanwhile.
"""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from contracts.ids import ArchiveId
from contracts.mailbox import Reason
from contracts.message import STORABLE, Command, Event, UuidText

RETRIEVAL_ARCHIVES_MAX: Final = 1_000
QUOTE_DAYS: Final = 30
"""How long a quote holds, accepted or not; and how long a request waits for one."""

AMOUNT_MAX: Final = 100_000_000
ArchiveIds = Annotated[tuple[UuidText, ...], Meta(min_length=1, max_length=RETRIEVAL_ARCHIVES_MAX)]
PaymentReference = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE)]


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money: `amount` in the currency's minor unit (ISO 4217: cents of EUR, whole JPY), never negative."""

    amount: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class RequestRetrieval(Command, frozen=True, kw_only=True, tag="request_retrieval"):
    """Ask for archives back. `fixed_price` is the price of a single one by the provider's list."""

    retrieval_id: UuidText
    archive_ids: ArchiveIds
    fixed_price: Price | None = None


class QuoteRetrieval(Command, frozen=True, kw_only=True, tag="quote_retrieval"):
    """Name the price, or another one while nobody has accepted. Ordered by an operator."""

    retrieval_id: UuidText
    price: Price


class AcceptRetrieval(Command, frozen=True, kw_only=True, tag="accept_retrieval"):
    """Take the offer of exactly this price."""

    retrieval_id: UuidText
    price: Price


class DeclineRetrieval(Command, frozen=True, kw_only=True, tag="decline_retrieval"):
    """End a retrieval that is not paid: the customer no longer wants it, or the provider can't offer it."""

    retrieval_id: UuidText
    reason: Reason = ""


class PayRetrieval(Command, frozen=True, kw_only=True, tag="pay_retrieval"):
    """Record that this price came in under this reference. Ordered by an operator, or the system for a payment provider."""

    retrieval_id: UuidText
    price: Price
    reference: PaymentReference


class BeginRetrieval(Command, frozen=True, kw_only=True, tag="begin_retrieval"):
    """Say that bringing back begins. Sent by the system."""

    retrieval_id: UuidText


class ExpireRetrieval(Command, frozen=True, kw_only=True, tag="expire_retrieval"):
    """End a retrieval that nobody answered in time: only the writer's clock judges that. Sent by the system."""

    retrieval_id: UuidText


class RetrievalRequested(Event, frozen=True, kw_only=True, tag="retrieval_requested"):
    """The customer wants these archives back. Without a quote until `valid_until` (UTC) the request ends."""

    archive_ids: tuple[ArchiveId, ...]
    valid_until: datetime


class RetrievalQuoted(Event, frozen=True, kw_only=True, tag="retrieval_quoted"):
    """The price, which holds until `valid_until` (UTC); `fixed` says that it is that of the list."""

    price: Price
    valid_until: datetime
    fixed: bool


class RetrievalAccepted(Event, frozen=True, kw_only=True, tag="retrieval_accepted"):
    """The customer takes the offer; paid by `valid_until` (UTC) it is carried out."""

    valid_until: datetime


class RetrievalDeclined(Event, frozen=True, kw_only=True, tag="retrieval_declined"):
    """Nothing is brought back."""

    reason: str = ""


class RetrievalExpired(Event, frozen=True, kw_only=True, tag="retrieval_expired"):
    """Nothing is brought back: nobody answered in time, or one of the archives is over."""


class RetrievalPaid(Event, frozen=True, kw_only=True, tag="retrieval_paid"):
    """The price came in. From here on none of the archives expires before it is brought back."""

    price: Price
    reference: str


class RetrievalBegun(Event, frozen=True, kw_only=True, tag="retrieval_begun"):
    """The archives are being brought back."""


class RetrievalItemEnded(Event, frozen=True, kw_only=True, tag="retrieval_item_ended"):
    """One archive is back, or is not because of what `refusal` says of its mailbox."""

    archive_id: ArchiveId
    refusal: str | None = None


class RetrievalRestored(Event, frozen=True, kw_only=True, tag="retrieval_restored"):
    """All that could come back is back: so many of the archives are, so many are not."""

    restored: int
    failed: int


RetrievalCommand = (
    RequestRetrieval
    | QuoteRetrieval
    | AcceptRetrieval
    | DeclineRetrieval
    | PayRetrieval
    | BeginRetrieval
    | ExpireRetrieval
)
RetrievalEvent = (
    RetrievalRequested
    | RetrievalQuoted
    | RetrievalAccepted
    | RetrievalDeclined
    | RetrievalExpired
    | RetrievalPaid
    | RetrievalBegun
    | RetrievalItemEnded
    | RetrievalRestored
)
