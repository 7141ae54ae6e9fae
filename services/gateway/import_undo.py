"""What the undo of an import would do, counted from its report, its events and the mailboxes as they are now."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from contracts.bulk_action_files import SelectedMailbox
from contracts.bulkio import ChangedRow
from contracts.ids import DomainName
from contracts.import_report import ImportReport, PlannedRow
from contracts.import_undo import MailboxNow, reached_mailboxes, steps_back
from contracts.views.jobs import ImportRow
from services.gateway.projections import MAILBOXES
from services.gateway.undo_foresight import why_refused
from services.runtime.domain_names import to_u_label
from services.runtime.postgres import Connection, Pool
from services.runtime.vault import Vault

ROWS_AT_ONCE: Final = 2_000
EXAMPLES_MAX: Final = 5

PlacedReport = tuple[int, ImportReport]
"""The report about one segment, and the place of its first good row in the file."""


class ForeseenUndo(Struct, kw_only=True):
    """What would become of all that an import created or changed, as of one snapshot."""

    delete: int = 0
    give_back: int = 0
    passwords_stay: int = 0
    refusals: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    as_of: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def count(self) -> int:
        return self.delete + self.give_back + self.refusals.total()

    def add(self, step: SelectedMailbox, code: str, *, password_gone: bool) -> None:
        """Count one mailbox, which can't be undone if there is a code."""
        if code:
            self.refusals[code] += 1
            examples = self.examples.setdefault(code, [])
            if len(examples) < EXAMPLES_MAX:
                examples.append(f"{step.local_part}@{to_u_label(DomainName(step.domain))}")
        elif step.step == "delete":
            self.delete += 1
        else:
            self.give_back += 1
            self.passwords_stay += bool(step.lasting) or password_gone


_POSITIONS: Final = """
    SELECT topic, "partition", next_offset FROM projection_checkpoints WHERE projection = $1
"""


async def foresee_undo(
    pool: Pool,
    vault: Vault,
    job: ImportRow,
    reports: AsyncIterator[PlacedReport],
    *,
    drop_targets: bool,
) -> ForeseenUndo:
    """Count what would become of each mailbox. Nothing of a large import is in memory as a whole."""
    found = ForeseenUndo()
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        records = await connection.fetch(_POSITIONS, MAILBOXES.name)
        found.as_of = {f"{each['topic']}/{each['partition']}": each["next_offset"] for each in records}
        async for first, report in reports:
            applied = report.plan[: max(0, job.applied + 1 - first)]
            changed = await _changed_rows(connection, job.job_id, first, first + len(applied) - 1)
            for start in range(0, len(applied), ROWS_AT_ONCE):
                some = applied[start : start + ROWS_AT_ONCE]
                mailboxes = await _mailboxes(connection, job, some)
                steps = list(steps_back(job.job_id, some, changed, mailboxes))
                await _count(connection, vault, job, steps, found, drop_targets=drop_targets)
    return found


async def _count(
    connection: Connection,
    vault: Vault,
    job: ImportRow,
    steps: list[SelectedMailbox],
    found: ForeseenUndo,
    *,
    drop_targets: bool,
) -> None:
    # The undo of an import restores nothing.
    codes = await why_refused(
        connection, vault, job.tenant, steps, free_since=None, drop_targets=drop_targets
    )
    both = [each.credential_id for each in steps if each.step == "change_note" and each.credential_id]
    missing = await vault.missing_credentials(both) if both else set[str]()
    for step, code in zip(steps, codes, strict=True):
        password_gone = step.step == "change_note" and step.credential_id in missing
        found.add(step, code, password_gone=password_gone)


_CHANGED: Final = "SELECT changed FROM changed_rows WHERE job_id = $1 AND first <= $3 AND last >= $2"


async def _changed_rows(connection: Connection, job_id: str, first: int, last: int) -> dict[int, ChangedRow]:
    """Give what the good rows number `first` to `last` changed of existing mailboxes, and some around them."""
    records = await connection.fetch(_CHANGED, job_id, first, last)
    reports = [msgspec.convert(record["changed"], list[ChangedRow]) for record in records]
    return {change.row: change for report in reports for change in report}


_MAILBOXES: Final = """
    SELECT mailbox_id, domain, local_part, note, credential_id FROM mailboxes
    WHERE tenant = $1 AND mailbox_id = ANY($2::text[]) AND status <> 'purged'
"""


async def _mailboxes(
    connection: Connection, job: ImportRow, plan: Sequence[PlannedRow]
) -> dict[str, MailboxNow]:
    records = await connection.fetch(_MAILBOXES, job.tenant, reached_mailboxes(job.job_id, plan))
    return {record["mailbox_id"]: MailboxNow(*record.values()) for record in records}
