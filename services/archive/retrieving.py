"""Carries out retrievals that are paid, and ends those that nobody answered in time."""

from functools import partial

from contracts.archive import ReportReturnFailed, ReturnArchive
from contracts.mailbox import RestoreMailbox
from contracts.outcome import RefusalCode
from contracts.retrieval import BeginRetrieval, ExpireRetrieval
from contracts.topics import ARCHIVE, MAILBOX
from contracts.views.archive import ArchiveRow, RetrievalRow
from services.archive import queries
from services.archive.tools import ANSWERS, Tools
from services.runtime.claimed_work import ClaimedWork
from services.runtime.kafka.voice import Cause


class Retrieving:
    """The retrievals that this process carries out."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work

    def begin(self, retrieval_id: str, tenant: str) -> None:
        """Carry a retrieval out, unless some process does already."""
        self._work.begin(f"retrieval/{retrieval_id}", partial(carry_out, self._tools, retrieval_id), tenant)

    async def sweep(self) -> None:
        """Take up what nobody works on, and end what ran out. The decider is the judge of the time."""
        for row in await queries.retrievals_to_carry_out(self._tools.pool):
            self.begin(row.retrieval_id, row.tenant)
        now = self._tools.clock()
        for row in await queries.retrievals_out_of_time(self._tools.pool, now):
            minute = int(now.timestamp()) // 60
            await self._tools.order_and_see(
                row, f"expire/{minute}", ExpireRetrieval(retrieval_id=row.retrieval_id)
            )


async def carry_out(tools: Tools, retrieval_id: str) -> None:
    """Ask for every archive that is not back yet. Their content comes back by and by, and ends the retrieval."""
    row = await queries.retrieval(tools.pool, retrieval_id)
    if row.state == "paid":
        await tools.order_and_see(row, "begin", BeginRetrieval(retrieval_id=retrieval_id))
        row = await queries.retrieval(tools.pool, retrieval_id)
    if row.state != "restoring":
        return
    for item in row.items:
        archive = await queries.archive(tools.pool, item.archive_id)
        if not item.ended and archive is not None and archive.state == "stored":
            await _bring_back(tools, row, archive)


async def _bring_back(tools: Tools, row: RetrievalRow, archive: ArchiveRow) -> None:
    """Let a deleted mailbox be there again, then give back its content; the steps have the same ids whenever repeated."""
    cause = Cause(row.retrieval_id, row.correlation)
    if archive.kind == "deleted" and not archive.returned:
        outcome = await tools.voice.send(
            MAILBOX,
            cause,
            f"restore/{archive.archive_id}",
            RestoreMailbox(mailbox_id=archive.mailbox_id),
            tenant=row.tenant,
            stream=row.domain,
            may_be=ANSWERS,
        )
        if outcome.code is None:
            # Its content follows from the mailbox's return, whoever ordered that.
            return
        if outcome.code is not RefusalCode.MAILBOX_NOT_DELETED:
            await _give_up(tools, archive, outcome.code)
            return
    await tools.voice.send(
        ARCHIVE,
        cause,
        f"return/{archive.archive_id}",
        ReturnArchive(archive_id=archive.archive_id),
        tenant=row.tenant,
        stream=row.domain,
        may_be=ANSWERS,
    )


async def _give_up(tools: Tools, archive: ArchiveRow, refusal: RefusalCode) -> None:
    await tools.order_and_see(
        archive,
        f"give up/{refusal}",
        ReportReturnFailed(archive_id=archive.archive_id, refusal=refusal),
    )
