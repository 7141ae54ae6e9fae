"""A workbook from its bytes to the rows of its import sheet."""

import posixpath
from typing import Final

from services.bulkio.package_check import CONTENT_TYPES, ContentTypes, LinkCheck, open_package
from services.bulkio.sheet import ReaderLimits, UnreadableError
from services.bulkio.table import Table
from services.bulkio.xlsx_parts import StringTable, Styles, WorkbookPart
from services.bulkio.xlsx_sheet import SheetParser

STRINGS_PER_ROW_MAX: Final = 40
"""Entries of the shared string table; no file within the row limit needs nearly as many."""


def read_xlsx(data: bytes, limits: ReaderLimits, table: Table) -> None:
    """Give the rows of the import sheet to `table`. Every other part is read before. Raises UnreadableError."""
    with open_package(data, limits.unzipped_bytes_max) as package:
        types = ContentTypes()
        package.read(CONTENT_TYPES, types)
        if types.workbook is None:
            raise UnreadableError("not_xlsx", "a zip file, but not an .xlsx workbook")
        workbook = WorkbookPart()
        package.read(types.workbook, workbook)
        folder, _, name = types.workbook.rpartition("/")
        relationships = LinkCheck(types.workbook)
        package.read(posixpath.join(folder, "_rels", f"{name}.rels"), relationships)
        sheet = workbook.import_sheet(relationships)
        styles, strings = Styles(), StringTable(limits.rows_max * STRINGS_PER_ROW_MAX)
        if (part := relationships.named("styles")) is not None:
            package.read(part, styles)
        if (part := relationships.named("sharedStrings")) is not None:
            package.read(part, strings)
        package.read_rest(last=sheet)
        package.read(sheet, SheetParser(table, strings, styles.dates(), since_1904=workbook.since_1904))
    table.end()
