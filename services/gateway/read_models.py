"""How read models are asked: one row, or a page of rows and how many there are."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# SQL is put together from column names alone; ruff can't see that no value is among them.
# ruff: noqa: S608

from collections.abc import Collection, Sequence
from typing import Final, Generic, TypeVar

import asyncpg
from msgspec import Struct

from services.runtime.rows import RowStore

TOTAL_MAX: Final = 10_000

R = TypeVar("R", bound=Struct)


class Table(Struct, Generic[R], frozen=True):
    """A read model's table, as far as its SQL follows from its row."""

    name: str
    columns: str
    rows: RowStore[R]

    @classmethod
    def of(cls, name: str, row: type[R], key: str, *, unread: Collection[str] = ()) -> "Table[R]":
        """Give the table `name` of rows with the primary key `key`. What is `unread` is null in every row given."""
        columns = (
            f'NULL AS "{column}"' if column in unread else f'"{column}"' for column in row.__struct_fields__
        )
        return cls(name, ", ".join(columns), RowStore(name, row, key))


class Found(Struct, Generic[R], frozen=True):
    """One more row than was asked for at most, and how many there are, counted up to one above TOTAL_MAX."""

    rows: list[R]
    counted: int


async def one(pool: asyncpg.Pool, table: Table[R], condition: str, *values: object) -> R | None:
    """Give the row that the condition is true of; its `$n` are the values."""
    record = await pool.fetchrow(f"SELECT {table.columns} FROM {table.name} WHERE {condition}", *values)
    return None if record is None else table.rows.row_of(record)


async def many(
    pool: asyncpg.Pool,
    table: Table[R],
    condition: str,
    values: Sequence[object],
    *,
    keys: tuple[str, ...],
    after: Sequence[object] | None,
    limit: int,
    descending: bool = False,
) -> Found[R]:
    """Give rows that the condition is true of, in the order of `keys`, those behind `after` and `limit` at most."""
    page, page_values = condition, list(values)
    if after is not None:
        arguments = ", ".join(f"${len(values) + number}" for number in range(1, len(keys) + 1))
        page += f" AND ({', '.join(keys)}) {'<' if descending else '>'} ({arguments})"
        page_values += after
    order = ", ".join(f"{key} DESC" if descending else key for key in keys)
    records = await pool.fetch(
        f"SELECT {table.columns} FROM {table.name} WHERE {page} ORDER BY {order} LIMIT {limit}", *page_values
    )
    count: int = await pool.fetchval(
        f"SELECT count(*) FROM (SELECT 1 FROM {table.name} WHERE {condition} LIMIT {TOTAL_MAX + 1}) AS counted",
        *values,
    )
    return Found([table.rows.row_of(record) for record in records], count)
