"""Has an uploaded file read by a child process that can do no harm, and says in one code why it could not."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import msgspec

from services.bulkio.headings import Column
from services.bulkio.sheet import (
    FRAME_BYTES_MAX,
    MEMORY_EXIT,
    Columns,
    ReaderLimits,
    Rows,
    Sheet,
    SheetEnd,
    SheetRow,
    Unreadable,
    UnreadableError,
    decode_piece,
)
from services.runtime.logs import get_logger

_log = get_logger(__name__)
_READER: Final = "services.bulkio.sheet_reader"
_CPU_SIGNALS: Final = frozenset({-signal.SIGXCPU, -signal.SIGKILL})
_MEMORY_SIGNALS: Final = frozenset({-signal.SIGSEGV, -signal.SIGABRT})
"""What C code that got no memory, or no more stack, ends by."""


async def read_sheet(data: bytes, limits: ReaderLimits) -> Sheet | Unreadable:
    """Give all rows of a file. Never raises for what is in `data`."""
    letters: dict[Column, str] = {}
    rows: list[SheetRow] = []
    try:
        async with contextlib.aclosing(read_in_child(_whole(data), limits)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Columns):
                    letters = piece.letters
                else:
                    rows.extend(piece.rows)
    except UnreadableError as error:
        return error.reason
    return Sheet(letters, tuple(rows))


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def read_in_child(
    source: AsyncIterator[bytes], limits: ReaderLimits
) -> AsyncGenerator[Columns | Rows, None]:
    """Give the columns, then the rows of an uploaded file, while it is read. To be closed by whoever leaves early.

    Raises UnreadableError for whatever is in the file, be it only found at its end: what was given until then is worth
    nothing. Raises what `source` raises.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _READER,
        msgspec.json.encode(limits).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Nothing of ours is inherited: no address of a server, no name of a key file.
        env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
    )
    assert child.stdin is not None
    feeding = asyncio.create_task(_feed(source, child.stdin))
    try:
        while True:
            piece = await _next_piece(child, feeding, limits)
            match piece:
                case Columns() | Rows():
                    yield piece
                case SheetEnd():
                    await feeding
                    return
                case Unreadable():
                    raise UnreadableError(piece.code, piece.detail)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _feed(source: AsyncIterator[bytes], stdin: asyncio.StreamWriter) -> None:
    """Hand the file to the child. One that wants no more of it has its reason, which it tells by itself."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in source:
            stdin.write(chunk)
            await stdin.drain()
        # Not waited for: a wait that is cancelled leaves a future that the transport can't set any more.
        stdin.close()


async def _next_piece(
    child: asyncio.subprocess.Process, feeding: asyncio.Task[None], limits: ReaderLimits
) -> Columns | Rows | SheetEnd | Unreadable:
    frame = asyncio.create_task(_next_frame(child))
    try:
        async with asyncio.timeout(limits.wall_s):
            if not feeding.done():
                # A source that fails leaves the child waiting for ever.
                await asyncio.wait([frame, feeding], return_when=asyncio.FIRST_COMPLETED)
                if feeding.done():
                    feeding.result()
            return decode_piece(await frame)
    except TimeoutError:
        return Unreadable("reader_timeout", f"reading said nothing for {limits.wall_s:g} s")
    except asyncio.IncompleteReadError:
        return await _reason(child, limits)
    except (msgspec.DecodeError, ValueError):
        return Unreadable("file_damaged", "the file made its reader answer nonsense")
    finally:
        frame.cancel()


async def _next_frame(child: asyncio.subprocess.Process) -> bytes:
    """Give the next message. Raises IncompleteReadError at the end, ValueError when it is too long to be one."""
    assert child.stdout is not None
    length = int.from_bytes(await child.stdout.readexactly(4), "big")
    if length > FRAME_BYTES_MAX:
        raise ValueError("a frame longer than any of the reader's")
    return await child.stdout.readexactly(length)


async def _reason(child: asyncio.subprocess.Process, limits: ReaderLimits) -> Unreadable:
    """Say why a child ended without an end of its answer."""
    assert child.stderr is not None
    complaint = await child.stderr.read()
    exit_code = await child.wait()
    _log.warning(
        "the reader could not understand a file",
        exit_code=exit_code,
        complaint=complaint.decode(errors="replace")[-200:].strip(),
    )
    if exit_code in _CPU_SIGNALS:
        return Unreadable("reader_timeout", f"reading took more than {limits.cpu_s} s of processor time")
    if exit_code == MEMORY_EXIT or exit_code in _MEMORY_SIGNALS or complaint.startswith(b"MemoryError"):
        return Unreadable("reader_memory", "reading took too much memory")
    return Unreadable("file_damaged", "the file's parts do not fit together")
