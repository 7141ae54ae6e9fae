"""PostgreSQL: one pool per service, which sees its own schema only, and the migrations that make it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec

if TYPE_CHECKING:
    from typing import Any

    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
Pool: TypeAlias = "asyncpg.Pool[Any]"
Record: TypeAlias = "asyncpg.Record"
"""The driver's classes, whose type parameter exists for the type checker only."""

PROJECTION_TABLES = Path(__file__).parent / "migrations" / "projection"
"""Checkpoints and stream positions, which every schema with projections has."""

_MIGRATION_LOCK = 0x706F7374  # any constant of our own: migrations of one database run one after another


async def _prepare_connection(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )


@asynccontextmanager
async def open_pool(dsn: str, *, schema: str, max_size: int = 10) -> AsyncGenerator[Pool]:
    """Open a pool whose connections act as the role `postfach_<schema>` and name their tables without a schema."""
    async with asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        init=_prepare_connection,
        server_settings={
            "search_path": schema,
            "role": role_of(schema),
            "application_name": f"postfach {schema}",
        },
    ) as pool:
        yield pool


@asynccontextmanager
async def connect(dsn: str, *, search_path: str) -> AsyncGenerator[Connection]:
    """Open one connection with the full rights of `dsn`, for migrations and rebuilds."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": search_path})
    try:
        await _prepare_connection(connection)
        yield connection
    finally:
        await connection.close()


def role_of(schema: str) -> str:
    """The database role that owns nothing but may change the rows of `schema`."""
    return f"postfach_{schema.removesuffix('_rebuild')}"


async def migrate(dsn: str, schema: str, folder: Path) -> list[str]:
    """Bring `schema` to the newest form of `folder` and give the names of the migrations applied now.

    Safe to repeat and to run from several places at once: each file runs once, in the order of its name, in one
    transaction with the row that remembers it.
    """
    applied: list[str] = []
    async with connect(dsn, search_path=schema) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        await _create_schema(connection, schema)
        known = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        folders = [PROJECTION_TABLES, folder] if schema != "vault" else [folder]
        for path in (path for each in folders for path in sorted(each.glob("*.sql"))):
            if path.name not in known:
                await connection.execute(path.read_text(encoding="utf-8"))
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", path.name)
                applied.append(path.name)
        await _grant(connection, schema)
    return applied


async def _create_schema(connection: Connection, schema: str) -> None:
    role = role_of(schema)
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    await connection.execute(f"GRANT {role} TO CURRENT_USER")
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )


async def _grant(connection: Connection, schema: str) -> None:
    role = role_of(schema)
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    await connection.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
    await connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
