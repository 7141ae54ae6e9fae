"""Commands against state, without I/O: what a writer does between reading a batch and writing its results.

One `PartitionState` holds the streams of one partition. It decides command after command, each against the state as
changed by the ones before it, and gives the records to write. The command loop and the simulator of the tests share it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from aiokafka import ConsumerRecord
from msgspec import Struct, structs

from contracts.codec import Malformed, decode_command_header, decode_outcome, encode
from contracts.dead_letter import DeadLetterReason
from contracts.decision import Accepted, Order, Refused
from contracts.envelope import FIRST_PREVHASH, CommandEnvelope, EventEnvelope
from contracts.ids import CommandId, event_id
from contracts.message import Command, Event, tag_of
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import Family
from services.runtime import metrics
from services.runtime.clock import Clock
from services.runtime.kafka.dead_letters import dead_letter

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

EPOCH_START = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Decider(Struct, Generic[S, C, E], frozen=True, kw_only=True):
    """The pure functions of one family of commands, as a service's core offers them.

    `version_of` gives 0 for a subject that does not exist. `evolve` may change the state in place; nothing else does.
    """

    new_state: Callable[[str], S]
    subject_of: Callable[[C, S], str]
    version_of: Callable[[S, str], int]
    decide: Callable[[C, S, Order], Accepted[E] | Refused]
    evolve: Callable[[S, EventEnvelope[E]], None]


class StreamState(Struct, Generic[S], kw_only=True):
    """One stream as its writer knows it: where its chain ends, and the state that its events make."""

    state: S
    streamseq: int = 0
    tail_hash: str = FIRST_PREVHASH
    last_time: datetime = EPOCH_START


class Snapshot(Struct, Generic[S], kw_only=True):
    """The streams of one partition as of `next_offset` of its events."""

    next_offset: int
    streams: dict[str, StreamState[S]]


class Decided(Struct, kw_only=True):
    """The records that a batch of commands leads to, as (key, value)."""

    events: list[tuple[bytes, bytes]]
    outcomes: list[tuple[bytes, bytes]]
    dead_letters: list[tuple[bytes, bytes]]


class PartitionState(Generic[S, C, E]):
    """The streams of one partition, and the commands decided lately with the answers they got."""

    def __init__(
        self,
        family: Family[C, E],
        decider: Decider[S, C, E],
        snapshot: Snapshot[S],
        *,
        source: str,
        writer_epoch: int,
        remembered_max: int,
        clock: Clock,
    ) -> None:
        self._family = family
        self._decider = decider
        self._streams = snapshot.streams
        self._answers: OrderedDict[CommandId, bytes] = OrderedDict()
        self._source = source
        self._writer_epoch = writer_epoch
        self._remembered_max = remembered_max
        self._clock = clock

    @property
    def stream_count(self) -> int:
        """How many streams are held."""
        return len(self._streams)

    @property
    def is_blank(self) -> bool:
        """Whether the log knows of no command of this partition that was ever decided."""
        return not self._streams and not self._answers

    def replay(self, value: bytes) -> None:
        """Fold one event of the log, newer than the snapshot."""
        event = self._family.codec.decode_event(value)
        stream = self._streams.get(event.stream) or self._new_stream(event.stream)
        self._fold(stream, event, value)

    def remember(self, value: bytes) -> None:
        """Take up one outcome of the log: its command, should it come again, gets this answer again."""
        outcome = decode_outcome(value)
        if not outcome.repeated:
            self._remember(outcome.command, value)

    def decide(self, records: list[ConsumerRecord[bytes, bytes]]) -> Decided:
        """Decide a batch of command records, in their order."""
        decided = Decided(events=[], outcomes=[], dead_letters=[])
        now = self._clock()
        for record in records:
            if record.value is not None:
                self._decide_record(record, record.value, now, decided)
        return decided

    def _decide_record(
        self, record: ConsumerRecord[bytes, bytes], value: bytes, now: datetime, decided: Decided
    ) -> None:
        try:
            envelope = self._family.codec.decode_command(value)
        except Malformed as error:
            self._put_aside(record, DeadLetterReason.MALFORMED, str(error), now, decided)
            return
        if record.key != envelope.stream.encode():
            self._put_aside(record, DeadLetterReason.WRONG_KEY, "the key is not the stream", now, decided)
            return
        answer = self._answers.get(envelope.id)
        if answer is not None:
            repeated = structs.replace(decode_outcome(answer), repeated=True)
            decided.outcomes.append((envelope.stream.encode(), encode(repeated)))
            metrics.outcomes.labels(family=self._family.name, code="repeated").inc()
            return
        self._decide_new(envelope, now, decided)

    def _decide_new(self, envelope: CommandEnvelope[C], now: datetime, decided: Decided) -> None:
        stream = self._streams.get(envelope.stream) or self._new_stream(envelope.stream)
        order = Order(
            command=envelope.id,
            tenant=envelope.tenant,
            actor=envelope.actor,
            now=max(now, stream.last_time),
        )
        decision = self._decider.decide(envelope.data, stream.state, order)
        # The decider's own refusal goes first: whoever may not know of a subject must not learn its version.
        if isinstance(decision, Accepted) and not self._is_as_expected(envelope, stream):
            decision = Refused(decision.subject, RefusalCode.VERSION_MISMATCH)
        key = envelope.stream.encode()
        count = 0
        if isinstance(decision, Accepted):
            about = [(decision.subject, event) for event in decision.events]
            about += [(each.subject, each.event) for each in decision.also]
            count = len(about)
            for part, (subject, data) in enumerate(about, start=1):
                event = self._envelop(envelope, stream, subject, order.now, data, part, count)
                value = encode(event)
                self._fold(stream, event, value)
                decided.events.append((key, value))
        outcome = self._answer(envelope, stream, decision, order.now, count)
        value = encode(outcome)
        self._remember(envelope.id, value)
        decided.outcomes.append((key, value))
        metrics.outcomes.labels(family=self._family.name, code=outcome.code or "accepted").inc()

    def _is_as_expected(self, command: CommandEnvelope[C], stream: StreamState[S]) -> bool:
        subject = self._decider.subject_of(command.data, stream.state)
        return command.expected_version in (None, self._decider.version_of(stream.state, subject))

    def _envelop(
        self,
        command: CommandEnvelope[C],
        stream: StreamState[S],
        subject: str,
        now: datetime,
        data: E,
        part: int,
        count: int,
    ) -> EventEnvelope[E]:
        return EventEnvelope(
            id=event_id(command.id, part),
            source=self._source,
            type=tag_of(data),
            subject=subject,
            time=now,
            tenant=command.tenant,
            stream=command.stream,
            streamseq=stream.streamseq + 1,
            version=self._decider.version_of(stream.state, subject) + 1,
            command=command.id,
            part=f"{part}/{count}",
            correlation=command.correlation,
            causation=command.causation,
            actor=command.actor,
            writer=self._writer_epoch,
            prevhash=stream.tail_hash,
            data=data,
        )

    def _fold(self, stream: StreamState[S], event: EventEnvelope[E], value: bytes) -> None:
        self._streams[event.stream] = stream
        self._decider.evolve(stream.state, event)
        stream.streamseq = event.streamseq
        stream.tail_hash = hashlib.sha256(value).hexdigest()
        stream.last_time = event.time

    def _answer(
        self,
        command: CommandEnvelope[C],
        stream: StreamState[S],
        decision: Accepted[E] | Refused,
        now: datetime,
        count: int,
    ) -> Outcome:
        refused = isinstance(decision, Refused)
        return Outcome(
            command=command.id,
            tenant=command.tenant,
            stream=command.stream,
            correlation=command.correlation,
            subject=decision.subject,
            status="refused" if refused else "accepted",
            decided_at=now,
            streamseq=stream.streamseq,
            version=self._decider.version_of(stream.state, decision.subject),
            events=count,
            code=decision.code if isinstance(decision, Refused) else None,
            detail=decision.detail if isinstance(decision, Refused) else "",
        )

    def _put_aside(
        self,
        record: ConsumerRecord[bytes, bytes],
        reason: DeadLetterReason,
        detail: str,
        now: datetime,
        decided: Decided,
    ) -> None:
        """Put a record aside and, when it at least says who asks, refuse it so that nobody waits in vain."""
        decided.dead_letters.append(dead_letter(record, reason, detail, seen_by=self._source, now=now))
        try:
            header = decode_command_header(record.value or b"")
        except Malformed:
            return
        if header.id in self._answers or record.key != header.stream.encode():
            return
        stream = self._streams.get(header.stream)
        outcome = Outcome(
            command=header.id,
            tenant=header.tenant,
            stream=header.stream,
            correlation=header.correlation,
            subject=header.stream,
            status="refused",
            decided_at=now,
            streamseq=stream.streamseq if stream else 0,
            version=0,
            code=RefusalCode.MALFORMED,
            detail=detail,
        )
        value = encode(outcome)
        self._remember(header.id, value)
        decided.outcomes.append((header.stream.encode(), value))

    def _new_stream(self, name: str) -> StreamState[S]:
        """Give the state of a stream without events. It is held from its first event on, not for refusals."""
        return StreamState(state=self._decider.new_state(name))

    def _remember(self, command: CommandId, answer: bytes) -> None:
        self._answers[command] = answer
        if len(self._answers) > self._remembered_max:
            self._answers.popitem(last=False)
