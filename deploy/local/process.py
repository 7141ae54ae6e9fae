"""One supervised process: started, watched, started again when it ends, stopped when told.

Used inside the supervisor's event loop only. A child dies with the supervisor: the kernel sends it `orphan_signal`
when the supervisor is gone, however that came about.
"""

import asyncio
import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 5.0
SETTLED_AFTER_S = 30.0
LOG_BYTES_MAX = 20 * 1024 * 1024

PR_SET_PDEATHSIG = 1

State = Literal["stopped", "running", "waiting", "stopping"]


def say(event: str, **fields: object) -> None:
    """One line of the supervisor's own log."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
    line = {"timestamp": stamp, "level": "info", "event": event, **fields}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one part is run. `stop_signal` asks it to end; after `stop_wait_s` it is killed."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    log_file: Path
    pid_file: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_wait_s: float = 10.0
    orphan_signal: signal.Signals = signal.SIGKILL


class Part:
    """A process that is kept running while it is wanted."""

    def __init__(self, recipe: Recipe, on_keeper_done: Callable[[asyncio.Task[None]], None]) -> None:
        self.recipe = recipe
        self.state: State = "stopped"
        self.restarts = 0
        self.started_at = 0.0
        self.pid: int | None = None
        self._wanted = False
        self._woken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._on_keeper_done = on_keeper_done

    @property
    def name(self) -> str:
        return self.recipe.name

    def start(self) -> None:
        """Nothing happens when it is wanted already."""
        if self._wanted:
            return
        self._wanted = True
        self._woken.clear()
        roll(self.recipe.log_file)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")
        self._keeper.add_done_callback(self._on_keeper_done)

    async def stop(self) -> None:
        """Returns when the process is gone."""
        keeper = self._keeper
        if not self._wanted or keeper is None:
            return
        self._wanted = False
        self._woken.set()
        if self.pid is not None:
            self.state = "stopping"
            _signal(self.pid, self.recipe.stop_signal)
            # A process that was stopped by SIGSTOP can't act on the request; let it.
            _signal(self.pid, signal.SIGCONT)
            _, late = await asyncio.wait({keeper}, timeout=self.recipe.stop_wait_s)
            if late:
                say("killing what did not stop in time", part=self.name, pid=self.pid)
                _signal(self.pid, signal.SIGKILL)
        await keeper
        self._keeper = None

    async def restart(self) -> None:
        await self.stop()
        self.start()

    async def _keep(self) -> None:
        backoff_s = BACKOFF_MIN_S
        while self._wanted:
            alive_s = await self._run_once()
            if not self._wanted:
                break
            backoff_s = BACKOFF_MIN_S if alive_s >= SETTLED_AFTER_S else backoff_s
            self.restarts += 1
            self.state = "waiting"
            await _wait(self._woken, backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
        self.state = "stopped"

    async def _run_once(self) -> float:
        recipe = self.recipe
        with recipe.log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *recipe.command,
                env=recipe.env,
                cwd=recipe.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=dies_with(os.getpid(), recipe.orphan_signal),
            )
        self.started_at = time.time()
        self.pid = process.pid
        self.state = "running"
        draft = recipe.pid_file.with_suffix(".draft")
        draft.write_text(f"{process.pid}\n")
        draft.rename(recipe.pid_file)
        say("part started", part=self.name, pid=process.pid)
        code = await process.wait()
        alive_s = time.time() - self.started_at
        recipe.pid_file.unlink(missing_ok=True)
        self.pid = None
        # Children that it left behind go with it.
        _signal(-process.pid, signal.SIGKILL)
        say("part ended", part=self.name, pid=process.pid, code=code, alive_s=round(alive_s, 1))
        return alive_s


class PortTakenError(Exception):
    """Another program listens on a port of this stack. POSTFACH_STACK_PORTS moves the stack elsewhere."""


def require_free(port: int) -> None:
    """Raises PortTakenError. Without this, the other program would be taken for the part that could not start."""
    with socket.socket() as probe:
        # As servers do, so that connections of an earlier run that are still closing don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTakenError(
                f"port {port} is taken by another program; POSTFACH_STACK_PORTS moves the stack"
            ) from error


def dies_with(parent: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    """What a child runs before exec so that it gets `orphan_signal` when `parent` is gone."""
    libc = ctypes.CDLL(None, use_errno=True)

    def arm() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != parent:
            os._exit(1)

    return arm


def roll(log_file: Path) -> None:
    """Keeps one older piece of a log that has grown too long."""
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
        log_file.replace(log_file.with_suffix(".log.1"))


def _signal(pid: int, number: signal.Signals) -> None:
    """A negative pid is a process group. A process that is already gone is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
