"""What follows here from what happened to mailboxes, and from what was decided about archives and retrievals.

The events of one mailbox are reacted to one after another, so that its return never overtakes the archive that it
returns from. After a crash the log hands out again whatever was not seen to, in the same order.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from contracts.archive import (
    ArchiveAbandoned,
    ArchiveDestructionOrdered,
    ArchiveEvent,
    ArchiveExpired,
    ArchiveKind,
    ArchiveOpened,
    ArchiveReturning,
    OpenArchive,
    ReturnArchive,
)
from contracts.envelope import EventEnvelope
from contracts.ids import MailboxId
from contracts.mailbox import (
    MailboxCleaned,
    MailboxDeleted,
    MailboxEvent,
    MailboxPurged,
    MailboxRestored,
)
from contracts.retrieval import RetrievalPaid
from contracts.topics import ARCHIVE
from contracts.views.archive import ArchiveRow
from services.archive import queries
from services.archive.content import MailboxHome
from services.archive.keeping import Keeping
from services.archive.projections import ARCHIVES
from services.archive.purging import Purging
from services.archive.retrieving import Retrieving
from services.archive.tools import Tools
from services.runtime.kafka.projection import until_applied
from services.runtime.kafka.voice import Cause

MAILBOX_CAUSES: Final = (MailboxCleaned, MailboxDeleted, MailboxRestored, MailboxPurged)
ARCHIVE_CAUSES: Final = (
    ArchiveOpened,
    ArchiveReturning,
    ArchiveAbandoned,
    ArchiveExpired,
    ArchiveDestructionOrdered,
    RetrievalPaid,
)
"""What is reacted to. Of the other events, none."""

MailboxHappened = EventEnvelope[MailboxEvent]
ArchiveHappened = EventEnvelope[ArchiveEvent]


class Reactions:
    """The handlers of both families: for the events of a kind that is reacted to, and perhaps again."""

    def __init__(self, tools: Tools, keeping: Keeping, purging: Purging, retrieving: Retrieving) -> None:
        self._tools = tools
        self._keeping = keeping
        self._purging = purging
        self._retrieving = retrieving
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def on_mailbox_event(self, event: MailboxHappened) -> None:
        """Open an archive, give it back, or end it, as the mailbox's event says."""
        # Handlers begin in the order of the log, and a lock lets those in first who came first.
        turn = self._turns.setdefault(event.subject, asyncio.Lock())
        async with turn:
            match event.data:
                case MailboxDeleted() as deleted:
                    await self._open(event, deleted, "deleted")
                case MailboxCleaned() as cleaned:
                    await self._open(event, cleaned, "cleaned")
                case MailboxRestored(archive_id=archive_id):
                    await self._tools.voice.send(
                        ARCHIVE,
                        Cause.of(event),
                        "return",
                        ReturnArchive(archive_id=archive_id),
                        tenant=event.tenant,
                        stream=event.stream,
                    )
                case MailboxPurged() as purged:
                    await self._purging.finish_with_mailbox(event, purged)
                case _:
                    pass

    async def on_archive_event(self, event: ArchiveHappened) -> None:
        """Begin what an event asks for, once the read model knows it. The sweeps find what was begun and not ended."""
        await until_applied(self._tools.pool, ARCHIVES.name, event.stream, event.streamseq)
        match event.data:
            case ArchiveOpened(mailbox_id=mailbox_id, empty=False):
                self._keeping.begin(mailbox_id, event.tenant)
            case ArchiveReturning():
                row = await self._row(event)
                self._keeping.begin(row.mailbox_id, event.tenant)
            case ArchiveAbandoned():
                await self._tools.destroy_content(await self._row(event))
            case ArchiveExpired() | ArchiveDestructionOrdered():
                self._purging.begin(event.tenant)
            case RetrievalPaid():
                self._retrieving.begin(event.subject, event.tenant)
            case _:
                pass

    async def _row(self, event: ArchiveHappened) -> ArchiveRow:
        row = await queries.archive(self._tools.pool, event.subject)
        assert row is not None, "the read model has got to the event already"
        return row

    async def _open(
        self, event: MailboxHappened, put_away: MailboxDeleted | MailboxCleaned, kind: ArchiveKind
    ) -> None:
        counted = await self._tools.content.count(MailboxHome(event.tenant, MailboxId(event.subject)))
        command = OpenArchive(
            archive_id=put_away.archive_id,
            mailbox_id=event.subject,
            kind=kind,
            generation=put_away.generation,
            expires_at=put_away.expires_at,
            retention_years=put_away.retention_years,
            empty=counted.messages == 0,
        )
        await self._tools.voice.send(
            ARCHIVE, Cause.of(event), "open", command, tenant=event.tenant, stream=event.stream
        )
