"""The small parts of a workbook that say how its sheet is to be read: sheets, relationships, formats, texts.

Each class holds the handlers of one part's parser. Elements are known by their local names: the namespaces of the
transitional and the strict form differ (ECMA-376 part 1 and part 4), and prefixes are anybody's choice.
"""

import posixpath
import re
from array import array
from typing import Final

from services.bulkio.cell_values import is_date_format
from services.bulkio.headings import MAILBOX_SHEETS, normal_heading
from services.bulkio.sheet import CELL_TEXT_MAX, UnreadableError

RAW_TEXT_MAX: Final = 7 * CELL_TEXT_MAX
"""Characters of a text that are kept until it is unescaped: an escaped character takes seven."""

FORMATS_MAX: Final = 66_000
"""A little above what spreadsheet programs allow."""

_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def local_name(name: str) -> str:
    """Give an element's name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


def unescaped(text: str) -> str:
    """Give a text as people see it: `_x000D_` stands for a character that XML can't carry (section 22.9.2.19)."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text[:CELL_TEXT_MAX]


class TextGatherer:
    """Gathers the text of one cell or one entry, and no more of it than is passed on."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._open = False
        # Phonetic runs (`rPh`) say how a text is pronounced; they are no part of it.
        self._phonetic = False

    def begin(self) -> None:
        """Forget what was gathered."""
        self._pieces.clear()
        self._length = 0

    def start(self, element: str) -> None:
        """Gather from here if the element is a text of its own."""
        if element == "t" or element == "v":
            self._open = not self._phonetic
        elif element == "rPh":
            self._phonetic = True

    def end(self, element: str) -> None:
        """Gather no further."""
        if element == "rPh":
            self._phonetic = False
        self._open = False

    def characters(self, text: str) -> None:
        """Take characters as the parser finds them."""
        if self._open and self._length < RAW_TEXT_MAX:
            self._pieces.append(text[: RAW_TEXT_MAX - self._length])
            self._length += len(text)

    def text(self) -> str:
        """Give what was gathered, still escaped."""
        return self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)


class Relationships:
    """Where the parts are that a part refers to, as `id → (kind, name)`."""

    def __init__(self, base: str) -> None:
        self._folder = posixpath.dirname(base)
        self.targets: dict[str, tuple[str, str]] = {}

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if local_name(element) != "Relationship" or len(self.targets) > FORMATS_MAX:
            return
        target = attributes.get("Target", "")
        name = posixpath.normpath(posixpath.join("/", self._folder, target)).lstrip("/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.targets[attributes.get("Id", "")] = kind, name

    def named(self, kind: str) -> str | None:
        """Give the name of the one part of a kind."""
        return next((name for known, name in self.targets.values() if known == kind), None)


class WorkbookPart:
    """Which sheets there are, by name, and from when days are counted."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False

    def start(self, element: str, attributes: dict[str, str]) -> None:
        name = local_name(element)
        if name == "workbookPr":
            self.since_1904 = attributes.get("date1904", "") in ("1", "true")
        elif name == "sheet" and len(self.sheets) <= FORMATS_MAX:
            references = (value for key, value in attributes.items() if key.endswith(":id"))
            self.sheets.append((attributes.get("name", ""), next(references, "")))

    def import_sheet(self, relationships: Relationships) -> str:
        """Give the part that holds the sheet to import: the one named so, else the first. Raises UnreadableError."""
        found = [
            (normal_heading(title) in MAILBOX_SHEETS, relationships.targets[reference][1])
            for title, reference in self.sheets
            if relationships.targets.get(reference, ("", ""))[0] == "worksheet"
        ]
        if not found:
            raise UnreadableError("file_damaged", "the workbook has no sheet")
        return next((part for is_named, part in found if is_named), found[0][1])


class Styles:
    """Which cell formats show dates."""

    def __init__(self) -> None:
        self._codes: dict[int, str] = {}
        self._formats: list[int] = []
        self._in_cell_formats = False

    def start(self, element: str, attributes: dict[str, str]) -> None:
        name = local_name(element)
        if name == "numFmt":
            self._codes[_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cell_formats = True
        elif name == "xf" and self._in_cell_formats:
            self._formats.append(_number(attributes.get("numFmtId")))
        if len(self._codes) + len(self._formats) > 2 * FORMATS_MAX:
            raise UnreadableError("file_damaged", "the workbook has more formats than a program can write")

    def end(self, element: str) -> None:
        if local_name(element) == "cellXfs":
            self._in_cell_formats = False

    def dates(self) -> frozenset[str]:
        """Give the numbers of the cell formats that show dates, as cells refer to them."""
        shows_date = {each: is_date_format(each, self._codes.get(each)) for each in set(self._formats)}
        return frozenset(str(index) for index, each in enumerate(self._formats) if shows_date[each])


class StringTable:
    """The texts that cells share, end to end in one buffer: a million of them as objects would be hundreds of MB."""

    def __init__(self, strings_max: int) -> None:
        self._strings_max = strings_max
        self._gatherer = TextGatherer()
        self._texts = bytearray()
        self._ends = array("Q")
        self.characters = self._gatherer.characters

    def start(self, element: str, _attributes: dict[str, str]) -> None:
        name = local_name(element)
        if name == "si":
            self._gatherer.begin()
        else:
            self._gatherer.start(name)

    def end(self, element: str) -> None:
        name = local_name(element)
        if name != "si":
            self._gatherer.end(name)
            return
        if len(self._ends) == self._strings_max:
            raise UnreadableError(
                "too_large_unzipped", f"the workbook has more than {self._strings_max} different texts"
            )
        self._texts += unescaped(self._gatherer.text()).encode()
        self._ends.append(len(self._texts))

    def __getitem__(self, index: int) -> str:
        """Give a text. Raises UnreadableError when there is none of that number."""
        if not 0 <= index < len(self._ends):
            raise UnreadableError("file_damaged", "a cell refers to a text that the workbook does not hold")
        start = self._ends[index - 1] if index else 0
        return self._texts[start : self._ends[index]].decode()


def _number(text: str | None) -> int:
    try:
        return int((text or "0")[:9])
    except ValueError:
        raise UnreadableError("file_damaged", "the workbook's formats can't be read") from None
