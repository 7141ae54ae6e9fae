"""Given these facts, when this command comes, then these events or this refusal: the customer's words for tests.

Everything is derived from names, so that a test can say `a_mailbox("ina")` in one line and `delete_mailbox("ina")` in
the next and mean the same mailbox. Time stands still at `NOON` unless a test says otherwise.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar
from uuid import NAMESPACE_DNS, uuid5

from msgspec import Struct

from contracts import mailbox as m
from contracts.decision import Accepted, Order, Refused
from contracts.envelope import FIRST_PREVHASH, EventEnvelope
from contracts.ids import (
    ActorName,
    ArchiveId,
    CommandId,
    CredentialId,
    LocalPart,
    MailboxId,
    TenantId,
    event_id,
)
from contracts.message import tag_of
from contracts.outcome import RefusalCode
from services.mailbox.core import decide as domain_decisions
from services.mailbox.core import domain as domain_state
from services.mailbox.core import domain_fold
from services.mailbox.core.domain import Domain

NOON: Final = datetime(2030, 6, 15, 12, tzinfo=UTC)
one_year_later: Final = datetime(2031, 6, 15, 12, tzinfo=UTC)


def an_id(name: str) -> str:
    """Give the id that goes with a name, always the same one."""
    return str(uuid5(NAMESPACE_DNS, name))


US: Final = TenantId(an_id("tenant demo"))
SOMEBODY_ELSE: Final = TenantId(an_id("tenant other"))
ACTOR: Final = ActorName("owner:demo")
DOMAIN: Final = "example.org"

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


class Happened(Struct, Generic[E], frozen=True):
    """One fact of the past. Without a subject it is about the stream itself; without a tenant, about us."""

    data: E
    subject: str | None = None
    tenant: TenantId = US
    actor: ActorName = ACTOR


class Core(Struct, Generic[S, C, E], frozen=True):
    """The pure functions of one service, as its wiring gives them to the writer."""

    new_state: Callable[[str], S]
    subject_of: Callable[[C, S], str]
    version_of: Callable[[S, str], int]
    decide: Callable[[C, S, Order], Accepted[E] | Refused]
    evolve: Callable[[S, EventEnvelope[E]], None]


MAILBOX_CORE: Final = Core[Domain, m.MailboxCommand, m.MailboxEvent](
    new_state=Domain.unknown,
    subject_of=domain_state.subject_of,
    version_of=Domain.version_of,
    decide=domain_decisions.decide,
    evolve=domain_fold.evolve,
)


class History(Generic[S, C, E]):
    """One stream as the writer keeps it: state, versions, and the envelopes of everything that happened."""

    def __init__(self, core: Core[S, C, E], stream: str) -> None:
        self.core = core
        self.stream = stream
        self.state = core.new_state(stream)
        self.log: list[EventEnvelope[E]] = []

    def happened(
        self, fact: Happened[E], command: str | None = None, part: str = "1/1", now: datetime = NOON
    ) -> None:
        """Write one fact into the log and fold it."""
        subject = self.stream if fact.subject is None else fact.subject
        command_id = CommandId(command or an_id(f"fact {len(self.log) + 1}"))
        envelope = EventEnvelope(
            id=event_id(command_id, int(part.partition("/")[0])),
            source="/postfach/test",
            type=tag_of(fact.data),  # pyright: ignore[reportArgumentType]
            subject=subject,
            time=now,
            tenant=fact.tenant,
            stream=self.stream,
            streamseq=len(self.log) + 1,
            version=self.core.version_of(self.state, subject) + 1,
            command=command_id,
            part=part,
            correlation=command_id,
            causation=command_id,
            actor=fact.actor,
            writer=1,
            prevhash=FIRST_PREVHASH,
            data=fact.data,
        )
        self.core.evolve(self.state, envelope)
        self.log.append(envelope)

    def decide(
        self, command: C, tenant: TenantId = US, now: datetime = NOON, actor: ActorName = ACTOR
    ) -> Accepted[E] | Refused:
        """Judge a command without letting it happen."""
        order = Order(
            command=CommandId(an_id(f"command {len(self.log)}")), tenant=tenant, actor=actor, now=now
        )
        decision = self.core.decide(command, self.state, order)
        assert decision.subject == self.core.subject_of(command, self.state), (
            "the decision is about another subject"
        )
        return decision

    def obey(
        self, command: C, tenant: TenantId = US, now: datetime = NOON, actor: ActorName = ACTOR
    ) -> Accepted[E] | Refused:
        """Judge a command as the writer does, and let its events happen."""
        decision = self.decide(command, tenant, now, actor)
        if isinstance(decision, Accepted):
            command_id = an_id(f"command {len(self.log)}")
            facts = [Happened(data, decision.subject, tenant, actor) for data in decision.events]
            facts += [Happened(each.event, each.subject, tenant, actor) for each in decision.also]
            for part, fact in enumerate(facts, start=1):
                self.happened(fact, command_id, f"{part}/{len(facts)}", now)
        return decision


class Answer(Generic[E]):
    """What a decider said."""

    def __init__(self, decision: Accepted[E] | Refused) -> None:
        self.decision = decision

    def then(self, *expected: Any) -> None:
        """Expect exactly these events, in this order, or one refusal; nothing expected means: already so."""
        if len(expected) == 1 and isinstance(expected[0], RefusalCode):
            assert isinstance(self.decision, Refused), f"obeyed, not refused: {self.decision}"
            assert self.decision.code == expected[0]
        else:
            assert isinstance(self.decision, Accepted), f"refused: {self.decision}"
            assert self.decision.events == expected

    def then_nothing(self) -> None:
        """Expect that the command is accepted, and nothing happens: its goal was reached already."""
        self.then()


class Scenario(Generic[S, C, E]):
    """A stream in which some facts have happened, and who orders unless it is said."""

    def __init__(
        self,
        core: Core[S, C, E],
        stream: str,
        facts: tuple[tuple[Happened[E], ...], ...],
        actor: ActorName = ACTOR,
    ) -> None:
        self.history = History(core, stream)
        self.actor = actor
        for fact in (each for group in facts for each in group):
            self.history.happened(fact)

    def when(
        self, command: C, *, by: TenantId = US, now: datetime = NOON, actor: ActorName | None = None
    ) -> Answer[E]:
        """Let the decider judge a command."""
        return Answer(self.history.decide(command, by, now, self.actor if actor is None else actor))


Facts = tuple[Happened[m.MailboxEvent], ...]


def given(*facts: Facts, domain: str = DOMAIN) -> Scenario[Domain, m.MailboxCommand, m.MailboxEvent]:
    """Start with a mail domain in which this has happened."""
    return Scenario(MAILBOX_CORE, domain, facts)


def refused(code: str) -> RefusalCode:
    """Expect a refusal, named by its stable code."""
    return RefusalCode(code)


def a_pending_domain(*, limit: int | None = None, of: TenantId = US) -> Facts:
    """Say that the domain is registered, its ownership not yet proven."""
    return (Happened(m.DomainRegistered(mailbox_limit=limit), tenant=of),)


def a_domain(*, limit: int | None = None, of: TenantId = US) -> Facts:
    """Say that the domain is active."""
    return (*a_pending_domain(limit=limit, of=of), Happened(m.DomainActivated(proof="operator"), tenant=of))


def a_suspended_domain(*, of: TenantId = US) -> Facts:
    """Say that the domain was active and is suspended."""
    return (*a_domain(of=of), the_domain_suspended(of)[0])


def a_removed_domain(*, of: TenantId = US) -> Facts:
    """Say that the domain was active and was given up."""
    return (*a_domain(of=of), the_domain_removed(of)[0])


def the_domain_suspended(of: TenantId = US) -> Facts:
    """Say that the domain, active so far, was suspended."""
    return (Happened(m.DomainSuspended(reason="unpaid"), tenant=of),)


def the_domain_removed(of: TenantId = US) -> Facts:
    """Say that the domain, whatever it holds, was given up."""
    return (Happened(m.DomainRemoved(), tenant=of),)


def a_mailbox(
    name: str, *, note: str = "", password: str | None = None, mailbox: str | None = None, of: TenantId = US
) -> Facts:
    """Say that a mailbox was created. `mailbox` names it where its address is that of another one."""
    created = mailbox_created(name, note=note, password=password, mailbox=mailbox)
    return (Happened(created, created.mailbox_id, of),)


def it_happened(name: str, event: m.MailboxEvent) -> Facts:
    """Say that something happened to a mailbox."""
    return (Happened(event, mailbox_id(name)),)


def a_suspended_mailbox(name: str) -> Facts:
    """Say that a mailbox was created and is suspended."""
    return (*a_mailbox(name), *it_happened(name, m.MailboxSuspended()))


def a_purged_mailbox(name: str, *, of: TenantId = US) -> Facts:
    """Say that a mailbox was created, deleted and given up for good."""
    return (*a_deleted_mailbox(name, of=of), Happened(mailbox_purged(name), mailbox_id(name), of))


def a_deleted_mailbox(name: str, *, archive: str | None = None, of: TenantId = US) -> Facts:
    """Say that a mailbox was created and deleted."""
    deleted = mailbox_deleted(name, archive=archive)
    return (*a_mailbox(name, of=of), Happened(deleted, mailbox_id(name), of))


def mailbox_id(name: str) -> MailboxId:
    """Give the id of the mailbox of that name."""
    return MailboxId(an_id(f"mailbox {name}"))


def archive_id(name: str) -> ArchiveId:
    """Give the id of the archive of that name."""
    return ArchiveId(an_id(f"archive {name}"))


def credential_id(name: str) -> CredentialId:
    """Give the id under which the vault keeps the password of that name."""
    return CredentialId(an_id(f"credential {name}"))


def create_mailbox(
    name: str, *, note: str = "", password: str | None = None, mailbox: str | None = None
) -> m.CreateMailbox:
    """Order a mailbox. `mailbox` names it where its id is that of another one."""
    return m.CreateMailbox(
        mailbox_id=mailbox_id(mailbox or name),
        local_part=LocalPart(name),
        credential_id=None if password is None else credential_id(password),
        note=note,
    )


def clean_mailbox(name: str, archive: str | None = None) -> m.CleanMailbox:
    """Order that a mailbox be emptied."""
    return m.CleanMailbox(mailbox_id=mailbox_id(name), archive_id=archive_id(archive or name))


def delete_mailbox(name: str, archive: str | None = None) -> m.DeleteMailbox:
    """Order that a mailbox be put away."""
    return m.DeleteMailbox(mailbox_id=mailbox_id(name), archive_id=archive_id(archive or name))


def restore_mailbox(name: str) -> m.RestoreMailbox:
    """Order that a mailbox come back."""
    return m.RestoreMailbox(mailbox_id=mailbox_id(name))


def purge_mailbox(name: str, archive: str | None = None, *, early: bool = False) -> m.PurgeMailbox:
    """Order that a mailbox be given up for good."""
    return m.PurgeMailbox(mailbox_id=mailbox_id(name), archive_id=archive_id(archive or name), early=early)


def mailbox_created(
    name: str, *, note: str = "", password: str | None = None, mailbox: str | None = None
) -> m.MailboxCreated:
    """Tell that a mailbox was created."""
    return m.MailboxCreated(
        mailbox_id=mailbox_id(mailbox or name),
        local_part=LocalPart(name),
        credential_id=None if password is None else credential_id(password),
        note=note,
    )


def mailbox_cleaned(
    name: str, *, archive: str | None = None, generation: int = 2, expires_at: datetime = one_year_later
) -> m.MailboxCleaned:
    """Tell that a mailbox was emptied."""
    return m.MailboxCleaned(
        archive_id=archive_id(archive or name),
        generation=generation,
        expires_at=expires_at,
        retention_years=1,
    )


def mailbox_deleted(
    name: str, *, archive: str | None = None, generation: int = 2, expires_at: datetime = one_year_later
) -> m.MailboxDeleted:
    """Tell that a mailbox was put away."""
    return m.MailboxDeleted(
        archive_id=archive_id(archive or name),
        generation=generation,
        expires_at=expires_at,
        retention_years=1,
    )


def mailbox_purged(name: str, *, password: str | None = None, early: bool = False) -> m.MailboxPurged:
    """Tell that a mailbox was given up for good."""
    return m.MailboxPurged(
        archive_id=archive_id(name),
        credential_id=None if password is None else credential_id(password),
        early=early,
    )
