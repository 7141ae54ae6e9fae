"""One import from upload to end. Every step starts from the job's row, so it can be left and taken up anywhere."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import cast

from contracts.bulkio import (
    CancelImport,
    FailImport,
    FinishImport,
    ImportMode,
    ReportImportChecked,
)
from contracts.import_report import ImportManifest, PlannedRow
from contracts.views.jobs import IMPORT_END_STATES, ImportRow
from services.bulkio import queries
from services.bulkio.applying import Applying
from services.bulkio.checking import RowCheck, Surroundings, readable_addresses
from services.bulkio.freshness import catch_up
from services.bulkio.import_files import SEGMENT_ROWS, ImportFiles, Segment
from services.bulkio.planning import Plan
from services.bulkio.progress import Meter
from services.bulkio.sheet import Columns, SheetRow, Unreadable, UnreadableError
from services.bulkio.tools import JobVoice, Tools
from services.bulkio.workbook import FailedRow, FailedRowsFile
from services.runtime.logs import get_logger

_log = get_logger(__name__)


class ImportJob:
    """Works on one import until it has ended. Only one runner at a time, though a second would do no harm."""

    def __init__(self, tools: Tools, job_id: str) -> None:
        self._tools = tools
        self._job_id = job_id

    async def run(self) -> None:
        """Take step after step until the job has ended, then remove the uploaded file, unless its plan can be applied."""
        job = await self._row()
        voice = JobVoice(
            self._tools, job.job_id, job.tenant, await queries.job_order(self._tools.pool, job.job_id)
        )
        with self._tools.progress.meter(job.job_id, job.tenant, "import", "checking") as meter:
            while job.state not in IMPORT_END_STATES:
                await self._step(job, voice, meter)
                job = await self._row()
        _log.info("an import has ended", job=job.job_id, state=job.state, applied=job.applied)
        if job.plan_hash is not None:
            await remove_rows(self._tools, job.job_id)
        else:
            await remove_source(self._tools, queries.Leftover(job.job_id, job.key_id, (job.blob,)))

    async def _row(self) -> ImportRow:
        job = await queries.import_row(self._tools.pool, self._job_id)
        assert job is not None, "a job is worked on once the read model has it"
        return job

    async def _step(self, job: ImportRow, voice: JobVoice, meter: Meter) -> None:
        try:
            if job.state == "uploaded":
                await self._check(job, voice, meter)
            elif job.report is None or job.state == "cancelling" or job.applied == job.good_rows:
                await self._finish(job, voice)
            else:
                await self._apply(job, voice, meter)
        except UnreadableError as error:
            await self._give_up(job, voice, error.reason)

    async def _check(self, job: ImportRow, voice: JobVoice, meter: Meter) -> None:
        with self._scratch() as folder:
            planned = job.dry_run or job.expected_plan is not None
            plan = Plan(job, folder / "plan") if planned else None
            report, manifest = await self._checked(job, meter, plan)
        command = ReportImportChecked(
            job_id=job.job_id,
            good_rows=manifest.good_rows,
            bad_rows=manifest.bad_rows,
            report=report,
            plan_hash=None if plan is None else plan.hash,
            plan_counts=None if plan is None else plan.counts,
            plan_hours=self._tools.settings.import_plan_hours,
        )
        await voice.report("checked", job.version, command)
        _log.info("an import is checked", job=job.job_id, good=manifest.good_rows, bad=manifest.bad_rows)

    async def _checked(self, job: ImportRow, meter: Meter, plan: Plan | None) -> tuple[str, ImportManifest]:
        """Check the uploaded file segment by segment, while it is read, and plan it. Raises UnreadableError."""
        await catch_up(self._tools, job.job_id)
        pool, files = self._tools.pool, ImportFiles(self._tools, job)
        domains = await queries.domains_around(pool, job.tenant, job.within)
        room = {} if plan is None else await queries.room_in_domains(pool, job.tenant)
        check: RowCheck | None = None
        async with aclosing(_in_segments(files)) as segments:
            async for columns, rows in segments:
                check = check or RowCheck(columns.letters, cast("ImportMode", job.mode))
                mailboxes = await queries.mailboxes_at(pool, job.tenant, readable_addresses(rows))
                report = await asyncio.to_thread(check.check, rows, Surroundings(domains, mailboxes, room))
                planned = None if plan is None else await asyncio.to_thread(plan.add, rows, report)
                await files.keep(rows, report, planned if job.dry_run else None)
                meter.rows_checked += len(rows)
        if plan is None or plan.workbook is None:
            return await files.keep_manifest()
        await asyncio.to_thread(plan.close)
        return await files.keep_manifest(await files.keep_plan_file(plan.workbook))

    async def _apply(self, job: ImportRow, voice: JobVoice, meter: Meter) -> None:
        meter.begin("applying", job.good_rows, job.applied)
        meter.rows_checked = job.good_rows + job.bad_rows
        async with aclosing(_planned_rows(ImportFiles(self._tools, job), job.applied)) as planned:
            await Applying(self._tools, voice, job, planned, meter).run()

    async def _finish(self, job: ImportRow, voice: JobVoice) -> None:
        result = None
        refused = job.applied - job.created - job.changed - job.skipped
        if job.report is not None and (job.bad_rows or refused):
            result = await self._write_result(job)
        await voice.report("finish", job.version, FinishImport(job_id=job.job_id, result=result))

    async def _write_result(self, job: ImportRow) -> str:
        """Write the workbook of the rows that the check or a decider did not accept."""
        blob = f"imports/{job.job_id}/result"
        files = ImportFiles(self._tools, job)
        with self._scratch() as folder:
            file = FailedRowsFile(folder / "result")
            async with aclosing(files.segments()) as segments:
                async for segment in segments:
                    last = segment.first + len(segment.report.plan) - 1
                    refused = await queries.refused_rows(
                        self._tools.pool, job.job_id, segment.first, last
                    ) | {each.row: each.code for each in job.refused}
                    await asyncio.to_thread(file.add, _failed(segment, refused))
            await asyncio.to_thread(file.close)
            await files.keep_sealed(blob, folder / "result")
        return blob

    @contextmanager
    def _scratch(self) -> Generator[Path]:
        with tempfile.TemporaryDirectory(dir=self._tools.settings.scratch_folder or None) as folder:
            yield Path(folder)

    async def _give_up(self, job: ImportRow, voice: JobVoice, reason: Unreadable) -> None:
        """End a job whose file can't be read: failed if nothing was changed, else ended where it stands."""
        _log.warning("the file of an import can't be read", job=job.job_id, code=reason.code)
        if job.state == "cancelling":
            await voice.report("finish", job.version, FinishImport(job_id=job.job_id))
        elif job.applied:
            await voice.report("give-up", job.version, CancelImport(job_id=job.job_id))
        else:
            command = FailImport(job_id=job.job_id, code=reason.code, detail=reason.detail[:500])
            await voice.report("fail", job.version, command)


