"""Whether uploaded bytes are a harmless .xlsx package, found out before any of its sheets is parsed.

An .xlsx file is a zip archive of XML parts (ECMA-376 part 2). Nothing in it is believed: sizes are counted while
inflating, and every XML part is parsed once by plain expat, which neither keeps it nor follows what it declares.
"""

import io
import zipfile
import zlib
from typing import Final
from xml.parsers import expat

from services.bulkio.sheet import UnreadableError

ENTRIES_MAX: Final = 500
STRINGS_MAX: Final = 200_000
"""Entries of the shared string table; it is read as a whole, and no file within the row limit needs nearly as many."""

CHUNK_BYTES: Final = 64 * 1024
CONTENT_TYPES: Final = "[Content_Types].xml"
WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED_FLAG: Final = 0x1
_MACRO_PLACES: Final = ("vbaproject", "xl/macrosheets/", "xl/dialogsheets/", "xl/activex/")
_LINK_PLACES: Final = ("xl/externallinks/", "xl/connections.xml", "xl/querytables/", "xl/webextensions/")


def check_package(data: bytes, unzipped_bytes_max: int) -> None:
    """Raises UnreadableError, naming what is wrong with the file as a whole."""
    if data.startswith(_OLE_MAGIC):
        if _ENCRYPTED_STREAM in data:
            raise UnreadableError("file_encrypted", "the workbook is protected by a password")
        raise UnreadableError("not_xlsx", "an old .xls workbook; save it as .xlsx")
    if not data.startswith(b"PK"):
        raise UnreadableError("not_xlsx", "the file is not an .xlsx workbook")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            _check_entries(package)
            _check_parts(package, unzipped_bytes_max)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise UnreadableError("file_damaged", "the file is cut off or damaged") from error


def _check_entries(package: zipfile.ZipFile) -> None:
    entries = package.infolist()
    if len(entries) > ENTRIES_MAX:
        raise UnreadableError("too_large_unzipped", f"the file holds more than {ENTRIES_MAX} parts")
    names = [entry.filename.lower() for entry in entries]
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise UnreadableError("file_encrypted", "the file is protected by a password")
    if CONTENT_TYPES.lower() not in names:
        raise UnreadableError("not_xlsx", "a zip file, but not an .xlsx workbook")
    for name in names:
        if any(place in name for place in _MACRO_PLACES):
            raise UnreadableError("macros", "the workbook holds macros; save it as .xlsx without them")
        if name.startswith(_LINK_PLACES):
            raise UnreadableError("external_links", "the workbook links to other files or sources")
    if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
        # The others can't be inflated in bounded steps, and no spreadsheet program writes them.
        raise UnreadableError("not_xlsx", "the file is compressed in a way that workbooks are not")


def _check_parts(package: zipfile.ZipFile, unzipped_bytes_max: int) -> None:
    left = unzipped_bytes_max
    for entry in package.infolist():
        parser = _part_parser(entry.filename.lower())
        with package.open(entry) as part:
            while chunk := part.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise UnreadableError(
                        "too_large_unzipped", f"unzipped, the file has more than {unzipped_bytes_max} bytes"
                    )
                if parser is not None:
                    _parse(parser, chunk, entry.filename)
            if parser is not None:
                _parse(parser, b"", entry.filename, final=True)


def _parse(parser: expat.XMLParserType, chunk: bytes, name: str, *, final: bool = False) -> None:
    try:
        parser.Parse(chunk, final)
    except expat.ExpatError as error:
        raise UnreadableError("file_damaged", f"the part {name[:100]} is not well-formed") from error


def _part_parser(name: str) -> expat.XMLParserType | None:
    """Give a parser that refuses what must not stand in the part, None for a part that is no XML."""
    if not name.endswith((".xml", ".rels", ".vml")):
        return None
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    if name == CONTENT_TYPES.lower():
        parser.StartElementHandler = _check_content_type
    elif name.endswith(".rels"):
        parser.StartElementHandler = _check_relationship
    elif name.endswith("sharedstrings.xml"):
        parser.StartElementHandler = _StringCounter().count
    return parser


def _refuse_doctype(*_declaration: object) -> None:
    raise UnreadableError(
        "file_damaged", "the workbook declares XML entities, which no spreadsheet program does"
    )


def _check_content_type(_element: str, attributes: dict[str, str]) -> None:
    content_type = attributes.get("ContentType", "").lower()
    if "macroenabled" in content_type or "vbaproject" in content_type:
        raise UnreadableError("macros", "the workbook may hold macros; save it as .xlsx without them")
    if "sheet.binary" in content_type:
        raise UnreadableError("not_xlsx", "a binary .xlsb workbook; save it as .xlsx")


def _check_relationship(_element: str, attributes: dict[str, str]) -> None:
    # A spreadsheet program turns every typed mail address into a hyperlink; those lead nowhere by themselves.
    kind = attributes.get("Type", "").lower()
    if attributes.get("TargetMode", "").lower() == "external" and not kind.endswith("/hyperlink"):
        raise UnreadableError("external_links", "the workbook links to other files or sources")


class _StringCounter:
    def __init__(self) -> None:
        self._strings = 0

    def count(self, element: str, _attributes: dict[str, str]) -> None:
        self._strings += element.rpartition(":")[2] == "si"
        if self._strings > STRINGS_MAX:
            raise UnreadableError(
                "too_large_unzipped", f"the workbook has more than {STRINGS_MAX} different texts"
            )
