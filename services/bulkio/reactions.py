"""Which jobs this process works on: those that events tell of at once, and those that nobody works on any more."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from contracts.bulkio import BulkioEvent, ExportRequested, ImportUploaded
from contracts.envelope import EventEnvelope
from services.bulkio import queries
from services.bulkio.export_job import ExportJob
from services.bulkio.import_job import ImportJob, remove_source
from services.bulkio.projections import JOBS
from services.bulkio.queries import JobRef
from services.bulkio.tools import Tools
from services.runtime.kafka.projection import wait_for_position
from services.runtime.logs import get_logger

_LOCK_SQL: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK_SQL: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"

_log = get_logger(__name__)


class JobRunner:
    """Works on several jobs at once, each held by a lock of PostgreSQL that ends with this process.

    The lock only saves work: should two processes ever work on one job, their commands have the same ids.
    A job's fault ends the process. Used as a context, which on leaving drops the jobs where they are.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._places = asyncio.Semaphore(tools.settings.bulkio_jobs_at_once)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._fault.cancel()

    async def watch(self, stop: asyncio.Event) -> None:
        """Wait until `stop` is set. Raises the fault of a job."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, self._fault], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if self._fault.done():
            self._fault.result()

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
            if leftover.job_id not in self._running:
                await remove_source(self._tools, leftover)
        kept = timedelta(days=self._tools.settings.bulkio_results_kept_days)
        for leftover in await queries.results_to_remove(self._tools.pool, self._tools.clock() - kept):
            await self._remove_results(leftover)

    def _begin(self, job: JobRef) -> None:
        if job.job_id in self._running:
            return
        task = asyncio.create_task(self._work(job))
        self._running[job.job_id] = task
        task.add_done_callback(lambda done: self._ended(job.job_id, done))

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._running[job_id]
        if not task.cancelled() and (error := task.exception()) is not None and not self._fault.done():
            self._fault.set_exception(error)

    async def _work(self, job: JobRef) -> None:
        async with self._places, self._tools.pool.acquire() as connection:
            if not await connection.fetchval(_LOCK_SQL, job.job_id):
                return
            try:
                await self._run(job)
            finally:
                await connection.execute(_UNLOCK_SQL, job.job_id)

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
