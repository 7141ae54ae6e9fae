"""Puts each role of the archive service together: what it opens it closes, in one place."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from contracts.archive import ArchiveCommand, ArchiveEvent
from contracts.ids import ActorName
from contracts.topics import ARCHIVE, MAILBOX
from services.archive.core import state
from services.archive.core.decide import decide
from services.archive.core.fold import evolve
from services.archive.core.state import DomainArchives
from services.archive.keeping import Keeping
from services.archive.maildir import Maildirs
from services.archive.projections import ARCHIVES
from services.archive.purging import Purging
from services.archive.queries import load_archives
from services.archive.reactions import ARCHIVE_CAUSES, MAILBOX_CAUSES, Reactions
from services.archive.retrieving import Retrieving
from services.archive.settings import ArchiveSettings
from services.archive.tools import Tools
from services.runtime.blobs import open_blobs
from services.runtime.claimed_work import ClaimedWork
from services.runtime.health import Health, serve_health
from services.runtime.house_clock import open_clock
from services.runtime.kafka.command_loop import run_writer
from services.runtime.kafka.commands import open_command_client
from services.runtime.kafka.deciding import Decider
from services.runtime.kafka.projection import run_projection
from services.runtime.kafka.reactor import Reactor
from services.runtime.kafka.rebuild import rebuild
from services.runtime.kafka.voice import Voice
from services.runtime.lifecycle import Role, run_together
from services.runtime.postgres import open_pool
from services.runtime.vault import open_vault

SERVICE: Final = "archive"
"""The name of the service, of its PostgreSQL schema, and of its writer in the log."""

SYSTEM: Final = ActorName("system:archive")
"""Who orders what follows by itself from a mailbox's events, and from the passing of time."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"

DECIDER: Final = Decider[DomainArchives, ArchiveCommand, ArchiveEvent](
    new_state=DomainArchives.unknown,
    subject_of=state.subject_of,
    version_of=DomainArchives.version_of,
    decide=decide,
    evolve=evolve,
)


def roles(settings: ArchiveSettings) -> dict[str, Role]:
    """Give the roles that run until they are stopped."""
    return {
        "writer": _with_health(settings, _writer),
        "projector": _with_health(settings, _projector),
        "reactor": _with_health(settings, _reactor),
    }


async def rebuild_archives(settings: ArchiveSettings) -> int:
    """Make the read model anew from the log, and give how many events it holds."""
    return await rebuild(settings, SERVICE, MIGRATIONS, ARCHIVES)


def _with_health(
    settings: ArchiveSettings, role: Callable[[ArchiveSettings, Health, asyncio.Event], Awaitable[None]]
) -> Role:
    async def run(stop: asyncio.Event) -> None:
        health = Health()
        async with serve_health(health, settings.health_host, settings.health_port):
            await role(settings, health, stop)

    return run


async def _writer(settings: ArchiveSettings, health: Health, stop: asyncio.Event) -> None:
    async with open_pool(settings.postgres_dsn, schema=SERVICE, max_size=4) as pool:
        clock = open_clock(settings, health)
        load = partial(load_archives, pool)
        await run_together(
            stop,
            clock.follow(stop),
            run_writer(settings, SERVICE, ARCHIVE, DECIDER, load, health, stop, clock),
        )


async def _projector(settings: ArchiveSettings, health: Health, stop: asyncio.Event) -> None:
    async with open_pool(settings.postgres_dsn, schema=SERVICE) as pool:
        await run_together(stop, run_projection(settings, SERVICE, ARCHIVES, pool, health, stop))


async def _reactor(settings: ArchiveSettings, health: Health, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        # A piece of work holds one connection for its lock, and needs another for its questions.
        pool = await stack.enter_async_context(
            open_pool(settings.postgres_dsn, schema=SERVICE, max_size=4 * settings.archive_work_at_once + 4)
        )
        commands = await stack.enter_async_context(open_command_client(settings, [ARCHIVE, MAILBOX]))
        health.check("outcomes", commands.trouble)
        clock = open_clock(settings, health)
        tools = Tools(
            settings=settings,
            pool=pool,
            voice=Voice(commands, clock, SYSTEM),
            content=Maildirs(Path(settings.mail_folder)),
            blobs=open_blobs(settings.blobs_url),
            vault=await stack.enter_async_context(open_vault(settings)),
            clock=clock,
        )
        # Moving a large mailbox takes minutes, which nobody's expiry waits for.
        moving = await stack.enter_async_context(ClaimedWork(pool, settings.archive_work_at_once))
        ending = await stack.enter_async_context(ClaimedWork(pool, settings.archive_work_at_once))
        keeping, purging, retrieving = (
            Keeping(tools, moving),
            Purging(tools, ending),
            Retrieving(tools, ending),
        )
        reactions = Reactions(tools, keeping, purging, retrieving)
        reactor = Reactor(settings, f"{SERVICE}-reactor")
        at_once = settings.archive_reactions_at_once
        reactor.react_to(MAILBOX, reactions.on_mailbox_event, of=MAILBOX_CAUSES, at_once=at_once)
        reactor.react_to(ARCHIVE, reactions.on_archive_event, of=ARCHIVE_CAUSES, at_once=at_once)
        reactor.every(settings.archive_tick_interval_s, purging.tick)
        reactor.every(settings.archive_sweep_interval_s, keeping.sweep)
        reactor.every(settings.archive_sweep_interval_s, retrieving.sweep)
        await run_together(
            stop, clock.follow(stop), reactor.run(stop), moving.watch(stop), ending.watch(stop)
        )
