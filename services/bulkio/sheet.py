"""What the limited reader process is told, and what it answers."""

from typing import Final

from msgspec import Struct, msgpack

from services.bulkio.headings import Column

CELL_TEXT_MAX: Final = 1_001
"""Characters of a cell that are passed on: one more than any column may hold, so that too long is seen as such."""

MEMORY_EXIT: Final = 7
"""Exit code of a reader whose memory was not enough."""


class ReaderLimits(Struct, frozen=True, kw_only=True):
    """What one workbook may cost. The time is the child's processor time; `wall_s` is the parent's patience."""

    rows_max: int = 5_000
    unzipped_bytes_max: int = 20_000_000
    memory_bytes_max: int = 512 * 1024 * 1024
    cpu_s: int = 10
    wall_s: float = 20.0


class CellIssue(Struct, frozen=True, gc=False, array_like=True):
    """A cell whose content is not text and can't safely be taken for it."""

    column: Column
    code: str


class SheetRow(Struct, frozen=True, array_like=True):
    """One row that is not empty. `row` is its number in the workbook."""

    row: int
    email: str
    password: str
    note: str
    issues: tuple[CellIssue, ...] = ()


class Sheet(Struct, frozen=True, tag="sheet"):
    """The rows of the import sheet, and the letters of its columns."""

    letters: dict[Column, str]
    rows: tuple[SheetRow, ...]


class Unreadable(Struct, frozen=True, tag="unreadable"):
    """The file can't be imported. `detail` names the place or the limit, never a cell's content."""

    code: str
    detail: str = ""


class UnreadableError(Exception):
    """Carries the reason out of the depth of the reader."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.reason = Unreadable(code, detail)


encode_answer = msgpack.Encoder().encode
decode_answer = msgpack.Decoder(Sheet | Unreadable).decode
