"""From the cells of a file to rows of the import sheet: header first, then every row that is not empty.

It is the same for every kind of file, so that a workbook and a csv file get the same answers.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from services.bulkio.headings import HEADINGS, Column, column_of, is_ignored
from services.bulkio.sheet import (
    CELL_TEXT_MAX,
    ROWS_PER_FRAME,
    CellIssue,
    Columns,
    Rows,
    SheetEnd,
    SheetPiece,
    SheetRow,
    UnreadableError,
)

COLUMNS_MAX: Final = 100

Doubt = Literal["", "error_cell", "number_imprecise", "date_cell"]
"""Why a cell's text may not be what people meant; empty when it is."""

Cell = tuple[int, str, Doubt]
"""A cell that is not empty: its column from 0, its text as people see it, and the doubt."""


class Table:
    """Takes the rows of one file in their order and sends what they mean, some at a time."""

    def __init__(self, rows_max: int, send: Callable[[SheetPiece], None]) -> None:
        self._rows_max = rows_max
        self._send = send
        self._columns: dict[int, Column | None] | None = None
        self._rows: list[SheetRow] = []
        self._count = 0

    def take(self, number: int, cells: Iterable[Cell]) -> None:
        """Take the next row, whose number is `number`. Raises UnreadableError."""
        if self._columns is None:
            self._take_header(cells)
            return
        row = _row(number, cells, self._columns)
        if row is None:
            return
        if self._count == self._rows_max:
            raise UnreadableError("too_many_rows", f"the file has more than {self._rows_max} rows")
        self._count += 1
        self._rows.append(row)
        if len(self._rows) == ROWS_PER_FRAME:
            self._send_rows()

    def end(self) -> None:
        """Send what is left, and that this was all. Raises UnreadableError."""
        if not self._count:
            raise UnreadableError("no_rows", "the sheet has no rows below its header")
        if self._rows:
            self._send_rows()
        self._send(SheetEnd())

    def _send_rows(self) -> None:
        self._send(Rows(tuple(self._rows)))
        self._rows.clear()

    def _take_header(self, cells: Iterable[Cell]) -> None:
        named = [(index, text) for index, text, _ in cells if text.strip()]
        if not named:
            return
        self._columns = columns_of(named)
        letters: dict[Column, str] = {
            column: column_letters(index) for index, column in self._columns.items() if column
        }
        self._send(Columns(letters))


def columns_of(named: Iterable[tuple[int, str]]) -> dict[int, Column | None]:
    """Give what each headed column holds; None is a column to pass over. Raises UnreadableError."""
    columns: dict[int, Column | None] = {}
    names: list[str] = []
    for index, name in named:
        names.append(name.strip()[:30])
        column = column_of(name)
        if index >= COLUMNS_MAX or (column is not None and column in columns.values()):
            raise _wrong_header(names)
        if column is None and not is_ignored(name):
            raise _wrong_header(names)
        columns[index] = column
    if not set(HEADINGS) <= set(columns.values()):
        raise _wrong_header(names)
    return columns


def column_letters(index: int) -> str:
    """Give the letters of a column, numbered from 0, as spreadsheet programs show them."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _wrong_header(names: list[str]) -> UnreadableError:
    found = ", ".join(names[:8])
    expected = ", ".join(HEADINGS.values())
    return UnreadableError("wrong_header", f"the header is {found}; expected are the columns {expected}")


def _row(number: int, cells: Iterable[Cell], columns: dict[int, Column | None]) -> SheetRow | None:
    texts: dict[Column, str] = {"email": "", "password": "", "note": ""}
    issues: list[CellIssue] = []
    for index, text, doubt in cells:
        column = columns.get(index)
        if column is None:
            if index not in columns and text.strip():
                place = f"{column_letters(index)}{number}"
                raise UnreadableError(
                    "wrong_header", f"the cell {place} is filled, but its column has no heading"
                )
            continue
        texts[column] = text[:CELL_TEXT_MAX] if text.strip() else ""
        # What looks like a date is as good as any other text in a note.
        if doubt and not (doubt == "date_cell" and column == "note"):
            issues.append(CellIssue(column, doubt))
    if not issues and not any(texts.values()):
        return None
    return SheetRow(number, texts["email"], texts["password"], texts["note"], tuple(issues))
