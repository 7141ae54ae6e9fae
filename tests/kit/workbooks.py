"""Workbooks for tests: good ones, and each kind that must be refused, made from the bytes up where no library makes it."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence

import openpyxl
from openpyxl.worksheet.formula import ArrayFormula

HEADER = ("Email", "Password", "Note")
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
CONTENT_TYPES = "[Content_Types].xml"
WORKBOOK_RELS = "xl/_rels/workbook.xml.rels"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

Cell = str | int | float | bool | object | None


def filled(
    rows: Iterable[Sequence[Cell]],
    header: Sequence[Cell] = HEADER,
    sheet: str = "Mailboxes",
    blank_rows: int = 0,
) -> bytes:
    """Give a workbook with a header and these rows below it."""
    workbook = openpyxl.Workbook(write_only=True)
    page = workbook.create_sheet(sheet)
    for _ in range(blank_rows):
        page.append([])
    page.append(list(header))
    for row in rows:
        page.append(list(row))
    return _saved(workbook)


def mailboxes(
    count: int, domain: str, *, password: Callable[[int], str] | None = None, prefix: str = "user"
) -> bytes:
    """Give a good workbook of `count` mailboxes; the n-th, from 1, is `<prefix>-<n>@<domain>` with a note."""
    return filled(
        (f"{prefix}-{n}@{domain}", password(n) if password else None, f"Room {n}")
        for n in range(1, count + 1)
    )


def parts(workbook: bytes) -> dict[str, bytes]:
    """Give the parts of a workbook by name."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as package:
        return {name: package.read(name) for name in package.namelist()}


def packed(content: Mapping[str, bytes]) -> bytes:
    """Put parts together to a workbook."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in content.items():
            package.writestr(name, data)
    return buffer.getvalue()


def with_part(name: str, data: bytes) -> bytes:
    """Give a good workbook with one part added or replaced."""
    return packed({**parts(_good()), name: data})


def replaced(name: str, old: bytes, new: bytes) -> bytes:
    """Give a good workbook in which a piece of one part is another."""
    content = parts(_good())
    assert old in content[name], "the workbook does not hold what is to be replaced"
    return packed({**content, name: content[name].replace(old, new)})


def raw_sheet(sheet_data: str) -> bytes:
    """Give a workbook whose only sheet holds exactly this XML between the tags of sheetData."""
    return with_part(SHEET, f"<worksheet {MAIN}><sheetData>{sheet_data}</sheetData></worksheet>".encode())


def inline(place: str, text: str) -> str:
    """Give the XML of one cell with a text of its own."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def header_row() -> str:
    """Give the XML of the header."""
    return f'<row r="1">{inline("A1", "Email")}{inline("B1", "Password")}{inline("C1", "Note")}</row>'


def formula() -> bytes:
    """A formula where an address should stand."""
    return filled([("a@b.example", None, None), ('=HYPERLINK("http://evil.example","x")', None, None)])


def array_formula() -> bytes:
    """A formula over several cells, in the last column."""
    workbook = openpyxl.Workbook()
    page = workbook.worksheets[0]
    page.title = "Mailboxes"
    page.append(HEADER)
    page.append(["a@b.example", None, None])
    page["C2"] = ArrayFormula("C2:C3", "=SUM(D1:D3)")
    return _saved(workbook)


def zip_bomb() -> bytes:
    """A part of nothing but zeros, 64 MB unzipped."""
    return with_part("xl/media/image1.bin", bytes(64_000_000))


def lying_zip_bomb() -> bytes:
    """The same, and the directory says that it has 1,000 bytes."""
    data = bytearray(zip_bomb())
    size = struct.pack("<I", 64_000_000)
    at = data.find(size)
    while at >= 0:
        data[at : at + 4] = struct.pack("<I", 1_000)
        at = data.find(size, at)
    return bytes(data)


def many_entries() -> bytes:
    """A package of 20,000 empty parts."""
    return packed({**parts(_good()), **{f"xl/{number}": b"" for number in range(20_000)}})


def shared_string_bomb() -> bytes:
    """A string table of 600,000 entries, 19 MB unzipped, of which the sheet uses three."""
    entry = b"<si><t>0123456789abcdef</t></si>"
    return _with_strings(entry * 590_000, 590_000)


def many_strings() -> bytes:
    """A string table of 190,000 different texts, as much as is read at all."""
    return _with_strings(
        b"".join(b"<si><t>%06d%s</t></si>" % (n, b"x" * 70) for n in range(190_000)), 190_000
    )


