"""The one process that keeps a stack alive: servers first, then topics and tables, then the roles.

`python -m deploy.local supervise` runs it in the foreground; `up` runs the same, detached. It holds the stack's lock
for as long as it lives, so a second one ends at once. It is told what to run by the plan file, and spoken to through
the control socket. When preparing fails, Kafka and PostgreSQL stay up to be looked at, and the next `up` tries again.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Literal

from deploy.local import control, kafka, postgres
from deploy.local.process import Part, Recipe, require_free, say
from deploy.local.roles import STOP_ORDER, Instance, Plan, environment
from deploy.local.site import PROJECT, Site
from deploy.local.tenure import MARK, end_leftovers, holding

Phase = Literal["servers", "preparing", "unprepared", "up", "stopping"]

HOLD_WITHIN_S = 1.0


class Supervisor:
    def __init__(self, site: Site, plan: Plan) -> None:
        self.site = site
        self.plan = plan
        self.phase: Phase = "servers"
        self.servers: dict[str, Part] = {}
        self.roles: dict[str, Part] = {}
        self._asked_to_stop = asyncio.Event()
        self._climb: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop.set)
        server = await control.serve(self.site, self._answer)
        self._climb = self._launch(self._bring_up())
        await self._asked_to_stop.wait()
        self._climb.cancel()
        await self._bring_down()
        server.close()
        if self._fault is not None:
            raise self._fault

    def _launch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._look_for_fault)
        return task

    def _look_for_fault(self, task: asyncio.Task[None]) -> None:
        # A fault of the supervisor itself ends the stack in order, and then the supervisor with its traceback.
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = fault
            self._asked_to_stop.set()

    async def _bring_up(self) -> None:
        await asyncio.gather(self._start_postgres(), self._start_kafka())
        await self._prepare_and_start_roles()

    async def _start_postgres(self) -> None:
        if self.plan.postgres_dsn is None:
            require_free(self.site.ports.postgres)
            await asyncio.to_thread(postgres.make_cluster, self.site)
            self._server(postgres.recipe(self.site))
        await self._wait_server("postgres")

    async def _start_kafka(self) -> None:
        if self.plan.kafka_bootstrap is None:
            require_free(self.site.ports.kafka)
            await asyncio.to_thread(kafka.format_storage, self.site)
            self._server(kafka.recipe(self.site))
        await self._wait_server("kafka")

    def _server(self, recipe: Recipe) -> None:
        part = Part(recipe, self._look_for_fault)
        self.servers[part.name] = part
        part.start()

    async def _wait_server(self, name: str) -> None:
        settings = self.plan.settings(self.site)
        if name == "postgres":
            await postgres.wait_ready(settings["POSTFACH_POSTGRES_DSN"])
        else:
            await kafka.wait_ready(settings["POSTFACH_KAFKA_BOOTSTRAP"])
        say("server answers", part=name)

    async def _prepare_and_start_roles(self) -> None:
        if self.plan.prepares:
            self.phase = "preparing"
            if await self._prepare() != 0:
                self.phase = "unprepared"
                say("preparing failed", log=str(self.site.log_file("prepare")))
                return
        for instance in self.plan.instances():
            part = self.roles.get(instance.name)
            if part is None:
                part = Part(self._role_recipe(instance), self._look_for_fault)
                self.roles[instance.name] = part
            part.start()
        self.phase = "up"

    async def _prepare(self) -> int:
        with self.site.log_file("prepare").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "deploy.prepare",
                env=environment({**self.plan.settings(self.site), MARK: str(self.site.folder)}),
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )
        return await process.wait()

    def _role_recipe(self, instance: Instance) -> Recipe:
        settings = {**self.plan.role_settings(self.site, instance), MARK: str(self.site.folder)}
        return Recipe(
            name=instance.name,
            command=instance.command,
            env=environment(settings),
            folder=PROJECT,
            log_file=self.site.log_file(instance.name),
            pid_file=self.site.pid_file(instance.name),
        )

    async def _bring_down(self) -> None:
        self.phase = "stopping"
        for wave in (*STOP_ORDER, None):
            waved = [
                part
                for instance in self.plan.instances()
                if (part := self.roles.get(instance.name))
                and (instance.role.role == wave or (wave is None and instance.role.role not in STOP_ORDER))
            ]
            await asyncio.gather(*(part.stop() for part in waved))
        for name in ("kafka", "postgres"):
            if name in self.servers:
                await self.servers[name].stop()
        say("stack stopped")

    async def _answer(self, request: dict[str, Any]) -> control.Answer:
        match request:
            case {"do": "status"}:
                return self._status()
            case {"do": "proceed"}:
                return self._proceed()
            case {"do": "shut down"}:
                self._asked_to_stop.set()
                return {"ok": True}
            case {"do": "restart roles"}:
                await self._restart_roles()
                return {"ok": True}
            case {"do": "start" | "stop" | "restart" as verb, "part": str(name)}:
                return await self._steer(verb, name)
            case _:
                return {"error": "not understood"}

    async def _steer(self, verb: str, name: str) -> control.Answer:
        part = self.servers.get(name) or self.roles.get(name)
        if part is None:
            return {"error": f"no part named {name}"}
        match verb:
            case "start":
                part.start()
            case "stop":
                await part.stop()
            case _:
                await part.restart()
        if name in self.servers and verb != "stop":
            await self._wait_server(name)
        return {"ok": True}

    def _proceed(self) -> control.Answer:
        if self.phase == "unprepared" and self._climb is not None and self._climb.done():
            self._climb = self._launch(self._prepare_and_start_roles())
        return {"ok": True}

    async def _restart_roles(self) -> None:
        await asyncio.gather(*(part.stop() for part in self.roles.values()))
        await self._prepare_and_start_roles()

    def _status(self) -> control.Answer:
        parts = [
            {
                "part": part.name,
                "pid": part.pid,
                "state": part.state,
                "started_at": part.started_at,
                "restarts": part.restarts,
            }
            for part in (*self.servers.values(), *self.roles.values())
        ]
        return {"phase": self.phase, "pid": os.getpid(), "parts": parts}


def supervise(site: Site) -> None:
    """Runs until told to stop. Raises AlreadyHeldError when the stack is held."""
    with holding(site, within_s=HOLD_WITHIN_S):
        if ended := end_leftovers(site):
            say("ended what a killed supervisor had left", pids=ended)
        plan = Plan.from_json(site.plan_file.read_text())
        for stale in site.run.glob("*.pid"):
            stale.unlink()
        pid_file = site.pid_file("supervisor")
        pid_file.write_text(f"{os.getpid()}\n")
        say("supervisor started", pid=os.getpid())
        asyncio.run(Supervisor(site, plan).run())
        pid_file.unlink()
