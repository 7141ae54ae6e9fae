"""News: what can be understood is heard, what can't is passed over, and what can't be sent is lost without harm."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka.errors import KafkaTimeoutError

from contracts.topics import BULKIO_PROGRESS
from services.runtime.kafka.news import NewsSender, hear

decode = msgspec.json.Decoder(list[int]).decode


class Listener:
    """Gives some values, each in an answer of its own, then says that the role stops."""

    def __init__(self, *values: bytes | None) -> None:
        self.values = list(values)
        self.stop = asyncio.Event()

    async def getmany(self, *, timeout_ms: int) -> dict[str, list[Any]]:
        assert timeout_ms <= 500, "a stop is noticed soon"
        if not self.values:
            self.stop.set()
            return {}
        record = SimpleNamespace(topic="t", partition=0, offset=0, value=self.values.pop(0))
        return {"t": [record]}


async def test_what_is_understood_is_handed_on_and_anything_else_passed_over() -> None:
    heard: list[list[int]] = []
    listener: Any = Listener(None, b"[1]", b"\xff", b'{"no": "list"}', b"[2]")
    await hear(listener, decode, heard.append, listener.stop)
    assert heard == [[1], [2]]


async def test_news_that_can_not_be_sent_is_lost_and_the_next_is_sent() -> None:
    class Producer:
        def __init__(self) -> None:
            self.sent: list[tuple[str, bytes, bytes]] = []
            self.down = True

        async def send_and_wait(self, topic: str, *, key: bytes, value: bytes) -> None:
            if self.down:
                raise KafkaTimeoutError
            self.sent.append((topic, key, value))

    producer: Any = Producer()
    sender = NewsSender(producer, BULKIO_PROGRESS)
    await sender.send("job", [1])
    producer.down = False
    await sender.send("job", [2])
    assert producer.sent == [("bulkio.progress", b"job", b"[2]")]
