"""One bulk action from request to end. Every step starts from the job's row, so it can be left and taken up anywhere."""

import msgspec

from contracts.bulk_action_files import (
    PART_MAILBOXES,
    SelectedMailbox,
    decode_selection,
    done_blob,
    selection_blob,
)
from contracts.bulk_actions import (
    CancelBulkAction,
    FailBulkAction,
    FinishBulkAction,
    ReportBulkActionApplied,
    ReportBulkActionSelected,
)
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow
from services.bulkio import queries
from services.bulkio.bulk_action_queries import bulk_action_row
from services.bulkio.bulk_applying import PartApplying, refusal_counts
from services.bulkio.bulk_results import write_passwords, write_results
from services.bulkio.bulk_selecting import Selecting
from services.bulkio.freshness import catch_up
from services.bulkio.progress import Meter
from services.bulkio.sheet import UnreadableError
from services.bulkio.tools import JobVoice, Tools
from services.runtime.blobs import BlobMissing
from services.runtime.filtering import FilterError
from services.runtime.logs import get_logger
from services.runtime.sealing import SealBroken, Sealer
from services.runtime.vault import KeyDestroyed

_GONE = (BlobMissing, KeyDestroyed, SealBroken, UnreadableError)
"""What says that a file which the job depends on is not there any more."""

_log = get_logger(__name__)


class BulkActionJob:
    """Works on one bulk action until it has ended or waits for a person."""

    def __init__(self, tools: Tools, job_id: str) -> None:
        self._tools = tools
        self._job_id = job_id

    async def run(self) -> None:
        """Take step after step. A part is reported whole: one that was begun is done again under the same ids."""
        job = await self._row()
        voice = JobVoice(
            self._tools, job.job_id, job.tenant, await queries.job_order(self._tools.pool, job.job_id)
        )
        with self._tools.progress.meter(job.job_id, job.tenant, "bulk_action", "selecting") as meter:
            while job.state not in BULK_ACTION_END_STATES and job.state != "awaiting_approval":
                await self._step(job, voice, meter)
                job = await self._row()
        _log.info("a bulk action rests", job=job.job_id, state=job.state, applied=job.applied)

    async def _row(self) -> BulkActionRow:
        job = await bulk_action_row(self._tools.pool, self._job_id)
        assert job is not None, "a job is worked on once the read model has it"
        return job

    async def _step(self, job: BulkActionRow, voice: JobVoice, meter: Meter) -> None:
        if job.state == "requested":
            await self._select(job, voice)
        elif job.state == "cancelling" or job.applied == job.total:
            await self._finish(job, voice)
        else:
            await self._apply(job, voice, meter)

    async def _select(self, job: BulkActionRow, voice: JobVoice) -> None:
        await catch_up(self._tools, job.job_id)
        try:
            sealer = await self._tools.vault.sealer(job.key_id)
            selected = await Selecting(self._tools, job, sealer).run()
        except FilterError as error:
            failed = FailBulkAction(job_id=job.job_id, code="bad_filter", detail=str(error)[:500])
            await voice.report("fail", job.version, failed)
        except _GONE:
            detail = "the files that tell what to do are not there any more"
            failed = FailBulkAction(job_id=job.job_id, code="file_gone", detail=detail)
            await voice.report("fail", job.version, failed)
        else:
            command = ReportBulkActionSelected(
                job_id=job.job_id,
                count=selected.count,
                digest=selected.digest,
                snapshot=selected.snapshot,
            )
            await voice.report("selected", job.version, command)
            _log.info("a bulk action is selected", job=job.job_id, mailboxes=selected.count)

    async def _apply(self, job: BulkActionRow, voice: JobVoice, meter: Meter) -> None:
        if meter.phase != "applying":
            meter.begin("applying", job.total, job.applied)
        part, first = divmod(job.applied, PART_MAILBOXES)
        assert first == 0, "parts are reported whole"
        try:
            sealer = await self._tools.vault.sealer(job.key_id)
            mailboxes = await self._part(job, part, sealer)
            passwords = await self._passwords(job)
        except _GONE:
            await self._give_up(job, voice)
            return
        done = await PartApplying(self._tools, voice, job, passwords, meter).run(mailboxes)
        await self._tools.blobs.put(done_blob(job.job_id, part), sealer.seal(msgspec.json.encode(done)))
        command = ReportBulkActionApplied(
            job_id=job.job_id,
            first=job.applied + 1,
            last=job.applied + len(done),
            changed=sum(each.result == "changed" for each in done),
            unchanged=sum(each.result == "unchanged" for each in done),
            refusals=refusal_counts(done),
        )
        await voice.report(f"applied/{command.first}-{command.last}", job.version, command)

    async def _part(self, job: BulkActionRow, part: int, sealer: Sealer) -> list[SelectedMailbox]:
        return decode_selection(sealer.open(await self._tools.blobs.get(selection_blob(job.job_id, part))))

    async def _passwords(self, job: BulkActionRow) -> Sealer | None:
        return None if job.passwords_key_id is None else await self._tools.vault.sealer(job.passwords_key_id)

    async def _give_up(self, job: BulkActionRow, voice: JobVoice) -> None:
        """End a job whose files are gone: failed if nothing was changed, else cancelled where it stands."""
        _log.warning("the files of a bulk action are gone", job=job.job_id)
        if job.applied:
            await voice.report("give-up", job.version, CancelBulkAction(job_id=job.job_id))
        else:
            detail = "the files that tell what to do are not there any more"
            command = FailBulkAction(job_id=job.job_id, code="file_gone", detail=detail)
            await voice.report("fail", job.version, command)

    async def _finish(self, job: BulkActionRow, voice: JobVoice) -> None:
        try:
            sealer = await self._tools.vault.sealer(job.key_id)
            await write_results(self._tools, job, sealer)
            passwords = await self._passwords(job)
            if passwords is not None:
                await write_passwords(self._tools, job, sealer, passwords)
        except _GONE:
            _log.warning("a bulk action ends without its result", job=job.job_id)
        await voice.report("finish", job.version, FinishBulkAction(job_id=job.job_id))
