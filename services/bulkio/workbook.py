# pyright: reportMissingTypeStubs=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
"""The workbooks that people get for imports: the empty template, and the rows that failed in the same form."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.packaging.custom import IntProperty
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from contracts.mailbox import NOTE_LENGTH_MAX
from services.bulkio.cells import CELL_CHARACTERS_MAX, plain_text
from services.bulkio.headings import HEADINGS, REASON_HEADING

TEMPLATE_VERSION: Final = 1
TEMPLATE_BLOB: Final = f"templates/import-v{TEMPLATE_VERSION}.xlsx"
VERSION_PROPERTY: Final = "Postfach template"

_HELP: Final = (
    (
        "English",
        "One mailbox a row on the sheet Mailboxes, at most 5,000 rows.",
        "Email: the whole address. Its domain must be one of yours, and active.",
        "Password: 8 to 128 characters, neither the address nor a common password.",
        "Without a password the mailbox receives mail, but nobody can sign in.",
        f"Note: anything you like, at most {NOTE_LENGTH_MAX:,} characters.",
        "Updating existing mailboxes leaves what an empty cell stands for as it is.",
        "Formulas, macros and links to other files are refused. The order of the columns does not matter.",
    ),
    (
        "Deutsch",
        "Ein Postfach je Zeile auf dem Blatt Mailboxes, höchstens 5.000 Zeilen.",
        "Email: die ganze Adresse. Ihre Domain muss eine Ihrer aktiven Domains sein.",
        "Password: 8 bis 128 Zeichen, weder die Adresse noch ein gängiges Passwort.",
        "Ohne Passwort empfängt das Postfach E-Mails, aber niemand kann sich anmelden.",
        f"Note: eine Notiz nach Belieben, höchstens {NOTE_LENGTH_MAX} Zeichen.",
        "Beim Aktualisieren bleibt unverändert, wofür eine Zelle leer ist.",
        "Formeln, Makros und Verknüpfungen zu anderen Dateien werden abgelehnt.",
        "Die Reihenfolge der Spalten ist gleich.",
    ),
    (
        "中文",
        "在 Mailboxes 工作表中每行填写一个邮箱，最多 5,000 行。",
        "Email：完整的邮箱地址，其域名必须是您已启用的域名。",
        "Password：8 到 128 个字符，不能是邮箱地址本身，也不能是常见密码。不填密码时，邮箱可以收信，但无法登录。",
        f"Note：备注，内容不限，最多 {NOTE_LENGTH_MAX} 个字符。",
        "更新已有邮箱时，空单元格对应的内容保持不变。",
        "不接受公式、宏以及指向其他文件的链接。列的顺序不限。",
    ),
)
_HEADER_FONT: Final = Font(bold=True)
_HEADER_FILL: Final = PatternFill("solid", start_color="DDE6F0")
_WIDTHS: Final = (38, 24, 48, 60)
_TEXT_FORMAT: Final = "@"


class FailedRow(Struct, frozen=True):
    """A row that was not imported, with what people need to mend it; never its password."""

    row: int
    email: str
    note: str
    reason: str


def template() -> bytes:
    """Give the workbook that people fill in."""
    workbook, sheet = _new_workbook(list(HEADINGS.values()))
    for validation in _validations():
        sheet.data_validations.append(validation)
    _help_sheet(workbook)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


class FailedRowsFile:
    """A workbook in the template's form that can be mended and uploaded again, written row by row to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workbook, self._sheet = _new_workbook([*HEADINGS.values(), REASON_HEADING])

    def add(self, rows: Iterable[FailedRow]) -> None:
        """Add rows."""
        for row in rows:
            reason = f"row {row.row}: {row.reason}"
            self._sheet.append([self._text(row.email), None, self._text(row.note), self._text(reason)])

    def close(self) -> None:
        """Complete the file."""
        _help_sheet(self._workbook)
        self._workbook.save(self._path)

    def _text(self, text: str) -> Any:
        cell: Any = WriteOnlyCell(self._sheet, plain_text(text)[:CELL_CHARACTERS_MAX])
        # Whatever the text looks like, it is a text: no program may compute it.
        cell.data_type = "s"
        cell.number_format = _TEXT_FORMAT
        return cell


def _new_workbook(names: list[str]) -> tuple[Any, Any]:
    workbook: Any = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet("Mailboxes")
    sheet.freeze_panes = "A2"
    for index in range(len(names)):
        column = sheet.column_dimensions[get_column_letter(index + 1)]
        column.width = _WIDTHS[index]
        # Text from the start, so that a password of digits keeps its leading zeros.
        column.number_format = _TEXT_FORMAT
    header: list[Any] = [WriteOnlyCell(sheet, name) for name in names]
    for cell in header:
        cell.font, cell.fill = _HEADER_FONT, _HEADER_FILL
    sheet.append(header)
    version: Any = IntProperty(name=VERSION_PROPERTY, value=TEMPLATE_VERSION)
    workbook.custom_doc_props.append(version)
    workbook.properties.title = "Postfach mailbox import"
    workbook.properties.creator = "Postfach"
    return workbook, sheet


def _validations() -> list[DataValidation]:
    email = DataValidation("custom", formula1='AND(ISNUMBER(FIND("@",A2)),LEN(A2)<=254)', allow_blank=True)
    email.error, email.errorTitle = "A whole mail address, as name@domain", "Email"
    password = DataValidation("textLength", "between", "8", "128", allow_blank=True)
    password.error, password.errorTitle = "8 to 128 characters", "Password"
    note = DataValidation("textLength", formula1=str(NOTE_LENGTH_MAX), allow_blank=True)
    note.operator = "lessThanOrEqual"
    note.error, note.errorTitle = f"At most {NOTE_LENGTH_MAX} characters", "Note"
    for validation, column in ((email, "A"), (password, "B"), (note, "C")):
        validation.showErrorMessage = True
        validation.add(f"{column}2:{column}5001")
    return [email, password, note]


def _help_sheet(workbook: Any) -> None:
    sheet: Any = workbook.create_sheet("Help")
    sheet.column_dimensions["A"].width = 100
    for language, *lines in _HELP:
        heading: Any = WriteOnlyCell(sheet, language)
        heading.font = _HEADER_FONT
        sheet.append([heading])
        for line in lines:
            cell: Any = WriteOnlyCell(sheet, line)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            sheet.append([cell])
        sheet.append([None])
