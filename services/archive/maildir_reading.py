"""Reads a Maildir from its first message to its last, although messages are marked, moved and removed meanwhile."""

import os
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from services.archive.content import Entry, FolderName, MailCount, MailName, MessageName, SideFileName
from services.archive.maildir_files import Listing, chunks, folders, listing, open_file, side_files


def count(maildir: Path) -> MailCount:
    """Count the messages of all folders."""
    sizes: list[int] = []
    for name in listing(maildir).values():
        # One that is gone or has another name by now may be left out: a count is of a moment.
        with suppress(FileNotFoundError):
            sizes.append((maildir / name.path).stat().st_size)
    return MailCount(len(sizes), sum(sizes))


def entries(maildir: Path) -> Iterator[Entry]:
    """Give folders, messages and side files, in this order."""
    for folder in folders(maildir)[1:]:
        yield Entry(FolderName(folder), 0, 0, iter(()))
    for name, opened in opened_messages(maildir):
        yield _entry(name, opened)
    for folder in folders(maildir):
        for file in side_files(maildir, folder):
            name = SideFileName(folder, file)
            with open_file(maildir / name.path) as opened:
                yield _entry(name, opened)


def opened_messages(maildir: Path) -> Iterator[tuple[MessageName, BufferedReader]]:
    """Give the messages that are there at the beginning, each once, open until the next is asked for.

    The name is that of now: a message that was renamed or moved is found again, one that was removed is passed over.
    """
    wanted = listing(maildir)
    known = set(wanted)
    now = wanted
    for key in wanted:
        while name := now.get(key) or _moved(now, known, key[1]):
            try:
                opened = open_file(maildir / name.path)
            except FileNotFoundError:
                now = listing(maildir)
                continue
            known.add(name.key)
            with opened:
                yield name, opened
            break


def _moved(now: Listing, known: set[tuple[str, str]], base: str) -> MessageName | None:
    """Find a message in a folder that it was not in before: two folders may hold copies with the same base name."""
    return next((name for key, name in now.items() if key[1] == base and key not in known), None)


def _entry(name: MailName, opened: BufferedReader) -> Entry:
    found = os.fstat(opened.fileno())
    return Entry(name, found.st_mtime_ns, found.st_size, chunks(opened, found.st_size))