async def _in_segments(files: ImportFiles) -> AsyncGenerator[tuple[Columns, list[SheetRow]]]:
    """Give the rows of the uploaded file, some thousand at a time. Raises UnreadableError, also at the very end."""
    columns: Columns | None = None
    rows: list[SheetRow] = []
    async with aclosing(files.uploaded()) as pieces:
        async for piece in pieces:
            if isinstance(piece, Columns):
                columns = piece
                continue
            assert columns is not None, "the header comes before the rows"
            rows.extend(piece.rows)
            if len(rows) >= SEGMENT_ROWS:
                yield columns, rows
                rows = []
    if columns is not None and rows:
        yield columns, rows


async def _planned_rows(
    files: ImportFiles, applied: int
) -> AsyncGenerator[list[tuple[PlannedRow, SheetRow]]]:
    """Give the good rows behind the first `applied` ones."""
    async with aclosing(files.segments(after=applied)) as segments:
        async for segment in segments:
            yield segment.planned(applied)


def _failed(segment: Segment, refused: dict[int, str]) -> Iterator[FailedRow]:
    """Give the rows of a segment that were not accepted, in the order of the file, each with all reasons."""
    reasons: dict[int, list[str]] = {}
    for problem in segment.report.problems:
        reasons.setdefault(problem.row, []).append(
            f"{problem.heading}: {problem.code}, expected {problem.expected}"
        )
    for row in segment.rows:
        found = reasons.get(row.row, [])
        if row.row in refused:
            found = [*found, refused[row.row]]
        if found:
            yield FailedRow(row.row, row.email, row.note, "; ".join(found))


async def remove_source(tools: Tools, leftover: queries.Leftover) -> None:
    """Remove the uploaded file of an import that has ended, and its rows: they may hold passwords."""
    for blob in leftover.blobs:
        await tools.blobs.delete(blob)
    await remove_rows(tools, leftover.job_id)
    await queries.note_source_removed(tools.pool, leftover.job_id)


async def remove_rows(tools: Tools, job_id: str) -> None:
    """Remove the rows of an import that were cut out of its file to be applied."""
    await tools.blobs.delete_all(f"imports/{job_id}/rows")
