"""Maildirs as a mail server leaves them, and archives of them, in a folder of a test."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from contracts.ids import ArchiveId, MailboxId
from services.archive.content import Entry, MailboxHome, Manifest, SideFileName
from services.archive.maildir import Maildirs
from services.archive.maildir_reading import entries
from services.archive.packing import Packed, PackedArchive, pack
from services.runtime.blobs import open_blobs
from services.runtime.sealing import Sealer
from tests.kit.given import US, an_id

DATE_NS = 1_700_000_000_123_456_789
ARCHIVE = ArchiveId(an_id("archive of ina"))

Mail = dict[str, tuple[bytes, int]]
"""Content and date of each message by its path in the Maildir, or of each side file, whose date does not matter."""


@dataclass
class Home:
    """A mailbox's home on disk."""

    root: Path
    name: MailboxHome

    @property
    def path(self) -> Path:
        return self.root / self.name.tenant / self.name.mailbox_id

    @property
    def maildir(self) -> Path:
        return self.path / "Maildir"

    def deliver(self, path: str, content: bytes = b"Subject: hi\n\nhello\n", date_ns: int = DATE_NS) -> Path:
        """Put a file at a path such as `.Sent/cur/1.host:2,S`, by way of `tmp`."""
        target = self.maildir / path
        folder = target.parent.parent
        for part in ("tmp", "new", "cur"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        arriving = folder / "tmp" / "arriving"
        arriving.write_bytes(content)
        os.utime(arriving, ns=(date_ns, date_ns))
        arriving.rename(target)
        return target

    def write(self, path: str, content: bytes) -> None:
        """Put a side file."""
        (self.maildir / path).parent.mkdir(parents=True, exist_ok=True)
        (self.maildir / path).write_bytes(content)

    def rename(self, path: str, to: str) -> None:
        (self.maildir / path).rename(self.maildir / to)

    def mail(self) -> Mail:
        """Everything that an archive has to keep."""
        return {entry.name.path: _read(entry) for entry in entries(self.maildir)}

    def beside(self) -> list[str]:
        """The names in the tenant's folder: the home's own, unless something was left there."""
        return [path.name for path in self.path.parent.iterdir()]

    def messages(self) -> list[bytes]:
        """The content of all messages, sorted."""
        return sorted(content for path, (content, _) in self.mail().items() if "/" in path and _is_mail(path))


def a_home(root: Path, name: str = "ina") -> Home:
    return Home(root, MailboxHome(US, MailboxId(an_id(f"mailbox {name}"))))


def a_full_home(root: Path, name: str = "ina") -> Home:
    """A mailbox with everything that there may be in one."""
    home = a_home(root, name)
    home.deliver("cur/1700000000.M1P1.mx,S=20,W=21:2,FS", b"Subject: one\n\n" + b"x" * 3000)
    home.deliver("cur/1700000001.M2P1.mx:2,", b"Subject: two\n\ntwo")
    home.deliver("new/1700000002.M3P1.mx", b"Subject: three\n\nthree", DATE_NS + 5)
    home.deliver("cur/no-colon-at-all", b"Subject: four\n\nfour")
    home.deliver("cur/empty:2,", b"")
    home.deliver(".Sent/cur/1700000003.M4P1.mx:2,Sa", b"Subject: five\n\nfive")
    home.deliver(".Entw&APw-rfe.2026/cur/1700000004.M5P1.mx:2,D", b"Subject: six\n\nsix")
    home.deliver(".Entwürfe/new/1700000005.M6P1.mx", b"Subject: seven\n\nseven")
    (home.maildir / ".Empty" / "cur").mkdir(parents=True)
    home.write("dovecot-uidlist", b"3 V1700000000 N7\n1 :1700000000.M1P1.mx,S=20,W=21\n")
    home.write(".Sent/dovecot-keywords", b"0 Important\n")
    home.write("subscriptions", b"V\t2\nSent\n")
    home.write("dovecot.index", b"is made again")
    return home


@dataclass
class Shelf:
    """Where archives are kept, and what opens them."""

    folder: Path
    sealer: Sealer

    async def pack(self, home: Home, blob: str = "archives/ina/1") -> Packed:
        return await pack(open_blobs(self._url), blob, self.sealer, Maildirs(home.root).entries(home.name))

    def archive(self, packed: Packed, blob: str = "archives/ina/1") -> PackedArchive:
        return PackedArchive(open_blobs(self._url), blob, self.sealer, packed)

    def put_away(self, home: Home) -> tuple[PackedArchive, Manifest]:
        """Pack and verify, without dropping anything."""

        async def put_away() -> tuple[PackedArchive, Manifest]:
            archive = self.archive(await self.pack(home))
            return archive, await archive.verify()

        return asyncio.run(put_away())

    @property
    def _url(self) -> str:
        return self.folder.as_uri()


def a_shelf(folder: Path) -> Shelf:
    return Shelf(folder, Sealer(os.urandom(32)))


def _read(entry: Entry) -> tuple[bytes, int]:
    content = b"".join(entry.chunks)
    return content, 0 if isinstance(entry.name, SideFileName) else entry.date_ns


def _is_mail(path: str) -> bool:
    return Path(path).parent.name in {"new", "cur"}
