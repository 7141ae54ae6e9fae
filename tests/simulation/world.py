"""One life of the system under one seed: clients, writers, projectors, crashes, zombies, and a clock that errs."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import NAMESPACE_DNS, UUID, uuid5

import msgspec

from contracts import mailbox as m
from contracts.codec import encode
from contracts.dead_letter import DeadLetter
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.topics import MAILBOX
from tests.oracle.answers import AnswerChecks
from tests.oracle.events import EventChecks
from tests.oracle.findings import Findings
from tests.oracle.rules import rules_of
from tests.oracle.tables import differing_rows, differing_streams
from tests.oracle.views import FreshFold
from tests.simulation.log import FakeLog, TopicName
from tests.simulation.loops import Hands, Sabotage, project, write
from tests.simulation.orders import an_order
from tests.simulation.store import FakeStore, GapSeen

STEPS: Final = 600
STEPS_TO_HEAL_MAX: Final = 5_000
DOMAINS: Final = ("a.example", "b.example")
TENANTS: Final = tuple(TenantId(str(uuid5(NAMESPACE_DNS, name))) for name in ("us", "them"))
decode_letter = msgspec.json.Decoder(DeadLetter).decode
NOON: Final = datetime(2028, 2, 29, 12, tzinfo=UTC)


class World:
    """Everything that there is, moved by one source of chance."""

    def __init__(self, seed: int, sabotage: Sabotage = Sabotage.NOTHING) -> None:
        self._chance = random.Random(seed)
        self.log = FakeLog(MAILBOX.name, fences=sabotage is not Sabotage.NO_FENCE)
        self.store = FakeStore(fences=sabotage is not Sabotage.NO_OWNER)
        self._now = NOON
        self._hands = Hands(self.log, self.store, self._chance, self._clock, sabotage)
        self._loops = {"writer": write, "projector": project}
        self._running: list[tuple[str, Iterator[None]]] = []
        self._sent: list[tuple[bytes, bytes]] = []
        self.stopped = False

    def _clock(self) -> datetime:
        self._now += timedelta(seconds=self._chance.choice((0, 1, 60, 86_400, -3_600)))
        return self._now

    def live(self) -> None:
        """Live through trouble, then without, until nothing is left to do."""
        self._start("writer")
        self._start("projector")
        for domain in DOMAINS:
            # Most lives begin with a domain that is there: else half of all orders would find none.
            for order in (m.RegisterDomain(mailbox_limit=3), m.ActivateDomain(proof="operator")):
                self._send(self._command(domain, order, TENANTS[0]))
        for _ in range(STEPS):
            if self.stopped:
                return
            self._happen()
        self.heal()

    def _happen(self) -> None:
        what = self._chance.random()
        if what < 0.2:
            self._order()
        elif what < 0.22:
            self._start(self._chance.choice(("writer", "projector")))
        elif what < 0.24:
            self._crash()
        else:
            self._step()

    def heal(self) -> None:
        """End every process, start one of each kind, and let them finish. What they had begun is left as it is."""
        self._running.clear()
        self._start("writer")
        self._start("projector")
        for _ in range(STEPS_TO_HEAL_MAX):
            if self.stopped or self._at_rest():
                return
            self._step()
        self.stopped = True

    def _at_rest(self) -> bool:
        return (
            not self.log.open
            and self.log.consumed == len(self.log.topics[TopicName.COMMANDS]) + 1
            and not self.log.committed(TopicName.EVENTS, self.store.checkpoint)
        )

    def _start(self, kind: str) -> None:
        # The one before it goes on: it is a zombie now, and does not know.
        self._running.append((kind, self._loops[kind](self._hands)))

    def _crash(self) -> None:
        if self._running:
            kind, loop = self._running.pop(self._chance.randrange(len(self._running)))
            loop.close()  # pyright: ignore[reportAttributeAccessIssue]
            if kind not in {each for each, _ in self._running}:
                self._start(kind)

    def _step(self) -> None:
        if self._running:
            running = self._chance.choice(self._running)
            try:
                next(running[1])
            except GapSeen:
                # The projection stops for good; the rest of the world goes on without it.
                self._running.remove(running)
                self.stopped = True

    def _order(self) -> None:
        """Send a new command, or one of the latest again, or bytes that are none."""
        what = self._chance.random()
        if self._sent and what < 0.3:
            self.log.order(*self._chance.choice(self._sent[-8:]))
        elif what < 0.33:
            self.log.order(b"a.example", b"no command")
        else:
            domain = self._chance.choice(DOMAINS)
            order = an_order(self._chance, domain)
            self._send(self._command(domain, order, TENANTS[self._chance.random() < 0.1]))

    def _send(self, command: tuple[bytes, bytes]) -> None:
        self._sent.append(command)
        self.log.order(*command)

    def _command(self, domain: str, order: m.MailboxCommand, tenant: TenantId) -> tuple[bytes, bytes]:
        command = CommandId(str(UUID(int=self._chance.getrandbits(128), version=4)))
        envelope = CommandEnvelope(
            id=command,
            tenant=tenant,
            stream=domain,
            actor=ActorName("system:simulated"),
            correlation=command,
            causation=command,
            sent_at=self._now,
            data=order,
            expected_version=self._chance.choice((None,) * 8 + (1, 2)),
        )
        return domain.encode(), encode(envelope)

    def judge(self) -> Findings:
        """Let the oracle read the log, and compare the read model with a fresh fold."""
        findings = Findings()
        checks = EventChecks(MAILBOX, 1, findings, rules_of(MAILBOX), set())
        fold = FreshFold(MAILBOX.events.name)
        for record in self.log.committed(TopicName.EVENTS):
            event = checks.take(record)
            if event is not None:
                fold.take(event)
        checks.end()
        letters = {
            decode_letter(record.value or b"").offset for record in self.log.committed(TopicName.DEAD_LETTERS)
        }
        answers = AnswerChecks(MAILBOX, 0, findings, letters, self.log.consumed)
        for record in self.log.committed(TopicName.COMMANDS):
            answers.take_command(record)
        for record in self.log.committed(TopicName.OUTCOMES):
            answers.take_outcome(record)
        answers.judge(checks.commands, checks.chains, 0, 0, log_goes_on=False)
        if self.stopped or answers.pending:
            findings.broken(
                "I4", "the world", f"did not come to rest, {answers.pending} commands are pending"
            )
        for table, rows in fold.rows.items():
            for key, difference in differing_rows(rows, self.store.fold.rows[table]):
                findings.broken("I7", table, f"{key} {difference}")
        if self.store.went_back:
            findings.broken("I8", "the checkpoint", "went back")
        for stream, difference in differing_streams(checks.chains, self.store.chains):
            findings.broken("I7", "streams", f"{stream} {difference}")
        return findings
