"""What every reaction of the archive works with."""

from typing import Final

from msgspec import Struct

from contracts.archive import ArchiveCommand
from contracts.ids import MailboxId, SealKeyId, TenantId, derived_id
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import ARCHIVE
from contracts.views.archive import ArchiveRow, RetrievalRow
from services.archive.content import MailboxHome, MailContent
from services.archive.projections import ARCHIVES
from services.archive.settings import ArchiveSettings
from services.runtime.blobs import Blobs
from services.runtime.clock import Clock
from services.runtime.kafka.projection import until_applied
from services.runtime.kafka.voice import Cause, Voice
from services.runtime.postgres import Pool
from services.runtime.vault import Vault

ANSWERS: Final = frozenset(RefusalCode)
"""Every refusal is an answer where two processes may work on one thing, or people decide meanwhile."""


class Tools(Struct, frozen=True, kw_only=True):
    """Everything from outside, opened and closed by `wiring`."""

    settings: ArchiveSettings
    pool: Pool
    voice: Voice
    content: MailContent
    blobs: Blobs
    vault: Vault
    clock: Clock

    async def order(self, row: ArchiveRow | RetrievalRow, name: str, data: ArchiveCommand) -> Outcome:
        """Send the step that follows from the row's newest event, and give its outcome."""
        return await self.voice.send(
            ARCHIVE,
            Cause(row.event_id, row.correlation),
            name,
            data,
            tenant=row.tenant,
            stream=row.domain,
            may_be=ANSWERS,
        )

    async def order_and_see(self, row: ArchiveRow | RetrievalRow, name: str, data: ArchiveCommand) -> Outcome:
        """Do the same, and wait until the read model tells what came of it."""
        outcome = await self.order(row, name, data)
        await until_applied(self.pool, ARCHIVES.name, outcome.stream, outcome.streamseq)
        return outcome

    async def destroy_content(self, row: ArchiveRow) -> None:
        """Destroy all that was ever packed for an archive, and the key: a copy in a backup is unreadable from now on."""
        await self.vault.drop_key(content_key(row))
        await self.blobs.delete_all(content_folder(row))


def content_key(row: ArchiveRow) -> SealKeyId:
    """Give the id of the key that an archive's content is sealed with, in every attempt to pack it."""
    return SealKeyId(derived_id(row.archive_id, "content key"))


def content_folder(row: ArchiveRow) -> str:
    """Give where the packed files of an archive are: one for each attempt, of which one counts."""
    return f"archives/{row.archive_id}"


def home_of(row: ArchiveRow) -> MailboxHome:
    """Give whose mail an archive holds."""
    return MailboxHome(TenantId(row.tenant), MailboxId(row.mailbox_id))
