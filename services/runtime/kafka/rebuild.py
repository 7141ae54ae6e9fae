"""A read model made anew, side by side with the one in use, and put in its place once it has caught up.

Readers see the old tables until one short transaction moves the new ones in; nothing is missing or wrong in between.
"""

from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.runtime.kafka.clients import open_reader
from services.runtime.kafka.projection import BATCH_EVENTS_MAX, Projection, Projector
from services.runtime.logs import get_logger
from services.runtime.postgres import Connection, connect, migrate
from services.runtime.settings import RuntimeSettings

SWITCH_BACKLOG_MAX = 1_000  # events still to apply while the old read model is held still

log = get_logger(__name__)


async def rebuild(settings: RuntimeSettings, schema: str, migrations: Path, projection: Projection) -> int:
    """Make the tables of `projection` anew from offset 0 and switch to them. Gives how many events were applied.

    The projection goes on meanwhile. Killed at any moment, it leaves the tables in use as they were; run again, it
    begins anew. Raises ProjectionStopped when the log itself is broken.
    """
    beside = f"{schema}_rebuild"
    async with connect(settings.postgres_dsn, search_path="pg_catalog") as connection:
        await connection.execute(f"DROP SCHEMA IF EXISTS {beside} CASCADE")
    await migrate(settings.postgres_dsn, beside, migrations)
    projector = Projector(projection)
    numbers = range(settings.partitions)
    topics = [TopicPartition(projector.topic, number) for number in numbers]
    async with (
        connect(settings.postgres_dsn, search_path=beside) as connection,
        open_reader(settings.kafka_bootstrap, topics) as reader,
    ):
        claims = await projector.claim(connection, numbers)
        epochs = {number: epoch for number, (_, epoch) in claims.items()}
        await reader.seek_to_beginning(*topics)
        applied = 0
        while await _backlog(reader, ends := await reader.end_offsets(topics)) > SWITCH_BACKLOG_MAX:
            applied += await _catch_up(connection, reader, projector, epochs, ends)
        async with connection.transaction():
            await connection.execute(
                f"SELECT 1 FROM {schema}.projection_checkpoints WHERE projection = $1 FOR UPDATE",
                projection.name,
            )
            # An end fixed beforehand: under load the last event is never reached. The projection goes on from here.
            applied += await _catch_up(
                connection, reader, projector, epochs, await reader.end_offsets(topics)
            )
            await _switch(connection, schema, beside, projection)
    async with connect(settings.postgres_dsn, search_path="pg_catalog") as connection:
        await connection.execute(f"DROP SCHEMA {beside} CASCADE")
    log.info("a read model was rebuilt", projection=projection.name, events=applied)
    return applied


async def _backlog(reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    """How many offsets are left before these ends."""
    return sum([max(0, end - await reader.position(topic)) for topic, end in ends.items()])


async def _catch_up(
    connection: Connection,
    reader: AIOKafkaConsumer,
    projector: Projector,
    epochs: dict[int, int],
    ends: Mapping[TopicPartition, int],
) -> int:
    """Apply until nothing is left before these ends."""
    applied = 0
    while await _backlog(reader, ends):
        batches = await reader.getmany(*ends, timeout_ms=500, max_records=BATCH_EVENTS_MAX)
        records = [record for batch in batches.values() for record in batch]
        if records:
            next_offsets = {topic.partition: batch[-1].offset + 1 for topic, batch in batches.items()}
            applied += await projector.apply(connection, records, next_offsets, epochs)
    return applied


async def _switch(connection: Connection, schema: str, beside: str, projection: Projection) -> None:
    """Put the new tables in the place of the old ones; the running projection is fenced and begins from the new."""
    for table in projection.tables:
        await connection.execute(f"DROP TABLE {schema}.{table.name} CASCADE")
        await connection.execute(f"ALTER TABLE {beside}.{table.name} SET SCHEMA {schema}")
    await connection.execute(
        f"DELETE FROM {schema}.projection_streams WHERE projection = $1", projection.name
    )
    await connection.execute(
        f"INSERT INTO {schema}.projection_streams SELECT * FROM {beside}.projection_streams"
    )
    await connection.execute(
        f"""
        UPDATE {schema}.projection_checkpoints AS c SET next_offset = n.next_offset, owner_epoch = c.owner_epoch + 1
        FROM {beside}.projection_checkpoints AS n
        WHERE c.projection = $1 AND n.projection = c.projection AND n.topic = c.topic
            AND n."partition" = c."partition"
        """,
        projection.name,
    )
