"""From a path in a Maildir to what it names, and to nothing outside of the Maildir whatever the path says."""

from typing import Final

from services.archive.content import (
    INBOX,
    NAME_BYTES_MAX,
    FolderName,
    MailName,
    MessageName,
    Place,
    SideFileName,
)

_SIDE_FILES: Final = frozenset(
    {"dovecot-uidlist", "dovecot-keywords", "dovecot-uidvalidity", "dovecot-acl", "subscriptions"}
)


def is_side_file(name: str) -> bool:
    """Say whether a file is packed beside the messages: it holds what can't be found out again from them."""
    return name in _SIDE_FILES or name.startswith("dovecot-uidvalidity.")


def is_folder(name: str) -> bool:
    """Say whether a name in a Maildir is that of a subfolder (Maildir++)."""
    return name.startswith(".") and _is_name(name)


def message_name(folder: str, place: Place, file: str) -> MessageName:
    """Take a message's file name apart."""
    base, colon, flags = file.partition(":")
    return MessageName(folder, place, base, colon + flags)


def is_message(file: str) -> bool:
    """Say whether a file in `new` or `cur` is a message: readers of a Maildir pass over names with a leading dot."""
    return _is_name(file) and not file.startswith(".")


def parse_path(path: str) -> MailName:
    """Give what a path in a packed file names. Raises ValueError for whatever could not have been packed."""
    match path.split("/"):
        case [folder] if is_folder(folder):
            return FolderName(folder)
        case [file] if is_side_file(file) and _is_name(file):
            return SideFileName(INBOX, file)
        case ["new" | "cur" as place, file] if is_message(file):
            return message_name(INBOX, place, file)
        case [folder, file] if is_folder(folder) and is_side_file(file) and _is_name(file):
            return SideFileName(folder, file)
        case [folder, "new" | "cur" as place, file] if is_folder(folder) and is_message(file):
            return message_name(folder, place, file)
        case _:
            raise ValueError("the path names nothing that is packed")


def is_text(name: str) -> bool:
    """Say whether a name read from disk is UTF-8: only then can a manifest tell it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_name(text: str) -> bool:
    return (
        text not in {"", ".", ".."}
        and "/" not in text
        and "\0" not in text
        and is_text(text)
        and len(text.encode()) <= NAME_BYTES_MAX
    )
