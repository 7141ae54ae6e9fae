"""Rules across two families: what a mailbox stream puts away has its archive, and what is purged in one is over in the other.

No order holds between two topics, so each rule says what must be in the log because of an event: what led to it, as
soon as the event is there; what follows from it, once the archive's reactor has acknowledged it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from msgspec import Struct, field

from contracts.archive import ArchiveDestructionOrdered, ArchiveExpired, ArchiveOpened, ArchivePurged
from contracts.mailbox import MailboxCleaned, MailboxDeleted, MailboxPurged
from contracts.topics import MAILBOX
from tests.oracle.events import Event
from tests.oracle.findings import Findings
from tests.oracle.log import Record

FOLLOWING: Final = (MAILBOX.events.name, "archive-reactor")
"""The topic in which things are put away, and the consumer group that opens archives for them."""


class Told(Struct, frozen=True):
    """One event with its place in the log."""

    topic: str
    partition: int
    offset: int
    event: Event

    @property
    def where(self) -> str:
        """Name it by where it stands."""
        return f"{self.topic}/{self.partition} offset {self.offset}"


class Archive(Struct):
    """What was told of one archive id in both families. `ended_early` says of each end whether it was by order."""

    put_away: Told | None = None
    opened: Told | None = None
    ended_early: set[bool] = field(default_factory=set[bool])
    mailbox_purged: Told | None = None
    purged: Told | None = None


class PutAwayChecks:
    """Takes the events of the mailbox and the archive family, then judges them together."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._archives: dict[str, Archive] = {}
        self.pending = 0

    def take(self, record: Record, event: Event) -> None:
        """Take up one event; those of other families are nothing to these rules."""
        told = Told(record.topic, record.partition, record.offset, event)
        match event.data:
            case MailboxDeleted() | MailboxCleaned():
                archive = self._archive(event.data.archive_id)
                archive.put_away = self._only(archive.put_away, told)
            case ArchiveOpened():
                archive = self._archive(event.subject)
                archive.opened = self._only(archive.opened, told)
            case ArchiveExpired() | ArchiveDestructionOrdered():
                early = isinstance(event.data, ArchiveDestructionOrdered)
                self._archive(event.subject).ended_early.add(early)
            case MailboxPurged(archive_id=archive_id):
                self._archive(archive_id).mailbox_purged = told
            case ArchivePurged():
                self._archive(event.subject).purged = told
            case _:
                pass

    def judge(self, settled: Mapping[TopicPartition, int], followed: Mapping[int, int]) -> None:
        """Compare the families. Only now is everything known.

        `settled` are ends, by topic and partition, that were fixed before any event was read: what led to an event
        below them has been read. `followed` are the offsets, by partition, up to which the reactor has acknowledged
        the mailbox events.
        """
        for archive in self._archives.values():
            for told, rule in self._broken_by(archive, followed):
                if told.offset < settled.get(TopicPartition(told.topic, told.partition), 0):
                    self._findings.broken("I12", told.where, rule)

    def _broken_by(self, archive: Archive, followed: Mapping[int, int]) -> Iterator[tuple[Told, str]]:
        if archive.put_away is not None:
            self._findings.checked("I12")
            yield from self._opening(archive.put_away, archive.opened, followed)
        elif archive.opened is not None:
            yield archive.opened, "an archive of nothing that was put away"
        if archive.mailbox_purged is not None:
            self._findings.checked("I12")
            if archive.mailbox_purged.event.data.early not in archive.ended_early:
                yield (
                    archive.mailbox_purged,
                    "a mailbox purged whose archive is not over, or is for another reason",
                )
        if archive.purged is not None and archive.purged.event.data.mailbox_purged:
            self._findings.checked("I12")
            yield from _certificate(archive.purged, archive.mailbox_purged)

    def _opening(
        self, put_away: Told, opened: Told | None, followed: Mapping[int, int]
    ) -> Iterator[tuple[Told, str]]:
        if opened is not None:
            if _of_putting_away(put_away.event) != _of_opening(opened.event):
                yield opened, "an archive that is opened otherwise than its content was put away"
        elif put_away.offset < followed.get(put_away.partition, 0):
            yield put_away, "put away, followed, and without an archive"
        else:
            self.pending += 1

    def _archive(self, archive_id: str) -> Archive:
        return self._archives.setdefault(archive_id, Archive())

    def _only(self, known: Told | None, told: Told) -> Told:
        if known is not None:
            self._findings.broken("I12", told.where, f"the archive is that of {known.where} already")
        return told


def _certificate(purged: Told, mailbox_purged: Told | None) -> Iterator[tuple[Told, str]]:
    if mailbox_purged is None:
        yield purged, "a certificate for a mailbox that is not purged"
        return
    event, certificate = mailbox_purged.event, purged.event.data
    head = None if certificate.head is None else (certificate.head.streamseq, certificate.head.sha256)
    if head != (event.streamseq - 1, event.prevhash):
        yield purged, "a certificate that names another head of the chain than the purge follows"
    if (certificate.credential_id, certificate.early) != (event.data.credential_id, event.data.early):
        yield purged, "a certificate that says something else than the purge of the mailbox"


def _of_putting_away(event: Event) -> tuple[Any, ...]:
    data = event.data
    kind = "deleted" if isinstance(data, MailboxDeleted) else "cleaned"
    return (
        event.tenant,
        event.stream,
        event.subject,
        kind,
        data.generation,
        data.expires_at,
        data.retention_years,
    )


def _of_opening(event: Event) -> tuple[Any, ...]:
    data = event.data
    return (
        event.tenant,
        event.stream,
        data.mailbox_id,
        data.kind,
        data.generation,
        data.expires_at,
        data.retention_years,
    )
