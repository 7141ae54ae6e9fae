"""Makes what the roles expect to find: the topics with their marker records, and the tables of every service.

`python -m deploy.prepare` reads the POSTFACH_ settings. It is safe to repeat and to kill anywhere: it looks at what
is there and adds what is missing. Run it before the roles of a new version start.

The marker is a record without key and value at offset 0 of every partition, which every reader passes over. Faust
does not count a gap that follows offset 0, so a first record that is followed by an aborted transaction would hold
its consumer group's offset until a restart; with the marker there, no first record matters.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.structs import RecordMetadata, TopicPartition

from contracts.topics import DAY_MS, FOR_EVER, TOPICS, Topic
from services.runtime.postgres import migrate
from services.runtime.settings import RuntimeSettings, read_settings

SERVICES = Path(__file__).resolve().parents[1] / "services"

# Schema and the folder of its migrations. The vault is machinery of the runtime with a schema of its own.
SCHEMAS: Mapping[str, Path] = {
    "vault": SERVICES / "runtime" / "migrations" / "vault",
    "mailbox": SERVICES / "mailbox" / "migrations",
    "bulkio": SERVICES / "bulkio" / "migrations",
    "archive": SERVICES / "archive" / "migrations",
    "gateway": SERVICES / "gateway" / "migrations",
}

_LEADERS_WITHIN_S = 30.0
_LEADERS_POLL_S = 0.1


class PrepareSettings(RuntimeSettings, frozen=True, kw_only=True):
    """`replication` is the number of brokers that keep each partition: 1 for one broker, 3 in production."""

    replication: int = 1


class TopicDiffersError(Exception):
    """A topic exists with another number of partitions. Keys would move, so nobody may change it silently."""


async def prepare(settings: PrepareSettings) -> None:
    """Raises TopicDiffersError, and whatever the broker or the database refuses with."""
    made, applied = await asyncio.gather(
        prepare_topics(settings, TOPICS), apply_migrations(settings.postgres_dsn, SCHEMAS)
    )
    print(f"topics made: {', '.join(made) or 'none'}; migrations applied: {', '.join(applied) or 'none'}")


async def prepare_topics(settings: PrepareSettings, topics: tuple[Topic, ...]) -> list[str]:
    """Gives the names of the topics that were made now."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in existing]
        await _create(admin, missing, settings)
        partitions = await _partitions(admin, topics, settings)
        await _correct_retention(admin, [topic for topic in topics if topic.name in existing])
    finally:
        await admin.close()
    await _write_markers(settings, partitions)
    return [topic.name for topic in missing]


async def apply_migrations(dsn: str, schemas: Mapping[str, Path]) -> list[str]:
    """Gives `schema/file` for every migration that was applied now."""
    applied: list[str] = []
    for schema, folder in schemas.items():
        applied += [f"{schema}/{name}" for name in await migrate(dsn, schema, folder)]
    return applied


def _configs(topic: Topic) -> dict[str, str]:
    configs = {"retention.ms": str(topic.retention_ms), "cleanup.policy": "delete"}
    if topic.retention_ms != FOR_EVER and topic.retention_ms < DAY_MS:
        # Only closed segments go, and by itself the broker closes one after a week.
        configs["segment.ms"] = configs["retention.ms"]
    return configs


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], settings: PrepareSettings) -> None:
    if not topics:
        return
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            topic_configs=_configs(topic),
        )
        for topic in topics
    ]
    answer = await admin.create_topics(wanted)
    for name, code, *_ in answer.topic_errors:
        # Someone else prepares at the same time, which is as good.
        if code != 0 and for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"topic {name} could not be made")


async def _partitions(
    admin: AIOKafkaAdminClient, topics: tuple[Topic, ...], settings: PrepareSettings
) -> list[TopicPartition]:
    """All partitions of the topics, once each has a leader: the broker makes them after it has answered."""
    names = [topic.name for topic in topics]
    async with asyncio.timeout(_LEADERS_WITHIN_S):
        while True:
            described = await admin.describe_topics(names)
            if all(
                topic["error_code"] == 0 and all(part["leader"] >= 0 for part in topic["partitions"])
                for topic in described
            ):
                break
            await asyncio.sleep(_LEADERS_POLL_S)
    found: list[TopicPartition] = []
    for topic in described:
        count = len(topic["partitions"])
        if count != settings.partitions:
            raise TopicDiffersError(f"{topic['topic']} has {count} partitions, not {settings.partitions}")
        found += [TopicPartition(topic["topic"], part["partition"]) for part in topic["partitions"]]
    return found


async def _correct_retention(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    wanted = {topic.name: _configs(topic) for topic in topics}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": None}) for name in wanted]
    changed: list[ConfigResource] = []
    for answer in await admin.describe_configs(resources):
        for _code, _message, _kind, name, entries in answer.resources:
            kept = {entry[0]: entry[1] for entry in entries}["retention.ms"]
            if kept != wanted[name]["retention.ms"]:
                changed.append(ConfigResource(ConfigResourceType.TOPIC, name, wanted[name]))
    if changed:
        await admin.alter_configs(changed)


async def _write_markers(settings: PrepareSettings, partitions: list[TopicPartition]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)
    await consumer.start()
    try:
        # Asked about partitions it is not assigned, it sleeps a second before it looks for their leaders.
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    # Retention moves the first offset, never the end, so an end of 0 means that nothing was ever written.
    untouched = [partition for partition, end in ends.items() if end == 0]
    if not untouched:
        return
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        # `send` asserts that there is a key or a value; a batch does not.
        sent: list[asyncio.Future[RecordMetadata]] = []
        for partition in untouched:
            batch = producer.create_batch()
            batch.append(key=None, value=None, timestamp=None)
            sent.append(await producer.send_batch(batch, partition.topic, partition=partition.partition))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(prepare(read_settings(PrepareSettings, os.environ)))
