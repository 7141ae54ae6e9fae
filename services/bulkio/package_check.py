"""An uploaded .xlsx package, of which nothing is believed: each part is inflated and parsed once, within bounds.

An .xlsx file is a zip archive of XML parts (ECMA-376 part 2). Sizes are counted while inflating, and every XML part
is parsed by plain expat, which neither keeps it nor follows what it declares: what must not stand in any part is
refused there, whether or not the part is needed.
"""

import io
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol
from xml.parsers import expat

from services.bulkio.sheet import UnreadableError
from services.bulkio.xlsx_parts import Relationships

ENTRIES_MAX: Final = 500
CHUNK_BYTES: Final = 64 * 1024
CONTENT_TYPES: Final = "[content_types].xml"
WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED_FLAG: Final = 0x1
_MACRO_PLACES: Final = ("vbaproject", "xl/macrosheets/", "xl/dialogsheets/", "xl/activex/")
_LINK_PLACES: Final = ("xl/externallinks/", "xl/connections.xml", "xl/querytables/", "xl/webextensions/")


class Handlers(Protocol):
    """What finds something in a part. `end` and `characters` may be missing."""

    def start(self, element: str, attributes: dict[str, str], /) -> None:
        """Take the start of an element. Raises UnreadableError."""
        ...


class ContentTypes:
    """Which part is the workbook; macros and binary workbooks are refused by their type."""

    def __init__(self) -> None:
        self.workbook: str | None = None

    def start(self, _element: str, attributes: dict[str, str]) -> None:
        content_type = attributes.get("ContentType", "").lower()
        if "macroenabled" in content_type or "vbaproject" in content_type:
            raise UnreadableError("macros", "the workbook may hold macros; save it as .xlsx without them")
        if "sheet.binary" in content_type:
            raise UnreadableError("not_xlsx", "a binary .xlsb workbook; save it as .xlsx")
        if content_type == WORKBOOK_TYPE and "PartName" in attributes:
            self.workbook = attributes["PartName"].lstrip("/")


class LinkCheck(Relationships):
    """Relationships that lead nowhere outside of the package."""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        # A spreadsheet program turns every typed mail address into a hyperlink; those lead nowhere by themselves.
        kind = attributes.get("Type", "").lower()
        if attributes.get("TargetMode", "").lower() == "external" and not kind.endswith("/hyperlink"):
            raise UnreadableError("external_links", "the workbook links to other files or sources")
        super().start(element, attributes)


class Package:
    """The parts of a package, each to be read once."""

    def __init__(self, archive: zipfile.ZipFile, unzipped_bytes_max: int) -> None:
        self._archive = archive
        self._unzipped_bytes_max = unzipped_bytes_max
        self._left = unzipped_bytes_max
        # Names of parts are compared without case (ECMA-376 part 2, section 6.2.2.3).
        self._unread = {entry.filename.lower(): entry for entry in archive.infolist()}

    def read(self, name: str, handlers: Handlers | None = None) -> None:
        """Inflate and parse one part. Raises UnreadableError, also when there is none of that name."""
        entry = self._unread.pop(name.lower(), None)
        if entry is None:
            raise UnreadableError("file_damaged", f"the part {name[:100]} is missing")
        parser = _part_parser(name.lower(), handlers)
        with self._archive.open(entry) as part:
            while chunk := part.read(CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise UnreadableError(
                        "too_large_unzipped",
                        f"unzipped, the file has more than {self._unzipped_bytes_max} bytes",
                    )
                if parser is not None:
                    _parse(parser, chunk, name)
            if parser is not None:
                _parse(parser, b"", name, final=True)

    def read_rest(self, last: str) -> None:
        """Read whatever was not read yet, but for the part `last`."""
        for name in [each for each in self._unread if each != last.lower()]:
            self.read(name)


@contextmanager
def open_package(data: bytes, unzipped_bytes_max: int) -> Generator[Package]:
    """Open the package and whatever is read of it. Raises UnreadableError, naming what is wrong with it as a whole."""
    if data.startswith(_OLE_MAGIC):
        if _ENCRYPTED_STREAM in data:
            raise UnreadableError("file_encrypted", "the workbook is protected by a password")
        raise UnreadableError("not_xlsx", "an old .xls workbook; save it as .xlsx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_entries(archive)
            yield Package(archive, unzipped_bytes_max)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise UnreadableError("file_damaged", "the file is cut off or damaged") from error


def _check_entries(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > ENTRIES_MAX:
        raise UnreadableError("too_large_unzipped", f"the file holds more than {ENTRIES_MAX} parts")
    names = [entry.filename.lower() for entry in entries]
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise UnreadableError("file_encrypted", "the file is protected by a password")
    if CONTENT_TYPES not in names:
        raise UnreadableError("not_xlsx", "a zip file, but not an .xlsx workbook")
    for name in names:
        if any(place in name for place in _MACRO_PLACES):
            raise UnreadableError("macros", "the workbook holds macros; save it as .xlsx without them")
        if name.startswith(_LINK_PLACES):
            raise UnreadableError("external_links", "the workbook links to other files or sources")
    if len(set(names)) < len(names):
        raise UnreadableError("file_damaged", "the file holds a part twice")
    if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
        # The others can't be inflated in bounded steps, and no spreadsheet program writes them.
        raise UnreadableError("not_xlsx", "the file is compressed in a way that workbooks are not")


def _parse(parser: expat.XMLParserType, chunk: bytes, name: str, *, final: bool = False) -> None:
    try:
        parser.Parse(chunk, final)
    except expat.ExpatError as error:
        raise UnreadableError("file_damaged", f"the part {name[:100]} is not well-formed") from error


def _part_parser(name: str, handlers: Handlers | None) -> expat.XMLParserType | None:
    """Give a parser that refuses what must not stand in the part, None for a part that is no XML."""
    if handlers is None:
        handlers = LinkCheck(name) if name.endswith(".rels") else None
        if not name.endswith((".xml", ".rels", ".vml")):
            return None
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    if handlers is not None:
        parser.StartElementHandler = handlers.start
        parser.EndElementHandler = getattr(handlers, "end", None)
        parser.CharacterDataHandler = getattr(handlers, "characters", None)
    return parser


def _refuse_doctype(*_declaration: object) -> None:
    raise UnreadableError(
        "file_damaged", "the workbook declares XML entities, which no spreadsheet program does"
    )
