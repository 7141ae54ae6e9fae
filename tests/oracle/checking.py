"""The whole check, in the order that makes it true while the system runs on.

Read models are looked at first, each as of one moment; then the end of the events is fixed, then that of outcomes and
of commands. So whatever a read model tells is in the events, and whatever was decided is in the outcomes.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from contracts.codec import Malformed
from contracts.dead_letter import DeadLetter
from contracts.topics import DEAD_LETTERS, FAMILIES, Family
from tests.oracle.answers import AnswerChecks
from tests.oracle.events import EventChecks
from tests.oracle.findings import Findings
from tests.oracle.leaks import Canaries, search_files, search_tables, search_topics
from tests.oracle.log import Log, open_log
from tests.oracle.put_away import FOLLOWING, PutAwayChecks
from tests.oracle.rules import rules_of
from tests.oracle.tables import (
    Backward,
    Checkpoint,
    SchemaState,
    load_checkpoints,
    schemas_with_projections,
)
from tests.oracle.views import VIEWS, FreshFold

WATCH_POLL_S: Final = 0.2

Ends = Mapping[TopicPartition, int]


class Where(Struct, frozen=True):
    """What to check. Without a DSN only the log is read; `folder` is the stack's, searched for secrets."""

    bootstrap: str
    dsn: str | None = None
    folder: Path | None = None


async def check(
    where: Where,
    *,
    canaries: Collection[str] = (),
    allow_pending: bool = False,
    watch_s: float = 0.0,
) -> Findings:
    """Check every invariant once. Raises when the log or the database can't be read, which proves nothing."""
    findings = Findings()
    async with AsyncExitStack() as stack:
        schemas: list[SchemaState] = []
        if where.dsn is not None:
            await _watch(where.dsn, watch_s, findings)
            schemas = [await _open_schema(stack, where.dsn, name) for name in await _schema_names(where.dsn)]
        await _Check(where.bootstrap, schemas, findings, allow_pending=allow_pending).run(stack)
        for schema in schemas:
            await schema.compare_counts(findings)
    await _search(where, Canaries(canaries), findings)
    return findings


