"""A stack as seen from outside: what the command line, the tests and the bench use to start, steer and look at it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import control
from deploy.local.binaries import BINARIES
from deploy.local.roles import ROLES, Plan, Role
from deploy.local.site import HOST, PROJECT, Ports, Site
from deploy.local.tenure import HELD_BY_ANOTHER, AlreadyHeldError, end_leftovers, holding, is_held

UP_WITHIN_S = 120.0
DOWN_WITHIN_S = 120.0
STEER_WITHIN_S = 60.0
PROBE_WITHIN_S = 2

_POLL_S = 0.05
_LAST_LINES = 15


class StackError(Exception):
    """The stack did not do what it was asked; the message says which part, with the last lines of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """One line of `status`. `ready` is what the part itself answers, not what the supervisor believes."""

    part: str
    pid: int | None
    state: str
    ready: bool
    uptime_s: float
    restarts: int
    port: int | None


class Stack:
    """One stack by name. `roles=()` with `prepares=False` is Kafka and PostgreSQL alone.

    Existing servers are used instead of the embedded ones where an address is given.
    """

    def __init__(
        self,
        name: str = "run",
        *,
        roles: tuple[Role, ...] = ROLES,
        prepares: bool = True,
        kafka_bootstrap: str | None = None,
        postgres_dsn: str | None = None,
    ) -> None:
        self.site = Site.of(name)
        self.plan = Plan(
            roles=roles, prepares=prepares, kafka_bootstrap=kafka_bootstrap, postgres_dsn=postgres_dsn
        )
        self._supervisor: subprocess.Popen[bytes] | None = None

    @classmethod
    def running(cls, name: str = "run") -> "Stack":
        """The stack as it was last started. Raises FileNotFoundError when it never was."""
        stack = cls(name)
        stack.plan = Plan.from_json(stack.site.plan_file.read_text())
        return stack

    @property
    def name(self) -> str:
        return self.site.name

    @property
    def ports(self) -> Ports:
        return self.site.ports

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ports.gateway}"

    @property
    def dsn(self) -> str:
        return self.plan.postgres_dsn or self.site.dsn

    @property
    def bootstrap(self) -> str:
        return self.plan.kafka_bootstrap or self.site.bootstrap

    @property
    def blobs_url(self) -> str:
        return self.site.blobs_url

    def env(self, role: str | None = None) -> dict[str, str]:
        """The POSTFACH_ settings of a role instance, or those that all share."""
        self.site.lay_out()
        if role is None:
            return self.plan.settings(self.site)
        return self.plan.role_settings(self.site, self.plan.instance(role))

    def log_file(self, part: str) -> Path:
        return self.site.log_file(part)

    def secret(self, name: str) -> str:
        """`operator.key`, or what the demo tenant has: `demo.password`, and `demo.key` once it was opened."""
        self.site.lay_out()
        return self.site.secret(name)

    def is_up(self) -> bool:
        return is_held(self.site)

    def up(self, *, within_s: float = UP_WITHIN_S) -> None:
        """Starts what is not running and returns when every part is ready. Raises StackError otherwise.

        A stack that runs by another plan is taken down first.
        """
        deadline = time.monotonic() + within_s
        self.site.lay_out()
        wanted = self.plan.to_json()
        if self.is_up() and self.site.plan_file.exists() and self.site.plan_file.read_text() != wanted:
            self.down()
        if not self.is_up():
            self.site.plan_file.write_text(wanted)
            self._launch_supervisor()
        else:
            self._proceed()
        _until(self._has_climbed, deadline, lambda: self._says("the stack is not up", "supervisor"))
        for instance in self.plan.instances():
            if instance.role.serves_health:
                self.wait_ready(instance.name, within_s=deadline - time.monotonic())

    def down(self) -> None:
        """Stops everything and returns when it has ended. Data stays."""
        deadline = time.monotonic() + DOWN_WITHIN_S
        _until(self._has_ended, deadline, lambda: self._says("the stack does not stop", "supervisor"))
        try:
            with holding(self.site, within_s=STEER_WITHIN_S):
                end_leftovers(self.site)
        except AlreadyHeldError:
            raise StackError(f"stack {self.name} was started while it was being stopped") from None

    def reset(self) -> None:
        """Stops everything and deletes the stack's data, secrets and logs. Existing servers are not touched."""
        self.down()
        if self.site.folder.exists():
            shutil.rmtree(self.site.folder)

    def pid(self, part: str) -> int:
        """Raises StackError when the part is not running."""
        try:
            return int(self.site.pid_file(part).read_text())
        except FileNotFoundError:
            raise StackError(f"{part} of stack {self.name} is not running") from None

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal behind the supervisor's back; returns the pid it went to."""
        pid = self.pid(part)
        os.kill(pid, number)
        return pid

    def stop_role(self, part: str) -> None:
        """Stops it in order and leaves it down until start_role."""
        self._steer("stop", part)

    def start_role(self, part: str) -> None:
        """Starts it; does not wait until it is ready."""
        self._steer("start", part)

    def restart_roles(self) -> None:
        """Prepares again and starts all roles anew, with the code as it is now."""
        self._ask({"do": "restart roles"}, STEER_WITHIN_S)
        self.up()

    def restart_kafka(self) -> None:
        """Returns when the broker answers again."""
        self._steer("restart", "kafka")

    def restart_postgres(self) -> None:
        """Returns when the server answers again."""
        self._steer("restart", "postgres")

    def is_ready(self, role: str) -> bool:
        port = self.ports.health(self.plan.instance(role).index)
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=PROBE_WITHIN_S) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, role: str, *, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        _until(lambda: self.is_ready(role), deadline, lambda: self._says(f"{role} is not ready", role))

    def phase(self) -> str:
        """`down`, or how far the supervisor has come: servers, preparing, unprepared, up, stopping."""
        try:
            return str(self._ask({"do": "status"}, STEER_WITHIN_S)["phase"])
        except control.SupervisorGoneError:
            return "down"

    def status(self) -> list[PartStatus]:
        """One entry for each part that the supervisor runs; empty when there is no supervisor."""
        try:
            answer = self._ask({"do": "status"}, STEER_WITHIN_S)
        except control.SupervisorGoneError:
            return []
        return [self._part_status(part) for part in answer["parts"]]

    def _part_status(self, part: Mapping[str, Any]) -> PartStatus:
        name = str(part["part"])
        if name in ("kafka", "postgres"):
            port = self.ports.kafka if name == "kafka" else self.ports.postgres
            ready = _kafka_listens(port) if name == "kafka" else _postgres_accepts(port)
        else:
            instance = self.plan.instance(name)
            port = self.ports.health(instance.index) if instance.role.serves_health else None
            ready = self.is_ready(name) if instance.role.serves_health else part["state"] == "running"
        uptime_s = time.time() - part["started_at"] if part["pid"] is not None else 0.0
        return PartStatus(
            part=name,
            pid=part["pid"],
            state=part["state"],
            ready=ready,
            uptime_s=uptime_s,
            restarts=part["restarts"],
            port=port,
        )

    def _has_climbed(self) -> bool:
        phase = self.phase()
        if phase == "unprepared":
            raise StackError(self._says("topics and tables could not be prepared", "prepare"))
        if (
            phase == "down"
            and self._supervisor is not None
            and self._supervisor.poll() not in (None, HELD_BY_ANOTHER)
        ):
            raise StackError(self._says("the supervisor ended", "supervisor"))
        return phase == "up"

    def _proceed(self) -> None:
        try:
            self._ask({"do": "proceed"}, STEER_WITHIN_S)
        except control.SupervisorGoneError:
            # It is only just starting, and needs no telling then.
            return

    def _has_ended(self) -> bool:
        # Asked again and again: a supervisor that has just been launched does not listen yet, and one that was
        # killed a moment ago may still seem to hold the stack.
        if not self.is_up():
            return True
        try:
            self._ask({"do": "shut down"}, STEER_WITHIN_S)
        except control.SupervisorGoneError:
            return False
        return False

    def _launch_supervisor(self) -> None:
        with self.log_file("supervisor").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "supervise", "--stack", self.name],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _steer(self, verb: str, part: str) -> None:
        answer = self._ask({"do": verb, "part": part}, STEER_WITHIN_S)
        if "error" in answer:
            raise StackError(answer["error"])

    def _ask(self, request: dict[str, Any], within_s: float) -> control.Answer:
        return control.ask(self.site, request, within_s=within_s)

    def _says(self, what: str, part: str) -> str:
        log = self.log_file(part)
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:] if log.exists() else []
        return "\n".join([f"{what} (stack {self.name}); last lines of {log}:", *lines])


def _until(condition: Callable[[], bool], deadline: float, failure: Callable[[], str]) -> None:
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(failure())
        time.sleep(_POLL_S)


def _kafka_listens(port: int) -> bool:
    # The broker opens its port as the last step of its start.
    try:
        with socket.create_connection((HOST, port), timeout=PROBE_WITHIN_S):
            return True
    except OSError:
        return False


def _postgres_accepts(port: int) -> bool:
    # PostgreSQL opens its port before it has recovered, so only its own answer counts.
    command = [str(BINARIES / "pg_isready"), "--quiet", f"--host={HOST}", f"--port={port}"]
    return subprocess.run([*command, f"--timeout={PROBE_WITHIN_S}"], check=False).returncode == 0
