"""Rows of read models as Structs: loaded by key and written back in bulk.

The table has exactly the columns of the Struct, so the SQL follows from it: one upsert of arrays, whatever the number
of rows (PostgreSQL's `unnest`).
"""

from collections.abc import Collection
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from services.runtime.postgres import Connection, Record

R = TypeVar("R", bound=msgspec.Struct)


class RowStore(Generic[R]):
    """The rows of one table, in the schema that the connection sees."""

    def __init__(self, table: str, row: type[R], key: str) -> None:
        info = inspect.type_info(row)
        assert isinstance(info, inspect.StructType)
        columns = {field.name: _sql_type(field.type) for field in info.fields}
        assert key in columns, f"{table} has no column {key}"
        self._row = row
        self._key = key
        self._columns = tuple(columns)
        names = ", ".join(f'"{name}"' for name in columns)
        # A list of JSON arrays would be sent as an array of two dimensions: JSON travels as text and is cast there.
        self._json = frozenset(name for name, kind in columns.items() if kind == "jsonb")
        arrays = ", ".join(
            f"${number}::{'text' if kind == 'jsonb' else kind}[]"
            for number, kind in enumerate(columns.values(), start=1)
        )
        values = ", ".join(f'u."{name}"::{kind}' for name, kind in columns.items())
        updates = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != key)
        self._select = f'SELECT {names} FROM {table} WHERE "{key}" = ANY($1::text[])'
        self._upsert = (
            f"INSERT INTO {table} ({names}) SELECT {values} FROM unnest({arrays}) AS u ({names}) "
            f'ON CONFLICT ("{key}") DO UPDATE SET {updates}'
        )

    async def load(self, connection: Connection, keys: Collection[str]) -> dict[str, R]:
        """Give the rows that exist, by key."""
        records = await connection.fetch(self._select, list(keys))
        return {record[self._key]: self.row_of(record) for record in records}

    async def store(self, connection: Connection, rows: Collection[R]) -> None:
        """Write rows, new and known ones alike."""
        if rows:
            await connection.execute(
                self._upsert, *([self._sent(row, column) for row in rows] for column in self._columns)
            )

    def _sent(self, row: R, column: str) -> Any:
        value = getattr(row, column)
        return msgspec.json.encode(value).decode() if column in self._json and value is not None else value

    def row_of(self, record: Record) -> R:
        """Give the Struct of a record that has at least its columns."""
        return msgspec.convert({column: record[column] for column in self._columns}, self._row)


def _sql_type(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _sql_type(kind.type)
        case inspect.UnionType():
            return _sql_type(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
        case inspect.StrType() | inspect.LiteralType() | inspect.EnumType():
            return "text"
        case inspect.IntType():
            return "bigint"
        case inspect.BoolType():
            return "boolean"
        case inspect.DateTimeType():
            return "timestamptz"
        case _:
            return "jsonb"