class _Check:
    """One pass through the families, partition by partition."""

    def __init__(
        self, bootstrap: str, schemas: list[SchemaState], findings: Findings, *, allow_pending: bool
    ) -> None:
        self._bootstrap = bootstrap
        self._schemas = schemas
        self._findings = findings
        self._allow_pending = allow_pending
        self._seen_ids: set[bytes] = set()
        self._put_away = PutAwayChecks(findings)

    async def run(self, stack: AsyncExitStack) -> None:
        committed = await stack.enter_async_context(open_log(self._bootstrap, "read_committed"))
        every = await stack.enter_async_context(open_log(self._bootstrap, "read_uncommitted"))
        missing = [family.name for family in FAMILIES if not committed.partitions(family.events.name)]
        for name in missing:
            self._findings.broken("I0", name, "its topics do not exist")
        families = [family for family in FAMILIES if family.name not in missing]
        # First of all: what the writers had consumed by now has its outcome below the ends that are fixed later.
        has_groups = committed.has_groups
        consumed = {each.name: await self._consumed(each) if has_groups else {} for each in families}
        followed = await self._offsets(*FOLLOWING) if has_groups else {}
        events = [each for family in families for each in committed.partitions(family.events.name)]
        settled = await committed.ends(events)
        ends = await committed.ends(events)
        self._check_checkpoints(ends)
        # Uncommitted ends: what belongs to the events above is below them, and is waited for.
        outcomes = [each for family in families for each in every.partitions(family.outcomes.name)]
        ends = {**ends, **await every.ends(outcomes)}
        commands = [each for family in families for each in every.partitions(family.commands.name)]
        ends = {**ends, **await every.ends(commands)}
        letters = await _dead_letters(committed, every)
        for family in families:
            for partition in committed.partitions(family.events.name):
                number = partition.partition
                decided = consumed[family.name].get(number, 0)
                await self._partition(committed, every, family, number, ends, letters, decided)
        self._put_away.judge(settled, followed)
        if self._put_away.pending:
            self._findings.notes.append(f"{self._put_away.pending} times something was put away just now")

    def _check_checkpoints(self, ends: Ends) -> None:
        for checkpoint in (each for schema in self._schemas for each in schema.checkpoints):
            if checkpoint.topic not in VIEWS:
                continue  # of a test's private room
            self._findings.checked("I8")
            end = ends.get(TopicPartition(checkpoint.topic, checkpoint.partition), 0)
            if checkpoint.next_offset > end:
                what = f"at {checkpoint.next_offset}, beyond the end of the log at {end}"
                self._findings.broken("I8", checkpoint.name, what)

    async def _partition(
        self,
        log: Log,
        every: Log,
        family: Family[Any, Any],
        number: int,
        ends: Ends,
        letters: set[tuple[str, int, int]],
        consumed: int,
    ) -> None:
        events = TopicPartition(family.events.name, number)
        checks = await self._events(log, family, events, ends[events])
        commands, outcomes = (
            TopicPartition(family.commands.name, number),
            TopicPartition(family.outcomes.name, number),
        )
        put_aside = {offset for topic, place, offset in letters if (topic, place) == (commands.topic, number)}
        answers = AnswerChecks(family, number, self._findings, put_aside, consumed)
        async for records in log.read(commands, ends[commands]):
            for record in records:
                answers.take_command(record)
        async for records in log.read(outcomes, ends[outcomes]):
            for record in records:
                answers.take_outcome(record)
        begun = await every.beginnings([commands, outcomes])
        later = await every.ends([events])
        answers.judge(
            checks.commands,
            checks.chains,
            begun[commands],
            begun[outcomes],
            log_goes_on=later[events] > ends[events],
        )
        self._tell_pending(commands, answers.pending)

    async def _events(
        self, log: Log, family: Family[Any, Any], partition: TopicPartition, end: int
    ) -> EventChecks:
        """Check the events, and compare each read model when the reading has come to its checkpoint."""
        partitions = len(log.partitions(partition.topic))
        checks = EventChecks(family, partitions, self._findings, rules_of(family), self._seen_ids)
        fold = FreshFold(partition.topic)
        stops = self._stops(partition)
        async for records in log.read(partition, end):
            for record in records:
                while stops and stops[0][0].next_offset <= record.offset:
                    await self._compare(stops.pop(0), fold, checks)
                event = checks.take(record)
                if event is None:
                    continue
                self._put_away.take(record, event)
                if table := fold.take(event):
                    self._findings.broken(
                        "I7",
                        f"{partition.topic}/{partition.partition} offset {record.offset}",
                        f"the fold of {table} has no row for it",
                    )
        for stop in stops:
            await self._compare(stop, fold, checks)
        checks.end()
        return checks

    def _stops(self, partition: TopicPartition) -> list[tuple[Checkpoint, SchemaState]]:
        """Give the checkpoints of a partition in the order in which the reading comes to them."""
        stops = [
            (checkpoint, schema)
            for schema in self._schemas
            for checkpoint in schema.checkpoints
            if (checkpoint.topic, checkpoint.partition) == partition and checkpoint.topic in VIEWS
        ]
        return sorted(stops, key=lambda stop: stop[0].next_offset)

    async def _compare(
        self, stop: tuple[Checkpoint, SchemaState], fold: FreshFold, checks: EventChecks
    ) -> None:
        checkpoint, schema = stop
        await schema.compare(checkpoint, fold, checks.chains, self._findings)

    async def _consumed(self, family: Family[Any, Any]) -> dict[int, int]:
        """Give the offsets up to which the writer's group has decided the commands."""
        service = family.commands.read_by.partition(" ")[0]
        return await self._offsets(family.commands.name, f"{service}-{family.commands.name}")

    async def _offsets(self, topic: str, group: str) -> dict[int, int]:
        """Give the offsets, by partition of the topic, that a consumer group has committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return {each.partition: kept.offset for each, kept in offsets.items() if each.topic == topic}

    def _tell_pending(self, commands: TopicPartition, pending: int) -> None:
        if not pending:
            return
        where = f"{commands.topic}/{commands.partition}"
        if self._allow_pending:
            self._findings.notes.append(f"{where}: {pending} commands wait for their outcome")
        else:
            self._findings.broken("I4", where, f"{pending} commands without an outcome")


async def _dead_letters(committed: Log, every: Log) -> set[tuple[str, int, int]]:
    """Give topic, partition and offset of every record that was put aside."""
    found: set[tuple[str, int, int]] = set()
    decode = msgspec.json.Decoder(DeadLetter).decode
    partitions = committed.partitions(DEAD_LETTERS.name)
    ends = await every.ends(partitions)
    for partition in partitions:
        async for records in committed.read(partition, ends[partition]):
            for record in records:
                if record.value is None:
                    continue
                try:
                    letter = decode(record.value)
                except Malformed:
                    continue  # a record of ours that can't be read would be found by its missing original
                found.add((letter.topic, letter.partition, letter.offset))
    return found


async def _schema_names(dsn: str) -> dict[str, set[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return await schemas_with_projections(connection)
    finally:
        await connection.close()


async def _open_schema(stack: AsyncExitStack, dsn: str, name: str) -> SchemaState:
    """Open a view of one schema that stays as of this moment for as long as the stack lives."""
    connection = await asyncpg.connect(dsn)
    stack.push_async_callback(connection.close)
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
    tables = (await schemas_with_projections(connection))[name]
    await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
    # Locked before the moment is fixed by the first query: else a rebuild could swap the tables in between.
    known = [view.table for views in VIEWS.values() for view in views if view.table in tables]
    names = ", ".join(f"{name}.{table}" for table in [*known, "projection_checkpoints", "projection_streams"])
    await connection.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
    return SchemaState(name, connection, tables, await load_checkpoints(connection, name))


async def _watch(dsn: str, watch_s: float, findings: Findings) -> None:
    """Look at the checkpoints for so many seconds."""
    backward = Backward()
    connection = await asyncpg.connect(dsn)
    try:
        names = await schemas_with_projections(connection)
        deadline = time.monotonic() + watch_s
        while time.monotonic() < deadline:
            for name in names:
                backward.look(await load_checkpoints(connection, name), findings)
            await asyncio.sleep(WATCH_POLL_S)
    finally:
        await connection.close()


async def _search(where: Where, canaries: Canaries, findings: Findings) -> None:
    async with open_log(where.bootstrap, "read_uncommitted") as log:
        await search_topics(log, canaries, findings)
    if where.dsn is not None:
        connection = await asyncpg.connect(where.dsn)
        try:
            await search_tables(connection, canaries, findings)
        finally:
            await connection.close()
    if where.folder is not None:
        await asyncio.to_thread(search_files, where.folder, canaries, findings)
