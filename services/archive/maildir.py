"""The content of mailboxes as Maildir++ folders, `<root>/<tenant>/<mailbox id>/Maildir`, while others work there too."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.ids import ArchiveId, parse_uuid
from services.archive.content import (
    ArchiveBroken,
    Entry,
    MailboxHome,
    MailCount,
    Manifest,
    PackedMessage,
    Unpackable,
)
from services.archive.mail_names import is_folder
from services.archive.maildir_arriving import Arrival
from services.archive.maildir_dropping import destroy_home, drop, remove_home
from services.archive.maildir_files import MAILDIR
from services.archive.maildir_reading import count, entries


class Maildirs:
    """Implements MailContent. Ids are parsed before they become a path, so none leads out of the root.

    Raises ValueError for an id that is no UUID. File work runs in threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def count(self, home: MailboxHome) -> MailCount:
        """See MailContent."""
        return await asyncio.to_thread(count, self._home(home) / MAILDIR)

    def entries(self, home: MailboxHome) -> Iterator[Entry]:
        """See MailContent. Side files come last: the list of UIDs then knows every message that was packed."""
        return entries(self._home(home) / MAILDIR)

    async def drop(self, home: MailboxHome, messages: Iterable[PackedMessage]) -> int:
        """See MailContent."""
        return await asyncio.to_thread(drop, self._home(home) / MAILDIR, messages)

    async def remove_home(self, home: MailboxHome) -> bool:
        """See MailContent."""
        return await asyncio.to_thread(remove_home, self._home(home))

    async def destroy_home(self, home: MailboxHome) -> None:
        """See MailContent."""
        await asyncio.to_thread(destroy_home, self._home(home))

    async def restore(self, home: MailboxHome, archive_id: ArchiveId, archive: Unpackable) -> Manifest:
        """See MailContent."""
        arrival = Arrival(self._home(home), parse_uuid(archive_id))
        manifest = await _kept(arrival, archive)
        await asyncio.to_thread(arrival.restore, manifest)
        return manifest

    async def merge(
        self, home: MailboxHome, archive_id: ArchiveId, folder: str, archive: Unpackable
    ) -> Manifest:
        """See MailContent. Raises ValueError for a folder that is no subfolder."""
        if not is_folder(folder):
            raise ValueError("messages are merged into a subfolder")
        arrival = Arrival(self._home(home), parse_uuid(archive_id))
        manifest = await _kept(arrival, archive)
        await asyncio.to_thread(arrival.merge, manifest, folder)
        return manifest

    def _home(self, home: MailboxHome) -> Path:
        return self._root / parse_uuid(home.tenant) / parse_uuid(home.mailbox_id)


async def _kept(arrival: Arrival, archive: Unpackable) -> Manifest:
    try:
        return await archive.unpack(arrival.keep)
    except ArchiveBroken:
        await asyncio.to_thread(arrival.give_up)
        raise
