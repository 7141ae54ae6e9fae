"""Brings the content of an archive into a Maildir: unpacked beside the home first, then moved in.

Nothing is in the mailbox before the whole archive was read and found sound, and moving a message in is one rename. A
mark in the home says that an archive has come in completely, so that doing it once more brings nothing back that its
owner has thrown away since.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from contracts.ids import derived_id
from services.archive.content import (
    INBOX,
    NAME_BYTES_MAX,
    Entry,
    FolderName,
    Manifest,
    MessageName,
    PackedMessage,
)
from services.archive.maildir_files import (
    MAILDIR,
    folders,
    listing,
    make_folder,
    remove_tree,
    sha256_of,
    sync_folders,
)
from services.archive.maildir_reading import opened_messages
from services.runtime.disk import sync

_SECOND_NS: Final = 1_000_000_000
_SYNCS_AT_ONCE: Final = 8


class Arrival:
    """One archive on its way into a home. Whatever an attempt that was killed has left is cleared by the next one."""

    def __init__(self, home: Path, archive_id: str) -> None:
        self._home = home
        self._maildir = home / MAILDIR
        self._archive_id = archive_id
        self._staged = home.with_name(f".arriving-{home.name}-{archive_id}")
        self._staged_maildir = self._staged / MAILDIR

    def keep(self, entries: Iterator[Entry]) -> None:
        """Write everything beside the home."""
        self.give_up()
        make_folder(self._staged_maildir, INBOX)
        known = {INBOX}
        for entry in entries:
            if entry.name.folder not in known:
                make_folder(self._staged_maildir, entry.name.folder)
                known.add(entry.name.folder)
            if not isinstance(entry.name, FolderName):
                with (self._staged_maildir / entry.name.path).open("xb") as file:
                    file.writelines(entry.chunks)

    def give_up(self) -> None:
        """Remove what was written beside the home."""
        remove_tree(self._staged)

    def restore(self, manifest: Manifest) -> None:
        """Make what was kept the home, at once; where there is a home, add what is missing in it."""
        mark = f".restored-{self._archive_id}"
        if not (self._home / mark).exists():
            self._settle(manifest)
            if not self._home.exists():
                (self._staged / mark).touch()
                sync(self._staged)
                self._staged.rename(self._home)
                sync(self._home.parent)
                return
            self._add(manifest)
            self._mark(mark)
        self.give_up()

    def merge(self, manifest: Manifest, folder: str) -> None:
        """Move what was kept below a folder, under names that are the same each time this archive is merged.

        A message that is in the mailbox is left out, and so is one whose very bytes are: it is the same delivery, that
        was never dropped, was copied by its owner, or came back by another way. Copies within the archive all come.
        """
        mark = f".merged-{self._archive_id}"
        if not (self._home / mark).exists():
            self._settle(manifest)
            names = {message.key: self._merged_name(message, folder) for message in manifest.messages}
            ours = {name.base for name in names.values()}
            live = self._hashes(manifest, ours)
            there = {base for _, base in listing(self._maildir)}
            for message in manifest.messages:
                name = names[message.key]
                if name.base not in there and message.sha256 not in live:
                    self._move_in(message, name)
            self._mark(mark)
        self.give_up()

    def _settle(self, manifest: Manifest) -> None:
        """Give the messages their dates, and see to it that everything is on the disk itself before it is moved.

        That is done once all is written, and for several files at a time: a file system brings the changes of many
        files to the disk together, and so a mailbox in a tenth of the time that one file after another takes.
        """
        paths = [self._staged_maildir / message.path for message in manifest.messages]
        for path, message in zip(paths, manifest.messages, strict=True):
            os.utime(path, ns=(message.internal_date_ns, message.internal_date_ns))
        paths += [self._staged_maildir / side_file.path for side_file in manifest.side_files]
        with ThreadPoolExecutor(_SYNCS_AT_ONCE) as syncing:
            for _ in syncing.map(sync, paths):
                pass
        sync_folders(self._staged_maildir, folders(self._staged_maildir))

    def _add(self, manifest: Manifest) -> None:
        for name in manifest.folders:
            make_folder(self._maildir, name.folder)
        make_folder(self._maildir, INBOX)
        for side_file in manifest.side_files:
            if not (self._maildir / side_file.path).exists():
                (self._staged_maildir / side_file.path).rename(self._maildir / side_file.path)
        there = {base for _, base in listing(self._maildir)}
        for message in manifest.messages:
            if message.base not in there:
                self._move_in(message, message)

    def _move_in(self, message: PackedMessage, name: MessageName) -> None:
        make_folder(self._maildir, name.folder)
        (self._staged_maildir / message.path).rename(self._maildir / name.path)

    def _mark(self, mark: str) -> None:
        """Say in the home that this archive has come in; before that, everything that was moved is on the disk."""
        sync_folders(self._maildir, folders(self._maildir))
        (self._home / mark).touch()
        sync(self._home)

    def _merged_name(self, message: PackedMessage, folder: str) -> MessageName:
        target = folder + message.folder
        if len(target.encode()) > NAME_BYTES_MAX:
            target = folder
        derived = derived_id(self._archive_id, f"{message.folder}/{message.base}")
        base = f"{message.internal_date_ns // _SECOND_NS}.{derived}.archive,S={message.size_bytes}"
        return MessageName(target, message.place, base, _without_keywords(message.info))

    def _hashes(self, manifest: Manifest, ours: set[str]) -> set[str]:
        """Give the SHA-256 of what is in the mailbox and of a size that the archive knows, but for its own messages."""
        sizes = {message.size_bytes for message in manifest.messages}
        return {
            sha256_of(opened)
            for name, opened in opened_messages(self._maildir)
            if name.base not in ours and os.fstat(opened.fileno()).st_size in sizes
        }


def _without_keywords(info: str) -> str:
    """Leave out the flags that are lower-case letters: what they mean is said by a file of the folder they come from."""
    return "".join(letter for letter in info if not letter.islower())
