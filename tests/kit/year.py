"""A house in which a year passes in a second: both deciders, the archive's read model and reactor, and a clock to set.

Everything is the real thing but for two: the log is a list, and commands go straight to the deciders. So a test can set
the clock, and kill the reactor between any two of its steps: before and after each command, and each change of content,
keys and blobs. What was not seen to is handed out again, as the log would.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

from aiokafka import ConsumerRecord

from contracts.codec import decode_outcome, encode
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, TenantId
from contracts.outcome import Outcome
from contracts.topics import ARCHIVE, MAILBOX, Family
from contracts.views.archive import ArchiveRow, RetrievalRow
from deploy.local.stack import Stack
from services.archive import queries
from services.archive.content import MailContent
from services.archive.keeping import Keeping
from services.archive.maildir import Maildirs
from services.archive.projections import ARCHIVES
from services.archive.purging import Purging
from services.archive.reactions import ARCHIVE_CAUSES, MAILBOX_CAUSES, Reactions
from services.archive.retrieving import Retrieving
from services.archive.settings import ArchiveSettings
from services.archive.tools import Tools
from services.archive.wiring import DECIDER, MIGRATIONS, SYSTEM
from services.mailbox.wiring import DOMAIN_DECIDER
from services.runtime.blobs import Blobs, open_blobs
from services.runtime.claimed_work import ClaimedWork
from services.runtime.ids import new_id
from services.runtime.kafka.commands import CommandClient
from services.runtime.kafka.deciding import PartitionState, Snapshot
from services.runtime.kafka.projection import Projector
from services.runtime.kafka.voice import Voice
from services.runtime.postgres import Pool, connect, migrate, open_pool, role_of
from services.runtime.settings import read_settings
from services.runtime.vault import Vault, open_vault
from tests.kit.given import NOON

OPERATOR: Final = ActorName("operator:root")
OWNER: Final = ActorName("user:01890a5d-ac96-774b-bcce-b302099a0001")


class Killed(Exception):
    """The reactor's process is gone: nothing that it was about to do happens."""


class Log:
    """What was decided, in order, and who decides it."""

    def __init__(self, year: "Year") -> None:
        self.values: dict[str, list[bytes]] = {family.name: [] for family in (MAILBOX, ARCHIVE)}
        self.deciders: dict[str, PartitionState[Any, Any, Any]] = {
            family.name: PartitionState(
                family,
                decider,
                Snapshot(next_offset=0, streams={}),
                source=f"/postfach/{family.name}",
                writer_epoch=1,
                remembered_max=100_000,
                clock=lambda: year.now,
            )
            for family, decider in ((MAILBOX, DOMAIN_DECIDER), (ARCHIVE, DECIDER))
        }

    def decide(self, family: Family[Any, Any], command: CommandEnvelope[Any]) -> tuple[Outcome, list[bytes]]:
        """Give the outcome of a command, and the events that it led to."""
        decided = self.deciders[family.name].decide(
            [_record(family.commands.name, 0, command.stream.encode(), encode(command))]
        )
        events = [value for _, value in decided.events]
        self.values[family.name] += events
        return decode_outcome(decided.outcomes[-1][1]), events

    def events(self, family: Family[Any, Any]) -> list[EventEnvelope[Any]]:
        """Give everything that happened."""
        return [family.codec.decode_event(value) for value in self.values[family.name]]


