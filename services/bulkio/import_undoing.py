"""What an undo of an import is about: the mailboxes that it created or changed, each with what takes it back."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import msgspec

from contracts.bulk_action_files import PART_MAILBOXES, SelectedMailbox
from contracts.bulkio import ChangedRow
from contracts.import_report import PlannedRow
from contracts.import_undo import MailboxNow, reached_mailboxes, steps_back
from contracts.views.jobs import ImportRow
from services.bulkio.import_files import ImportFiles
from services.bulkio.tools import Tools
from services.runtime.postgres import Connection


async def steps_back_of(
    tools: Tools, connection: Connection, job: ImportRow
) -> AsyncIterator[list[SelectedMailbox]]:
    """Give what takes an ended import back, some mailboxes at a time, in the order of the file.

    The mailboxes are those that the connection sees. Raises UnreadableError where the report is not there any more.
    """
    async with aclosing(ImportFiles(tools, job).reports()) as reports:
        async for first, report in reports:
            applied = report.plan[: max(0, job.applied + 1 - first)]
            changed = await _changed_rows(connection, job.job_id, first, first + len(applied) - 1)
            for start in range(0, len(applied), PART_MAILBOXES):
                some = applied[start : start + PART_MAILBOXES]
                mailboxes = await _mailboxes(connection, job.tenant, job.job_id, some)
                yield list(steps_back(job.job_id, some, changed, mailboxes))


_CHANGED: Final = "SELECT changed FROM changed_rows WHERE job_id = $1 AND first <= $3 AND last >= $2"


async def _changed_rows(connection: Connection, job_id: str, first: int, last: int) -> dict[int, ChangedRow]:
    """Give what the good rows number `first` to `last` changed of existing mailboxes, and some around them."""
    rows = await connection.fetch(_CHANGED, job_id, first, last)
    reports = [msgspec.convert(row["changed"], list[ChangedRow]) for row in rows]
    return {change.row: change for report in reports for change in report}


_MAILBOXES: Final = """
    SELECT mailbox_id, domain, local_part, note, credential_id FROM mailboxes
    WHERE tenant = $1 AND mailbox_id = ANY($2::text[]) AND status <> 'purged'
"""


async def _mailboxes(
    connection: Connection, tenant: str, job_id: str, plan: tuple[PlannedRow, ...]
) -> dict[str, MailboxNow]:
    rows = await connection.fetch(_MAILBOXES, tenant, reached_mailboxes(job_id, plan))
    return {row["mailbox_id"]: MailboxNow(*row.values()) for row in rows}
