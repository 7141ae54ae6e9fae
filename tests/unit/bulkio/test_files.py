"""The workbooks that people get, and the files of exports."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from contracts.bulkio import ExportFormat
from services.bulkio import export_files
from services.bulkio.export_files import open_export
from services.bulkio.reading import read_sheet
from services.bulkio.sheet import ReaderLimits, Sheet, SheetRow
from services.bulkio.workbook import TEMPLATE_VERSION, VERSION_PROPERTY, FailedRow, FailedRowsFile, template

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil.example")', "#N/A")


def opened(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data))


def test_the_template_has_its_sheets_its_header_and_its_version() -> None:
    workbook = opened(template())
    assert workbook.sheetnames == ["Mailboxes", "Help"]
    assert [cell.value for cell in workbook["Mailboxes"][1]] == ["Email", "Password", "Note"]
    assert workbook.custom_doc_props[VERSION_PROPERTY].value == TEMPLATE_VERSION
    assert len(workbook["Mailboxes"].data_validations.dataValidation) == 3
    help_text = "\n".join(str(row[0]) for row in workbook["Help"].values)
    assert all(word in help_text for word in ("Password", "Passwort", "密码"))


async def test_failed_rows_come_in_the_templates_form_with_reasons_and_can_be_uploaded_again(
    tmp_path: Path,
) -> None:
    file = FailedRowsFile(tmp_path / "failed")
    file.add([FailedRow(7, "a@b.example", "hello", "Email: address_taken")])
    file.add([FailedRow(9, "=1+1", "bell \x07", "Email: x")])
    file.close()
    data = (tmp_path / "failed").read_bytes()
    sheet = await read_sheet(data, ReaderLimits())
    assert isinstance(sheet, Sheet), sheet
    assert sheet.rows == (SheetRow(2, "a@b.example", "", "hello"), SheetRow(3, "=1+1", "", "bell "))
    assert [row[3] for row in opened(data)["Mailboxes"].values] == [
        "Reason",
        "row 7: Email: address_taken",
        "row 9: Email: x",
    ]


def exported(folder: Path, file_format: ExportFormat, rows: list[tuple[str, str]]) -> Path:
    path = folder / "file"
    file = open_export(path, file_format, ["email", "note"])
    file.write(rows[:1])
    file.write(rows[1:])
    file.close()
    return path


def test_nothing_runs_in_an_exported_workbook(tmp_path: Path) -> None:
    data = exported(tmp_path, "xlsx", [(text, text) for text in FORMULAS]).read_bytes()
    page = opened(data)["Mailboxes"]
    cells = [cell for row in page.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells][::2] == list(FORMULAS)
    # So that it stays a text when somebody edits the cell.
    assert all(cell.quotePrefix for cell in cells if str(cell.value).startswith(("=", "+", "-", "@")))


def test_an_exported_workbook_holds_every_text_without_what_xml_cannot_carry(tmp_path: Path) -> None:
    rows = [("a@b.example", "line\ntwo"), ("ä@b.example", "a\x00b\x1fc\ufffed"), ("c@b.example", " 空 ")]
    page = opened(exported(tmp_path, "xlsx", rows).read_bytes())["Mailboxes"]
    assert list(page.values) == [("Email", "Note"), rows[0], ("ä@b.example", "abcd"), rows[2]]


def test_a_workbook_goes_on_on_a_further_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_files._Xlsx.__init__, "__defaults__", (4,))
    data = exported(tmp_path, "xlsx", [(f"{n}@b.example", "") for n in range(7)]).read_bytes()
    workbook = opened(data)
    assert workbook.sheetnames == ["Mailboxes", "Mailboxes 2", "Mailboxes 3"]
    assert [page.max_row for page in workbook] == [4, 4, 2]
    assert workbook["Mailboxes 3"]["A1"].value == "Email"
    assert workbook["Mailboxes 3"]["A2"].value == "6@b.example"


def test_nothing_runs_in_exported_csv(tmp_path: Path) -> None:
    text = exported(tmp_path, "csv", [("a@b.example", '=1+1,"x"'), ("b@b.example", "\tx")]).read_text(
        "utf-8-sig"
    )
    assert text == 'Email,Note\na@b.example,"\'=1+1,""x"""\nb@b.example,\'\tx\n'


def test_exported_json_lines_name_their_fields(tmp_path: Path) -> None:
    lines = (
        exported(tmp_path, "jsonl", [("a@b.example", "=1+1"), ("ä@b.example", "x\ny")])
        .read_text("utf-8")
        .splitlines()
    )
    assert [json.loads(line) for line in lines] == [
        {"email": "a@b.example", "note": "=1+1"},
        {"email": "ä@b.example", "note": "x\ny"},
    ]
