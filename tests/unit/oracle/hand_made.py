"""Logs made by hand: sound as they come, to be spoilt by a test in exactly one place."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_DNS, UUID, uuid5

from aiokafka import ConsumerRecord

from contracts import mailbox as m
from contracts.access import RenameTenant
from contracts.archive import ReleaseHold
from contracts.bulkio import CancelImport
from contracts.codec import encode
from contracts.envelope import FIRST_PREVHASH, CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, ArchiveId, CommandId, LocalPart, MailboxId, TenantId
from contracts.message import tag_of
from contracts.outcome import Outcome
from contracts.topics import ACCESS, ARCHIVE, BULKIO, MAILBOX, Family
from tests.oracle.answers import AnswerChecks
from tests.oracle.events import EventChecks, partition_of
from tests.oracle.findings import Findings
from tests.oracle.mailbox_rules import years_later
from tests.oracle.rules import rules_of
from tests.oracle.views import FreshFold

DOMAIN: Final = "example.org"
NOON: Final = datetime(2030, 6, 15, 12, tzinfo=UTC)
SENT_MS: Final = int(NOON.timestamp() * 1000)


def an_id(name: str) -> str:
    """Give the id that goes with a name."""
    return str(uuid5(NAMESPACE_DNS, name))


US: Final = TenantId(an_id("us"))
ARCHIVE_ID: Final = ArchiveId(an_id("archive"))
ORDERS: Final = {
    ACCESS.name: RenameTenant(title="We"),
    ARCHIVE.name: ReleaseHold(hold_id=an_id("hold")),
    BULKIO.name: CancelImport(job_id=an_id("job")),
    MAILBOX.name: m.RegisterDomain(),
}


class HandMadeLog:
    """The three topics of one family, one partition of each, and the stack's own idea of what comes next."""

    def __init__(self, family: Family[Any, Any] = MAILBOX, stream: str = DOMAIN) -> None:
        self.family = family
        self.stream = stream
        self.commands: list[ConsumerRecord[bytes, bytes]] = []
        self.outcomes: list[ConsumerRecord[bytes, bytes]] = []
        self.events: list[ConsumerRecord[bytes, bytes]] = []
        self.versions: dict[str, int] = {}
        self.tail_hash = FIRST_PREVHASH
        self.letters: set[int] = set()

    def happened(self, data: Any, subject: str | None = None, **spoilt: Any) -> "HandMadeLog":
        """Add one event with its command and its outcome. `spoilt` replaces fields of the event's envelope."""
        return self.happened_at_once([data], subject, **spoilt)

    def happened_at_once(self, facts: list[Any], subject: str | None = None, **spoilt: Any) -> "HandMadeLog":
        """Add the events of one command about one subject, with it and its outcome."""
        about = subject or getattr(facts[0], "mailbox_id", None) or self.stream
        return self.happened_about([(about, data) for data in facts], **spoilt)

    def happened_about(self, facts: list[tuple[str, Any]], **spoilt: Any) -> "HandMadeLog":
        """Add the events of one command, each with its subject; the first one's is the command's own."""
        command = CommandId(an_id(f"command {len(self.commands)}"))
        self.ordered(command)
        for number, (about, data) in enumerate(facts, start=1):
            self.wrote(data, about, command, f"{number}/{len(facts)}", **spoilt)
        self.answered(command, facts[0][0], events=len(facts))
        return self

    def ordered(self, command: str, value: bytes | None = None) -> None:
        """Add a command; what it orders does not matter to the oracle."""
        envelope = CommandEnvelope(
            id=CommandId(command),
            tenant=US,
            stream=self.stream,
            actor=ActorName("owner:us"),
            correlation=command,
            causation=command,
            sent_at=NOON,
            data=ORDERS[self.family.name],
        )
        self.commands.append(self.record("commands", value or encode(envelope)))

    def wrote(self, data: Any, subject: str, command: str, of: str = "1/1", **spoilt: Any) -> None:
        """Add one event."""
        self.versions[subject] = self.versions.get(subject, 0) + 1
        fields: dict[str, Any] = {
            "id": event_id_of(command, of),
            "source": "/postfach/test",
            "type": tag_of(data),
            "subject": subject,
            "time": NOON + timedelta(seconds=len(self.events)),
            "tenant": US,
            "stream": self.stream,
            "streamseq": len(self.events) + 1,
            "version": self.versions[subject],
            "command": CommandId(command),
            "part": of,
            "correlation": command,
            "causation": command,
            "actor": ActorName("operator:us"),
            "writer": 7,
            "prevhash": self.tail_hash,
            "data": data,
        }
        value = encode(EventEnvelope[Any](**(fields | spoilt)))
        self.tail_hash = hashlib.sha256(value).hexdigest()
        self.events.append(self.record("events", value))

    def answered(self, command: str, subject: str | None = None, **fields: Any) -> None:
        """Add an outcome, an accepted one unless `fields` say otherwise."""
        about = subject or self.stream
        answer: dict[str, Any] = {
            "command": CommandId(command),
            "tenant": US,
            "stream": self.stream,
            "correlation": command,
            "subject": about,
            "status": "accepted",
            "decided_at": NOON,
            "streamseq": len(self.events),
            "version": self.versions.get(about, 0),
        }
        self.outcomes.append(self.record("outcomes", encode(Outcome(**(answer | fields)))))

    def record(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> ConsumerRecord[bytes, bytes]:
        """Give a record at the next offset of its topic, behind the marker at offset 0."""
        name = f"{self.family.name}.{topic}"
        return ConsumerRecord(
            topic=name,
            partition=partition_of(self.stream, 8) if partition is None else partition,
            offset=1 + len(getattr(self, topic)),
            timestamp=SENT_MS,
            timestamp_type=0,
            key=self.stream.encode() if key is None else key,
            value=value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )

    def checked(self, **settings: Any) -> Findings:
        """Let the oracle read it."""
        findings = Findings()
        self.checks = EventChecks(self.family, 8, findings, rules_of(self.family), set())
        self.fold = FreshFold(self.family.events.name)
        for record in self.events:
            event = self.checks.take(record)
            if event is not None:
                self.fold.take(event)
        self.checks.end()
        consumed = settings.get("consumed", 1 + len(self.commands))
        answers = AnswerChecks(self.family, partition_of(self.stream, 8), findings, self.letters, consumed)
        for record in self.commands:
            answers.take_command(record)
        for record in self.outcomes:
            answers.take_outcome(record)
        answers.judge(
            self.checks.commands,
            self.checks.chains,
            settings.get("commands_from", 0),
            settings.get("outcomes_from", 0),
            log_goes_on=settings.get("log_goes_on", False),
        )
        self.pending = answers.pending
        return findings


def event_id_of(command: str, part: str) -> str:
    """Give the id that an event of a command must have."""
    return str(uuid5(UUID(command), part.partition("/")[0]))


def created(name: str, mailbox: str | None = None) -> m.MailboxCreated:
    """Tell that a mailbox was created; `mailbox` names it where its address is another one's."""
    mailbox_id = MailboxId(an_id(f"mailbox {mailbox or name}"))
    return m.MailboxCreated(mailbox_id=mailbox_id, local_part=LocalPart(name))


def put_away(kind: Any, *, generation: int = 2, at_second: int = 3, years: int = 1) -> Any:
    """Give a cleaning or deletion of a mailbox, right but for what is told."""
    return kind(
        archive_id=ARCHIVE_ID,
        generation=generation,
        expires_at=years_later(NOON.replace(second=at_second), years),
        retention_years=years,
    )


def a_domain(limit: int | None = None) -> HandMadeLog:
    """Give the log of an active domain."""
    log = HandMadeLog()
    return log.happened(m.DomainRegistered(mailbox_limit=limit)).happened(m.DomainActivated(proof="operator"))


def broken(findings: Findings) -> list[str]:
    """Name the invariants that do not hold."""
    return [code for code, invariant in findings.invariants.items() if invariant.broken]


def rules_broken(log: HandMadeLog) -> str:
    """Name the rules of the domain that a log breaks, which breaks nothing else."""
    findings = log.checked()
    assert set(broken(findings)) <= {"I3"}, findings.report()
    return " ".join(findings.invariants["I3"].places)
