"""The topics as data: how each is made, who writes it, who reads it, and what it holds.

Value formats: commands are a `CommandEnvelope`, outcomes an `Outcome`, events an `EventEnvelope`, progress a
`JobProgress`. A record without a
value is the marker that topic creation puts at offset 0 of every partition; every reader passes over it.
"""

from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

from contracts.access import AccessCommand, AccessEvent
from contracts.archive import ArchiveCommand, ArchiveEvent
from contracts.bulkio import BulkioCommand, BulkioEvent
from contracts.codec import Codec
from contracts.mailbox import MailboxCommand, MailboxEvent
from contracts.message import Command, Event

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

FOR_EVER: Final = -1
HOUR_MS: Final = 60 * 60 * 1000
DAY_MS: Final = 24 * HOUR_MS

Holds = Literal["commands", "outcomes", "events", "progress", "dead letters"]


class Topic(Struct, frozen=True, kw_only=True):
    """One topic's name, key and keeping."""

    name: str
    key: str
    holds: Holds
    retention_ms: int
    written_by: str
    read_by: str


class Family(Generic[C, E]):
    """The three topics of one subject, with one key and one writer."""

    def __init__(
        self, name: str, *, key: str, writer: str, ordered_by: str, read_by: str, commands: Any, events: Any
    ) -> None:
        self.name = name
        self.codec: Codec[C, E] = Codec(commands, events)
        self.command_types = commands
        self.event_types = events
        self.commands = Topic(
            name=f"{name}.commands",
            key=key,
            holds="commands",
            retention_ms=7 * DAY_MS,
            written_by=ordered_by,
            read_by=writer,
        )
        self.outcomes = Topic(
            name=f"{name}.outcomes",
            key=key,
            holds="outcomes",
            retention_ms=DAY_MS,
            written_by=writer,
            read_by=ordered_by,
        )
        self.events = Topic(
            name=f"{name}.events",
            key=key,
            holds="events",
            retention_ms=FOR_EVER,
            written_by=writer,
            read_by=read_by,
        )


ACCESS: Final[Family[AccessCommand, AccessEvent]] = Family(
    "access",
    key="tenant id",
    writer="mailbox writer",
    ordered_by="gateway, mailbox reactor",
    read_by="mailbox, gateway",
    commands=AccessCommand,
    events=AccessEvent,
)
MAILBOX: Final[Family[MailboxCommand, MailboxEvent]] = Family(
    "mailbox",
    key="mail domain (A-label)",
    writer="mailbox writer",
    ordered_by="gateway, bulkio, mailbox reactor, archive reactor",
    read_by="mailbox, bulkio, archive, gateway",
    commands=MailboxCommand,
    events=MailboxEvent,
)
BULKIO: Final[Family[BulkioCommand, BulkioEvent]] = Family(
    "bulkio",
    key="tenant id",
    writer="bulkio writer",
    ordered_by="gateway, bulkio reactor",
    read_by="bulkio, gateway",
    commands=BulkioCommand,
    events=BulkioEvent,
)
ARCHIVE: Final[Family[ArchiveCommand, ArchiveEvent]] = Family(
    "archive",
    key="mail domain (A-label)",
    writer="archive writer",
    ordered_by="gateway, archive reactor",
    read_by="archive, gateway",
    commands=ArchiveCommand,
    events=ArchiveEvent,
)
BULKIO_PROGRESS: Final = Topic(
    name="bulkio.progress",
    key="job id",
    holds="progress",
    retention_ms=HOUR_MS,
    written_by="bulkio reactor",
    read_by="gateway",
)
DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    key="key of the original",
    holds="dead letters",
    retention_ms=30 * DAY_MS,
    written_by="whoever could not process a record",
    read_by="operators",
)

FAMILIES: Final = (ACCESS, MAILBOX, BULKIO, ARCHIVE)
TOPICS: Final = (
    *(topic for family in FAMILIES for topic in (family.commands, family.outcomes, family.events)),
    BULKIO_PROGRESS,
    DEAD_LETTERS,
)
