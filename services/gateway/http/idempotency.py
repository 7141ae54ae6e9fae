"""The same request twice is done once: the answer to an `Idempotency-Key` is kept for a day.

A row is claimed before the work and holds the id from which the command and the things it makes are named. So a
request whose gateway was killed can simply be done again under the same ids: its lease runs out, the next one with
the same key takes it over, and the writer gives the outcome it gave before.
"""

import hashlib
import hmac
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct
from starlette.responses import Response

from services.gateway.http.problems import Problem
from services.runtime.ids import new_id

LEASE_S: Final = 20
"""Longer than any request works on its command: the wait for an outcome, a password's hash, an upload's sealing."""


class ShownOnce(Response):
    """A JSON answer with a secret in it, which a replay has not."""

    def __init__(self, response: Response, kept: bytes) -> None:
        super().__init__(response.body, response.status_code, dict(response.headers), response.media_type)
        self.kept = kept


class Answer(Struct, frozen=True):
    """An HTTP answer that can be kept."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"

    @classmethod
    def of(cls, response: Response) -> "Answer":
        """Give the part of a response that a replay repeats; a secret that was shown is not in it."""
        body = response.kept if isinstance(response, ShownOnce) else bytes(response.body)
        kept = tuple((name, value) for name, value in response.headers.items() if name in _KEPT_HEADERS)
        return cls(response.status_code, body, kept, response.media_type or "application/json")

    def response(self, *, replayed: bool = False) -> Response:
        """Give the answer to a client."""
        headers = dict(self.headers) | ({"Idempotent-Replayed": "true"} if replayed else {})
        return Response(self.body, self.status, headers, self.media_type)


_KEPT_HEADERS: Final = frozenset({"etag", "location", "postfach-position"})


class Claim(Struct, frozen=True):
    """The right to do a request. `thing_id` is the same for everybody who ever does it."""

    principal: str
    key: str
    thing_id: str


def fingerprint(secret: bytes, parts: Sequence[bytes]) -> bytes:
    """Give what tells requests apart. It is keyed, as a body can hold a password that a plain hash would betray."""
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big") + part)
    return mac.digest()


# A key older than a day means a new request, although its row may not have been swept yet.
_CLAIM: Final = """
    INSERT INTO idempotency_keys AS k (principal, key, request_hash, thing_id, lease_until)
    VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
    ON CONFLICT (principal, key) DO UPDATE SET
        lease_until = excluded.lease_until,
        request_hash = excluded.request_hash,
        thing_id = CASE WHEN k.created_at < now() - interval '1 day' THEN excluded.thing_id ELSE k.thing_id END,
        created_at = CASE WHEN k.created_at < now() - interval '1 day' THEN now() ELSE k.created_at END,
        answer = NULL
    WHERE k.created_at < now() - interval '1 day'
        OR (k.answer IS NULL AND k.lease_until < now() AND k.request_hash = excluded.request_hash)
    RETURNING thing_id
"""

_FOUND: Final = "SELECT request_hash, answer FROM idempotency_keys WHERE principal = $1 AND key = $2"


async def claim(pool: asyncpg.Pool, principal: str, key: str, request_hash: bytes) -> Claim | Answer:
    """Claim a request, or give the answer it had. Raises Problem: it is running, or the key names another one."""
    thing_id: str | None = await pool.fetchval(_CLAIM, principal, key, request_hash, new_id(), LEASE_S)
    if thing_id is not None:
        return Claim(principal, key, thing_id)
    row = await pool.fetchrow(_FOUND, principal, key)
    if row is not None and not hmac.compare_digest(row["request_hash"], request_hash):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this Idempotency-Key was sent with another request",
        )
    if row is None or row["answer"] is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            "request_running",
            "the same request is being worked on",
            headers={"Retry-After": "1"},
        )
    return msgspec.msgpack.decode(row["answer"], type=Answer)


_KEEP: Final = "UPDATE idempotency_keys SET answer = $4 WHERE principal = $1 AND key = $2 AND thing_id = $3"


async def keep(pool: asyncpg.Pool, claimed: Claim, answer: Answer) -> None:
    """Keep the answer for whoever sends the same request again."""
    await pool.execute(
        _KEEP, claimed.principal, claimed.key, claimed.thing_id, msgspec.msgpack.encode(answer)
    )


_RELEASE: Final = """
    UPDATE idempotency_keys SET lease_until = now() - interval '1 second'
    WHERE principal = $1 AND key = $2 AND thing_id = $3 AND answer IS NULL
"""


async def release(pool: asyncpg.Pool, claimed: Claim) -> None:
    """Let the next one with the same key try: this attempt ended without an answer that is final."""
    await pool.execute(_RELEASE, claimed.principal, claimed.key, claimed.thing_id)


_SWEEP: Final = """
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '1 day' LIMIT 10000))
"""


async def sweep(pool: asyncpg.Pool) -> None:
    """Forget requests older than a day."""
    await pool.execute(_SWEEP)
