"""What every job works with, and how it speaks to the deciders."""

from typing import TypeVar

from msgspec import Struct

from contracts.bulkio import BulkioCommand
from contracts.envelope import CommandEnvelope
from contracts.ids import ActorName, CommandId, TenantId, derived_id
from contracts.message import Command, Event
from contracts.outcome import Outcome
from contracts.topics import BULKIO, Family
from contracts.views.jobs import JobOrderRow
from services.bulkio.fair_places import FairPlaces
from services.bulkio.progress import ProgressBoard
from services.bulkio.projections import JOBS
from services.bulkio.queries import Pool
from services.bulkio.settings import BulkioSettings
from services.runtime.blobs import Blobs
from services.runtime.clock import Clock
from services.runtime.kafka.commands import CommandClient
from services.runtime.kafka.projection import until_applied
from services.runtime.passwords import Hasher
from services.runtime.vault import Vault

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

REACTOR_ACTOR = ActorName("system:bulkio")


class Tools(Struct, frozen=True, kw_only=True):
    """Everything from outside, opened and closed by `wiring`, and the places for commands that all jobs share."""

    settings: BulkioSettings
    pool: Pool
    commands: CommandClient
    places: FairPlaces
    vault: Vault
    blobs: Blobs
    hasher: Hasher
    progress: ProgressBoard
    clock: Clock


class JobFault(Exception):
    """A job can't go on, and neither a person nor a repetition would change it. The process ends."""


class JobVoice:
    """Sends the commands of one job, each with an id that follows from the job, so that a repetition is one."""

    def __init__(self, tools: Tools, job_id: str, tenant: str, order: JobOrderRow) -> None:
        self._tools = tools
        self._job_id = job_id
        self._tenant = TenantId(tenant)
        self._order = order

    async def send(
        self,
        family: Family[C, E],
        stream: str,
        name: str,
        actor: str,
        data: C,
        expected_version: int | None = None,
    ) -> Outcome:
        """Send the command called `name` within the job, and wait for its outcome as long as it takes.

        It waits for a place first: tenants share those evenly, and what is in them at most is all that anybody else's
        command finds before itself.
        """
        await self._tools.places.take(self._tenant)
        try:
            return await self._send(family, stream, name, actor, data, expected_version)
        finally:
            self._tools.places.give_back(self._tenant)

    async def _send(
        self,
        family: Family[C, E],
        stream: str,
        name: str,
        actor: str,
        data: C,
        expected_version: int | None = None,
    ) -> Outcome:
        envelope = CommandEnvelope(
            id=CommandId(derived_id(self._job_id, name)),
            tenant=self._tenant,
            stream=stream,
            actor=ActorName(actor),
            correlation=self._order.correlation,
            causation=self._order.event_id,
            sent_at=self._tools.clock(),
            data=data,
            expected_version=expected_version,
        )
        return await self._tools.commands.send_until_answered(family, envelope)

    async def report(self, name: str, version: int, data: BulkioCommand) -> Outcome:
        """Send a step of the job and wait until the read model knows it. It needs no place: there is one at a time.

        `version` is that of the row from which the step was concluded. A refusal although that was the newest one is
        a fault; a refusal because of an older one means: look again.
        """
        outcome = await self._send(BULKIO, self._tenant, f"{name}/{version}", REACTOR_ACTOR, data)
        if outcome.status == "refused" and outcome.version == version:
            raise JobFault(f"job {self._job_id}: {name} was refused as {outcome.code}: {outcome.detail}")
        await until_applied(self._tools.pool, JOBS.name, self._tenant, outcome.streamseq)
        return outcome
