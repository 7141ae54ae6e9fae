"""Read models against the log: rows, stream positions and checkpoints of every projection in the database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct, field

from tests.oracle.events import Chain
from tests.oracle.findings import Findings
from tests.oracle.views import VIEWS, FreshFold, View

ROWS_AT_ONCE: Final = 10_000


class Checkpoint(Struct, frozen=True):
    """One row of a schema's `projection_checkpoints`."""

    schema: str
    projection: str
    topic: str
    partition: int
    next_offset: int
    owner_epoch: int

    @property
    def name(self) -> str:
        """Name it as findings do."""
        return f"{self.schema}.{self.projection} of {self.topic}/{self.partition}"


def differing_rows(folded: Mapping[str, Struct], stored: Mapping[str, Struct]) -> Iterable[tuple[str, str]]:
    """Give (key, difference) for every folded row that the table has not, or has otherwise."""
    for key, row in folded.items():
        other = stored.get(key)
        if other is None:
            yield key, "missing"
        elif other != row:
            columns = [name for name in row.__struct_fields__ if getattr(row, name) != getattr(other, name)]
            yield key, f"differs in {', '.join(columns)}"


def differing_streams(folded: Mapping[str, Chain], stored: Mapping[str, Chain]) -> Iterable[tuple[str, str]]:
    """Give (stream, difference) for every stream that does not stand where the log says, in either direction."""
    for stream in folded.keys() | stored.keys():
        if stream not in stored:
            yield stream, "missing"
        elif stream not in folded:
            yield stream, "not in the log at this position"
        elif folded[stream] != stored[stream]:
            yield stream, f"stands at {stored[stream].streamseq}, the log at {folded[stream].streamseq}"


class SchemaState:
    """One schema's read models as of one moment: a connection in a transaction that sees nothing newer."""

    def __init__(
        self,
        schema: str,
        connection: "asyncpg.Connection[Any]",
        tables: set[str],
        checkpoints: Sequence[Checkpoint],
    ) -> None:
        self.schema = schema
        self._connection = connection
        self._tables = tables
        self.checkpoints = checkpoints
        self._compared: dict[str, int] = {}

    def views(self, topic: str) -> list[View]:
        """Give the views of a topic that this schema has."""
        return [view for view in VIEWS.get(topic, ()) if view.table in self._tables]

    async def compare(
        self, checkpoint: Checkpoint, fold: FreshFold, chains: Mapping[str, Chain], findings: Findings
    ) -> None:
        """Compare everything that the projection should have at its checkpoint of one partition."""
        where = checkpoint.name
        for view in self.views(checkpoint.topic):
            folded = fold.rows[view.table]
            stored = await self._load(view, list(folded))
            findings.checked("I7", len(folded))
            self._compared[view.table] = self._compared.get(view.table, 0) + len(stored)
            for key, difference in differing_rows(folded, stored):
                findings.broken("I7", where, f"the row of {view.table} for {_named(view, key)} {difference}")
        stored_chains = await self._load_chains(checkpoint)
        findings.checked("I7", len(stored_chains))
        for stream, difference in differing_streams(chains, stored_chains):
            findings.broken("I7", where, f"the stream {stream} {difference}")

    async def compare_counts(self, findings: Findings) -> None:
        """Find rows that no event has made, once all partitions were compared."""
        for topic in {checkpoint.topic for checkpoint in self.checkpoints}:
            for view in self.views(topic):
                count = await self._connection.fetchval(f"SELECT count(*) FROM {self.schema}.{view.table}")
                findings.checked("I7")
                compared = self._compared.get(view.table, 0)
                if count != compared:
                    what = f"{count} rows, {compared} of them made by the log"
                    findings.broken("I7", f"{self.schema}.{view.table}", what)

    async def _load(self, view: View, keys: list[str]) -> dict[str, Struct]:
        columns = ", ".join(f'"{name}"' for name in view.row.__struct_fields__)
        query = f'SELECT {columns} FROM {self.schema}.{view.table} WHERE "{view.key}" = ANY($1::text[])'
        found: dict[str, Struct] = {}
        for start in range(0, len(keys), ROWS_AT_ONCE):
            for record in await self._connection.fetch(query, keys[start : start + ROWS_AT_ONCE]):
                found[record[view.key]] = msgspec.convert(dict(record), view.row)
        return found

    async def _load_chains(self, checkpoint: Checkpoint) -> dict[str, Chain]:
        records = await self._connection.fetch(
            f"""
            SELECT stream, streamseq, tail_hash, last_time FROM {self.schema}.projection_streams
            WHERE projection = $1 AND "partition" = $2
            """,
            checkpoint.projection,
            checkpoint.partition,
        )
        return {
            each["stream"]: Chain(each["streamseq"], each["tail_hash"], each["last_time"]) for each in records
        }


def _named(view: View, key: str) -> str:
    return f"{view.key} {key}"


class Backward(Struct):
    """Looks again and again whether checkpoints and owner epochs only grow."""

    seen: dict[str, Checkpoint] = field(default_factory=dict[str, Checkpoint])

    def look(self, checkpoints: Iterable[Checkpoint], findings: Findings) -> None:
        """Compare with the last look."""
        for checkpoint in checkpoints:
            findings.checked("I8")
            before = self.seen.get(checkpoint.name)
            if before and checkpoint.next_offset < before.next_offset:
                what = f"went back from {before.next_offset} to {checkpoint.next_offset}"
                findings.broken("I8", checkpoint.name, what)
            if before and checkpoint.owner_epoch < before.owner_epoch:
                what = f"its owner epoch went back from {before.owner_epoch} to {checkpoint.owner_epoch}"
                findings.broken("I8", checkpoint.name, what)
            self.seen[checkpoint.name] = checkpoint


async def load_checkpoints(connection: "asyncpg.Connection[Any]", schema: str) -> list[Checkpoint]:
    """Give the checkpoints of a schema."""
    records = await connection.fetch(
        f'SELECT projection, topic, "partition", next_offset, owner_epoch FROM {schema}.projection_checkpoints'
    )
    return [Checkpoint(schema, *record) for record in records]


async def schemas_with_projections(connection: "asyncpg.Connection[Any]") -> dict[str, set[str]]:
    """Give the tables of every schema that keeps checkpoints; one that is just being rebuilt is not in use yet."""
    records = await connection.fetch(
        """
        SELECT t.table_schema, t.table_name FROM information_schema.tables AS t
        WHERE EXISTS (
            SELECT FROM information_schema.tables AS c
            WHERE c.table_schema = t.table_schema AND c.table_name = 'projection_checkpoints'
        )
        """
    )
    found: dict[str, set[str]] = {}
    for record in records:
        if not record["table_schema"].endswith("_rebuild"):
            found.setdefault(record["table_schema"], set()).add(record["table_name"])
    return found
