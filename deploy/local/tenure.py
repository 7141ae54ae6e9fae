"""Who holds a stack: one supervisor at a time, and what is done about the remains of one that was killed."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from deploy.local.site import Site

# Every process that a supervisor starts carries this in its environment, and its children inherit it, which is how the
# remains of a killed supervisor are found. A supervisor itself doesn't: the lock tells of it.
MARK = "POSTFACH_STACK_FOLDER"

LEFTOVER_WAIT_S = 10.0

# The exit code of a supervisor that found another one, which is no failure to whoever launched both.
HELD_BY_ANOTHER = 3

_POLL_S = 0.02


class AlreadyHeldError(Exception):
    """Another supervisor holds the stack."""


@contextmanager
def holding(site: Site, *, within_s: float = 0.0) -> Iterator[None]:
    """Holds the stack, or raises AlreadyHeldError. The kernel lets go of it when the process ends, however it ends."""
    deadline = time.monotonic() + within_s
    site.lock_file.parent.mkdir(parents=True, exist_ok=True)
    with site.lock_file.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise AlreadyHeldError(site.name) from None
                time.sleep(_POLL_S)
        yield


def is_held(site: Site) -> bool:
    """Whether a supervisor lives. Asking holds the stack for a moment, so whoever means to keep it tries twice."""
    try:
        with holding(site):
            return False
    except AlreadyHeldError:
        return True


def members(site: Site) -> list[psutil.Process]:
    """The living processes of the stack, but for its supervisor."""
    mark = str(site.folder)
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def end_leftovers(site: Site) -> list[int]:
    """Ends what a killed supervisor left behind and returns the pids. Only whoever holds the stack may call it.

    PostgreSQL and its like were told by the kernel to shut down when the supervisor went, so they are given time.
    """
    left = members(site)
    _, alive = psutil.wait_procs(left, timeout=LEFTOVER_WAIT_S)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=LEFTOVER_WAIT_S)
    return [process.pid for process in left]