def heavy_cells() -> bytes:
    """5,000 rows whose 15,000 cells all show the same text of 32,767 characters: 500 MB, if each had its own."""
    rows = "".join(
        f'<row r="{n}">{_shared("A", n)}{_shared("B", n)}{_shared("C", n)}</row>' for n in range(2, 5_002)
    )
    content = parts(_with_strings(b"<si><t>" + b"x" * 32_767 + b"</t></si>", 1))
    sheet = f"<worksheet {MAIN}><sheetData>{header_row()}{rows}</sheetData></worksheet>"
    return packed({**content, SHEET: sheet.encode()})


def entity_bomb() -> bytes:
    """Entities within entities within the sheet: a billion laughs."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE worksheet [<!ENTITY e0 "ha">{levels}]>'
    sheet = f'{doctype}<worksheet {MAIN}><sheetData>{header_row()}<row r="2">{inline("A2", "&e9;")}</row></sheetData></worksheet>'
    return with_part(SHEET, sheet.encode())


def outside_entity() -> bytes:
    """An entity that stands for a file of the server, in a part that no sheet needs."""
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'
    return with_part("docProps/extra.xml", text.encode())


def outside_dtd() -> bytes:
    """A document type of a server elsewhere, with no entity of its own."""
    return with_part(
        "docProps/extra.xml", b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://evil.example/x"><a/>'
    )


def utf16_entity() -> bytes:
    """An entity that a search for its bytes would not find."""
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY f "x">]><a>&f;</a>'
    return with_part("docProps/extra.xml", text.encode("utf-16"))


def macro_part() -> bytes:
    """A workbook that holds a macro project, whatever its name says."""
    return with_part("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 macro")


def macro_type() -> bytes:
    """An .xlsm workbook that was renamed."""
    plain = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return replaced(CONTENT_TYPES, plain, b"application/vnd.ms-excel.sheet.macroEnabled.main+xml")


def external_link() -> bytes:
    """A workbook that takes values from another one."""
    return with_part("xl/externalLinks/externalLink1.xml", b"<externalLink/>")


def external_target() -> bytes:
    """A workbook whose relationship leads to a server."""
    link = b'<Relationship Id="rX" Type="http://x/oleObject" Target="file://evil/x" TargetMode="External"/></Relationships>'
    return replaced(WORKBOOK_RELS, b"</Relationships>", link)


def hyperlinked() -> bytes:
    """A good workbook in which the program made a link of the address, as Excel does by itself."""
    workbook = openpyxl.Workbook()
    page = workbook.worksheets[0]
    page.title = "Mailboxes"
    page.append(HEADER)
    page.append(["a@b.example", None, None])
    page["A2"].hyperlink = "mailto:a@b.example"
    return _saved(workbook)


def encrypted() -> bytes:
    """A workbook behind a password, as Excel saves it: an OLE file with the package inside."""
    name = "EncryptedPackage".encode("utf-16-le")
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1_000) + name + bytes(1_000)


def old_xls() -> bytes:
    """A workbook of before 2007."""
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1_000) + "Workbook".encode("utf-16-le") + bytes(1_000)


def encrypted_zip() -> bytes:
    """A package whose entries are marked as encrypted."""
    data = bytearray(_good())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags_at] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def truncated() -> bytes:
    """The first half of a good file."""
    good = mailboxes(500, "b.example")
    return good[: len(good) // 2]


def broken_checksum() -> bytes:
    """One bit of the sheet's compressed bytes is another."""
    data = bytearray(mailboxes(500, "b.example"))
    data[data.find(SHEET.encode()) + 400] ^= 0x10
    return bytes(data)


def missing_sheet() -> bytes:
    """The workbook names a sheet that the file does not hold."""
    content = parts(_good())
    del content[SHEET]
    return packed(content)


def million_columns() -> bytes:
    """A header of 10^6 columns, most of them beyond what a sheet can have."""
    return raw_sheet('<row r="1">' + "<c><v>1</v></c>" * 1_000_000 + "</row>")


def wide_rows() -> bytes:
    """300 rows, each with one more cell in the very last column that a sheet can have."""
    return raw_sheet(
        header_row()
        + "".join(
            f'<row r="{n}">{inline(f"A{n}", f"u{n}@b.example")}<c r="XFD{n}"/></row>' for n in range(2, 302)
        )
    )


