"""Passwords at the edge: what is acceptable, and the one way to hash them.

Policy: NIST SP 800-63B section 5.1.1.2 (length, no composition rules, a list of common ones). Hash: Argon2id with
19 MiB, 2 passes, 1 lane (OWASP's minimum; RFC 9106).
"""

import asyncio
import os
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

PASSWORD_LENGTH_MIN: Final = 8
PASSWORD_LENGTH_MAX: Final = 128

_HASHING_NICENESS: Final = (
    10  # below everything interactive, so that a large import never makes a person wait
)


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(
        password for password in FREQUENCY_LISTS["passwords"] if len(password) >= PASSWORD_LENGTH_MIN
    )


def password_problem(password: str, address: str) -> str | None:
    """Say, for people, what is wrong with a password for `address`; None when it is acceptable."""
    if len(password) < PASSWORD_LENGTH_MIN:
        return f"at least {PASSWORD_LENGTH_MIN} characters"
    if len(password) > PASSWORD_LENGTH_MAX:
        return f"at most {PASSWORD_LENGTH_MAX} characters"
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in password):
        return "no control characters"
    lowered = password.lower()
    if lowered in (address.lower(), address.lower().partition("@")[0]):
        return "not the address itself"
    if lowered in _common_passwords():
        return "not one of the most common passwords"
    return None


class Hasher:
    """Hashes on every core, in threads that give way to everything else."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobodys = self._argon2.hash("")

    async def hash(self, password: str) -> str:
        """Give the encoded Argon2id hash. Cancelling the wait does not stop a hash that has begun."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._argon2.hash, password)

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Say whether a password is the one that was hashed. Without a hash it works as long, and says no.

        Cancelling the wait does not stop the work. Raises argon2.exceptions.InvalidHashError for what is no hash.
        """
        known = encoded is not None
        hashed = encoded if known else self._nobodys
        matches = await asyncio.get_running_loop().run_in_executor(
            self._executor, self._matches, hashed, password
        )
        return known and matches

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._argon2.verify(encoded, password)
        except VerifyMismatchError:
            return False


@contextmanager
def open_hasher() -> Generator[Hasher]:
    """Open the hashing threads, one a core."""
    executor = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2", initializer=_give_way)
    try:
        yield Hasher(executor)
    finally:
        executor.shutdown(cancel_futures=True)


def _give_way() -> None:
    """Lower the priority of the calling thread alone, where the system can (Linux: a thread has its own nice value)."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _HASHING_NICENESS)
