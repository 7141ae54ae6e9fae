"""Decided commands per second of one writer with the real decider, beside plain idempotent produce of as many records."""

import time

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.ids import TenantId
from contracts.topics import MAILBOX
from deploy.local.stack import Stack
from services.runtime.ids import new_id
from services.runtime.kafka.clients import open_producer, open_reader, partition_of
from tests.bench.commands import creations, open_domains, settings_of
from tests.bench.report import Figure

COMMANDS = 80_000
OTHERS = (
    "mailbox-projector",
    "bulkio-projector",
    "bulkio-reactor",
    "bulkio-writer",
    "gateway-projector",
    "gateway-api",
)


async def measure(stack: Stack) -> list[Figure]:
    """Fill the command topic while the writer is down, start it, and time from its first to its last outcome."""
    settings = settings_of(stack)
    tenant = TenantId(new_id())
    domains = await open_domains(stack, tenant, 64)
    records = list(creations(tenant, domains, COMMANDS))
    await _make_topic(settings.kafka_bootstrap, "bench.plain", settings.partitions)
    for role in OTHERS:
        stack.stop_role(role)
    stack.stop_role("mailbox-writer")
    try:
        plain = await _produce(settings.kafka_bootstrap, "bench.plain", records, settings.partitions)
        before = await _ends(settings.kafka_bootstrap, settings.partitions)
        await _produce(settings.kafka_bootstrap, MAILBOX.commands.name, records, settings.partitions)
        stack.start_role("mailbox-writer")
        decided = await _outcomes_per_second(settings.kafka_bootstrap, before)
    finally:
        for role in ("mailbox-writer", *OTHERS):
            stack.start_role(role)
            stack.wait_ready(role)
    return [
        Figure(
            name="decided commands, one writer",
            value=decided,
            unit="1/s",
            limit=plain,
            limit_is="plain idempotent produce of the same records",
        ),
        Figure(name="  of which at least", value=decided, unit="1/s", limit=8_000.0, limit_is="the goal"),
    ]


async def _make_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if name not in await admin.list_topics():
            await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


async def _produce(bootstrap: str, topic: str, records: list[tuple[str, bytes]], partitions: int) -> float:
    """Send all records in batches, and give how many a second were acknowledged."""
    async with open_producer(bootstrap) as producer:
        await producer.partitions_for(topic)
        started = time.perf_counter()
        await _send_all(producer, topic, records, partitions)
        return len(records) / (time.perf_counter() - started)


async def _send_all(
    producer: AIOKafkaProducer, topic: str, records: list[tuple[str, bytes]], partitions: int
) -> None:
    acknowledged = [
        await producer.send(topic, value, domain.encode(), partition_of(domain, partitions))
        for domain, value in records
    ]
    for future in acknowledged:
        await future


async def _ends(bootstrap: str, partitions: int) -> dict[TopicPartition, int]:
    topics = [TopicPartition(MAILBOX.outcomes.name, number) for number in range(partitions)]
    async with open_reader(bootstrap, topics) as reader:
        return await reader.end_offsets(topics)


async def _outcomes_per_second(bootstrap: str, before: dict[TopicPartition, int]) -> float:
    """Wait for all outcomes behind `before`; the broker's record times say how long the writer took."""
    seen, first, last = 0, float("inf"), 0.0
    async with open_reader(bootstrap, before) as reader:
        for topic, end in before.items():
            reader.seek(topic, end)
        while seen < COMMANDS:
            for records in (await reader.getmany(timeout_ms=1_000)).values():
                seen += len(records)
                first = min(first, records[0].timestamp)
                last = max(last, records[-1].timestamp)
    return seen / ((last - first) / 1000)