class Year:
    """What a test works with. Time stands at `now` until the test moves it; the reactor's clock may be ahead."""

    def __init__(self, pool: Pool, vault: Vault, settings: ArchiveSettings, blobs_url: str) -> None:
        self.now = NOON
        self.reactor_ahead = timedelta()
        self.log = Log(self)
        self.mail = Path(settings.mail_folder)
        self.pool = pool
        self.vault = vault
        self.blobs = open_blobs(blobs_url)
        self.steps: list[str] = []
        self.dies_at: int | None = None
        self._settings = settings
        self._projector = Projector(ARCHIVES)
        self._unseen: dict[int, tuple[Family[Any, Any], bytes]] = {}
        self._numbers = 0
        self._projecting = asyncio.Lock()

    async def order(
        self,
        family: Family[Any, Any],
        data: Any,
        *,
        stream: str,
        tenant: TenantId,
        actor: ActorName = OWNER,
    ) -> Outcome:
        """Let somebody order something, and give the outcome once the read model tells of it."""
        return await self._decided(family, _command(data, stream, tenant, actor))

    async def run(self) -> None:
        """Let the reactor work until there is nothing to do for it, through as many deaths as the test wants."""
        while True:
            try:
                await self._live()
                return
            except* Killed:
                self.dies_at = None

    async def pass_time(self, time: timedelta) -> None:
        """Move the clock, and let the reactor see what that means."""
        self.now += time
        await self.run()

    async def pass_until(self, moment: datetime) -> None:
        """Set the clock, and let the reactor see what that means."""
        await self.pass_time(moment - self.now)

    async def archives(self) -> list[ArchiveRow]:
        """Give all archives, the oldest first."""
        records = await self.pool.fetch("SELECT archive_id FROM archives ORDER BY created_at, generation")
        rows = [await queries.archive(self.pool, record["archive_id"]) for record in records]
        return [row for row in rows if row is not None]

    async def retrieval(self, retrieval_id: str) -> RetrievalRow:
        """Give a retrieval."""
        return await queries.retrieval(self.pool, retrieval_id)

    def happened(self, family: Family[Any, Any], subject: str) -> list[str]:
        """Give the tags of what happened to something."""
        return [event.type for event in self.log.events(family) if event.subject == subject]

    async def send_until_answered(self, family: Family[Any, Any], command: CommandEnvelope[Any]) -> Outcome:
        """Decide a command of the reactor; it may die before it is sent, and before it hears of the outcome."""
        name = type(command.data).__name__
        self.step(f"before {name}")
        outcome = await self._decided(family, command)
        self.step(f"after {name}")
        return outcome

    def step(self, name: str) -> None:
        """Note a step of the reactor. Raises Killed when this is where it dies."""
        self.steps.append(name)
        if self.dies_at is not None and len(self.steps) == self.dies_at:
            raise Killed(name)

    async def _decided(self, family: Family[Any, Any], command: CommandEnvelope[Any]) -> Outcome:
        outcome, values = self.log.decide(family, command)
        for value in values:
            self._numbers += 1
            self._unseen[self._numbers] = (family, value)
        if family is ARCHIVE and values:
            async with self._projecting, self.pool.acquire() as connection:
                await self._project(connection, values)
        return outcome

    async def _project(self, connection: Any, values: list[bytes]) -> None:
        end = len(self.log.values[ARCHIVE.name])
        records = [
            _record(ARCHIVE.events.name, end - len(values) + index, b"", value)
            for index, value in enumerate(values)
        ]
        claims = await self._projector.claim(connection, [0])
        await self._projector.apply(connection, records, {0: end}, {0: claims[0][1]})

    async def _live(self) -> None:
        """One life of the reactor: it sees to everything that was not seen to, and to what is due."""
        pieces = Pieces()
        tools = Tools(
            settings=self._settings,
            pool=self.pool,
            voice=Voice(cast("CommandClient", self), lambda: self.now + self.reactor_ahead, SYSTEM),
            content=cast("MailContent", Steps(Maildirs(self.mail), self.step)),
            blobs=cast("Blobs", Steps(self.blobs, self.step)),
            vault=cast("Vault", Steps(self.vault, self.step)),
            clock=lambda: self.now + self.reactor_ahead,
        )
        work = cast("ClaimedWork", pieces)
        keeping, purging, retrieving = Keeping(tools, work), Purging(tools, work), Retrieving(tools, work)
        reactions = Reactions(tools, keeping, purging, retrieving)
        handlers = {MAILBOX.name: reactions.on_mailbox_event, ARCHIVE.name: reactions.on_archive_event}
        async with asyncio.TaskGroup() as group:
            seeing = group.create_task(self._see_to(handlers, group, pieces))
            idle = 0
            while idle < 2:
                before = self._numbers
                await purging.tick()
                await keeping.sweep()
                await retrieving.sweep()
                await self._quiet(pieces)
                idle = idle + 1 if self._numbers == before else 0
            seeing.cancel()

    async def _quiet(self, pieces: "Pieces") -> None:
        """Wait until all that was begun is done."""
        while True:
            if not pieces.running and not self._unseen:
                return
            await asyncio.sleep(0.001)

    async def _see_to(
        self,
        handlers: Mapping[str, Callable[[EventEnvelope[Any]], Awaitable[None]]],
        group: asyncio.TaskGroup,
        pieces: "Pieces",
    ) -> None:
        """Hand events out in their order, many at a time, and carry out the work that is begun."""
        begun: set[int] = set()
        while True:
            for number, (family, value) in list(self._unseen.items()):
                if number not in begun:
                    begun.add(number)
                    event = family.codec.decode_event(value)
                    causes = MAILBOX_CAUSES if family is MAILBOX else ARCHIVE_CAUSES
                    if isinstance(event.data, causes):
                        group.create_task(self._see(number, handlers[family.name](event)))
                    else:
                        del self._unseen[number]
            for name, work in pieces.taken():
                group.create_task(pieces.carry_out(name, work))
            await asyncio.sleep(0.001)

    async def _see(self, number: int, handling: Awaitable[None]) -> None:
        await handling
        del self._unseen[number]


