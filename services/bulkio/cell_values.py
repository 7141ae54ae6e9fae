"""What stands in a cell of a workbook, as the text that people see there (ECMA-376 part 1, sections 18.8.30, 18.18.11)."""

import re
from datetime import datetime, timedelta
from typing import Final

from services.bulkio.sheet import UnreadableError
from services.bulkio.table import Doubt

PRECISE_NUMBER_MAX: Final = 10**15
"""Spreadsheets keep 15 digits of a number; the rest of a longer one is lost before we see it."""

NUMBER_LENGTH_MAX: Final = 64
"""Characters of a number as programs write it: 17 digits, a sign, a point and an exponent."""

_BUILT_IN_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_DATE_LETTERS: Final = re.compile(r"[dmhysDMHYS]")
_ELAPSED_TIME: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_NOT_OF_A_DATE: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_FALSE_LEAP_DAY: Final = 60
"""Day numbers up to here are one too low: spreadsheets believe that there was a 29 February 1900."""


def is_date_format(format_id: int, code: str | None) -> bool:
    """Whether numbers of this format are shown as dates or times; `code` is None for a built-in one."""
    if code is None:
        return format_id in _BUILT_IN_DATES
    shown = code.partition(";")[0]
    return bool(_ELAPSED_TIME.search(shown) or _DATE_LETTERS.search(_NOT_OF_A_DATE.sub("", shown)))


def number_text(text: str, *, is_date: bool, since_1904: bool) -> tuple[str, Doubt]:
    """Give the text of a cell that holds a number. Raises UnreadableError when it is none."""
    if len(text) > NUMBER_LENGTH_MAX:
        raise UnreadableError("file_damaged", "a cell that should hold a number holds something else")
    try:
        value = float(text)
    except ValueError:
        raise UnreadableError(
            "file_damaged", "a cell that should hold a number holds something else"
        ) from None
    if is_date:
        return _date_text(value, since_1904=since_1904)
    if not abs(value) < PRECISE_NUMBER_MAX:
        return "", "number_imprecise"
    return (str(int(value)) if value == int(value) else repr(value)), ""


def iso_date_text(text: str) -> tuple[str, Doubt]:
    """Give the text of a cell that holds an ISO 8601 date."""
    return text.removesuffix("T00:00:00"), "date_cell"


def _date_text(days: float, *, since_1904: bool) -> tuple[str, Doubt]:
    try:
        moment = timedelta(milliseconds=round(days * 86_400_000))
        if moment < timedelta(days=1):
            return str(moment), "date_cell"
        if not since_1904 and moment < timedelta(days=_FALSE_LEAP_DAY):
            moment += timedelta(days=1)
        shown = (_EPOCH_1904 if since_1904 else _EPOCH) + moment
    except (OverflowError, ValueError):
        return "", "error_cell"
    return shown.isoformat().removesuffix("T00:00:00"), "date_cell"
