"""Text on its way into a cell of a file that people open in a spreadsheet program."""

import re
from typing import Final

CELL_CHARACTERS_MAX: Final = 32_767
"""What one cell of a workbook can hold."""

_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 can't carry (section 2.2)."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes spreadsheet programs compute a field of a csv file (OWASP, CSV injection)."""


def plain_text(text: str) -> str:
    """Give the text without the characters that no workbook can hold."""
    return text if text.isprintable() else _ILLEGAL.sub("", text)


def formula_safe(text: str) -> str:
    """Give the text so that no spreadsheet program computes it when it stands in a csv file."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
