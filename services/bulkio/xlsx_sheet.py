"""The rows of a sheet, found while its XML streams by: no more than one row is ever held.

python-calamine reads faster, but holds the whole sheet, tells no formula from its value and no error from nothing, and
openpyxl takes five times as long for the same rows (decision 0015).
"""

import re
from typing import Final

from services.bulkio.cell_values import iso_date_text, number_text
from services.bulkio.sheet import UnreadableError
from services.bulkio.table import COLUMNS_MAX, Cell, Doubt, Table, column_letters
from services.bulkio.xlsx_parts import StringTable, TextGatherer, local_name, unescaped

SHEET_ROWS_MAX: Final = 1_048_576
SHEET_COLUMNS_MAX: Final = 16_384

_COLUMN: Final = re.compile(r"[A-Z]{1,3}")
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class SheetParser:
    """The handlers of the sheet's parser. Raises UnreadableError out of them."""

    def __init__(
        self, table: Table, strings: StringTable, date_formats: frozenset[str], *, since_1904: bool
    ) -> None:
        self._table = table
        self._strings = strings
        self._date_formats = date_formats
        self._since_1904 = since_1904
        self._gatherer = TextGatherer()
        self.characters = self._gatherer.characters
        self._columns: dict[str, int] = {}
        self._in_data = False
        self._number = 0
        self._column = -1
        self._kind = ""
        self._format = ""
        self._cells: list[Cell] = []

    def start(self, element: str, attributes: dict[str, str]) -> None:
        name = local_name(element)
        if not self._in_data:
            # Formulas of validations and the like stand outside of the rows, and are none of any cell.
            self._in_data = name == "sheetData"
        elif name == "c":
            self._begin_cell(attributes)
        elif name == "row":
            self._begin_row(attributes)
        elif name == "f":
            place = f"{column_letters(self._column)}{self._number}"
            raise UnreadableError("formula", f"the cell {place} holds a formula; only plain text is imported")
        else:
            self._gatherer.start(name)

    def end(self, element: str) -> None:
        if not self._in_data:
            return
        name = local_name(element)
        if name == "c":
            self._end_cell()
        elif name == "row":
            self._table.take(self._number, self._cells)
            self._cells = []
        elif name == "sheetData":
            self._in_data = False
        else:
            self._gatherer.end(name)

    def _begin_row(self, attributes: dict[str, str]) -> None:
        given = attributes.get("r")
        number = self._number + 1 if given is None else int(given) if _DIGITS.fullmatch(given) else 0
        if not self._number < number <= SHEET_ROWS_MAX:
            raise UnreadableError(
                "file_damaged", f"the row after row {self._number} has a number that it can't have"
            )
        self._number = number
        self._column = -1

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        column = self._column + 1 if reference is None else self._column_of(reference)
        if column <= self._column:
            raise UnreadableError("file_damaged", f"row {self._number} has its cells in no order")
        self._column = column
        self._kind = attributes.get("t", "n")
        self._format = attributes.get("s", "")
        self._gatherer.begin()

    def _column_of(self, reference: str) -> int:
        letters = _COLUMN.match(reference)
        if letters is None:
            raise UnreadableError("file_damaged", f"row {self._number} has a cell in no column")
        index = self._columns.get(letters[0])
        if index is None:
            index = 0
            for letter in letters[0]:
                index = index * 26 + ord(letter) - ord("A") + 1
            index -= 1
            if index >= SHEET_COLUMNS_MAX:
                raise UnreadableError("file_damaged", f"row {self._number} has a cell beyond all columns")
            self._columns[letters[0]] = index
        return index

    def _end_cell(self) -> None:
        raw = self._gatherer.text()
        if not raw:
            return
        if self._column > COLUMNS_MAX:
            place = f"{column_letters(self._column)}{self._number}"
            raise UnreadableError(
                "wrong_header", f"the cell {place} is filled, but its column has no heading"
            )
        self._cells.append((self._column, *self._text(raw)))

    def _text(self, raw: str) -> tuple[str, Doubt]:
        match self._kind:
            case "s":
                return self._strings[int(raw) if _DIGITS.fullmatch(raw) else -1], ""
            case "n":
                is_date = self._format in self._date_formats
                return number_text(raw, is_date=is_date, since_1904=self._since_1904)
            case "inlineStr" | "str":
                return unescaped(raw), ""
            case "b":
                return ("TRUE" if raw == "1" else "FALSE"), ""
            case "d":
                return iso_date_text(unescaped(raw))
            case _:
                return unescaped(raw), "error_cell"
