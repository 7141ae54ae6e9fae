"""Reads one uploaded file: bytes in by stdin, rows out by stdout, in a process that may do little else.

`python -m services.bulkio.sheet_reader LIMITS` is started by `services.bulkio.reading`. Whatever a hostile file
makes of the parser happens here, without secrets, without files and with little memory and time. Anything that is
not foreseen ends the process, and the parent says that the file is damaged.
"""

import codecs
import resource
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from msgspec import json

from services.bulkio.csv_file import HEAD_BYTES, is_text, read_csv
from services.bulkio.sheet import MEMORY_EXIT, ReaderLimits, SheetPiece, UnreadableError, encode_piece
from services.bulkio.table import Table
from services.bulkio.xlsx_file import read_xlsx

_ZIP_MAGIC = b"PK"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"


def read_file(source: BinaryIO, limits: ReaderLimits, out: BinaryIO) -> None:
    """Write the pieces of the file, the last of which says why it can't be imported, if it can't."""

    def send(piece: SheetPiece) -> None:
        frame = encode_piece(piece)
        out.write(len(frame).to_bytes(4, "big") + frame)

    table = Table(limits.rows_max, send)
    head = source.read(HEAD_BYTES)
    try:
        if head.startswith((_ZIP_MAGIC, _OLE_MAGIC)):
            read_xlsx(head + source.read(), limits, table)
        elif is_text(head):
            read_csv(head, source, limits, table)
        else:
            raise UnreadableError("not_xlsx", "the file is neither an .xlsx workbook nor UTF-8 text")
    except UnreadableError as error:
        send(error.reason)


def _limit_this_process(limits: ReaderLimits) -> None:
    """Called after everything is imported: from here on nothing is opened, written or started any more."""
    # Python loads a codec when it is first needed; these are those of names in a zip archive and of texts.
    for codec in ("cp437", "utf-8-sig", "utf-16-le"):
        codecs.lookup(codec)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes_max, limits.memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _tell_place_only(kind: type[BaseException], _value: BaseException, trace: TracebackType | None) -> None:
    """Say where the reader ended, without the message: it could quote a cell."""
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    sys.stderr.write(f"{kind.__name__} at {place}\n")


def main() -> int:
    """Read, answer, end."""
    sys.excepthook = _tell_place_only
    limits = json.decode(sys.argv[1], type=ReaderLimits)
    _limit_this_process(limits)
    try:
        read_file(sys.stdin.buffer, limits, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except MemoryError:
        return MEMORY_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
