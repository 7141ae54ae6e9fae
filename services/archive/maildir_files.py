"""What is in a Maildir++ folder on disk, found while a mail server and its readers go on working there."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

from services.archive.content import INBOX, MessageName, PackedMessage, Place
from services.archive.mail_names import is_side_file, is_text, message_name
from services.runtime.disk import sync

CHUNK_BYTES: Final = 256 * 1024
MAILDIR: Final = "Maildir"
"""The folder in a mailbox's home that holds its mail."""

PARTS: Final = ("tmp", "new", "cur")
PLACES: Final[tuple[Place, ...]] = ("new", "cur")

Listing = dict[tuple[str, str], MessageName]
"""Messages by what they are known by."""


def folders(maildir: Path) -> list[str]:
    """Give the names of all folders, the inbox first."""
    found = [
        _told(entry)
        for entry in scan(maildir)
        if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
    ]
    return [INBOX, *sorted(set(found))]


def listing(maildir: Path) -> Listing:
    """Give the messages of all folders."""
    return {name.key: name for folder in folders(maildir) for name in messages(maildir, folder)}


def messages(maildir: Path, folder: str) -> Iterator[MessageName]:
    """Give the messages of a folder. One that a reader moves from `new` to `cur` meanwhile comes twice, not never."""
    for place in PLACES:
        for entry in scan(maildir / folder / place):
            if is_message_file(entry):
                yield message_name(folder, place, _told(entry))


def is_message_file(entry: "os.DirEntry[str]") -> bool:
    """Say whether something in `new` or `cur` is a message."""
    return not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)


def side_files(maildir: Path, folder: str) -> list[str]:
    """Give the names of a folder's side files."""
    return sorted(
        entry.name
        for entry in scan(maildir / folder)
        if is_side_file(entry.name) and entry.is_file(follow_symlinks=False)
    )


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading, but not what a link leads to. Raises FileNotFoundError."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def chunks(file: BufferedReader, size_bytes: int) -> Iterator[bytes]:
    """Give exactly so many bytes. Raises OSError when the file has become shorter: a message never changes."""
    left = size_bytes
    while left:
        chunk = file.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise OSError(errno.EIO, "a message has become shorter while it was read")
        left -= len(chunk)
        yield chunk


def sha256_of(file: BufferedReader) -> str:
    """Give the SHA-256 of an open file in hexadecimal."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def has_bytes_of(path: Path, message: PackedMessage) -> bool:
    """Say whether a file holds the very bytes of a message. Raises FileNotFoundError."""
    with open_file(path) as file:
        return os.fstat(file.fileno()).st_size == message.size_bytes and sha256_of(file) == message.sha256


def make_folder(maildir: Path, folder: str) -> None:
    """Make a folder with its three parts, where it is missing."""
    for part in PARTS:
        (maildir / folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder != INBOX:
        # By this file a delivery agent knows that it is in a subfolder and the quota is counted above (Maildir++).
        (maildir / folder / "maildirfolder").touch(mode=0o600)


def sync_folders(maildir: Path, names: Iterable[str]) -> None:
    """See to it that what was renamed or removed in these folders stays so."""
    for folder in names:
        for part in PARTS:
            if (maildir / folder / part).exists():
                sync(maildir / folder / part)
        sync(maildir / folder)


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it; one that is not there is fine."""
    if path.exists():
        shutil.rmtree(path)


def scan(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Give what is in a folder; one that is not there is empty."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _told(entry: "os.DirEntry[str]") -> str:
    """Give a name that a manifest can tell. One that is not UTF-8 is changed for that, on disk."""
    if is_text(entry.name):
        return entry.name
    base, colon, info = entry.name.partition(":")
    name = f"mended-{hashlib.sha256(os.fsencode(base)).hexdigest()}"
    if base.startswith("."):
        name = f".{name}"
    elif is_text(info):
        name += colon + info
    path = Path(entry.path)
    path.rename(path.with_name(name))
    return name
