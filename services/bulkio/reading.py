"""Has a workbook read by a child process that can do no harm, and says in one code why it could not."""

import asyncio
import contextlib
import os
import signal
import sys
from typing import Final

from msgspec import json

from services.bulkio.sheet import MEMORY_EXIT, ReaderLimits, Sheet, Unreadable, decode_answer
from services.runtime.logs import get_logger

_log = get_logger(__name__)
_READER: Final = "services.bulkio.sheet_reader"
_CPU_SIGNALS: Final = frozenset({-signal.SIGXCPU, -signal.SIGKILL})
_MEMORY_SIGNALS: Final = frozenset({-signal.SIGSEGV, -signal.SIGABRT})
"""What C code that got no memory, or no more stack, ends by."""


async def read_in_child(data: bytes, limits: ReaderLimits) -> Sheet | Unreadable:
    """Give the rows of an uploaded workbook. Never raises for what is in `data`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _READER,
        json.encode(limits).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Nothing of ours is inherited: no address of a server, no name of a key file.
        env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
    )
    try:
        answer, complaint = await asyncio.wait_for(child.communicate(data), limits.wall_s)
    except TimeoutError:
        return Unreadable("reader_timeout", f"reading took longer than {limits.wall_s:g} s")
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode == 0:
        return decode_answer(answer)
    _log.warning(
        "the reader could not understand a workbook",
        exit_code=child.returncode,
        complaint=complaint.decode(errors="replace")[-200:].strip(),
    )
    return _reason(child.returncode or 0, complaint, limits)


def _reason(exit_code: int, complaint: bytes, limits: ReaderLimits) -> Unreadable:
    if exit_code in _CPU_SIGNALS:
        return Unreadable("reader_timeout", f"reading took more than {limits.cpu_s} s of processor time")
    if exit_code == MEMORY_EXIT or exit_code in _MEMORY_SIGNALS or complaint.startswith(b"MemoryError"):
        return Unreadable("reader_memory", "reading took too much memory")
    return Unreadable("file_damaged", "the workbook's parts do not fit together")
