"""Which jobs this process works on: those that events tell of at once, and those that nobody works on any more."""

from datetime import timedelta
from functools import partial

from contracts.bulkio import BulkioEvent, ExportRequested, ImportUploaded
from contracts.envelope import EventEnvelope
from services.bulkio import queries
from services.bulkio.export_job import ExportJob
from services.bulkio.import_job import ImportJob, remove_source
from services.bulkio.projections import JOBS
from services.bulkio.queries import JobRef
from services.bulkio.tools import Tools
from services.runtime.claimed_work import ClaimedWork
from services.runtime.kafka.projection import wait_for_position
from services.runtime.logs import get_logger

_log = get_logger(__name__)


class JobRunner:
    """Finds jobs, and has them worked on."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work

    async def on_event(self, event: EventEnvelope[BulkioEvent]) -> None:
        """Begin a job that was just asked for, once the read model knows it; the sweep finds it otherwise."""
        if not isinstance(event.data, ImportUploaded | ExportRequested):
            return
        if await wait_for_position(self._tools.pool, JOBS.name, event.stream, event.streamseq):
            kind = "import" if isinstance(event.data, ImportUploaded) else "export"
            self._begin(JobRef(kind, event.data.job_id))

    async def sweep(self) -> None:
        """Take up what nobody works on, and remove what is not needed any more."""
        for job in await queries.unfinished_jobs(self._tools.pool):
            self._begin(job)
        for leftover in await queries.sources_to_remove(self._tools.pool):
            if leftover.job_id not in self._work:
                await remove_source(self._tools, leftover)
        kept = timedelta(days=self._tools.settings.bulkio_results_kept_days)
        for leftover in await queries.results_to_remove(self._tools.pool, self._tools.clock() - kept):
            await self._remove_results(leftover)

    def _begin(self, job: JobRef) -> None:
        self._work.begin(job.job_id, partial(self._run, job))

    async def _run(self, job: JobRef) -> None:
        _log.info("a job is taken up", job=job.job_id, kind=job.kind)
        runner = (
            ImportJob(self._tools, job.job_id) if job.kind == "import" else ExportJob(self._tools, job.job_id)
        )
        await runner.run()

    async def _remove_results(self, leftover: queries.Leftover) -> None:
        """Remove what a job left, and the key: whatever a backup still holds of it can't be read any more."""
        for blob in leftover.blobs:
            await self._tools.blobs.delete(blob)
        await self._tools.vault.drop_key(leftover.key_id)
        await queries.note_results_removed(self._tools.pool, leftover.job_id)
