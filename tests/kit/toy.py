"""A family of its own for tests of the machinery: accounts in books, so that no test of runtime speaks of mail.

A stream is a book, a subject is an account in it. An account's total is never above `TOTAL_MAX`: whoever decides on
an old state breaks that.
"""

from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import ConsumerRecord
from msgspec import Struct, field

from contracts.codec import encode
from contracts.decision import Accepted, Order, Refused
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.message import Command, Event
from contracts.outcome import RefusalCode
from contracts.topics import Family
from services.runtime.ids import new_id
from services.runtime.kafka.deciding import Decider
from services.runtime.kafka.projection import Projection, RowTable

TOTAL_MAX: Final = 100
NOON: Final = datetime(2030, 6, 15, 12, tzinfo=UTC)


class Add(Command, frozen=True, kw_only=True, tag="add"):
    """Add an amount to an account, in so many equal parts."""

    account: str
    amount: int
    parts: int = 1


class Fail(Command, frozen=True, kw_only=True, tag="fail"):
    """Make the decider raise."""


class Added(Event, frozen=True, kw_only=True, tag="added"):
    """The account has more from here on."""

    amount: int


class Book(Struct):
    """The accounts of one stream: total and version of each."""

    accounts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


class DeciderFault(Exception):
    """A bug in a decider, planted."""


def decide(command: Add | Fail, book: Book, order: Order) -> Accepted[Added] | Refused:
    """Add, unless the total would be too high; nothing to add is already so."""
    del order
    if isinstance(command, Fail):
        raise DeciderFault
    total, _ = book.accounts.get(command.account, (0, 0))
    if total + command.amount * command.parts > TOTAL_MAX:
        return Refused(command.account, RefusalCode.MAILBOX_LIMIT_REACHED)
    events = tuple(Added(amount=command.amount) for _ in range(command.parts if command.amount else 0))
    return Accepted(command.account, events)


def evolve(book: Book, event: EventEnvelope[Added]) -> None:
    """Add the amount."""
    total, _ = book.accounts.get(event.subject, (0, 0))
    book.accounts[event.subject] = total + event.data.amount, event.version


TOY_DECIDER: Final = Decider[Book, Add | Fail, Added](
    new_state=lambda _: Book(),
    subject_of=lambda command, _: command.account if isinstance(command, Add) else "",
    version_of=lambda book, account: book.accounts.get(account, (0, 0))[1],
    decide=decide,
    evolve=evolve,
)


def toy_family(name: str = "toy") -> Family[Add | Fail, Added]:
    """Give a family with topics of this name."""
    return Family(
        name,
        key="book",
        writer="toy writer",
        ordered_by="tests",
        read_by="tests",
        commands=Add | Fail,
        events=Added,
    )


class AccountRow(Struct, kw_only=True):
    """An account in a read model."""

    account: str
    book: str
    total: int
    version: int
    changed_at: datetime


def fold_account(row: AccountRow | None, event: EventEnvelope[Added]) -> AccountRow:
    """The account after the event."""
    before = 0 if row is None else row.total
    return AccountRow(
        account=event.subject,
        book=event.stream,
        total=before + event.data.amount,
        version=event.version,
        changed_at=event.time,
    )


def toy_projection(family: Family[Any, Any]) -> Projection:
    """Give the projection whose one table is `accounts`."""
    table = RowTable(
        name="accounts", row=AccountRow, key="account", key_of=lambda event: event.subject, fold=fold_account
    )
    return Projection(name="accounts", family=family, tables=(table,))


ACCOUNTS_SQL: Final = """
CREATE TABLE accounts (
    account    text        PRIMARY KEY,
    book       text        NOT NULL,
    total      bigint      NOT NULL,
    version    bigint      NOT NULL,
    changed_at timestamptz NOT NULL
);
"""


def an_order(data: Add | Fail, book: str = "b1", **fields: Any) -> CommandEnvelope[Add | Fail]:
    """Give a command in its envelope."""
    command = CommandId(fields.pop("id", None) or new_id())
    return CommandEnvelope(
        id=command,
        tenant=TenantId("t"),
        stream=book,
        actor=ActorName("system:test"),
        correlation=command,
        causation=command,
        sent_at=NOON,
        data=data,
        **fields,
    )


def a_record(
    value: bytes | CommandEnvelope[Any] | None,
    *,
    key: bytes = b"b1",
    topic: str = "toy.commands",
    partition: int = 0,
    offset: int = 1,
) -> ConsumerRecord[bytes, bytes]:
    """Give a record as the driver gives it; the key is the envelope's stream where there is one."""
    if isinstance(value, CommandEnvelope):
        key, value = value.stream.encode(), encode(value)
    return ConsumerRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )
