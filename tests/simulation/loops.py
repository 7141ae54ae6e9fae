"""The loops of writer and projector, step by step: each `yield` is a moment at which the world may do something else.

They follow `services.runtime.kafka` line by line. A sabotage is one line of theirs left out or misplaced; the tests
show that the simulator sees each of them, which is what its silence about the true loops is worth.
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum

from contracts.mailbox import MailboxCommand, MailboxEvent
from contracts.topics import MAILBOX
from services.mailbox.core.domain import Domain
from services.mailbox.wiring import DOMAIN_DECIDER
from services.runtime.kafka.deciding import Decided, PartitionState
from tests.simulation.log import FakeLog, Fenced, TopicName, Transaction
from tests.simulation.store import FakeStore


class Sabotage(StrEnum):
    """What a loop does wrong."""

    NOTHING = "nothing"
    NO_FENCE = "taking over without fencing"
    READS_THEN_FENCES = "reading the offset before fencing"
    REMEMBERS_NOTHING = "forgetting the answers given lately"
    KEEPS_STATE_IN_DOUBT = "keeping the state after a commit in doubt"
    LOSES_A_SEND = "committing although a send was lost"
    SKIPS_AN_EVENT = "restoring from one event too late"
    READS_UNCOMMITTED = "restoring from uncommitted records"
    OFFSET_APART = "committing the offset outside of the transaction"
    NO_OWNER = "projecting without an owner"
    CHECKPOINT_FIRST = "moving the checkpoint before the rows"


class InDoubt(Exception):
    """Nobody answered the commit; it may have happened or not."""


class Hands:
    """What a loop works with."""

    def __init__(
        self,
        log: FakeLog,
        store: FakeStore,
        chance: random.Random,
        clock: Callable[[], datetime],
        sabotage: Sabotage,
    ) -> None:
        self.log = log
        self.store = store
        self.chance = chance
        self.clock = clock
        self.sabotage = sabotage


State = PartitionState[Domain, MailboxCommand, MailboxEvent]


def write(hands: Hands) -> Iterator[None]:
    """Decide commands for ever, beginning again from the log after any doubt."""
    while True:
        try:
            yield from _fence_read_decide(hands)
        except (Fenced, InDoubt):
            yield


def _fence_read_decide(hands: Hands) -> Iterator[None]:
    log = hands.log
    too_early = log.consumed
    yield
    epoch = log.take_over()
    yield
    offset = too_early if hands.sabotage is Sabotage.READS_THEN_FENCES else log.consumed
    yield
    state = PartitionState(
        MAILBOX,
        DOMAIN_DECIDER,
        snapshot := hands.store.snapshot(),
        source="/postfach/simulated",
        writer_epoch=epoch,
        remembered_max=10_000,
        clock=hands.clock,
    )
    yield
    first = snapshot.next_offset + (1 if hands.sabotage is Sabotage.SKIPS_AN_EVENT else 0)
    read = log.uncommitted if hands.sabotage is Sabotage.READS_UNCOMMITTED else log.committed
    for record in read(TopicName.EVENTS, first):
        state.replay(record.value or b"")
    yield
    if hands.sabotage is not Sabotage.REMEMBERS_NOTHING:
        for record in read(TopicName.OUTCOMES):
            state.remember(record.value or b"")
    yield
    while True:
        records = log.committed(TopicName.COMMANDS, offset)[: hands.chance.randint(1, 6)]
        yield
        if records:
            transaction = log.begin(epoch)
            try:
                yield from _decide(hands, state, transaction, records[-1].offset + 1, state.decide(records))
            except InDoubt:
                if hands.sabotage is not Sabotage.KEEPS_STATE_IN_DOUBT:
                    raise
                offset = log.consumed
                continue
            offset = records[-1].offset + 1


def _decide(
    hands: Hands, state: State, transaction: Transaction, offset: int, decided: Decided
) -> Iterator[None]:
    del state
    log = hands.log
    lost = hands.sabotage is Sabotage.LOSES_A_SEND and hands.chance.random() < 0.1
    yield
    for topic, messages in (
        (TopicName.EVENTS, decided.events[1:] if lost else decided.events),
        (TopicName.OUTCOMES, decided.outcomes),
        (TopicName.DEAD_LETTERS, decided.dead_letters),
    ):
        for key, value in messages:
            log.send(transaction, topic, key, value)
            if hands.chance.random() < 0.3:
                yield
    yield
    if hands.sabotage is Sabotage.OFFSET_APART:
        log.consumed = max(log.consumed, offset)
        yield
    log.send_offset(transaction, offset)
    yield
    fate = hands.chance.random()
    if fate < 0.05:
        # The request was lost on its way; the transaction stays open until somebody takes over.
        raise InDoubt
    log.commit(transaction)
    if fate < 0.1:
        raise InDoubt
    yield


def project(hands: Hands) -> Iterator[None]:
    """Apply events for ever, beginning again from the checkpoint after being fenced."""
    while True:
        try:
            yield from _project(hands)
        except Fenced:
            yield


def _project(hands: Hands) -> Iterator[None]:
    store = hands.store
    owner_epoch, checkpoint = store.claim()
    yield
    while True:
        records = hands.log.committed(TopicName.EVENTS, checkpoint)[: hands.chance.randint(1, 6)]
        yield
        if records:
            after = records[-1].offset + 1
            if hands.sabotage is Sabotage.CHECKPOINT_FIRST:
                store.move(owner_epoch, after)
                yield
            store.apply(owner_epoch, records, after)
            checkpoint = after
        yield
