"""Tar files (POSIX.1-2001, pax) as streams, read and written piece by piece with little memory.

The standard library's TarInfo makes and reads the headers. Its TarFile is not used: it keeps every member in memory, and
reads an extended header whole, however large the header says it is.
"""

import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from services.archive.content import ArchiveBroken

CHUNK_BYTES: Final = 256 * 1024
_PAX_BYTES_MAX: Final = 64 * 1024
_RECORD: Final = re.compile(rb"(\d{1,6}) ([^=]+)=")
_END: Final = bytes(2 * tarfile.BLOCKSIZE)

Read = Callable[[int], bytes]
"""Gives so many bytes, and fewer only at the end."""


class Member(Struct, frozen=True):
    """A file or a folder of a tar. What is not read of the chunks is passed over when the next member is asked for."""

    path: str
    size_bytes: int
    is_folder: bool
    mtime_s: int
    chunks: Iterator[bytes]


def header(path: str, size_bytes: int, mtime_s: int, *, is_folder: bool = False) -> bytes:
    """Give what stands before a member's content."""
    info = tarfile.TarInfo(path)
    info.size = size_bytes
    info.mtime = mtime_s
    info.mode = 0o700 if is_folder else 0o600
    info.type = tarfile.DIRTYPE if is_folder else tarfile.REGTYPE
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding(size_bytes: int) -> bytes:
    """Give what stands behind a member's content."""
    return bytes(-size_bytes % tarfile.BLOCKSIZE)


def end() -> bytes:
    """Give what stands behind the last member."""
    return _END


def members(read: Read) -> Iterator[Member]:
    """Give the members, in order. Raises ArchiveBroken for what is no tar of files and folders."""
    extended: dict[bytes, bytes] = {}
    while (block := _exactly(read, tarfile.BLOCKSIZE)) != _END[: tarfile.BLOCKSIZE]:
        info = _parsed(block)
        if info.type == tarfile.XHDTYPE:
            extended = _pax_records(read, info.size)
            continue
        _apply(extended, info)
        extended = {}
        if info.type not in {tarfile.REGTYPE, tarfile.DIRTYPE} or (info.isdir() and info.size):
            raise ArchiveBroken("the packed file holds something that is neither a file nor a folder")
        chunks = _chunks(read, info.size)
        yield Member(info.name, info.size, info.isdir(), int(info.mtime), chunks)
        for _ in chunks:
            pass
    if _exactly(read, tarfile.BLOCKSIZE) != _END[: tarfile.BLOCKSIZE] or read(1):
        raise ArchiveBroken("the packed file does not end where it should")


def _parsed(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise ArchiveBroken("the packed file has a header that is none") from error


def _pax_records(read: Read, size_bytes: int) -> dict[bytes, bytes]:
    """Give the records of an extended header: `<length> <key>=<value>` and a line feed, each."""
    if not 0 <= size_bytes <= _PAX_BYTES_MAX:
        raise ArchiveBroken("the packed file has a header of an impossible size")
    data = _exactly(read, size_bytes + -size_bytes % tarfile.BLOCKSIZE)[:size_bytes]
    records: dict[bytes, bytes] = {}
    at = 0
    while at < size_bytes:
        begins = _RECORD.match(data, at)
        ends = at + int(begins[1]) if begins else 0
        if begins is None or not begins.end() < ends <= size_bytes or data[ends - 1 : ends] != b"\n":
            raise ArchiveBroken("the packed file has an extended header that is none")
        records[begins[2]] = data[begins.end() : ends - 1]
        at = ends
    return records


def _apply(records: dict[bytes, bytes], info: tarfile.TarInfo) -> None:
    try:
        if path := records.get(b"path"):
            info.name = path.decode().rstrip("/") if info.isdir() else path.decode()
        if size := records.get(b"size"):
            info.size = int(size)
        if mtime := records.get(b"mtime"):
            info.mtime = int(mtime)
    except ValueError as error:
        raise ArchiveBroken("the packed file has an extended header that is none") from error
    if info.size < 0:
        raise ArchiveBroken("the packed file has a member of an impossible size")


def _chunks(read: Read, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left:
        chunk = _exactly(read, min(left, CHUNK_BYTES))
        left -= len(chunk)
        yield chunk
    _exactly(read, -size_bytes % tarfile.BLOCKSIZE)


def _exactly(read: Read, size_bytes: int) -> bytes:
    data = read(size_bytes) if size_bytes else b""
    if len(data) < size_bytes:
        raise ArchiveBroken("the packed file is cut off")
    return data
