"""Attempts to sign in are counted before they are judged, for the account and for where they come from.

The counts are in PostgreSQL, so that all gateways share them. After some free failures every further one makes the
next attempt wait twice as long. Counting first leaves no way around: of many attempts at the same moment, those beyond
the free ones wait as well. An unknown account is counted like a known one.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import hashlib
import hmac
import math
from decimal import Decimal
from typing import Final

import asyncpg
from msgspec import Struct

ACCOUNT_FREE_FAILURES: Final = 5
ADDRESS_FREE_FAILURES: Final = 50
DELAY_MAX_S: Final = 900
FORGOTTEN_AFTER_S: Final = 3_600


class Attempt(Struct, frozen=True):
    """Whom an attempt is counted for. The digests are keyed: the table tells nobody who signs in from where."""

    account: bytes
    address: bytes

    @classmethod
    def of(cls, key: bytes, account: str, address: str) -> "Attempt":
        """Give the attempt at an account, named in its one form, from a client address."""

        def digest(kind: str, name: str) -> bytes:
            text = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
            return hmac.new(key, text, hashlib.sha256).digest()

        return cls(digest("account", account), digest("address", address))


class Throttled(Exception):
    """The attempt comes too early."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("an attempt came too early")
        self.retry_after_s = retry_after_s


def delay_s(failures: int, free: int) -> int:
    """Give how long the next attempt waits after so many failures."""
    return 0 if failures < free else min(2 ** min(failures - free, 30), DELAY_MAX_S)


# Whoever waited for the row has a now() of before the row was changed.
_COUNT: Final = """
    INSERT INTO sign_in_failures AS f (subject, failures, blocked_until, failed_at)
    SELECT subject, 1, now(), now() FROM unnest($1::bytea[]) AS subject
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN f.failed_at < now() - make_interval(secs => $2) THEN 1
            ELSE f.failures + 1 END,
        blocked_until = now(),
        failed_at = now()
    WHERE f.blocked_until <= clock_timestamp()
    RETURNING subject, failures
"""
_BLOCK: Final = (
    "UPDATE sign_in_failures SET blocked_until = now() + make_interval(secs => $2) WHERE subject = $1"
)
_WAIT: Final = """
    SELECT max(extract(epoch FROM blocked_until - clock_timestamp())) FROM sign_in_failures WHERE subject = ANY($1::bytea[])
"""


async def begin(pool: asyncpg.Pool, attempt: Attempt) -> None:
    """Count an attempt as failed, until it has succeeded. Raises Throttled, and then counts nothing."""
    # In one order for everybody, so that two attempts never wait for each other.
    subjects = sorted((attempt.account, attempt.address))
    async with pool.acquire() as connection, connection.transaction():
        counted = {
            row["subject"]: row["failures"]
            for row in await connection.fetch(_COUNT, subjects, FORGOTTEN_AFTER_S)
        }
        if len(counted) < len(subjects):
            wait_s: Decimal | None = await connection.fetchval(_WAIT, subjects)
            raise Throttled(max(1, math.ceil(wait_s or 0)))
        for subject, free in (
            (attempt.account, ACCOUNT_FREE_FAILURES),
            (attempt.address, ADDRESS_FREE_FAILURES),
        ):
            if delay := delay_s(counted[subject], free):
                await connection.execute(_BLOCK, subject, delay)


async def succeed(pool: asyncpg.Pool, attempt: Attempt) -> None:
    """Take the attempt back: the account begins anew, the address has one failure less."""
    await pool.execute("DELETE FROM sign_in_failures WHERE subject = $1", attempt.account)
    await pool.execute(
        "UPDATE sign_in_failures SET failures = failures - 1, blocked_until = now() WHERE subject = $1",
        attempt.address,
    )


_SWEEP: Final = """
    DELETE FROM sign_in_failures WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM sign_in_failures WHERE failed_at < now() - interval '1 day' LIMIT 10000))
"""


async def sweep(pool: asyncpg.Pool) -> None:
    """Forget failures of yesterday."""
    await pool.execute(_SWEEP)
