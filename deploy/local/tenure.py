"""Who holds a stack: one supervisor at a time, and what is done about the remains of one that was killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from deploy.local.site import Site

# Every process of a stack carries this in its environment, which is how the remains of a killed supervisor are found.
MARK = "POSTFACH_STACK_FOLDER"

LEFTOVER_WAIT_S = 10.0


class AlreadyHeldError(Exception):
    """Another supervisor holds the stack."""


@contextmanager
def holding(site: Site) -> Iterator[None]:
    """Holds the stack. The kernel lets go of the lock when the process ends, however it ends."""
    site.lock_file.parent.mkdir(parents=True, exist_ok=True)
    with site.lock_file.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyHeldError(site.name) from None
        yield


def is_held(site: Site) -> bool:
    try:
        with holding(site):
            return False
    except AlreadyHeldError:
        return True


def members(site: Site) -> list[psutil.Process]:
    """The processes of the stack, but for the caller."""
    mark = str(site.folder)
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
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
