"""Removes from a Maildir what an archive holds, and nothing that came later."""

import errno
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from services.archive.content import MessageName, PackedMessage
from services.archive.maildir_files import (
    MAILDIR,
    PLACES,
    folders,
    has_bytes_of,
    is_message_file,
    listing,
    make_folder,
    remove_tree,
    scan,
    sync_folders,
)
from services.runtime.disk import sync

_REMOVING: Final = ".removing-"
_NOT_EMPTY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})


def drop(maildir: Path, messages: Iterable[PackedMessage]) -> int:
    """Remove exactly these messages, and give how many there were.

    It looks again until nothing more is found: a message may get another name between being found and being removed.
    """
    wanted = {message.key: message for message in messages}
    dropped: set[tuple[str, str]] = set()
    look_again = True
    while look_again:
        look_again = False
        found = listing(maildir)
        elsewhere = _by_base(name for key, name in found.items() if key not in wanted)
        for key, message in wanted.items():
            try:
                if name := _where(maildir, message, found.get(key), elsewhere, again=key in dropped):
                    (maildir / name.path).unlink()
                    dropped.add(key)
                    look_again = True
            except FileNotFoundError:
                look_again = True
    if dropped:
        sync_folders(maildir, folders(maildir))
    return len(dropped)


def remove_home(home: Path) -> bool:
    """Remove what is left of a deleted mailbox. Gives False, and removes nothing, while there is a message."""
    if home.exists() and not _closed(home / MAILDIR):
        return False
    destroy_home(home)
    return True


def destroy_home(home: Path) -> None:
    """Remove everything of a mailbox. The home goes aside first: what is killed on the way is no home any more."""
    aside = home.with_name(f"{_REMOVING}{home.name}")
    remove_tree(aside)
    if home.exists():
        home.rename(aside)
        sync(home.parent)
        remove_tree(aside)


def _where(
    maildir: Path,
    message: PackedMessage,
    there: MessageName | None,
    elsewhere: dict[str, list[MessageName]],
    *,
    again: bool,
) -> MessageName | None:
    """Find a message where it was, else in another folder. Raises FileNotFoundError when it is being renamed.

    A base name in the same folder is the message itself. Elsewhere it may be another's, so the very bytes count.
    """
    if there is not None:
        path = maildir / there.path
        same = has_bytes_of(path, message) if again else path.stat().st_size == message.size_bytes
        return there if same else None
    if again:
        return None
    moved = elsewhere.get(message.base, [])
    return next((name for name in moved if has_bytes_of(maildir / name.path, message)), None)


def _by_base(names: Iterable[MessageName]) -> dict[str, list[MessageName]]:
    found: dict[str, list[MessageName]] = {}
    for name in names:
        found.setdefault(name.base, []).append(name)
    return found


def _closed(maildir: Path) -> bool:
    """Take `new` and `cur` away from every folder. One that is not empty can't be taken, so no late message is lost."""
    if listing(maildir):
        return False
    for folder in folders(maildir):
        for place in PLACES:
            if not _taken(maildir / folder / place):
                for opened_again in folders(maildir):
                    make_folder(maildir, opened_again)
                return False
    return True


def _taken(part: Path) -> bool:
    for entry in scan(part):
        if not is_message_file(entry):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
    try:
        part.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
        return False
    return True
