"""News: messages that say how something is just now. They hold no truth, and one that is lost does no harm.

Nobody waits for news, and nothing is concluded from it but what to show. Whoever hears begins at the end of the topic.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.codec import Malformed, encode
from contracts.topics import Topic
from services.runtime.kafka.clients import open_reader
from services.runtime.logs import get_logger
from services.runtime.settings import RuntimeSettings

T = TypeVar("T")

SEND_TIMEOUT_MS: Final = 2_000
LISTEN_MS: Final = 500

log = get_logger(__name__)


class NewsSender:
    """Sends news to one topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: Topic) -> None:
        self._producer = producer
        self._topic = topic

    async def send(self, key: str, message: object) -> None:
        """Send a message, if that can be done soon: news that comes late is worth nothing."""
        try:
            await self._producer.send_and_wait(self._topic.name, key=key.encode(), value=encode(message))
        except KafkaError as error:
            log.warning("news is lost", topic=self._topic.name, error=repr(error))


@asynccontextmanager
async def open_news_sender(settings: RuntimeSettings, topic: Topic) -> AsyncGenerator[NewsSender]:
    """Open a sender. It asks one broker alone to confirm, and gives up after `SEND_TIMEOUT_MS`."""
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, acks=1, request_timeout_ms=SEND_TIMEOUT_MS
    ) as producer:
        yield NewsSender(producer, topic)


@asynccontextmanager
async def open_news_listener(settings: RuntimeSettings, topic: Topic) -> AsyncGenerator[AIOKafkaConsumer]:
    """Open a listener of a whole topic from now on. It is no member of a group: every process hears everything."""
    partitions = [TopicPartition(topic.name, number) for number in range(settings.partitions)]
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(open_reader(settings.kafka_bootstrap, partitions))
        await listener.seek_to_end(*partitions)
        yield listener


async def hear(
    listener: AIOKafkaConsumer, decode: Callable[[bytes], T], tell: Callable[[T], None], stop: asyncio.Event
) -> None:
    """Hand everything that is heard to `tell` until `stop` is set; what can't be understood is passed over."""
    while not stop.is_set():
        for records in (await listener.getmany(timeout_ms=LISTEN_MS)).values():
            for record in records:
                if record.value is not None:
                    _hand_on(record, decode, tell)


def _hand_on(
    record: ConsumerRecord[bytes, bytes], decode: Callable[[bytes], T], tell: Callable[[T], None]
) -> None:
    assert record.value is not None
    try:
        message = decode(record.value)
    except Malformed:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("news is not understood", **where)
        return
    tell(message)
