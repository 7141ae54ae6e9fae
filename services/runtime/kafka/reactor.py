# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The base of reactors, on Faust: events in, slow or outside work done, commands out. A reactor holds no truth.

Faust reads uncommitted records in its at-least-once mode and has no setting for it; the three classes below make its
consumer read committed ones only, and hand on only what is reacted to. An exception in a Faust agent acknowledges the
event. So each handler is wrapped: a record that can't be understood goes to the dead letters, and any other fault
keeps the event unacknowledged and ends the process, so that the event is read again.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as AiokafkaDriverConsumer
from faust.transport.drivers.aiokafka import Transport as AiokafkaDriverTransport
from faust.types import EventT

from contracts.codec import Malformed, decode_event_header
from contracts.dead_letter import DeadLetterReason
from contracts.envelope import EventEnvelope
from contracts.message import Command, Event, tag_of
from contracts.topics import DEAD_LETTERS, Family
from services.runtime import metrics
from services.runtime.clock import utc_now
from services.runtime.kafka.clients import open_producer
from services.runtime.kafka.dead_letters import dead_letter
from services.runtime.lifecycle import unless_cancelled
from services.runtime.logs import get_logger
from services.runtime.settings import RuntimeSettings

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

log = get_logger(__name__)

_Begun = tuple["EventT[bytes]", "asyncio.Task[None] | None"]
"""An event, and the work on it, if there is any."""


