"""Which jobs this process works on: those that events tell of at once, and those that nobody works on any more."""

from datetime import timedelta
from functools import partial
from typing import Final

from contracts.bulk_action_files import passwords_blob
from contracts.bulk_actions import BulkActionApproved, BulkActionRequested, LapseBulkAction
from contracts.bulkio import BulkioEvent, ExportRequested, ImportUploaded
from contracts.envelope import EventEnvelope
from contracts.topics import BULKIO
from services.bulkio import bulk_action_queries, queries
from services.bulkio.bulk_action_job import BulkActionJob
from services.bulkio.export_job import ExportJob
from services.bulkio.import_job import ImportJob, remove_source
from services.bulkio.projections import JOBS
from services.bulkio.queries import JobKind, JobRef
from services.bulkio.tools import REACTOR_ACTOR, JobVoice, Tools
from services.runtime.claimed_work import ClaimedWork
from services.runtime.kafka.projection import wait_for_position
from services.runtime.logs import get_logger

ORPHANS_AFTER: Final = timedelta(days=1)
ORPHANS_EVERY: Final = timedelta(hours=1)

_log = get_logger(__name__)


class JobRunner:
    """Finds jobs, and has them worked on."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work
        self._orphans_due = tools.clock()

    async def on_event(self, event: EventEnvelope[BulkioEvent]) -> None:
        """Begin a job that was just asked for, once the read model knows it; the sweep finds it otherwise."""
        kind = _kind_begun(event.data)
        if kind is not None and await wait_for_position(
            self._tools.pool, JOBS.name, event.stream, event.streamseq
        ):
            self._begin(JobRef(kind, event.subject, event.tenant))

    async def sweep(self) -> None:
        """Take up what nobody works on, and remove what is not needed any more."""
        for job in await queries.unfinished_jobs(self._tools.pool):
            self._begin(job)
        now = self._tools.clock()
        for leftover in await queries.sources_to_remove(self._tools.pool, now):
            if leftover.job_id not in self._work:
                await remove_source(self._tools, leftover)
        if now >= self._orphans_due:
            self._orphans_due = now + ORPHANS_EVERY
            await self._remove_orphans()
        ended_before = now - timedelta(days=self._tools.settings.results_kept_days)
        for leftover in await queries.results_to_remove(self._tools.pool, ended_before):
            await self._remove_results(leftover)
        for leftover in await bulk_action_queries.bulk_results_to_remove(self._tools.pool, ended_before):
            await self._remove_results(leftover)
        for leftover in await bulk_action_queries.passwords_to_remove(self._tools.pool, now):
            await self._remove_passwords(leftover)
        for job_id in await bulk_action_queries.lapsing(self._tools.pool, now):
            await self._lapse(job_id)

    async def _remove_orphans(self) -> None:
        """Remove uploads whose gateway died before it ordered anything, a day later: nobody can name them any more."""
        old = await self._tools.blobs.names_older_than("uploads", ORPHANS_AFTER)
        for blob in await queries.uploads_of_no_job(self._tools.pool, old):
            await self._tools.blobs.delete(blob)
            await self._tools.vault.drop_key(blob.rpartition("/")[2])

    def _begin(self, job: JobRef) -> None:
        self._work.begin(job.job_id, partial(self._run, job), owner=job.tenant)

    async def _run(self, job: JobRef) -> None:
        _log.info("a job is taken up", job=job.job_id, kind=job.kind)
        match job.kind:
            case "import":
                await ImportJob(self._tools, job.job_id).run()
            case "export":
                await ExportJob(self._tools, job.job_id).run()
            case "bulk_action":
                await BulkActionJob(self._tools, job.job_id).run()

    async def _remove_results(self, leftover: queries.Leftover) -> None:
        """Remove what a job left, and the key: whatever a backup still holds of it can't be read any more."""
        for blob in leftover.blobs:
            await self._tools.blobs.delete(blob)
        # The parts of a report are many, and only its manifest names them.
        await self._tools.blobs.delete_all(f"imports/{leftover.job_id}")
        await self._tools.vault.drop_key(leftover.key_id)
        await queries.note_results_removed(self._tools.pool, leftover.job_id)

    async def _remove_passwords(self, leftover: queries.Leftover) -> None:
        """Remove generated passwords that nobody fetched in time; the mailboxes keep them."""
        await self._tools.vault.drop_key(leftover.key_id)
        await self._tools.blobs.delete(passwords_blob(leftover.job_id))
        await queries.note_source_removed(self._tools.pool, leftover.job_id)

    async def _lapse(self, job_id: str) -> None:
        """Give up a job that nobody approved in time. The decider is the judge of the time."""
        job = await bulk_action_queries.bulk_action_row(self._tools.pool, job_id)
        assert job is not None
        order = await queries.job_order(self._tools.pool, job_id)
        voice = JobVoice(self._tools, job_id, job.tenant, order)
        await voice.send(
            BULKIO, job.tenant, f"lapse/{job.version}", REACTOR_ACTOR, LapseBulkAction(job_id=job_id)
        )


def _kind_begun(event: BulkioEvent) -> JobKind | None:
    match event:
        case ImportUploaded():
            return "import"
        case ExportRequested():
            return "export"
        case BulkActionRequested() | BulkActionApproved():
            return "bulk_action"
        case _:
            return None
