"""Csv files through the limited reader process: the same rows and the same errors as from workbooks."""

import time

import pytest

from services.bulkio.reading import read_sheet
from services.bulkio.sheet import ReaderLimits, Sheet, SheetRow, Unreadable

LIMITS = ReaderLimits()
HEADER = "Email,Password,Note\r\n"


async def read(text: str | bytes, limits: ReaderLimits = LIMITS) -> Sheet | Unreadable:
    return await read_sheet(text.encode() if isinstance(text, str) else text, limits)


async def rows_of(text: str | bytes) -> tuple[SheetRow, ...]:
    sheet = await read(text)
    assert isinstance(sheet, Sheet), sheet
    return sheet.rows


async def refused(text: str | bytes, limits: ReaderLimits = LIMITS) -> Unreadable:
    answer = await read(text, limits)
    assert isinstance(answer, Unreadable), answer
    return answer


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_what_separates_fields_and_lines_is_found_in_the_header(
    separator: str, line_end: str, mark: str
) -> None:
    lines = [("Note", "E-Mail", "Passwort"), ("x, y; z", "a@b.example", "pw"), ("", "b@b.example", "")]
    text = mark + "".join(separator.join(f'"{field}"' for field in line) + line_end for line in lines)
    sheet = await read(text)
    assert isinstance(sheet, Sheet), sheet
    assert sheet.letters == {"note": "A", "email": "B", "password": "C"}
    assert sheet.rows == (SheetRow(2, "a@b.example", "pw", "x, y; z"), SheetRow(3, "b@b.example", "", ""))


async def test_the_separator_of_the_header_counts_whatever_stands_below() -> None:
    rows = await rows_of("Email;Password;Note\na@b.example;p,a,s,s;1,2,3,4\n")
    assert rows == (SheetRow(2, "a@b.example", "p,a,s,s", "1,2,3,4"),)


async def test_quoted_fields_keep_marks_separators_and_line_breaks_and_are_one_row() -> None:
    text = HEADER + 'a@b.example,"p""w","one\r\ntwo, three"\r\nb@b.example,,\r\n'
    assert await rows_of(text) == (
        SheetRow(2, "a@b.example", 'p"w', "one\r\ntwo, three"),
        SheetRow(3, "b@b.example", "", ""),
    )


async def test_empty_rows_are_no_rows_and_count() -> None:
    assert [(row.row, row.email) for row in await rows_of(f"\n\n{HEADER}\r\n , ,\r\na@b.example\r\n")] == [
        (6, "a@b.example")
    ]


async def test_text_that_looks_like_a_formula_or_a_number_is_text() -> None:
    rows = await rows_of(HEADER + "a@b.example,00123456,=1+1\r\n")
    assert rows == (SheetRow(2, "a@b.example", "00123456", "=1+1"),)


async def test_5000_rows_are_read_and_one_more_is_refused() -> None:
    lines = [f"user-{n}@b.example,,Room {n}\r\n" for n in range(1, 5_002)]
    rows = await rows_of(HEADER + "".join(lines[:5_000]))
    assert (len(rows), rows[-1]) == (5_000, SheetRow(5_001, "user-5000@b.example", "", "Room 5000"))
    assert (await refused(HEADER + "".join(lines))).code == "too_many_rows"


async def test_a_field_longer_than_any_column_holds_is_cut_and_so_seen_as_such() -> None:
    (row,) = await rows_of(f"{HEADER}a@b.example,,{'x' * 32_767}\n")
    assert len(row.note) == 1_001


@pytest.mark.parametrize(
    ("content", "code", "detail"),
    [
        (b"", "no_rows", "header"),
        (HEADER, "no_rows", "header"),
        ("Email,Note\na@b.example,x\n", "wrong_header", "Email, Note"),
        ("Email|Password|Note\n", "wrong_header", "Email, Password, Note"),
        (HEADER + "a@b.example,,,more\n", "wrong_header", "D2"),
        (HEADER + 'a@b.example,,"open\n', "file_damaged", "line 2"),
        (HEADER + 'a@b.example,,"x"y\n', "file_damaged", "line 2"),
        (HEADER + 'a@b.example,,"' + "x\n" * 100_000, "file_damaged", "quotation mark"),
        (HEADER + "x" * 300_000, "file_damaged", "line 2"),
        (HEADER.encode() + "a@b.example,,Büro\n".encode("latin-1"), "not_utf8", "line 2"),
        (HEADER.encode("utf-16"), "not_xlsx", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not_xlsx", "UTF-8"),
    ],
)
async def test_a_file_that_is_no_good_csv_gets_its_named_error(
    content: str | bytes, code: str, detail: str
) -> None:
    answer = await refused(content)
    assert answer.code == code, answer
    assert detail in answer.detail


async def test_text_that_is_not_utf8_is_told_with_its_line_however_far_in() -> None:
    lines = HEADER + "a@b.example,,Büro\r\n" * 4_000
    answer = await refused(lines.encode() + "b@b.example,,Büro\r\n".encode("latin-1") + b"c@b.example,,\r\n")
    assert answer.detail.startswith("line 4002 ")


async def test_control_characters_are_left_to_the_check_of_the_row() -> None:
    rows = await rows_of(HEADER + "a@b.example,,x\n" * 400 + "b@b.example,,\0\n")
    assert rows[-1].note == "\0"


async def test_more_bytes_than_allowed_are_not_read() -> None:
    limits = ReaderLimits(unzipped_bytes_max=100_000)
    assert (
        await refused(HEADER + f"a@b.example,,{'x' * 100}\n" * 2_000, limits)
    ).code == "too_large_unzipped"


async def test_a_million_columns_and_a_million_empty_lines_end_in_bounded_time() -> None:
    started = time.monotonic()
    assert (await refused("x," * 1_000_000)).code in {"file_damaged", "wrong_header"}
    assert (await refused("\n" * 1_000_000)).code == "no_rows"
    assert time.monotonic() - started < LIMITS.cpu_s
