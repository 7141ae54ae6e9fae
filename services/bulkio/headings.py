"""The columns of the import sheet, and the names that people may give them."""

import unicodedata
from typing import Final, Literal

Column = Literal["email", "password", "note"]

HEADINGS: Final[dict[Column, str]] = {"email": "Email", "password": "Password", "note": "Note"}
"""The template's columns, in its order."""

REASON_HEADING: Final = "Reason"
"""A further column of the result workbook; ignored when a mended result is uploaded again."""

MAILBOX_SHEETS: Final = frozenset({"mailboxes", "postfächer", "邮箱"})

_NAMES: Final[dict[str, Column]] = {
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "email address": "email",
    "e-mail address": "email",
    "e-mail-adresse": "email",
    "mailadresse": "email",
    "邮箱": "email",
    "邮箱地址": "email",
    "电子邮箱": "email",
    "电子邮件": "email",
    "邮件地址": "email",
    "password": "password",
    "passwort": "password",
    "kennwort": "password",
    "密码": "password",
    "note": "note",
    "notes": "note",
    "notiz": "note",
    "bemerkung": "note",
    "anmerkung": "note",
    "备注": "note",
    "附注": "note",
}
_IGNORED: Final = frozenset({"reason", "grund", "原因"})


def column_of(name: str) -> Column | None:
    """Give the column that a heading means, None when it means none."""
    return _NAMES.get(normal_heading(name))


def is_ignored(name: str) -> bool:
    """Whether a column of this heading may stand in the sheet and is passed over."""
    return normal_heading(name) in _IGNORED


def normal_heading(name: str) -> str:
    """Give a heading or sheet name as it is compared: without case, width and surplus space."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
