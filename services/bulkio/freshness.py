"""Waits until the read model of mailboxes has what was decided before a job was begun."""

import asyncio
import time
from typing import Final

from aiokafka import TopicPartition

from services.bulkio import queries
from services.bulkio.projections import MAILBOXES
from services.bulkio.tools import Tools
from services.runtime.kafka.clients import open_reader
from services.runtime.logs import get_logger

CATCH_UP_S: Final = 3.0

_log = get_logger(__name__)


async def catch_up(tools: Tools, job_id: str) -> None:
    """Let the read model catch up with the log as it is now, but do not wait for ever.

    The marker that ends a transaction is never read as a record, so the position before it counts as its end. Where
    the last transaction was an aborted one the wait is in vain, and the read model complete all the same.
    """
    settings = tools.settings
    topics = [TopicPartition(MAILBOXES.family.events.name, number) for number in range(settings.partitions)]
    async with open_reader(settings.kafka_bootstrap, topics) as reader:
        ends = await reader.end_offsets(topics)
    wanted = {f"{topic.topic}/{topic.partition}": end - 1 for topic, end in ends.items()}
    deadline = time.monotonic() + CATCH_UP_S
    while True:
        if await _has_read(tools, wanted):
            return
        if time.monotonic() >= deadline:
            _log.warning("the read model is behind; the job goes on from where it is", job=job_id)
            return
        await asyncio.sleep(0.02)


async def _has_read(tools: Tools, wanted: dict[str, int]) -> bool:
    async with tools.pool.acquire() as connection:
        read = await queries.positions(connection, MAILBOXES.name)
    return all(read.get(place, 0) >= offset for place, offset in wanted.items())
