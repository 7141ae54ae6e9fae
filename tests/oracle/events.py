"""The events of one partition in their order: ids, versions, positions, parts, hash chains, writer epochs."""

import hashlib
from typing import Any
from uuid import UUID, uuid5

from aiokafka.partitioner import murmur2
from msgspec import Struct

from contracts.codec import Malformed
from contracts.envelope import FIRST_PREVHASH, EventEnvelope
from contracts.message import tag_of
from contracts.topics import Family
from tests.oracle.findings import Findings
from tests.oracle.log import Record, place
from tests.oracle.rules import RuleBook

Event = EventEnvelope[Any]


class Chain(Struct):
    """Where one key stands after the events read so far."""

    streamseq: int
    tail_hash: str
    last_time: Any


class CommandEvents(Struct, gc=False):
    """What one command has caused, as the log has it. `parts` is the number announced by its events.

    `subject` is what the first of them is about: the command's own subject, whose version `version` is. What goes with
    it comes after, and may be about others.
    """

    stream: str
    subject: str
    events: int
    parts: int
    streamseq: int
    version: int


class EventChecks:
    """Takes the events of one partition, one after another, and notes what does not fit.

    `seen_ids` is shared by all partitions of all topics: an id is unique in the world.
    """

    def __init__(
        self,
        family: Family[Any, Any],
        partitions: int,
        findings: Findings,
        rules: RuleBook,
        seen_ids: set[bytes],
    ) -> None:
        self._family = family
        self._partitions = partitions
        self._findings = findings
        self._rules = rules
        self._seen_ids = seen_ids
        self._writer_epoch = -1
        self._versions: dict[str, int] = {}
        self.chains: dict[str, Chain] = {}
        self.commands: dict[str, CommandEvents] = {}

    def take(self, record: Record) -> Event | None:
        """Check one record and give its event, or None for a marker and for what can't be read."""
        if record.value is None:
            return None
        where = place(record)
        self._findings.checked("I0")
        try:
            event = self._family.codec.decode_event(record.value)
        except Malformed as error:
            self._findings.broken("I0", where, f"no event: {error}")
            return None
        self._check_form(record, event, where)
        self._check_id(event, where)
        self._check_versions(event, where)
        self._check_chain(record.value, event, where)
        self._check_parts(event, where)
        self._check_epoch(event, where)
        self._findings.checked("I3")
        for rule in self._rules.broken_by(event):
            self._findings.broken("I3", where, rule)
        return event

    def end(self) -> None:
        """Check what only the end shows: commands whose last parts are missing."""
        for command, caused in self.commands.items():
            if caused.events != caused.parts:
                where = f"{self._family.events.name}, command {command}"
                self._findings.broken("I5", where, f"{caused.events} events of {caused.parts}")

    def _check_form(self, record: Record, event: Event, where: str) -> None:
        if record.key != event.stream.encode():
            self._findings.broken("I0", where, "the record's key is not the stream")
        if partition_of(event.stream, self._partitions) != record.partition:
            self._findings.broken("I0", where, "the key belongs to another partition")
        if event.type != tag_of(event.data):
            self._findings.broken("I0", where, f"the type {event.type} is not that of the data")

    def _check_id(self, event: Event, where: str) -> None:
        self._findings.checked("I1")
        number = UUID(event.id).bytes
        if number in self._seen_ids:
            self._findings.broken("I1", where, f"event {event.id} is there twice")
        self._seen_ids.add(number)
        if event.id != str(uuid5(UUID(event.command), event.part.partition("/")[0])):
            self._findings.broken("I1", where, "the id does not follow from command and part")

    def _check_versions(self, event: Event, where: str) -> None:
        self._findings.checked("I2")
        # A subject is one within its stream only: a mailbox id is unknown to every other domain.
        subject = f"{event.stream} {event.subject}"
        expected = self._versions.get(subject, 0) + 1
        if event.version != expected:
            self._findings.broken("I2", where, f"version {event.version} of its subject, expected {expected}")
        self._versions[subject] = event.version
        chain = self.chains.get(event.stream)
        expected = (chain.streamseq if chain else 0) + 1
        if event.streamseq != expected:
            self._findings.broken("I2", where, f"position {event.streamseq} of its key, expected {expected}")
        if chain and event.time < chain.last_time:
            self._findings.broken("I3", where, "its time is before that of the event before it")

    def _check_chain(self, value: bytes, event: Event, where: str) -> None:
        self._findings.checked("I6")
        chain = self.chains.get(event.stream)
        if event.prevhash != (chain.tail_hash if chain else FIRST_PREVHASH):
            self._findings.broken("I6", where, "its prevhash is not the hash of the event before it")
        tail_hash = hashlib.sha256(value).hexdigest()
        self.chains[event.stream] = Chain(event.streamseq, tail_hash, event.time)

    def _check_parts(self, event: Event, where: str) -> None:
        self._findings.checked("I5")
        number, _, parts = event.part.partition("/")
        if not (number.isdecimal() and parts.isdecimal()):
            self._findings.broken("I5", where, f"the part {event.part!r} is no part")
            return
        caused = self.commands.get(event.command)
        if caused is None:
            caused = CommandEvents(event.stream, event.subject, 0, int(parts), 0, 0)
            self.commands[event.command] = caused
        if int(number) != caused.events + 1 or int(parts) != caused.parts or event.stream != caused.stream:
            what = f"part {event.part} follows {caused.events} of {caused.parts}"
            self._findings.broken("I5", where, what)
        caused.events += 1
        caused.streamseq = event.streamseq
        if event.subject == caused.subject:
            caused.version = event.version

    def _check_epoch(self, event: Event, where: str) -> None:
        self._findings.checked("I9")
        if event.writer < self._writer_epoch:
            what = f"written by {event.writer} after {self._writer_epoch}"
            self._findings.broken("I9", where, what)
        self._writer_epoch = max(self._writer_epoch, event.writer)


def partition_of(key: str, partitions: int) -> int:
    """Give the partition that Kafka's own default partitioner gives to a key."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
