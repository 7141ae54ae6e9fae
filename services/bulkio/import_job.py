"""One import from upload to end. Every step starts from the job's row, so it can be left and taken up anywhere."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import cast

import msgspec

from contracts.bulkio import (
    CancelImport,
    FailImport,
    FinishImport,
    ImportMode,
    ReportImportChecked,
)
from contracts.import_report import ImportReport
from contracts.views.jobs import IMPORT_END_STATES, ImportRow
from services.bulkio import queries
from services.bulkio.applying import Applying
from services.bulkio.checking import check_rows, readable_addresses
from services.bulkio.freshness import catch_up
from services.bulkio.reading import read_sheet
from services.bulkio.sheet import Sheet, Unreadable
from services.bulkio.tools import JobVoice, Tools
from services.bulkio.workbook import FailedRow, failed_rows
from services.runtime.blobs import BlobMissing
from services.runtime.logs import get_logger
from services.runtime.sealing import SealBroken, Sealer
from services.runtime.vault import KeyDestroyed

_log = get_logger(__name__)
_decode_report = msgspec.json.Decoder(ImportReport).decode


class ImportJob:
    """Works on one import until it has ended. Only one runner at a time, though a second would do no harm."""

    def __init__(self, tools: Tools, job_id: str) -> None:
        self._tools = tools
        self._job_id = job_id
        self._sheet: Sheet | Unreadable | None = None
        self._report: ImportReport | None = None

    async def run(self) -> None:
        """Take step after step until the job has ended, then remove the uploaded file."""
        job = await self._row()
        voice = JobVoice(
            self._tools, job.job_id, job.tenant, await queries.job_order(self._tools.pool, job.job_id)
        )
        while job.state not in IMPORT_END_STATES:
            await self._step(job, voice)
            job = await self._row()
        _log.info("an import has ended", job=job.job_id, state=job.state, applied=job.applied)
        await remove_source(self._tools, queries.Leftover(job.job_id, job.key_id, (job.blob,)))

    async def _row(self) -> ImportRow:
        job = await queries.import_row(self._tools.pool, self._job_id)
        assert job is not None, "a job is worked on once the read model has it"
        return job

    async def _step(self, job: ImportRow, voice: JobVoice) -> None:
        if job.state == "uploaded":
            await self._check(job, voice)
        elif job.report is None or job.state == "cancelling" or job.applied == job.good_rows:
            await self._finish(job, voice)
        else:
            await self._apply(job, voice)

    async def _check(self, job: ImportRow, voice: JobVoice) -> None:
        sheet = await self._read(job)
        if isinstance(sheet, Unreadable):
            await self._give_up(job, voice, sheet)
            return
        await catch_up(self._tools, job.job_id)
        around = await queries.surroundings(
            self._tools.pool, job.tenant, readable_addresses(sheet.rows), job.within
        )
        mode = cast("ImportMode", job.mode)
        report = await asyncio.to_thread(check_rows, sheet, mode, around)
        content = msgspec.json.encode(report)
        # A name of its own for each result: a check done again must not replace the one that was decided upon.
        blob = f"imports/{job.job_id}/report-{hashlib.sha256(content).hexdigest()[:16]}"
        sealer = await self._tools.vault.sealer(job.key_id)
        await self._tools.blobs.put(blob, sealer.seal(content))
        command = ReportImportChecked(
            job_id=job.job_id, good_rows=len(report.plan), bad_rows=report.bad_rows, report=blob
        )
        await voice.report("checked", job.version, command)
        _log.info("an import is checked", job=job.job_id, good=len(report.plan), bad=report.bad_rows)

    async def _apply(self, job: ImportRow, voice: JobVoice) -> None:
        sheet = await self._read(job)
        if isinstance(sheet, Unreadable):
            await self._give_up(job, voice, sheet)
            return
        plan = (await self._read_report(job)).plan
        await Applying(self._tools, voice, job, plan, {row.row: row for row in sheet.rows}).run()

    async def _finish(self, job: ImportRow, voice: JobVoice) -> None:
        result = None
        if job.report is not None and (job.bad_rows or job.refused):
            sheet = await self._read(job)
            if isinstance(sheet, Sheet):
                failed = list(_failed(sheet, await self._read_report(job), job))
                workbook = await asyncio.to_thread(failed_rows, failed)
                sealer = await self._tools.vault.sealer(job.key_id)
                result = f"imports/{job.job_id}/result"
                await self._tools.blobs.put(result, sealer.seal(workbook))
        await voice.report("finish", job.version, FinishImport(job_id=job.job_id, result=result))

    async def _give_up(self, job: ImportRow, voice: JobVoice, reason: Unreadable) -> None:
        """End a job whose file can't be read: failed if nothing was changed, else cancelled where it stands."""
        _log.warning("the file of an import can't be read", job=job.job_id, code=reason.code)
        if job.applied:
            await voice.report("give-up", job.version, CancelImport(job_id=job.job_id))
        else:
            command = FailImport(job_id=job.job_id, code=reason.code, detail=reason.detail[:500])
            await voice.report("fail", job.version, command)

    async def _read(self, job: ImportRow) -> Sheet | Unreadable:
        """Give the rows of the uploaded file, read once in a run."""
        if self._sheet is None:
            try:
                sealer = await self._tools.vault.sealer(job.key_id)
                data = await _opened(self._tools, sealer, job.blob)
            except (BlobMissing, KeyDestroyed, SealBroken):
                self._sheet = Unreadable("file_missing", "the uploaded file is not there any more")
            else:
                self._sheet = await read_sheet(data, self._tools.settings.reader_limits())
        return self._sheet

    async def _read_report(self, job: ImportRow) -> ImportReport:
        """Give what the check found. It is never found again: by now the file's own rows may exist."""
        if self._report is None:
            assert job.report is not None
            sealer = await self._tools.vault.sealer(job.key_id)
            self._report = _decode_report(await _opened(self._tools, sealer, job.report))
        return self._report


async def _opened(tools: Tools, sealer: Sealer, blob: str) -> bytes:
    return sealer.open(await tools.blobs.get(blob))


def _failed(sheet: Sheet, report: ImportReport, job: ImportRow) -> Iterator[FailedRow]:
    """Give the rows that the check or a decider did not accept, in the order of the file, each with all reasons."""
    reasons: dict[int, list[str]] = {}
    for problem in report.problems:
        reasons.setdefault(problem.row, []).append(
            f"{problem.heading}: {problem.code}, expected {problem.expected}"
        )
    for refusal in job.refused:
        reasons.setdefault(refusal.row, []).append(refusal.code)
    for row in sheet.rows:
        if row.row in reasons:
            yield FailedRow(row.row, row.email, row.note, "; ".join(reasons[row.row]))


async def remove_source(tools: Tools, leftover: queries.Leftover) -> None:
    """Remove the uploaded file of an import that has ended: it may hold passwords."""
    for blob in leftover.blobs:
        await tools.blobs.delete(blob)
    await queries.note_source_removed(tools.pool, leftover.job_id)
