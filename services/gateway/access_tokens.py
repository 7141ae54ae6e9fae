"""The secrets that let somebody in: made here, shown once, and known afterwards by their SHA-256 alone.

A secret has 256 random bits, so a plain digest can't be guessed back (a password could, and is hashed by Argon2id). Who
a secret stands for is asked of the rows every time: a revoked key and a disabled person are refused at once.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import hashlib
import secrets
from datetime import datetime
from typing import Final, Literal

import asyncpg
from msgspec import Struct, convert

from contracts.permissions import Permission, Role

TokenKind = Literal["key", "session", "invitation"]
AuthKind = Literal["key", "session"]

PREFIX: Final = "pf_"
"""What every secret begins with, so that one that leaked into a file is found by its looks."""

SECRET_LENGTH_MAX: Final = 100
CLIENT_LENGTH_MAX: Final = 200
SESSIONS_SHOWN_MAX: Final = 100
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Make a secret."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class NewToken(Struct, frozen=True, kw_only=True):
    """A secret to keep: what it is for, whose it is, and for how long. Without a time it ends with its thing."""

    secret: str
    kind: TokenKind
    id: str
    tenant: str
    user_id: str | None = None
    lifetime_s: float | None = None
    client_address: str = ""
    client: str = ""


# The same thing may be made again after its gateway was killed; nobody has seen the former secret.
_KEEP: Final = """
    INSERT INTO tokens AS t (sha256, kind, id, tenant, user_id, expires_at, client_address, client)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7, $8)
    ON CONFLICT (kind, id) DO UPDATE SET sha256 = excluded.sha256, expires_at = excluded.expires_at
"""


async def keep(pool: asyncpg.Pool, token: NewToken) -> None:
    """Let a secret stand for its thing, in the place of any former one."""
    await pool.execute(
        _KEEP,
        _digest(token.secret),
        token.kind,
        token.id,
        token.tenant,
        token.user_id,
        token.lifetime_s,
        token.client_address,
        token.client[:CLIENT_LENGTH_MAX],
    )


async def drop(pool: asyncpg.Pool, kind: TokenKind, id_: str) -> None:
    """Let nobody in by this key, session or invitation any more; an unknown one is fine."""
    await pool.execute("DELETE FROM tokens WHERE kind = $1 AND id = $2", kind, id_)


_DROP_OF_USER: Final = """
    DELETE FROM tokens WHERE user_id = $1 AND kind = ANY($2::text[]) AND ($3::text IS NULL OR id <> $3)
"""


async def drop_sessions(pool: asyncpg.Pool, user_id: str, *, but: str | None = None) -> None:
    """End all sessions of a person, or all but one."""
    await pool.execute(_DROP_OF_USER, user_id, ["session"], but)


async def drop_all_of(pool: asyncpg.Pool, user_id: str) -> None:
    """End all sessions and invitations of a person."""
    await pool.execute(_DROP_OF_USER, user_id, ["session", "invitation"], None)


class Holder(Struct, frozen=True, kw_only=True):
    """Who came with a secret. `stale` says that its last use should be noted again."""

    id: str
    tenant: str
    tenant_suspended: bool
    user_id: str | None
    role: Role
    permissions: tuple[Permission, ...]
    networks: tuple[str, ...]
    stale: bool


_FIND: Final = """
    SELECT t.id, t.tenant, n.status = 'suspended' AS tenant_suspended, u.user_id,
        coalesce(k.role, u.role) AS role, coalesce(k.permissions, u.permissions) AS permissions,
        coalesce(k.networks, '[]') AS networks, t.last_used_at < now() - interval '1 minute' AS stale
    FROM tokens AS t
    JOIN tenants AS n ON n.tenant = t.tenant AND n.status IN ('active', 'suspended')
    LEFT JOIN api_keys AS k ON t.kind = 'key' AND k.key_id = t.id AND k.tenant = t.tenant
        AND NOT k.revoked AND (k.expires_at IS NULL OR k.expires_at > now())
    LEFT JOIN users AS u ON t.kind = 'session' AND u.user_id = t.user_id AND u.tenant = t.tenant
        AND u.status = 'active' AND t.last_used_at > now() - make_interval(secs => $3)
    WHERE t.sha256 = $1 AND t.kind = $2 AND (t.expires_at IS NULL OR t.expires_at > now())
        AND (k.key_id IS NOT NULL OR u.user_id IS NOT NULL)
"""


async def find_holder(pool: asyncpg.Pool, kind: AuthKind, secret: str, idle_s: float) -> Holder | None:
    """Give who comes with a secret, unless it is unknown, ended, or its holder or tenant may not come in.

    A session has ended, too, when it was not used for `idle_s` seconds.
    """
    record = await pool.fetchrow(_FIND, _digest(secret), kind, idle_s)
    return None if record is None else convert(dict(record), Holder)


_TOUCH: Final = """
    UPDATE tokens SET last_used_at = now() WHERE kind = $1 AND id = $2
        AND last_used_at < now() - interval '1 minute'
"""


async def touch(pool: asyncpg.Pool, kind: TokenKind, id_: str) -> None:
    """Note that a secret is in use, to the minute."""
    await pool.execute(_TOUCH, kind, id_)


class Invitation(Struct, frozen=True):
    """An invitation whose secret somebody has, and which is still open."""

    invitation_id: str
    tenant: str
    user_id: str
    email: str


_INVITATION: Final = """
    SELECT t.id, t.tenant, u.user_id, u.email FROM tokens AS t
    JOIN users AS u ON u.user_id = t.user_id AND u.invitation_id = t.id
        AND u.status = 'invited' AND u.invitation_expires_at > now()
    WHERE t.sha256 = $1 AND t.kind = 'invitation'
"""


async def find_invitation(pool: asyncpg.Pool, secret: str) -> Invitation | None:
    """Give the open invitation that a secret belongs to."""
    record = await pool.fetchrow(_INVITATION, _digest(secret))
    return None if record is None else Invitation(*record.values())


class SessionRow(Struct, frozen=True):
    """A session of a person, as the person sees it."""

    session_id: str
    user_id: str
    client_address: str
    client: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


_SESSIONS: Final = """
    SELECT id, user_id, client_address, client, created_at, last_used_at, expires_at FROM tokens
    WHERE user_id = $1 AND kind = 'session' AND expires_at > now()
        AND last_used_at > now() - make_interval(secs => $2)
    ORDER BY created_at DESC, id LIMIT $3
"""


async def sessions_of(pool: asyncpg.Pool, user_id: str, idle_s: float) -> list[SessionRow]:
    """Give the sessions of a person that have not ended, newest first."""
    return [
        SessionRow(*record.values())
        for record in await pool.fetch(_SESSIONS, user_id, idle_s, SESSIONS_SHOWN_MAX)
    ]


_IS_SESSION: Final = "SELECT true FROM tokens WHERE kind = 'session' AND id = $2 AND user_id = $1"


async def is_session_of(pool: asyncpg.Pool, user_id: str, session_id: str) -> bool:
    """Say whether a session is there and is that person's."""
    return await pool.fetchval(_IS_SESSION, user_id, session_id) is not None


_SWEEP: Final = """
    DELETE FROM tokens WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM tokens WHERE expires_at < now() - interval '1 day' LIMIT 10000))
"""


async def sweep(pool: asyncpg.Pool) -> None:
    """Forget what has ended yesterday."""
    await pool.execute(_SWEEP)
