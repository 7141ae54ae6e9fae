"""Moves content: out of a mailbox into its archive, and back again.

Putting away goes in an order in which no moment loses mail: pack, read back, report that; then remove from the mailbox
exactly what was packed, and report that. Killed anywhere, it is taken up from what the read model tells. What is packed
twice has two names, and the archive's decider says which of them counts.

One process at a time works on a mailbox, and on its archives in the order of their generations.
"""

from functools import partial

from contracts.archive import (
    Content,
    ReportArchivePacked,
    ReportArchiveReturned,
    ReportArchiveStored,
    ReportReturnFailed,
)
from contracts.ids import ArchiveId
from contracts.outcome import RefusalCode
from contracts.views.archive import ArchiveRow
from services.archive import queries
from services.archive.content import ArchiveBroken
from services.archive.packing import Packed, PackedArchive, pack
from services.archive.tools import Tools, content_folder, content_key, home_of
from services.runtime.claimed_work import ClaimedWork
from services.runtime.ids import new_id
from services.runtime.logs import get_logger
from services.runtime.vault import KeyDestroyed

_log = get_logger(__name__)


class Keeping:
    """The mailboxes whose content this process moves."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work

    def begin(self, mailbox_id: str, tenant: str) -> None:
        """Move a mailbox's content as its archives ask for, unless some process does already."""
        self._work.begin(f"content/{mailbox_id}", partial(move_content, self._tools, mailbox_id), tenant)

    async def sweep(self) -> None:
        """Take up what nobody works on."""
        for waiting in await queries.mailboxes_waiting(self._tools.pool):
            self.begin(waiting.mailbox_id, waiting.tenant)


async def move_content(tools: Tools, mailbox_id: str) -> None:
    """Do what can be done now for the archives of a mailbox."""
    rows = await queries.archives_of_mailbox(tools.pool, mailbox_id)
    for row in rows:
        match row.state:
            case "opened":
                await _pack(tools, row)
                await _remove_packed(tools, row.archive_id)
            case "packed":
                await _remove_packed(tools, row.archive_id)
            case "returning":
                gone = _deletion_after(row, rows)
                await (_give_back(tools, row) if gone is None else _report_failed(tools, row, gone))
            case _:
                pass


def _deletion_after(row: ArchiveRow, rows: list[ArchiveRow]) -> RefusalCode | None:
    """Say what has become of the mailbox since, if it isn't there to take anything back.

    A mailbox that is deleted again while its content comes back takes it along: that archive is worked on next.
    """
    for later in rows:
        if later.generation > row.generation and later.kind == "deleted" and not later.returned:
            match later.state:
                case "packed" | "stored" | "expired":
                    return RefusalCode.MAILBOX_DELETED
                case "purged":
                    return RefusalCode.MAILBOX_PURGED
                case _:
                    pass
    return None


async def _pack(tools: Tools, row: ArchiveRow) -> None:
    """Pack and read back. What is not reported in the end, or was packed by somebody else first, is thrown away."""
    key_id = content_key(row)
    await tools.vault.create_key(key_id)
    try:
        sealer = await tools.vault.sealer(key_id)
    except KeyDestroyed:
        # The mailbox came back this very moment.
        return
    blob = f"{content_folder(row)}/{new_id()}"
    packed = await pack(tools.blobs, blob, sealer, tools.content.entries(home_of(row)))
    try:
        await PackedArchive(tools.blobs, blob, sealer, packed).verify()
    except ArchiveBroken as error:
        _log.error(
            "what was packed can't be read back; it is packed again", archive=row.archive_id, error=str(error)
        )
        await tools.blobs.delete(blob)
        return
    content = Content(
        messages=packed.messages,
        size_bytes=packed.size_bytes,
        packed_bytes=packed.packed_bytes,
        sha256=packed.sha256,
        blob=blob,
        key_id=key_id,
    )
    # Another attempt is another content: it must not get the answer that the first one got.
    outcome = await tools.order_and_see(
        row, f"packed/{blob}", ReportArchivePacked(archive_id=row.archive_id, content=content)
    )
    if outcome.status == "refused":
        await tools.blobs.delete(blob)


async def _remove_packed(tools: Tools, archive_id: str) -> None:
    """Remove from the mailbox what its archive holds, and nothing else."""
    row = await queries.archive(tools.pool, archive_id)
    if row is None or row.state != "packed":
        return
    manifest = await (await _packed_archive(tools, row)).verify()
    await tools.content.drop(home_of(row), manifest.messages)
    if row.kind == "deleted" and not await tools.content.remove_home(home_of(row)):
        _log.warning(
            "mail came to a deleted mailbox; it stays with the folder until the purge", archive=archive_id
        )
    await tools.order_and_see(row, "stored", ReportArchiveStored(archive_id=archive_id))


async def _give_back(tools: Tools, row: ArchiveRow) -> None:
    """Bring content back: a deleted mailbox's for the first time as it was, any other into a folder of its own."""
    archive_id = ArchiveId(row.archive_id)
    try:
        archive = await _packed_archive(tools, row)
        if row.kind == "deleted" and not row.returned:
            await tools.content.restore(home_of(row), archive_id, archive)
        else:
            folder = f".Archive {row.created_at:%Y-%m-%d}"
            await tools.content.merge(home_of(row), archive_id, folder, archive)
    except ArchiveBroken as error:
        _log.error("an archive can't be read", archive=row.archive_id, error=str(error))
        await _report_failed(tools, row, RefusalCode.ARCHIVE_BROKEN)
        return
    await tools.order_and_see(row, "returned", ReportArchiveReturned(archive_id=row.archive_id))


async def _report_failed(tools: Tools, row: ArchiveRow, refusal: RefusalCode) -> None:
    await tools.order_and_see(
        row, "return failed", ReportReturnFailed(archive_id=row.archive_id, refusal=refusal)
    )


async def _packed_archive(tools: Tools, row: ArchiveRow) -> PackedArchive:
    content = row.content
    assert content is not None, "an archive that was packed has content"
    packed = Packed(content.messages, content.size_bytes, content.packed_bytes, content.sha256)
    return PackedArchive(tools.blobs, content.blob, await tools.vault.sealer(content.key_id), packed)
