"""A log with transactions, fencing and a last stable offset, as much of Kafka as the loops rely on."""

from enum import StrEnum

from aiokafka import ConsumerRecord
from msgspec import Struct, field


class Fenced(Exception):
    """A newer owner has taken over; nothing more is accepted from this one."""


class TopicName(StrEnum):
    """The topics of one family, and where records go that nobody could process."""

    COMMANDS = "commands"
    EVENTS = "events"
    OUTCOMES = "outcomes"
    DEAD_LETTERS = "dead-letters"


class Transaction(Struct, eq=False):
    """What one producer does at once. `consumed` takes effect with the commit."""

    epoch: int
    state: str = "open"
    consumed: int | None = None


class Entry(Struct):
    """A record, and the transaction it came with."""

    record: ConsumerRecord[bytes, bytes]
    transaction: Transaction


WITHOUT_TRANSACTION = Transaction(epoch=0, state="committed")


class FakeLog(Struct):
    """One partition of each topic of a family. Offset 0 holds nothing, as in the real one."""

    family: str
    fences: bool = True
    epoch: int = 0
    consumed: int = 1
    open: list[Transaction] = field(default_factory=list[Transaction])
    topics: dict[TopicName, list[Entry]] = field(default_factory=lambda: {name: [] for name in TopicName})

    def take_over(self) -> int:
        """Start a transactional producer: end what the former one had begun, fence it, give the new epoch."""
        self.epoch += 1
        if self.fences:
            for transaction in self.open:
                transaction.state = "aborted"
            self.open.clear()
        return self.epoch

    def begin(self, epoch: int) -> Transaction:
        """Begin a transaction; the broker hears of it with the first record."""
        return Transaction(epoch)

    def send(self, transaction: Transaction, topic: TopicName, key: bytes, value: bytes) -> None:
        """Append a record. Raises Fenced."""
        self._admit(transaction)
        self._append(topic, key, value, transaction)

    def send_offset(self, transaction: Transaction, consumed: int) -> None:
        """Let the commit move the consumed offset of the commands. Raises Fenced."""
        self._admit(transaction)
        transaction.consumed = consumed

    def commit(self, transaction: Transaction) -> None:
        """Make everything of the transaction true at once. Raises Fenced."""
        self._admit(transaction)
        transaction.state = "committed"
        self.open.remove(transaction)
        if transaction.consumed is not None:
            self.consumed = transaction.consumed

    def order(self, key: bytes, value: bytes) -> None:
        """Append a command; that takes no transaction."""
        self._append(TopicName.COMMANDS, key, value, WITHOUT_TRANSACTION)

    def stable_end(self, topic: TopicName) -> int:
        """Give the offset of the first record whose fate is open, or the end."""
        entries = self.topics[topic]
        undecided = (each.record.offset for each in entries if each.transaction.state == "open")
        return next(undecided, len(entries) + 1)

    def committed(self, topic: TopicName, start: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
        """Give the committed records from `start` up to the last stable offset."""
        end = self.stable_end(topic)
        return [
            each.record
            for each in self.topics[topic][max(0, start - 1) : end - 1]
            if each.transaction.state == "committed"
        ]

    def uncommitted(self, topic: TopicName, start: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
        """Give every record from `start`, whatever became of it; nobody may read the log this way."""
        return [each.record for each in self.topics[topic][max(0, start - 1) :]]

    def _admit(self, transaction: Transaction) -> None:
        if self.fences and (transaction.epoch != self.epoch or transaction.state == "aborted"):
            raise Fenced
        if transaction.state == "open" and transaction not in self.open:
            self.open.append(transaction)

    def _append(self, topic: TopicName, key: bytes, value: bytes, transaction: Transaction) -> None:
        entries = self.topics[topic]
        name = topic if topic is TopicName.DEAD_LETTERS else f"{self.family}.{topic}"
        record: ConsumerRecord[bytes, bytes] = ConsumerRecord(
            topic=name,
            partition=0,
            offset=len(entries) + 1,
            timestamp=len(entries),
            timestamp_type=0,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )
        entries.append(Entry(record, transaction))
