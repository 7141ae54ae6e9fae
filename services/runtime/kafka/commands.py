"""Sending a command and getting its outcome."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.structs import RecordMetadata

from contracts.codec import decode_outcome, decode_outcome_header, encode
from contracts.envelope import CommandEnvelope
from contracts.ids import CommandId
from contracts.message import Command, Event
from contracts.outcome import Outcome
from contracts.topics import Family
from services.runtime.kafka.clients import open_producer, open_reader, partition_of
from services.runtime.lifecycle import StrayCancellation, unless_cancelled
from services.runtime.logs import get_logger
from services.runtime.settings import RuntimeSettings

log = get_logger(__name__)

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class OutcomePending(Exception):
    """The command may be in the log, and its outcome is not known yet; asking again with the same id is safe."""


class CommandClient:
    """Sends commands and listens to the outcomes of the families it was opened for.

    The listener is no member of a group: every process hears all outcomes and picks its own.
    """

    def __init__(self, producer: AIOKafkaProducer, listener: AIOKafkaConsumer, partitions: int) -> None:
        self._producer = producer
        self._listener = listener
        self._partitions = partitions
        self._waiting: dict[CommandId, list[asyncio.Future[Outcome]]] = {}
        self._deaf: BaseException | None = None

    def trouble(self) -> str | None:
        """What keeps commands from being answered, for a health check."""
        return None if self._deaf is None else f"outcomes are not heard: {self._deaf!r}"

    async def send(
        self, family: Family[C, E], command: CommandEnvelope[C], within_s: float = 10.0
    ) -> Outcome:
        """Send a command and give its outcome, be it a repeated one.

        Raises OutcomePending after `within_s` seconds, and whatever ended the listening: without it every answer
        would be late.
        """
        if self._deaf is not None:
            raise self._deaf
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        # One timer and one wait: an import sends thousands of commands a second, for which asyncio.timeout and a
        # wait for the producer before that for the outcome took a third of the time of sending.
        late = loop.call_later(within_s, _fail, outcome, OutcomePending(command.id))
        self._waiting.setdefault(command.id, []).append(outcome)
        try:
            sent = await self._producer.send(
                family.commands.name,
                key=command.stream.encode(),
                value=encode(command),
                partition=partition_of(command.stream, self._partitions),
            )
            sent.add_done_callback(partial(_fail_with, outcome, command.id))
            return await outcome
        except KafkaTimeoutError as error:
            raise OutcomePending(command.id) from error
        finally:
            late.cancel()
            waiting = self._waiting[command.id]
            waiting.remove(outcome)
            if not waiting:
                del self._waiting[command.id]

    async def send_until_answered(self, family: Family[C, E], command: CommandEnvelope[C]) -> Outcome:
        """Send a command, and again while its outcome is late: for whoever can't go on without it."""
        while True:
            try:
                return await self.send(family, command)
            except OutcomePending:
                log.warning("an outcome is late; the command is sent again", command=command.id)

    async def listen(self) -> None:
        """Hand outcomes to whoever waits for them. Ends by a fault only, which everybody who waits is told."""
        try:
            await unless_cancelled(self._hear())
        except (KafkaError, StrayCancellation, ValueError) as error:
            self._deaf = error
            for outcome in [outcome for waiting in self._waiting.values() for outcome in waiting]:
                _fail(outcome, error)
            raise

    async def _hear(self) -> None:
        while True:
            for records in (await self._listener.getmany(timeout_ms=1_000)).values():
                for record in records:
                    if record.value is not None and self._waiting:
                        self._tell(record.value)

    def _tell(self, value: bytes) -> None:
        waiting = self._waiting.get(decode_outcome_header(value).command)
        if waiting:
            outcome = decode_outcome(value)
            for future in waiting:
                if not future.done():
                    future.set_result(outcome)


def _fail(outcome: "asyncio.Future[Outcome]", error: BaseException) -> None:
    if not outcome.done():
        outcome.set_exception(error)


def _fail_with(
    outcome: "asyncio.Future[Outcome]", command: CommandId, sent: "asyncio.Future[RecordMetadata]"
) -> None:
    """Tell of a command that the broker did not take. One that it took says nothing yet."""
    if sent.cancelled():
        # Not a cancellation of whoever waits: only of the driver's own work, and it may have been sent.
        _fail(outcome, OutcomePending(command))
    elif (error := sent.exception()) is not None:
        _fail(outcome, error)


@asynccontextmanager
async def open_command_client(
    settings: RuntimeSettings, families: Collection[Family[Any, Any]]
) -> AsyncGenerator[CommandClient]:
    """Open a client that hears the outcomes of these families from now on."""
    topics = [
        TopicPartition(family.outcomes.name, number)
        for family in families
        for number in range(settings.partitions)
    ]
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(open_producer(settings.kafka_bootstrap))
        listener = await stack.enter_async_context(open_reader(settings.kafka_bootstrap, topics))
        await listener.seek_to_end(*topics)
        client = CommandClient(producer, listener, settings.partitions)
        listening = asyncio.create_task(client.listen())
        stack.callback(listening.cancel)
        yield client
