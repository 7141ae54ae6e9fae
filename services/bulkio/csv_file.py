"""A csv file from its bytes to the rows of the import sheet (RFC 4180; separated by comma, semicolon or tab).

The text must be UTF-8, with a byte order mark or without. What separates the fields is found in the header alone: of the
three, the one that makes the columns out of it. Rows are numbered as a spreadsheet program would show them: a field
with line breaks is part of one row, and empty rows count.
"""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from services.bulkio.sheet import ReaderLimits, UnreadableError
from services.bulkio.table import COLUMNS_MAX, Cell, Table, columns_of

SEPARATORS: Final = (",", ";", "\t")
LINE_CHARACTERS_MAX: Final = 256 * 1024
FIELD_CHARACTERS_MAX: Final = 128 * 1024
"""Four times what a cell of a spreadsheet can hold."""

HEAD_BYTES: Final = 4 * 1024
PIECE_BYTES: Final = 64 * 1024


class CsvSource(io.BufferedIOBase):
    """The bytes of the file: the head that was looked at, then the rest, counted in bytes and lines."""

    name = "the uploaded file"

    def __init__(self, head: bytes, rest: BinaryIO, bytes_max: int) -> None:
        super().__init__()
        self._head = head
        self._rest = rest
        self._bytes_max = bytes_max
        self._left = bytes_max
        self.lines = 0

    def readable(self) -> bool:
        return True

    def read1(self, _size: int = -1, /) -> bytes:
        """Give the next piece. Raises UnreadableError once the file has more bytes than allowed."""
        piece, self._head = self._head or self._rest.read(PIECE_BYTES), b""
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableError("too_large_unzipped", f"the file has more than {self._bytes_max} bytes")
        self.lines += piece.count(b"\n")
        return piece

    def line_of(self, error: UnicodeDecodeError) -> int:
        """Give the number of the line where decoding the newest piece failed."""
        return self.lines - error.object[error.start :].count(b"\n") + 1


def is_text(head: bytes) -> bool:
    """Whether a file that begins so may be text: no file of another kind has no zero byte for long."""
    return b"\0" not in head


def read_csv(head: bytes, rest: BinaryIO, limits: ReaderLimits, table: Table) -> None:
    """Give the rows of the file to `table`. Raises UnreadableError."""
    source = CsvSource(head, rest, limits.unzipped_bytes_max)
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="strict", newline="")
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    rows = _Rows(text)
    try:
        for number, fields in enumerate(rows, start=1):
            table.take(number, _cells(fields))
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "not_utf8", f"line {source.line_of(error)} is not UTF-8; save the file as CSV UTF-8"
        ) from error
    except csv.Error as error:
        raise UnreadableError(
            "file_damaged", f"line {rows.line}: a quotation mark is left open or stands within a field"
        ) from error
    table.end()


class _Rows:
    """The rows as lists of fields. Raises csv.Error, UnicodeDecodeError and UnreadableError."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.line = 0

    def __iter__(self) -> Iterator[list[str]]:
        lines = self._lines()
        for line in lines:
            if line.strip():
                separator = _separator(line)
                # The header must be on one line, so nothing of it is left in `lines`.
                yield next(csv.reader([line], delimiter=separator, strict=True))
                yield from csv.reader(lines, delimiter=separator, strict=True)
                return
            yield []

    def _lines(self) -> Iterator[str]:
        while line := self._text.readline(LINE_CHARACTERS_MAX):
            self.line += 1
            if len(line) == LINE_CHARACTERS_MAX:
                raise UnreadableError("file_damaged", f"line {self.line} is longer than any row can be")
            yield line


def _separator(header: str) -> str:
    """Give what separates the fields of the header; where none makes the columns, what makes the most fields."""
    parsed = {separator: _fields(header, separator) for separator in SEPARATORS}
    for separator, fields in parsed.items():
        try:
            columns_of((index, text) for index, text, _ in _cells(fields))
        except UnreadableError:
            continue
        return separator
    return max(SEPARATORS, key=lambda separator: len(parsed[separator]))


def _fields(header: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=separator, strict=True))
    except csv.Error:
        # With another separator a quoted field seems to go on after its closing mark.
        return []


def _cells(fields: list[str]) -> Iterator[Cell]:
    for index, text in enumerate(fields[: COLUMNS_MAX + 1]):
        if text:
            yield index, text, ""
