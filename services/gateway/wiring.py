"""Opens what each role uses, once, and closes it in the opposite order."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvicorn

from contracts.progress import decode_progress
from contracts.topics import BULKIO_PROGRESS, FAMILIES
from services.gateway import access_tokens, queries, sign_in_throttle
from services.gateway.context import Gateway
from services.gateway.dns import Dns
from services.gateway.http import idempotency
from services.gateway.http.app import create_app
from services.gateway.http.bootstrap_keys import KeyRing
from services.gateway.http.protocol import Protocol
from services.gateway.job_progress import ProgressTable
from services.gateway.prices import read_price
from services.gateway.projections import PROJECTIONS, SCHEMA
from services.gateway.rate_limits import RateLimits
from services.gateway.settings import GatewaySettings
from services.gateway.stream_places import StreamPlaces
from services.gateway.webhook_signatures import read_secret
from services.runtime.blobs import open_blobs
from services.runtime.health import EmbeddedServer, Health, serve_health
from services.runtime.house_clock import open_clock
from services.runtime.kafka.commands import CommandClient, open_command_client
from services.runtime.kafka.news import hear, open_news_listener
from services.runtime.kafka.projection import run_projection
from services.runtime.kafka.rebuild import rebuild
from services.runtime.lifecycle import keep_what_is_loaded, pause, run_together
from services.runtime.passwords import open_hasher
from services.runtime.postgres import open_pool
from services.runtime.vault import open_vault

MIGRATIONS: Final = Path(__file__).parent / "migrations"
POOL_CONNECTIONS_MAX: Final = 16
SWEEP_PAUSE_S: Final = 600.0
STOP_WAIT_S: Final = 10


async def run_api(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Serve the HTTP API until `stop` is set; requests under way are answered first."""
    health = Health()
    # Health is served first, so that a start that hangs can be seen; until the API listens it is not ready.
    health.check("api", lambda: "starting")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_health(health, settings.health_host, settings.health_port))
        pool = await stack.enter_async_context(
            open_pool(settings.postgres_dsn, schema=SCHEMA, max_size=POOL_CONNECTIONS_MAX)
        )
        vault = await stack.enter_async_context(open_vault(settings))
        commands = await stack.enter_async_context(open_command_client(settings, FAMILIES))
        health.check("outcomes", commands.trouble)
        news = await stack.enter_async_context(open_news_listener(settings, BULKIO_PROGRESS))
        clock = open_clock(settings, health)
        progress = ProgressTable(clock)
        gateway = Gateway(
            settings=settings,
            pool=pool,
            vault=vault,
            hasher=stack.enter_context(open_hasher()),
            blobs=open_blobs(settings.blobs_url),
            commands=commands,
            keys=KeyRing.from_file(settings.keys_file),
            limits=RateLimits(
                settings.gateway_requests_per_minute, settings.gateway_anonymous_requests_per_minute
            ),
            progress=progress,
            streams=StreamPlaces(settings.gateway_streams_max),
            dns=Dns.of(settings.dns_servers, settings.dns_timeout_s),
            health=health,
            clock=clock,
            retrieval_price=read_price(settings.gateway_retrieval_price),
            payment_secret=read_secret(settings.gateway_payment_secret_file),
            fingerprint_key=_fingerprint_key(settings),
            stopping=stop,
        )
        server = EmbeddedServer(
            uvicorn.Config(
                create_app(gateway),
                host=settings.gateway_host,
                port=settings.gateway_port,
                log_config=None,
                access_log=False,
                lifespan="off",
                http=Protocol,
                ws="none",
                server_header=False,
                proxy_headers=bool(settings.gateway_trusted_proxies),
                forwarded_allow_ips=settings.gateway_trusted_proxies,
                timeout_graceful_shutdown=STOP_WAIT_S,
            )
        )
        keep_what_is_loaded()
        health.check("api", lambda: None if server.started else "not listening yet")
        await run_together(
            stop,
            clock.follow(stop),
            _serve(server, stop),
            _sweep(gateway, stop),
            _end_when_deaf(commands, stop),
            hear(news, decode_progress, progress.hear, stop),
        )


async def run_projector(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Keep all read models of the gateway up with the log."""
    health = Health()
    async with (
        serve_health(health, settings.health_host, settings.health_port),
        open_pool(settings.postgres_dsn, schema=SCHEMA) as pool,
    ):
        await run_together(
            stop,
            *(
                run_projection(settings, SCHEMA, projection, pool, health, stop)
                for projection in PROJECTIONS.values()
            ),
        )


async def run_rebuild(settings: GatewaySettings, projection: str) -> int:
    """Make a read model anew beside the one in use, and give how many events it was made from."""
    return await rebuild(settings, SCHEMA, MIGRATIONS, PROJECTIONS[projection])


async def _serve(server: EmbeddedServer, stop: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


async def _sweep(gateway: Gateway, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await idempotency.sweep(gateway.pool)
        await queries.sweep_pending(gateway.pool)
        await access_tokens.sweep(gateway.pool)
        await sign_in_throttle.sweep(gateway.pool)
        await pause(stop, SWEEP_PAUSE_S)


async def _end_when_deaf(commands: CommandClient, stop: asyncio.Event) -> None:
    """Without outcomes no write can be answered; a new process hears again."""
    while not stop.is_set():
        if (trouble := commands.trouble()) is not None:
            raise RuntimeError(trouble)
        await pause(stop, 1.0)


def _fingerprint_key(settings: GatewaySettings) -> bytes:
    master = Path(settings.vault_key_file).read_bytes().strip()
    return hashlib.sha256(b"postfach request fingerprints\0" + master).digest()
