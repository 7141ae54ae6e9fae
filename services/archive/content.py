"""The port to the content of mailboxes: what the archive service needs of it, and how a piece of mail is named.

A message is known by its folder and its base name, the part of a Maildir file's name before the colon: that is what
stays the same while readers mark it as seen, answered or deleted.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, Protocol

from msgspec import Struct

from contracts.ids import ArchiveId, MailboxId, TenantId

NAME_BYTES_MAX: Final = 255
"""The longest name that file systems hold."""

INBOX: Final = ""
"""The name of the folder that the Maildir itself is; all others begin with a dot."""

Place = Literal["new", "cur"]


class ArchiveBroken(Exception):
    """A packed file is missing, cut off, altered, sealed with another key, or not what was once reported of it."""


class MailboxHome(Struct, frozen=True):
    """Whose mail it is. A mailbox that uses an address again has another id, and so another home."""

    tenant: TenantId
    mailbox_id: MailboxId


class MailCount(Struct, frozen=True):
    """How much mail there is."""

    messages: int
    size_bytes: int


class FolderName(Struct, frozen=True):
    """A folder, which may be empty: `.Sent`, `.Projects.2026`; the text is as on disk, in modified UTF-7."""

    folder: str

    @property
    def path(self) -> str:
        """Where it is in the Maildir; empty for the inbox."""
        return self.folder


class SideFileName(Struct, frozen=True):
    """A small file beside the messages, such as the list of their UIDs."""

    folder: str
    file: str

    @property
    def path(self) -> str:
        """Where it is in the Maildir."""
        return _joined(self.folder, self.file)


class MessageName(Struct, frozen=True):
    """A message. `info` is the rest of the file's name from the colon on: nothing, or flags as in `:2,FS`."""

    folder: str
    place: Place
    base: str
    info: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.folder, self.base

    @property
    def path(self) -> str:
        """Where it is in the Maildir."""
        return _joined(self.folder, f"{self.place}/{self.base}{self.info}")


MailName = FolderName | SideFileName | MessageName


class PackedMessage(MessageName, frozen=True):
    """A message as an archive names it. Its internal date is in nanoseconds since 1970, the SHA-256 in hexadecimal."""

    internal_date_ns: int
    size_bytes: int
    sha256: str


class PackedSideFile(SideFileName, frozen=True):
    """A side file as an archive names it."""

    size_bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """Everything that is in an archive, in its order."""

    messages: tuple[PackedMessage, ...]
    folders: tuple[FolderName, ...] = ()
    side_files: tuple[PackedSideFile, ...] = ()


class Entry(Struct, frozen=True):
    """Something on its way into or out of an archive. The chunks are read once, before the next entry is asked for."""

    name: MailName
    date_ns: int
    size_bytes: int
    chunks: Iterator[bytes]


class Unpackable(Protocol):
    """An archive that can be read."""

    async def unpack(self, keep: Callable[[Iterator[Entry]], None]) -> Manifest:
        """Run `keep` in a thread with everything in the archive, and give the manifest. Raises ArchiveBroken.

        An archive may turn out to be broken at its very end: what was kept counts only once this has returned.
        """
        ...


class MailContent(Protocol):
    """The content of mailboxes. Every change may be ordered again, also after it was killed half-way."""

    async def count(self, home: MailboxHome) -> MailCount:
        """Count the messages of all folders; a home that is not there has none."""
        ...

    def entries(self, home: MailboxHome) -> Iterator[Entry]:
        """Give everything to pack: folders, messages, side files. It blocks, so it is read in a thread.

        What arrives meanwhile may be missing. What is renamed or moved meanwhile is not.
        """
        ...

    async def drop(self, home: MailboxHome, messages: Iterable[PackedMessage]) -> int:
        """Remove exactly these messages, wherever they are by now, and give how many there were."""
        ...

    async def remove_home(self, home: MailboxHome) -> bool:
        """Remove what is left of a deleted mailbox. Gives False, and removes nothing, while there is a message."""
        ...

    async def destroy_home(self, home: MailboxHome) -> None:
        """Remove everything of a mailbox that is purged; a home that is not there is fine."""
        ...

    async def restore(self, home: MailboxHome, archive_id: ArchiveId, archive: Unpackable) -> Manifest:
        """Bring everything back as it was: folders, flags, dates, UIDs. Raises ArchiveBroken, with nothing changed.

        Where there is a home already, with mail that came since, what is missing in it is added.
        """
        ...

    async def merge(
        self, home: MailboxHome, archive_id: ArchiveId, folder: str, archive: Unpackable
    ) -> Manifest:
        """Add the messages below a folder, such as `.Archive 2026-11-24`. Raises ArchiveBroken, with nothing changed.

        A message whose very bytes are in the mailbox already is not added again.
        """
        ...


def _joined(folder: str, rest: str) -> str:
    return f"{folder}/{rest}" if folder else rest
