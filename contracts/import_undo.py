"""What takes an import back, row by row: told by its report, by its events and by the mailboxes as they are now.

The gateway foresees with it, and bulkio fixes with it what an undo is about, so both count the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from contracts.bulk_action_files import SelectedMailbox
from contracts.bulk_actions import BulkStep
from contracts.bulkio import ChangedRow
from contracts.ids import derived_time_ordered_id
from contracts.import_report import PlannedRow

FORMER_UNKNOWN: Final = "former_unknown"
"""Nobody knows what the mailbox had before: it changed between the check and its row, or the import is from before undos."""

NO_FORMER_PASSWORD: Final = "no_former_password"  # noqa: S105 - a code
"""The mailbox had no password before, and nobody can have none again."""


class MailboxNow(Struct, frozen=True, gc=False):
    """A mailbox as a read model has it."""

    mailbox_id: str
    domain: str
    local_part: str
    note: str
    credential_id: str | None


def created_mailbox_id(job_id: str, row: int) -> str:
    """Give the id of the mailbox that an import creates for a row: the same whenever the row is sent."""
    return derived_time_ordered_id(job_id, f"mailbox/{row}")


def reached_mailboxes(job_id: str, plan: Iterable[PlannedRow]) -> list[str]:
    """Give the ids of the mailboxes that rows of an import may have created or changed."""
    return [_mailbox_id(job_id, row) for row in plan if row.action != "skip"]


def steps_back(
    job_id: str,
    plan: Iterable[PlannedRow],
    changed: Mapping[int, ChangedRow],
    mailboxes: Mapping[str, MailboxNow],
) -> Iterator[SelectedMailbox]:
    """Give what takes each applied row back that did something, in the order of the file.

    A mailbox of a created row's id was created by that row and by nothing else. What a row changed its event says.
    """
    for row in plan:
        mailbox = mailboxes.get(_mailbox_id(job_id, row))
        if mailbox is None:
            continue
        if row.action == "create":
            yield _step(mailbox, "delete", expected_version=1)
        elif row.action == "change":
            change = changed.get(row.row)
            if change is not None:
                yield _change_back(mailbox, row, change)
            elif row.former is None:
                yield _step(mailbox, "change_note", impossible=FORMER_UNKNOWN)


def _mailbox_id(job_id: str, row: PlannedRow) -> str:
    return created_mailbox_id(job_id, row.row) if row.mailbox_id is None else row.mailbox_id


def _change_back(mailbox: MailboxNow, row: PlannedRow, change: ChangedRow) -> SelectedMailbox:
    step: BulkStep = "change_note" if change.note else "set_password"
    former = row.former
    if former is None or former.version + change.note + change.password != change.version:
        return _step(mailbox, step, impossible=FORMER_UNKNOWN, expected_version=change.version)
    without_password = change.password and former.credential_id is None
    return _step(
        mailbox,
        step,
        note=former.note if change.note else mailbox.note,
        credential_id=former.credential_id if change.password else None,
        expected_version=change.version,
        impossible=NO_FORMER_PASSWORD if without_password and not change.note else "",
        lasting=NO_FORMER_PASSWORD if without_password and change.note else "",
    )


def _step(
    mailbox: MailboxNow,
    step: BulkStep,
    *,
    note: str | None = None,
    credential_id: str | None = None,
    expected_version: int | None = None,
    impossible: str = "",
    lasting: str = "",
) -> SelectedMailbox:
    return SelectedMailbox(
        mailbox_id=mailbox.mailbox_id,
        domain=mailbox.domain,
        local_part=mailbox.local_part,
        step=step,
        note=mailbox.note if note is None else note,
        credential_id=credential_id,
        former_note=mailbox.note,
        former_credential_id=mailbox.credential_id,
        expected_version=expected_version,
        impossible=impossible,
        lasting=lasting,
    )
