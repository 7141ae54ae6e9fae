"""Whether a role is alive and has caught up, what else is to be known of it, and its metrics, over HTTP."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Probe = Callable[[], str | None]
"""Gives None when there is nothing to say, else a short sentence."""


class Health:
    """The checks of one role. It is ready when none of them has anything to say."""

    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {}
        self._remarks: dict[str, Probe] = {}

    def check(self, name: str, probe: Probe) -> None:
        """Add a check, or replace the one of this name."""
        self._probes[name] = probe

    def forget(self, name: str) -> None:
        """Remove a check that no longer applies."""
        self._probes.pop(name, None)

    def troubles(self) -> dict[str, str]:
        """What is not well now, by check."""
        return _said(self._probes)

    def remark(self, name: str, probe: Probe) -> None:
        """Add something that whoever looks should know of although nothing is wrong with it."""
        self._remarks[name] = probe

    def remarks(self) -> dict[str, str]:
        """What is to be known now, by name."""
        return _said(self._remarks)


def _said(probes: dict[str, Probe]) -> dict[str, str]:
    found = {name: probe() for name, probe in probes.items()}
    return {name: sentence for name, sentence in found.items() if sentence is not None}


def health_routes(health: Health) -> list[Route]:
    """Give `/healthz` (the process answers), `/readyz` (it has caught up) and `/metrics` (Prometheus text)."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        troubles = health.troubles()
        return JSONResponse(
            {
                "status": "not ready" if troubles else "ready",
                "troubles": troubles,
                "remarks": health.remarks(),
            },
            status_code=503 if troubles else 200,
        )

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int) -> AsyncGenerator[int]:
    """Serve the health routes for as long as the block runs, and give the port. Raises OSError when it is taken."""
    app = Starlette(routes=health_routes(health))
    server = EmbeddedServer(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with socket.create_server((host, port)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server inside a process that handles its signals itself."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to `lifecycle`."""
        yield