class _CommittedThread(AIOKafkaConsumerThread):
    """The driver's consumer thread, with a consumer that sees committed records only."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - read when the consumer starts
        return consumer

    async def _fetch_records(self, *arguments: Any, **options: Any) -> Any:
        """Fetch as the driver does, and leave out what nobody reacts to."""
        fetched = await super()._fetch_records(*arguments, **options)
        wanted = cast("CommittedTransport", self.transport).wanted
        kept = {
            place: worth_handing_on(records, wanted.get(place.topic)) for place, records in fetched.items()
        }
        return {place: records for place, records in kept.items() if records}


class _CommittedConsumer(AiokafkaDriverConsumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(AiokafkaDriverTransport):
    """Faust's Kafka transport, reading committed records only.

    `wanted` names, by topic, the types of event that are reacted to; without an entry, all are.
    """

    Consumer = _CommittedConsumer

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.wanted: dict[str, frozenset[str]] = {}


def worth_handing_on(
    records: list[ConsumerRecord[bytes, bytes]], wanted: Collection[str] | None
) -> list[ConsumerRecord[bytes, bytes]]:
    """Give the records that Faust must see; to carry one through it costs 50 times what looking at its type does.

    To Faust those left out are a gap, which counts as acknowledged with the next record behind it. So the last record
    is always among those given: else the position would stand still while nothing happens that is reacted to. The
    marker is never given: Faust does not count a gap that follows offset 0. What has no type is left to the stream,
    which puts it aside.
    """
    events = [record for record in records if record.value is not None]
    if wanted is None:
        return events
    kinds = {None, *wanted}
    return [record for record in events if record is events[-1] or _type_of(record) in kinds]


def _type_of(record: ConsumerRecord[bytes, bytes]) -> str | None:
    assert record.value is not None
    try:
        return decode_event_header(record.value).type
    except Malformed:
        return None


class Reactor:
    """One reactor: handlers of events and of the passing of time, run until told to stop."""

    def __init__(self, settings: RuntimeSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._producer: AIOKafkaProducer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        broker = f"kafka://{settings.kafka_bootstrap}"
        self._app = faust.App(
            name,
            broker=broker,
            store="memory://",
            web_enabled=False,
            datadir=str(
                Path(tempfile.gettempdir()) / f"postfach-{name}"
            ),  # Faust makes one though no table needs it
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_request_timeout=15.0,
            broker_commit_interval=1.0,
            stream_wait_empty=False,
            loop=asyncio.get_running_loop(),
        )
        self._transport = CommittedTransport(self._app.conf.broker, self._app, loop=self._app.loop)
        self._app.transport = self._transport

    def react_to(
        self,
        family: Family[C, E],
        handler: Callable[[EventEnvelope[E]], Awaitable[None]],
        *,
        of: tuple[type[E], ...] | None = None,
        at_once: int = 1,
    ) -> None:
        """Call `handler` with the events of a family, or those `of` these types: `at_once` of them at the same time.

        With one at a time, they come one after another within a partition. A handler is called again for an event
        whose handling did not end; it must do the same again then. Whatever it raises is a fault.
        """
        if of is not None:
            self._transport.wanted[family.events.name] = frozenset(tag_of(each) for each in of)
        topic = self._app.topic(
            family.events.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )

        async def agent(stream: Any) -> None:
            # By itself Faust acknowledges an event whenever its turn ends, also when that is cut short by a stop.
            stream.enable_acks = False
            places = asyncio.Semaphore(at_once)
            begun: asyncio.Queue[_Begun] = asyncio.Queue()
            self._work_on(_acknowledge(stream, begun, places))
            async for event in stream.events():
                await places.acquire()
                envelope = await self._decoded(event, family)
                work = None
                if envelope is not None and (of is None or isinstance(envelope.data, of)):
                    work = self._work_on(self._handle(handler, envelope))
                begun.put_nowait((event, work))

        self._app.agent(topic, name=f"{self._name}-{family.events.name}", concurrency=1)(agent)

    def every(self, interval_s: float, action: Callable[[], Awaitable[None]]) -> None:
        """Call `action` at intervals. The timer remembers nothing: the action must be harmless twice."""

        async def tick() -> None:
            await self._guard(action())

        self._app.timer(interval_s)(tick)

    async def run(self, stop: asyncio.Event) -> None:
        """React until `stop` is set.

        Raises the first fault of a handler, whose event stays unacknowledged, and whatever ends Faust itself: it would
        live on without reading.
        """
        async with open_producer(self._settings.kafka_bootstrap) as producer:
            self._producer = producer
            self._app.finalize()
            await self._app.start()
            log.info("the reactor reads", reactor=self._name)
            stopping = asyncio.create_task(stop.wait())
            ending = asyncio.create_task(self._app.wait_until_stopped())
            try:
                await asyncio.wait([stopping, ending, self._fault], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                ending.cancel()
                await self._app.stop()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._fault.done():
            self._fault.result()
        if self._app.crash_reason is not None:
            raise self._app.crash_reason

    def _work_on(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _decoded(self, event: "EventT[bytes]", family: Family[C, E]) -> EventEnvelope[E] | None:
        """Give what happened; None for a marker, and for what can't be understood and was put aside."""
        value = cast("bytes | None", event.value)
        if value is None:
            return None
        try:
            return family.codec.decode_event(value)
        except Malformed as error:
            await self._guard(self._put_aside(event, str(error)))
            return None

    async def _handle(
        self, handler: Callable[[EventEnvelope[E]], Awaitable[None]], envelope: EventEnvelope[E]
    ) -> None:
        await self._guard(handler(envelope))
        metrics.reactions.labels(reactor=self._name).inc()

    async def _put_aside(self, event: "EventT[bytes]", detail: str) -> None:
        assert self._producer is not None
        message = event.message
        record: ConsumerRecord[bytes, bytes] = ConsumerRecord(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            timestamp=0,
            timestamp_type=0,
            key=cast("bytes | None", event.key),
            value=cast("bytes", event.value),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )
        key, value = dead_letter(
            record, DeadLetterReason.MALFORMED, detail, seen_by=self._name, now=utc_now()
        )
        await self._producer.send_and_wait(DEAD_LETTERS.name, key=key, value=value)

    async def _guard(self, work: Awaitable[None]) -> None:
        """Do the work; a fault is handed to `run`, and this event waits, unacknowledged, for the end."""
        try:
            await unless_cancelled(work)
        except Exception as error:  # noqa: BLE001 - Faust would acknowledge the event of any exception raised here
            if not self._fault.done():
                self._fault.set_exception(error)
            await asyncio.Event().wait()


async def _acknowledge(stream: Any, begun: "asyncio.Queue[_Begun]", places: asyncio.Semaphore) -> None:
    """Acknowledge events when they and all before them are seen to.

    Out of order is not safe: Faust commits beyond the first event that is not acknowledged, if it is the very next.
    """
    while True:
        event, work = await begun.get()
        if work is not None:
            await work
        await stream.ack(event)
        places.release()
