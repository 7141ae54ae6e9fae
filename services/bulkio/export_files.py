# pyright: reportMissingTypeStubs=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The files that exports are written to, row after row, with the same little memory whatever their size."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import json
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from contracts.bulkio import ExportColumn, ExportFormat
from services.bulkio.cells import CELL_CHARACTERS_MAX, formula_safe, plain_text

SHEET_ROWS_MAX: Final = 1_048_576

EXPORT_HEADINGS: Final[dict[ExportColumn, str]] = {
    "email": "Email",
    "note": "Note",
    "domain": "Domain",
    "status": "Status",
    "created_at": "Created",
    "changed_at": "Last change",
}

_FORMULA_LOOKS: Final = ("=", "+", "-", "@")

Row = Sequence[str]


class ExportFile(ABC):
    """One file being written. It is complete once it is closed."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Add rows of texts, in the order of the columns."""

    @abstractmethod
    def close(self) -> None:
        """Complete the file."""


def open_export(path: Path, file_format: ExportFormat, columns: Sequence[ExportColumn]) -> ExportFile:
    """Begin a file."""
    if file_format == "jsonl":
        return _JsonLines(path, columns)
    return open_table(path, file_format, [EXPORT_HEADINGS[column] for column in columns])


def open_table(path: Path, file_format: Literal["xlsx", "csv"], headings: Sequence[str]) -> ExportFile:
    """Begin a file that people open in a spreadsheet program."""
    return _Xlsx(path, headings) if file_format == "xlsx" else _Csv(path, headings)


class _Xlsx(ExportFile):
    """A workbook whose every cell is text; what does not fit on a sheet goes on the next."""

    def __init__(self, path: Path, headings: Sequence[str], sheet_rows_max: int = SHEET_ROWS_MAX) -> None:
        self._path = path
        self._headings = headings
        self._sheet_rows_max = sheet_rows_max
        self._workbook: Any = Workbook(write_only=True)
        self._workbook.properties.creator = "Postfach"
        self._sheets = 0
        self._new_sheet()

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self._left == 0:
                self._new_sheet()
            self._left -= 1
            self._sheet.append([self._cell(text) for text in row])

    def close(self) -> None:
        self._workbook.save(self._path)

    def _new_sheet(self) -> None:
        self._sheets += 1
        title = "Mailboxes" if self._sheets == 1 else f"Mailboxes {self._sheets}"
        if self._sheets > 1:
            # Its rows wait in a file of their own; only one sheet is held open.
            self._sheet.close()
        self._sheet: Any = self._workbook.create_sheet(title)
        for index, heading in enumerate(self._headings):
            letter = "ABCDEFGH"[index]
            self._sheet.column_dimensions[letter].width = 40 if heading in {"Email", "Note"} else 22
        self._sheet.freeze_panes = "A2"
        self._sheet.append(self._headings)
        self._left = self._sheet_rows_max - 1

    def _cell(self, text: str) -> Any:
        """Give the cell's text; as a cell of its own where openpyxl or a person's edit would make a formula of it."""
        text = plain_text(text)[:CELL_CHARACTERS_MAX]
        if not text.startswith(_FORMULA_LOOKS) and text not in ERROR_CODES:
            return text
        cell: Any = WriteOnlyCell(self._sheet, text)
        cell.data_type = "s"
        cell.quotePrefix = True
        return cell


class _Csv(ExportFile):
    """Comma-separated values (RFC 4180) in UTF-8 with the mark by which spreadsheet programs know it."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(headings)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows([formula_safe(text) for text in row] for row in rows)

    def close(self) -> None:
        self._file.close()


class _JsonLines(ExportFile):
    """One JSON object a line."""

    def __init__(self, path: Path, columns: Sequence[ExportColumn]) -> None:
        self._file = path.open("wb")
        self._columns = columns

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._file.write(json.encode(dict(zip(self._columns, row, strict=True))) + b"\n")

    def close(self) -> None:
        self._file.close()
