"""How the roles of this service are put together: pure functions, tables and loops meet here and nowhere else."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from contracts.access import AccessCommand, AccessEvent
from contracts.ids import ActorName
from contracts.mailbox import MailboxCommand, MailboxEvent
from contracts.topics import ACCESS, MAILBOX
from services.mailbox.closing import Closings
from services.mailbox.core import decide as domain_decisions
from services.mailbox.core import decide_tenant as tenant_decisions
from services.mailbox.core import domain as domain_state
from services.mailbox.core import domain_fold, tenant_fold
from services.mailbox.core import tenant as tenant_state
from services.mailbox.core.domain import Domain
from services.mailbox.core.tenant import Tenant
from services.mailbox.projections import DIRECTORY, TENANTS
from services.mailbox.queries import load_domains, load_tenants
from services.mailbox.reactions import ACCESS_CAUSES, MAILBOX_CAUSES, Reactions
from services.mailbox.settings import MailboxSettings
from services.mailbox.tools import Tools
from services.runtime.claimed_work import ClaimedWork
from services.runtime.health import Health, serve_health
from services.runtime.house_clock import open_clock
from services.runtime.kafka.command_loop import run_writer
from services.runtime.kafka.commands import open_command_client
from services.runtime.kafka.deciding import Decider
from services.runtime.kafka.projection import run_projection
from services.runtime.kafka.reactor import Reactor
from services.runtime.kafka.voice import Voice
from services.runtime.lifecycle import run_together
from services.runtime.postgres import open_pool

SERVICE: Final = "mailbox"
"""The name of the service, of its PostgreSQL schema, and of its writer in the log."""

SYSTEM: Final = ActorName("system:mailbox")
"""Who orders what follows by itself from what happened to tenants and domains."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"

DOMAIN_DECIDER: Final = Decider[Domain, MailboxCommand, MailboxEvent](
    new_state=Domain.unknown,
    subject_of=domain_state.subject_of,
    version_of=Domain.version_of,
    decide=domain_decisions.decide,
    evolve=domain_fold.evolve,
)
TENANT_DECIDER: Final = Decider[Tenant, AccessCommand, AccessEvent](
    new_state=Tenant.unknown,
    subject_of=tenant_state.subject_of,
    version_of=Tenant.version_of,
    decide=tenant_decisions.decide,
    evolve=tenant_fold.evolve,
)


async def run_writers(settings: MailboxSettings, stop: asyncio.Event) -> None:
    """Decide about tenants and about domains, in one process, until `stop` is set."""
    health = Health()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_health(health, settings.health_host, settings.health_port))
        pool = await stack.enter_async_context(
            open_pool(settings.postgres_dsn, schema=SERVICE, max_size=settings.restore_connections_max)
        )
        clock = open_clock(settings, health)
        tenants, domains = partial(load_tenants, pool), partial(load_domains, pool)
        await run_together(
            stop,
            clock.follow(stop),
            run_writer(settings, SERVICE, ACCESS, TENANT_DECIDER, tenants, health, stop, clock),
            run_writer(settings, SERVICE, MAILBOX, DOMAIN_DECIDER, domains, health, stop, clock),
        )


async def run_reactor(settings: MailboxSettings, stop: asyncio.Event) -> None:
    """Let tenants and domains follow each other until `stop` is set."""
    health = Health()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_health(health, settings.health_host, settings.health_port))
        # A closing holds one connection for its lock, and needs another for its questions.
        pool = await stack.enter_async_context(
            open_pool(settings.postgres_dsn, schema=SERVICE, max_size=2 * settings.closings_at_once + 4)
        )
        commands = await stack.enter_async_context(open_command_client(settings, [ACCESS, MAILBOX]))
        health.check("outcomes", commands.trouble)
        clock = open_clock(settings, health)
        tools = Tools(settings=settings, pool=pool, voice=Voice(commands, clock, SYSTEM))
        work = await stack.enter_async_context(ClaimedWork(pool, settings.closings_at_once))
        closings = Closings(tools, work)
        reactions = Reactions(tools, closings)
        reactor = Reactor(settings, f"{SERVICE}-reactor")
        at_once = settings.reactions_at_once
        reactor.react_to(ACCESS, reactions.on_access_event, of=ACCESS_CAUSES, at_once=at_once)
        reactor.react_to(MAILBOX, reactions.on_mailbox_event, of=MAILBOX_CAUSES, at_once=at_once)
        reactor.every(settings.closing_sweep_interval_s, closings.sweep)
        await run_together(stop, clock.follow(stop), reactor.run(stop), work.watch(stop))


async def run_projectors(settings: MailboxSettings, stop: asyncio.Event) -> None:
    """Keep the directory up with the log until `stop` is set."""
    health = Health()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_health(health, settings.health_host, settings.health_port))
        pool = await stack.enter_async_context(open_pool(settings.postgres_dsn, schema=SERVICE))
        await run_together(
            stop,
            run_projection(settings, SERVICE, TENANTS, pool, health, stop),
            run_projection(settings, SERVICE, DIRECTORY, pool, health, stop),
        )
