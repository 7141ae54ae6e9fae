"""Puts each role of bulkio together: what it opens it closes, in one place."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from contracts.topics import BULKIO, BULKIO_PROGRESS, MAILBOX
from services.bulkio.core.decide import decide, subject_of
from services.bulkio.core.jobs import TenantJobs, evolve
from services.bulkio.fair_places import FairPlaces
from services.bulkio.progress import ProgressBoard
from services.bulkio.projections import JOBS, MAILBOXES, PROJECTIONS, SCHEMA
from services.bulkio.queries import load_jobs
from services.bulkio.reactions import JobRunner
from services.bulkio.settings import BulkioSettings
from services.bulkio.tools import Tools
from services.bulkio.workbook import TEMPLATE_BLOB, template
from services.runtime.blobs import open_blobs
from services.runtime.claimed_work import ClaimedWork
from services.runtime.health import Health, serve_health
from services.runtime.house_clock import open_clock
from services.runtime.kafka.command_loop import run_writer
from services.runtime.kafka.commands import open_command_client
from services.runtime.kafka.deciding import Decider
from services.runtime.kafka.news import open_news_sender
from services.runtime.kafka.projection import run_projection
from services.runtime.kafka.reactor import Reactor
from services.runtime.kafka.rebuild import rebuild
from services.runtime.lifecycle import Role, run_together
from services.runtime.passwords import open_hasher
from services.runtime.postgres import open_pool
from services.runtime.vault import open_vault

MIGRATIONS: Final = Path(__file__).parent / "migrations"

DECIDER: Final = Decider(
    new_state=lambda _stream: TenantJobs(),
    subject_of=subject_of,
    version_of=TenantJobs.version_of,
    decide=decide,
    evolve=evolve,
)


def roles(settings: BulkioSettings) -> dict[str, Role]:
    """Give the roles that run until they are stopped."""
    return {
        "writer": _with_health(settings, _writer),
        "projector": _with_health(settings, _projector),
        "reactor": _with_health(settings, _reactor),
    }


async def rebuild_projection(settings: BulkioSettings, name: str) -> int:
    """Make one projection anew from the log. Raises KeyError when there is none of that name."""
    return await rebuild(settings, SCHEMA, MIGRATIONS, PROJECTIONS[name])


def _with_health(
    settings: BulkioSettings, role: Callable[[BulkioSettings, Health, asyncio.Event], Awaitable[None]]
) -> Role:
    async def run(stop: asyncio.Event) -> None:
        health = Health()
        async with serve_health(health, settings.health_host, settings.health_port):
            await role(settings, health, stop)

    return run


async def _writer(settings: BulkioSettings, health: Health, stop: asyncio.Event) -> None:
    clock = open_clock(settings, health)
    async with open_pool(settings.postgres_dsn, schema=SCHEMA, max_size=4) as pool:
        await run_together(
            stop,
            clock.follow(stop),
            run_writer(settings, SCHEMA, BULKIO, DECIDER, partial(load_jobs, pool), health, stop, clock),
        )


async def _projector(settings: BulkioSettings, health: Health, stop: asyncio.Event) -> None:
    async with open_pool(settings.postgres_dsn, schema=SCHEMA) as pool:
        await run_together(
            stop,
            *(
                run_projection(settings, SCHEMA, projection, pool, health, stop)
                for projection in (MAILBOXES, JOBS)
            ),
        )


async def _reactor(settings: BulkioSettings, health: Health, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        # A job holds one connection for its lock, and needs another for its questions.
        pool = await stack.enter_async_context(
            open_pool(settings.postgres_dsn, schema=SCHEMA, max_size=2 * settings.bulkio_jobs_at_once + 4)
        )
        news = await stack.enter_async_context(open_news_sender(settings, BULKIO_PROGRESS))
        clock = open_clock(settings, health)
        progress = ProgressBoard(news, clock)
        tools = Tools(
            settings=settings,
            pool=pool,
            commands=await stack.enter_async_context(open_command_client(settings, [MAILBOX, BULKIO])),
            places=FairPlaces(settings.bulkio_commands_in_flight),
            vault=await stack.enter_async_context(open_vault(settings)),
            blobs=open_blobs(settings.blobs_url),
            hasher=stack.enter_context(open_hasher()),
            progress=progress,
            clock=clock,
        )
        await tools.blobs.put(TEMPLATE_BLOB, template())
        work = await stack.enter_async_context(ClaimedWork(pool, settings.bulkio_jobs_at_once))
        runner = JobRunner(tools, work)
        reactor = Reactor(settings, "bulkio-reactor")
        reactor.react_to(BULKIO, runner.on_event)
        reactor.every(settings.bulkio_sweep_interval_s, runner.sweep)
        await run_together(stop, clock.follow(stop), reactor.run(stop), work.watch(stop), progress.tell(stop))
