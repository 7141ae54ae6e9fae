# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingModuleSource=false, reportUnknownParameterType=false
"""Reads one uploaded workbook: bytes in by stdin, rows out by stdout, in a process that may do little else.

`python -m services.bulkio.sheet_reader LIMITS` is started by `services.bulkio.reading`. Whatever a hostile workbook
makes of the parser happens here, without secrets, without files and with little memory and time. Anything that is
not foreseen ends the process, and the parent says that the file is damaged.
"""

import codecs
import io
import resource
import sys
import traceback
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import openpyxl
from msgspec import json
from openpyxl.utils import get_column_letter

from services.bulkio.headings import (
    HEADINGS,
    MAILBOX_SHEETS,
    Column,
    column_of,
    is_ignored,
    normal_heading,
)
from services.bulkio.package_check import check_package
from services.bulkio.sheet import (
    CELL_TEXT_MAX,
    MEMORY_EXIT,
    CellIssue,
    ReaderLimits,
    Sheet,
    SheetRow,
    Unreadable,
    UnreadableError,
    encode_answer,
)

COLUMNS_MAX: Final = 100
SHEET_ROWS_MAX: Final = 1_048_576
PRECISE_NUMBER_MAX: Final = 10**15
"""Spreadsheets keep 15 digits of a number; the rest of a longer one is lost before we see it."""


def read_workbook(data: bytes, limits: ReaderLimits) -> Sheet | Unreadable:
    """Give the rows of the import sheet, or the one reason why the file as a whole can't be imported."""
    try:
        check_package(data, limits.unzipped_bytes_max)
        return _read_sheet(data, limits.rows_max)
    except UnreadableError as error:
        return error.reason


def _read_sheet(data: bytes, rows_max: int) -> Sheet:
    workbook: Any = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    numbered = _numbered_rows(_import_sheet(workbook))
    columns: dict[int, Column | None] | None = None
    rows: list[SheetRow] = []
    for number, cells in numbered:
        if columns is None:
            if any(cell.value is not None for cell in cells):
                columns = _columns(cells)
            continue
        row = _row(number, cells, columns)
        if row is None:
            continue
        if len(rows) == rows_max:
            raise UnreadableError("too_many_rows", f"the file has more than {rows_max} rows")
        rows.append(row)
    if columns is None or not rows:
        raise UnreadableError("no_rows", "the sheet has no rows below its header")
    letters: dict[Column, str] = {
        column: get_column_letter(index + 1) for index, column in columns.items() if column
    }
    return Sheet(letters, tuple(rows))


def _import_sheet(workbook: Any) -> Any:
    sheets: list[Any] = workbook.worksheets
    if not sheets:
        raise UnreadableError("file_damaged", "the workbook has no sheet")
    named = (sheet for sheet in sheets if normal_heading(sheet.title) in MAILBOX_SHEETS)
    return next(named, sheets[0])


def _numbered_rows(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Give the rows with their numbers; the size that the sheet claims to have is not believed."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX + 1), start=1):
        if number > SHEET_ROWS_MAX:
            raise UnreadableError("file_damaged", f"a row has a number beyond {SHEET_ROWS_MAX}")
        yield number, cells


def _columns(cells: Sequence[Any]) -> dict[int, Column | None]:
    """Give what each headed column holds; None is a column to pass over."""
    columns: dict[int, Column | None] = {}
    names: list[str] = []
    for index, cell in enumerate(cells):
        _refuse_formula(cell)
        name = "" if cell.value is None else str(cell.value)[:CELL_TEXT_MAX]
        if not name.strip():
            continue
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


def _wrong_header(names: list[str]) -> UnreadableError:
    found = ", ".join(names[:8])
    expected = ", ".join(HEADINGS.values())
    return UnreadableError("wrong_header", f"the header is {found}; expected are the columns {expected}")


def _row(number: int, cells: Sequence[Any], columns: dict[int, Column | None]) -> SheetRow | None:
    texts: dict[Column, str] = {"email": "", "password": "", "note": ""}
    issues: list[CellIssue] = []
    for index, cell in enumerate(cells):
        value = cell.value
        if value is None:
            continue
        _refuse_formula(cell)
        if index not in columns:
            if str(value).strip():
                place = f"{get_column_letter(index + 1)}{number}"
                raise UnreadableError(
                    "wrong_header", f"the cell {place} is filled, but its column has no heading"
                )
            continue
        column = columns[index]
        if column is None:
            continue
        text, issue = _text(value, cell.data_type, column)
        texts[column] = text[:CELL_TEXT_MAX] if text.strip() else ""
        if issue:
            issues.append(CellIssue(column, issue))
    if not issues and not any(texts.values()):
        return None
    return SheetRow(number, texts["email"], texts["password"], texts["note"], tuple(issues))


def _refuse_formula(cell: Any) -> None:
    if cell.value is not None and cell.data_type == "f":
        place = f"{get_column_letter(cell.column)}{cell.row}"
        raise UnreadableError("formula", f"the cell {place} holds a formula; only plain text is imported")


def _text(value: object, data_type: str, column: Column) -> tuple[str, str | None]:
    """Give a cell's text as people see it, and the code of what makes it doubtful."""
    if isinstance(value, str):
        return value, "error_cell" if data_type == "e" else None
    if isinstance(value, bool):
        return str(value).upper(), None
    if isinstance(value, int | float):
        if abs(value) >= PRECISE_NUMBER_MAX:
            return "", "number_imprecise"
        return (str(int(value)) if value == int(value) else repr(value)), None
    if isinstance(value, datetime | date | time | timedelta):
        return _date_text(value), None if column == "note" else "date_cell"
    return "", "error_cell"


def _date_text(value: datetime | date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat()


def _limit_this_process(limits: ReaderLimits) -> None:
    """Called after everything is imported: from here on nothing is opened, written or started any more."""
    # Python loads a codec when it is first needed; this one is that of names in a zip archive.
    codecs.lookup("cp437")
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes_max, limits.memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _tell_place_only(kind: type[BaseException], _value: BaseException, trace: TracebackType | None) -> None:
    """Say where the reader ended, without the message: it could quote a cell."""
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    sys.stderr.write(f"{kind.__name__} at {place}\n")


def main() -> int:
    """Read, answer, end."""
    sys.excepthook = _tell_place_only
    limits = json.decode(sys.argv[1], type=ReaderLimits)
    _limit_this_process(limits)
    try:
        answer = encode_answer(read_workbook(sys.stdin.buffer.read(), limits))
    except MemoryError:
        return MEMORY_EXIT
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
