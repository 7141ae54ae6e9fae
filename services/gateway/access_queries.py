"""Questions about people, keys and paid groups to the gateway's read models.

Each names the tenant in its condition, so what is another's is not there; only signing in looks for a mail address in
all tenants.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Collection
from typing import Final

import asyncpg
from msgspec import Struct

from contracts.views.access import KeyRow, PaidGroupRow, UserRow
from services.gateway.read_models import Found, Table, many, one
from services.runtime.filtering import CompiledFilter

SIGN_IN_TENANTS_MAX: Final = 10
"""In how many tenants one mail address is tried; whoever is in more has to name the tenant."""

_USERS: Final = Table.of("users", UserRow, "user_id")
_KEYS: Final = Table.of("api_keys", KeyRow, "key_id")
_GROUPS: Final = Table.of("paid_groups", PaidGroupRow, "group_id")


async def get_user(pool: asyncpg.Pool, tenant: str, user_id: str) -> UserRow | None:
    """Give a person of the tenant."""
    return await one(pool, _USERS, "tenant = $1 AND user_id = $2", tenant, user_id)


async def list_users(
    pool: asyncpg.Pool, tenant: str, filtered: CompiledFilter, after: tuple[str, str] | None, limit: int
) -> Found[UserRow]:
    """Give the tenant's people by mail address; the filter's arguments begin with `$2`."""
    return await many(
        pool,
        _USERS,
        f"tenant = $1 AND {filtered.sql}",
        [tenant, *filtered.arguments],
        keys=("email", "user_id"),
        after=after,
        limit=limit,
    )


class Candidate(Struct, frozen=True):
    """A person who may be meant by a mail address, and the title of the tenant."""

    user: UserRow
    tenant_title: str


_CANDIDATES: Final = """
    SELECT u.*, n.title AS tenant_title FROM users AS u JOIN tenants AS n ON n.tenant = u.tenant
    WHERE u.email = $1 AND u.status = 'active' AND u.credential_id IS NOT NULL
        AND n.status IN ('active', 'suspended') AND ($2::text IS NULL OR u.tenant = $2)
    ORDER BY u.signed_in_at DESC NULLS LAST, u.user_id LIMIT $3
"""


async def sign_in_candidates(pool: asyncpg.Pool, email: str, tenant: str | None) -> list[Candidate]:
    """Give whoever may sign in with a mail address, in one tenant or in any."""
    records = await pool.fetch(_CANDIDATES, email, tenant, SIGN_IN_TENANTS_MAX)
    return [Candidate(_USERS.rows.row_of(record), record["tenant_title"]) for record in records]


async def get_key(pool: asyncpg.Pool, tenant: str, key_id: str) -> KeyRow | None:
    """Give an API key of the tenant."""
    return await one(pool, _KEYS, "tenant = $1 AND key_id = $2", tenant, key_id)


async def list_keys(pool: asyncpg.Pool, tenant: str, after: tuple[str] | None, limit: int) -> Found[KeyRow]:
    """Give the tenant's API keys in the order of their making."""
    return await many(pool, _KEYS, "tenant = $1", [tenant], keys=("key_id",), after=after, limit=limit)


async def get_paid_group(pool: asyncpg.Pool, tenant: str, group_id: str) -> PaidGroupRow | None:
    """Give a paid group of the tenant."""
    return await one(pool, _GROUPS, "tenant = $1 AND group_id = $2", tenant, group_id)


async def list_paid_groups(
    pool: asyncpg.Pool, tenant: str, within: Collection[str] | None, after: tuple[str] | None, limit: int
) -> Found[PaidGroupRow]:
    """Give the tenant's paid groups in the order of their making: those of these ids, or all."""
    return await many(
        pool,
        _GROUPS,
        "tenant = $1 AND ($2::text[] IS NULL OR group_id = ANY($2))",
        [tenant, None if within is None else list(within)],
        keys=("group_id",),
        after=after,
        limit=limit,
    )


class HandedOut(Struct, frozen=True):
    """How many domains are in a paid group, and how many of its mailboxes they were handed."""

    domains: int = 0
    mailboxes: int = 0


_HANDED_OUT: Final = """
    SELECT group_id, count(*) AS domains, sum(mailbox_limit)::bigint AS mailboxes
    FROM placements WHERE tenant = $1 AND group_id = ANY($2::text[]) GROUP BY group_id
"""


async def handed_out(pool: asyncpg.Pool, tenant: str, group_ids: Collection[str]) -> dict[str, HandedOut]:
    """Give what is handed out of paid groups; a group without domains is not in the answer."""
    records = await pool.fetch(_HANDED_OUT, tenant, list(group_ids))
    return {record["group_id"]: HandedOut(record["domains"], record["mailboxes"]) for record in records}


_BEGIN_TOTP: Final = """
    INSERT INTO totp_begun (user_id, totp_id) VALUES ($1, $2)
    ON CONFLICT (user_id) DO UPDATE SET totp_id = excluded.totp_id, begun_at = now()
"""


async def begin_totp(pool: asyncpg.Pool, user_id: str, totp_id: str) -> None:
    """Remember the second factor that a person is setting up; a former one that was not confirmed is forgotten."""
    await pool.execute(_BEGIN_TOTP, user_id, totp_id)


_BEGUN_TOTP: Final = """
    SELECT totp_id FROM totp_begun WHERE user_id = $1 AND begun_at > now() - interval '15 minutes'
"""


async def begun_totp(pool: asyncpg.Pool, user_id: str) -> str | None:
    """Give the second factor that a person is setting up, for a quarter of an hour."""
    return await pool.fetchval(_BEGUN_TOTP, user_id)


async def end_totp(pool: asyncpg.Pool, user_id: str) -> None:
    """Forget that a person is setting up a second factor."""
    await pool.execute("DELETE FROM totp_begun WHERE user_id = $1", user_id)
