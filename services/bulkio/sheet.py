"""What the limited reader process is told, and the pieces in which it answers.

An answer is a sequence of frames, each a 4-byte big-endian length and one message: `Columns`, then `Rows` again and
again, then `SheetEnd`; or `Unreadable` instead of whatever was still to come.
"""

from typing import Final

from msgspec import Struct, msgpack

from services.bulkio.headings import Column

CELL_TEXT_MAX: Final = 1_001
"""Characters of a cell that are passed on: one more than any column may hold, so that too long is seen as such."""

ROWS_PER_FRAME: Final = 500
FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""Above what the rows of one frame can ever be; whoever sends more is not our reader any more."""

MEMORY_EXIT: Final = 7
"""Exit code of a reader whose memory was not enough."""


class ReaderLimits(Struct, frozen=True, kw_only=True):
    """What one file may cost. `cpu_s` is the child's processor time; `wall_s` is how long it may say nothing."""

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
    """One row that is not empty. `row` is its number in the file."""

    row: int
    email: str
    password: str
    note: str
    issues: tuple[CellIssue, ...] = ()


class Columns(Struct, frozen=True, tag="columns"):
    """The header is right; these are the letters of the columns."""

    letters: dict[Column, str]


class Rows(Struct, frozen=True, tag="rows"):
    """Some rows, in the order of the file."""

    rows: tuple[SheetRow, ...]


class SheetEnd(Struct, frozen=True, tag="end"):
    """The whole file was read. Before this nothing of it may be believed."""


class Sheet(Struct, frozen=True):
    """The rows of a whole file, and the letters of its columns."""

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


SheetPiece = Columns | Rows | SheetEnd | Unreadable

encode_piece = msgpack.Encoder().encode
decode_piece = msgpack.Decoder(SheetPiece).decode