class Pieces:
    """The work that one life of the reactor has begun."""

    def __init__(self) -> None:
        self.running: dict[str, bool] = {}
        self._waiting: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    def begin(self, name: str, work: Callable[[], Awaitable[None]], owner: str) -> None:
        """Begin a piece of work, unless it is worked on already."""
        assert owner
        if name not in self.running:
            self.running[name] = True
            self._waiting.append((name, work))

    def taken(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Give the work that nobody carries out yet."""
        waiting, self._waiting = self._waiting, []
        return waiting

    async def carry_out(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do a piece of work; killed, it stays undone."""
        await work()
        del self.running[name]


class Steps:
    """Something outside, with a step of the reactor before and after each call of it."""

    def __init__(self, thing: object, step: Callable[[str], None]) -> None:
        self._thing = thing
        self._step = step

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._thing, name)
        label = f"{type(self._thing).__name__}.{name}"
        if not asyncio.iscoroutinefunction(method):
            return method

        async def stepped(*arguments: Any, **named: Any) -> Any:
            self._step(f"before {label}")
            result = await method(*arguments, **named)
            self._step(f"after {label}")
            return result

        return stepped


@asynccontextmanager
async def a_year(stack: Stack, folder: Path) -> AsyncGenerator[Year]:
    """Make a house on tables of its own, with mail and blobs in a folder, and take the tables away afterwards."""
    schema = f"archive_{uuid4().hex[:12]}"
    await migrate(stack.dsn, schema, MIGRATIONS)
    (folder / "mail").mkdir()
    settings = read_settings(ArchiveSettings, {**stack.env(), "POSTFACH_MAIL_FOLDER": str(folder / "mail")})
    try:
        async with open_pool(stack.dsn, schema=schema) as pool, open_vault(settings) as vault:
            yield Year(pool, vault, settings, (folder / "blobs").as_uri())
    finally:
        async with connect(stack.dsn, search_path="pg_catalog") as connection:
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
            await connection.execute(f"DROP ROLE {role_of(schema)}")


def _command(data: Any, stream: str, tenant: TenantId, actor: ActorName) -> CommandEnvelope[Any]:
    command = CommandId(new_id())
    return CommandEnvelope(
        id=command,
        tenant=tenant,
        stream=stream,
        actor=actor,
        correlation=command,
        causation=command,
        sent_at=NOON,
        data=data,
    )


def _record(topic: str, offset: int, key: bytes, value: bytes) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=topic,
        partition=0,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key),
        serialized_value_size=len(value),
        headers=(),
    )
