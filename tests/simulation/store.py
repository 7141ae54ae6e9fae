"""A read model in memory that changes all at once, with checkpoint and owner epoch as the real one has them."""

import hashlib
from collections.abc import Collection
from typing import TypeVar

from aiokafka import ConsumerRecord
from msgspec import Struct, field

from contracts.envelope import FIRST_PREVHASH
from contracts.topics import MAILBOX
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from services.mailbox.core.domain import Domain
from services.runtime.kafka.deciding import Snapshot, StreamState
from tests.oracle.events import Chain
from tests.oracle.views import FreshFold
from tests.simulation.log import Fenced

R = TypeVar("R", MailboxRow, RuleRow, AliasRow)


class GapSeen(Exception):
    """An event does not follow the one before it: the projection stops."""


class FakeStore(Struct):
    """The directory of one partition."""

    fences: bool = True
    checkpoint: int = 0
    owner_epoch: int = 0
    went_back: bool = False
    fold: FreshFold = field(default_factory=lambda: FreshFold(MAILBOX.events.name))
    chains: dict[str, Chain] = field(default_factory=dict[str, Chain])

    def claim(self) -> tuple[int, int]:
        """Take the partition over; give owner epoch and checkpoint."""
        self.owner_epoch += 1
        return self.owner_epoch, self.checkpoint

    def apply(
        self, owner_epoch: int, records: Collection[ConsumerRecord[bytes, bytes]], checkpoint: int
    ) -> None:
        """Apply records and checkpoint, or nothing. Raises Fenced, GapSeen."""
        self.move(owner_epoch, checkpoint)
        for record in records:
            self._apply(record)

    def move(self, owner_epoch: int, checkpoint: int) -> None:
        """Move the checkpoint alone. Raises Fenced."""
        if self.fences and (owner_epoch != self.owner_epoch or checkpoint < self.checkpoint):
            raise Fenced
        self.went_back = self.went_back or checkpoint < self.checkpoint
        self.checkpoint = checkpoint

    def _apply(self, record: ConsumerRecord[bytes, bytes]) -> None:
        assert record.value is not None
        event = MAILBOX.codec.decode_event(record.value)
        chain = self.chains.get(event.stream) or Chain(0, FIRST_PREVHASH, event.time)
        if event.streamseq <= chain.streamseq:
            return
        if (event.streamseq, event.prevhash) != (chain.streamseq + 1, chain.tail_hash):
            raise GapSeen(record.offset)
        assert self.fold.take(event) is None
        self.chains[event.stream] = Chain(
            event.streamseq, hashlib.sha256(record.value).hexdigest(), event.time
        )

    def snapshot(self) -> Snapshot[Domain]:
        """Give the writer's state as the read model tells it."""
        streams: dict[str, StreamState[Domain]] = {}
        for stream, row in self.fold.rows["domains"].items():
            assert isinstance(row, DomainRow)
            chain = self.chains[stream]
            streams[stream] = StreamState(
                state=Domain.from_rows(
                    row,
                    self._of(stream, "mailboxes", MailboxRow),
                    self._of(stream, "rules", RuleRow),
                    self._of(stream, "aliases", AliasRow),
                ),
                streamseq=chain.streamseq,
                tail_hash=chain.tail_hash,
                last_time=chain.last_time,
            )
        return Snapshot(next_offset=self.checkpoint, streams=streams)

    def _of(self, stream: str, table: str, kind: type[R]) -> list[R]:
        rows = (each for each in self.fold.rows[table].values() if isinstance(each, kind))
        return [each for each in rows if each.domain == stream]