def far_row() -> bytes:
    """A row numbered beyond all that a sheet can have."""
    return raw_sheet(f'{header_row()}<row r="999999999999">{inline("A999999999999", "a@b.example")}</row>')


def claimed_size(area: str) -> bytes:
    """A good sheet of one row that claims to fill this area."""
    sheet = parts(_good())[SHEET]
    claim = f'<dimension ref="{area}"/><sheetData>'.encode()
    return with_part(SHEET, sheet.replace(b"<sheetData>", claim))


def deep_nesting() -> bytes:
    """XML nested 200,000 deep within a cell."""
    depth = 200_000
    return raw_sheet(
        f'{header_row()}<row r="2"><c r="A2" t="inlineStr">{"<is>" * depth}{"</is>" * depth}</c></row>'
    )


def long_number() -> bytes:
    """A number of 100,000 digits."""
    return raw_sheet(f'{header_row()}<row r="2"><c r="A2"><v>{"9" * 100_000}</v></c></row>')


UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no_rows"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), "not_xlsx"),
    "another zip": (lambda: packed({"word/document.xml": b"<a/>"}), "not_xlsx"),
    "old xls": (old_xls, "not_xlsx"),
    "truncated": (truncated, "file_damaged"),
    "broken checksum": (broken_checksum, "file_damaged"),
    "missing sheet": (missing_sheet, "file_damaged"),
    "far row": (far_row, "file_damaged"),
    "deep nesting": (deep_nesting, "no_rows"),
    "long number": (long_number, "file_damaged"),
    "a million columns": (million_columns, "wrong_header"),
    "entity bomb": (entity_bomb, "file_damaged"),
    "outside entity": (outside_entity, "file_damaged"),
    "outside DTD": (outside_dtd, "file_damaged"),
    "utf-16 entity": (utf16_entity, "file_damaged"),
    "encrypted": (encrypted, "file_encrypted"),
    "encrypted zip": (encrypted_zip, "file_encrypted"),
    "zip bomb": (zip_bomb, "too_large_unzipped"),
    "lying zip bomb": (lying_zip_bomb, "file_damaged"),
    "many entries": (many_entries, "too_large_unzipped"),
    "shared-string bomb": (shared_string_bomb, "too_large_unzipped"),
    "macro part": (macro_part, "macros"),
    "macro type": (macro_type, "macros"),
    "external link": (external_link, "external_links"),
    "external target": (external_target, "external_links"),
    "formula": (formula, "formula"),
    "array formula": (array_formula, "formula"),
    "5,001 rows": (lambda: mailboxes(5_001, "b.example"), "too_many_rows"),
    "no header": (lambda: filled([("a@b.example", None, None)], header=["a", "b", "c"]), "wrong_header"),
    "a column missing": (lambda: filled([("a@b.example", "x")], header=["Email", "Note"]), "wrong_header"),
    "a column twice": (lambda: filled([("a@b.example",)], header=[*HEADER, "E-Mail"]), "wrong_header"),
    "an unknown column": (lambda: filled([("a@b.example",)], header=[*HEADER, "Quota"]), "wrong_header"),
    "a value without heading": (lambda: filled([("a@b.example", None, None, "x")]), "wrong_header"),
    "only a header": (lambda: filled([]), "no_rows"),
    "an empty sheet": (lambda: filled([], header=[]), "no_rows"),
}
"""Every kind of file that can't be imported at all, and the code that says why."""


def _good() -> bytes:
    return filled([("a@b.example", None, None)])


def _shared(column: str, row: int) -> str:
    return f'<c r="{column}{row}" t="s"><v>0</v></c>'


def _with_strings(entries: bytes, count: int) -> bytes:
    """Give a workbook whose string table is made of these entries."""
    content = parts(_good())
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    table = f'<Override PartName="/{STRINGS}" ContentType="{kind}"/></Types>'
    types = content[CONTENT_TYPES]
    if STRINGS.encode() not in types:
        types = types.replace(b"</Types>", table.encode())
    relation = (
        b'<Relationship Id="rS" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    relations = content[WORKBOOK_RELS].replace(b"</Relationships>", relation)
    strings = f'<sst {MAIN} count="{count}">'.encode() + entries + b"</sst>"
    return packed({**content, CONTENT_TYPES: types, WORKBOOK_RELS: relations, STRINGS: strings})


def _saved(workbook: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()
