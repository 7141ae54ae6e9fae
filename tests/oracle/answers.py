"""Commands and their outcomes in one partition: one answer each, and each answer true to the events."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from contracts.codec import Malformed, decode_command_header, decode_outcome
from contracts.envelope import CommandEnvelope, CommandHeader
from contracts.outcome import Outcome
from contracts.topics import Family
from tests.oracle.events import Chain, CommandEvents
from tests.oracle.findings import Findings
from tests.oracle.log import Record, place


class Asked(Struct, gc=False):
    """The copies of one command, and its last place."""

    stream: str
    copies: int
    offset: int
    time_ms: int


class Answered(Struct, gc=False):
    """The outcomes of one command."""

    stream: str
    first: int = 0
    repeated: int = 0
    accepted: bool = False
    events: int = 0
    streamseq: int = 0
    version: int = 0
    offset: int = 0
    time_ms: int = 0


class Kept(Struct, frozen=True):
    """Whether retention has taken the oldest records of a topic partition, and the time of the first one kept."""

    from_offset: int
    from_time_ms: int

    def may_have_held(self, time_ms: int) -> bool:
        """Whether a record that followed from something of that time may have been there once."""
        return self.from_offset > 0 and time_ms <= self.from_time_ms


class AnswerChecks:
    """Takes the commands and the outcomes of one partition, then judges them together with its events.

    `letters` are the offsets of this partition's commands in the dead letters; `consumed` is the offset up to which
    the writer's group says it has decided.
    """

    def __init__(
        self, family: Family[Any, Any], partition: int, findings: Findings, letters: set[int], consumed: int
    ) -> None:
        self._family = family
        self._partition = partition
        self._findings = findings
        self._letters = letters
        self._consumed = consumed
        self._asked: dict[str, Asked] = {}
        self._answered: dict[str, Answered] = {}
        self._first_command_ms: int | None = None
        self._first_outcome_ms: int | None = None
        self.pending = 0

    def take_command(self, record: Record) -> None:
        """Take up one record of the commands topic."""
        if record.value is None:
            return
        if self._first_command_ms is None:
            self._first_command_ms = record.timestamp
        self._findings.checked("I0")
        envelope = self._readable(record)
        if envelope is None or record.key != envelope.stream.encode():
            return
        asked = self._asked.setdefault(envelope.id, Asked(envelope.stream, 0, 0, record.timestamp))
        asked.copies += 1
        asked.offset = record.offset

    def _readable(self, record: Record) -> CommandEnvelope[Any] | CommandHeader | None:
        """Give the command, or as much of it as can be answered. Whatever can't be obeyed must be put aside."""
        value = record.value or b""
        try:
            command = self._family.codec.decode_command(value)
        except Malformed:
            self._must_be_put_aside(record)
            try:
                return decode_command_header(value)
            except Malformed:
                return None
        if record.key != command.stream.encode():
            self._must_be_put_aside(record)
        return command

    def _must_be_put_aside(self, record: Record) -> None:
        if record.offset < self._consumed and record.offset not in self._letters:
            what = "it can't be obeyed, was passed over, and is not in the dead letters"
            self._findings.broken("I4", place(record), what)

    def take_outcome(self, record: Record) -> None:
        """Take up one record of the outcomes topic."""
        if record.value is None:
            return
        if self._first_outcome_ms is None:
            self._first_outcome_ms = record.timestamp
        self._findings.checked("I0")
        self._findings.checked("I4")
        try:
            outcome = decode_outcome(record.value)
        except Malformed as error:
            self._findings.broken("I0", place(record), f"no outcome: {error}")
            return
        if record.key != outcome.stream.encode():
            self._findings.broken("I0", place(record), "the record's key is not the stream")
        answered = self._answered.setdefault(outcome.command, Answered(outcome.stream))
        if outcome.repeated:
            answered.repeated += 1
            return
        answered.first += 1
        if answered.first > 1:
            self._findings.broken("I4", place(record), f"command {outcome.command} is answered anew")
        self._note(answered, outcome, record)

    def _note(self, answered: Answered, outcome: Outcome, record: Record) -> None:
        answered.accepted = outcome.status == "accepted"
        answered.events, answered.streamseq, answered.version = (
            outcome.events,
            outcome.streamseq,
            outcome.version,
        )
        answered.offset, answered.time_ms = record.offset, record.timestamp
        if not answered.accepted and outcome.code is None:
            self._findings.broken("I4", place(record), "refused without a code")
        if not answered.accepted and outcome.events:
            self._findings.broken("I4", place(record), f"refused with {outcome.events} events")

    def judge(
        self,
        caused: Mapping[str, CommandEvents],
        chains: Mapping[str, Chain],
        commands_from: int,
        outcomes_from: int,
        *,
        log_goes_on: bool,
    ) -> None:
        """Compare commands, outcomes and events. Only now is everything of the partition known.

        `commands_from` and `outcomes_from` are the first offsets that retention has left. When the log goes on, an
        outcome may speak of events that were written after the oracle's end of it.
        """
        commands = Kept(commands_from, self._first_command_ms or 0)
        outcomes = Kept(outcomes_from, self._first_outcome_ms or 0)
        for command, asked in self._asked.items():
            self._judge_command(command, asked, outcomes)
        for command, answered in self._answered.items():
            self._judge_outcome(
                command, answered, caused.get(command), chains, commands, log_goes_on=log_goes_on
            )
        for command, events in caused.items():
            if command not in self._answered and not self._forgotten(command, outcomes):
                where = f"{self._family.events.name}/{self._partition}, command {command}"
                self._findings.broken("I4", where, f"{events.events} events without an outcome")

    def _judge_command(self, command: str, asked: Asked, outcomes: Kept) -> None:
        self._findings.checked("I4")
        answered = self._answered.get(command)
        where = f"{self._family.commands.name}/{self._partition} offset {asked.offset}"
        if answered is None or not answered.first:
            if outcomes.may_have_held(asked.time_ms):
                return
            if asked.offset < self._consumed:
                self._findings.broken("I4", where, "decided, and without an outcome")
            else:
                self.pending += 1
            return
        if answered.repeated > asked.copies - 1:
            what = f"{answered.repeated} repeated outcomes for {asked.copies} copies of the command"
            self._findings.broken("I4", where, what)

    def _judge_outcome(
        self,
        command: str,
        answered: Answered,
        caused: CommandEvents | None,
        chains: Mapping[str, Chain],
        commands: Kept,
        *,
        log_goes_on: bool,
    ) -> None:
        where = f"{self._family.outcomes.name}/{self._partition} offset {answered.offset}"
        if command not in self._asked and not commands.may_have_held(answered.time_ms):
            self._findings.broken("I4", where, f"an outcome of command {command}, which nobody sent")
        if not answered.first or not answered.accepted:
            if caused is not None and answered.first:
                self._findings.broken("I4", where, f"refused, and {caused.events} events are in the log")
            return
        found = caused.events if caused else 0
        chain = chains.get(answered.stream)
        beyond = answered.streamseq > (chain.streamseq if chain else 0)
        if beyond and log_goes_on:
            return
        if found != answered.events or beyond:
            self._findings.broken("I4", where, f"it tells of {answered.events} events, the log has {found}")
        elif caused and (answered.streamseq, answered.version) != (caused.streamseq, caused.version):
            self._findings.broken("I4", where, "it tells of another position or version than its events have")

    def _forgotten(self, command: str, outcomes: Kept) -> bool:
        """Whether retention may have taken the outcome of a command that has events."""
        asked = self._asked.get(command)
        return outcomes.from_offset > 0 and (asked is None or outcomes.may_have_held(asked.time_ms))
