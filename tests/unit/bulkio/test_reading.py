"""Workbooks through the limited reader process: good ones row by row, hostile ones by their named error."""

import datetime as dt
import subprocess
import sys
import time

import pytest

from services.bulkio.reading import read_sheet
from services.bulkio.sheet import CellIssue, ReaderLimits, Sheet, SheetRow, Unreadable
from services.bulkio.workbook import template
from tests.kit import workbooks

LIMITS = ReaderLimits()


async def read(data: bytes, limits: ReaderLimits = LIMITS) -> Sheet | Unreadable:
    return await read_sheet(data, limits)


async def rows_of(data: bytes) -> tuple[SheetRow, ...]:
    sheet = await read(data)
    assert isinstance(sheet, Sheet), sheet
    return sheet.rows


@pytest.mark.parametrize("kind", workbooks.UNREADABLE)
async def test_a_hostile_workbook_gets_its_named_error_in_bounded_time(kind: str) -> None:
    make, code = workbooks.UNREADABLE[kind]
    data = make()
    started = time.monotonic()
    answer = await read(data)
    assert isinstance(answer, Unreadable)
    assert answer.code == code, answer
    assert answer.detail
    assert time.monotonic() - started < LIMITS.cpu_s + 3


def test_the_readers_memory_stays_bounded_whatever_was_read() -> None:
    # In a process of its own: a child is counted from its fork on, with all the memory of a large test process.
    measured = subprocess.run(
        [sys.executable, "-c", _LARGEST_READER], check=True, capture_output=True, text=True
    )
    assert 0 < int(measured.stdout) * 1024 <= LIMITS.memory_bytes_max


_LARGEST_READER = """
import asyncio, resource
from services.bulkio.reading import read_sheet
from services.bulkio.sheet import ReaderLimits
from tests.kit import workbooks
for make in (workbooks.heavy_cells, workbooks.wide_rows, workbooks.many_strings):
    asyncio.run(read_sheet(make(), ReaderLimits()))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


async def test_cells_of_the_greatest_length_are_cut_and_so_seen_as_too_long() -> None:
    rows = await rows_of(workbooks.heavy_cells())
    assert len(rows) == 5_000
    assert {len(text) for row in rows for text in (row.email, row.password, row.note)} == {1_001}


@pytest.mark.parametrize("area", ["A1:XFD1048576", "A1:A1"])
async def test_a_sheet_that_lies_about_its_size_is_read_as_what_it_is(area: str) -> None:
    assert await rows_of(workbooks.claimed_size(area)) == (SheetRow(2, "a@b.example", "", ""),)


async def test_rows_as_wide_as_a_sheet_can_be_cost_no_more_than_others() -> None:
    started = time.monotonic()
    assert len(await rows_of(workbooks.wide_rows())) == 300
    assert time.monotonic() - started < 5


async def test_a_reader_that_takes_too_long_is_ended() -> None:
    answer = await read(workbooks.mailboxes(5_000, "b.example"), ReaderLimits(wall_s=0.001))
    assert isinstance(answer, Unreadable)
    assert answer.code == "reader_timeout"


async def test_a_reader_that_computes_too_long_is_ended() -> None:
    answer = await read(workbooks.mailboxes(5_000, "b.example"), ReaderLimits(cpu_s=0))
    assert isinstance(answer, Unreadable)
    assert answer.code == "reader_timeout"


async def test_a_reader_that_needs_too_much_memory_is_ended() -> None:
    answer = await read(workbooks.many_strings(), ReaderLimits(memory_bytes_max=32 * 1024 * 1024))
    assert isinstance(answer, Unreadable)
    assert answer.code == "reader_memory"


async def test_the_cell_of_a_formula_is_named() -> None:
    answer = await read(workbooks.formula())
    assert isinstance(answer, Unreadable)
    assert "A3" in answer.detail
    answer = await read(workbooks.array_formula())
    assert isinstance(answer, Unreadable)
    assert "C2" in answer.detail


async def test_a_wrong_header_is_told_with_what_was_found_and_expected() -> None:
    answer = await read(workbooks.filled([("a", "b")], header=["Name", "Surname"]))
    assert isinstance(answer, Unreadable)
    assert "Name" in answer.detail
    assert "Email, Password, Note" in answer.detail


async def test_5000_rows_are_read_with_their_numbers() -> None:
    rows = await rows_of(workbooks.mailboxes(5_000, "b.example", password=lambda n: f"secret-{n}"))
    assert len(rows) == 5_000
    assert rows[0] == SheetRow(2, "user-1@b.example", "secret-1", "Room 1")
    assert rows[-1].row == 5_001


async def test_the_order_of_columns_and_empty_columns_do_not_matter() -> None:
    data = workbooks.filled(
        [("hello", None, "a@b.example", None, "pw")], header=["Note", None, "Email", "", "Password"]
    )
    sheet = await read(data)
    assert isinstance(sheet, Sheet)
    assert sheet.rows == (SheetRow(2, "a@b.example", "pw", "hello"),)
    assert sheet.letters == {"email": "C", "password": "E", "note": "A"}


@pytest.mark.parametrize(
    "header", [("E-Mail", "Passwort", "Notiz"), ("邮箱", "密码", "备注"), (" EMAIL ", "password", "Ｎote")]
)
async def test_localised_headings_are_known(header: tuple[str, ...]) -> None:
    assert await rows_of(workbooks.filled([("a@b.example", "pw", "n")], header=header)) == (
        SheetRow(2, "a@b.example", "pw", "n"),
    )


async def test_the_reason_column_of_a_result_workbook_is_passed_over() -> None:
    data = workbooks.filled(
        [("a@b.example", None, None, "row 2: address_taken")], header=[*workbooks.HEADER, "Reason"]
    )
    assert await rows_of(data) == (SheetRow(2, "a@b.example", "", ""),)


async def test_blank_rows_are_no_rows_and_change_no_numbers() -> None:
    data = workbooks.filled([("a@b.example",), (), ("  ", " ", None), ("c@b.example",)], blank_rows=2)
    assert [(row.row, row.email) for row in await rows_of(data)] == [(4, "a@b.example"), (7, "c@b.example")]


async def test_a_number_is_the_text_that_people_see() -> None:
    rows = await rows_of(
        workbooks.filled([("a@b.example", 12345678, 1.5), ("b@b.example", 12345678.0, True)])
    )
    assert [(row.password, row.note) for row in rows] == [("12345678", "1.5"), ("12345678", "TRUE")]


async def test_a_number_with_lost_digits_and_a_date_as_password_are_doubtful() -> None:
    day = dt.date(2030, 1, 2)
    rows = await rows_of(
        workbooks.filled([("a@b.example", 1234567890123456, day), ("b@b.example", day, "#N/A")])
    )
    assert rows[0].issues == (CellIssue("password", "number_imprecise"),)
    assert rows[0].note == "2030-01-02"
    assert rows[1].issues == (CellIssue("password", "date_cell"), CellIssue("note", "error_cell"))


async def test_links_that_the_program_made_of_addresses_do_no_harm() -> None:
    assert await rows_of(workbooks.hyperlinked()) == (SheetRow(2, "a@b.example", "", ""),)


async def test_the_template_filled_in_is_read_and_the_empty_one_has_no_rows() -> None:
    answer = await read(template())
    assert isinstance(answer, Unreadable)
    assert answer.code == "no_rows"
