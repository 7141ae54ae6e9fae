"""What the check of an import found, as it is sealed into the job's report: written by bulkio, shown by the gateway.

A report never holds a password. Its plan fixes what each good row means at the moment of the check, so that a job
that is resumed after a crash does not take its own mailboxes for somebody else's.
"""

from typing import Literal

from msgspec import Struct

RowAction = Literal["create", "change", "skip"]


class RowProblem(Struct, frozen=True, kw_only=True, gc=False):
    """One cell that can't be imported.

    `row` is numbered as in the workbook, `column` is the letter there, `heading` the template's name of the column.
    `value` is the cell shortened, and empty for a password. `expected` tells people what would be right.
    """

    row: int
    column: str
    heading: str
    code: str
    value: str
    expected: str


class PlannedRow(Struct, frozen=True, gc=False, array_like=True):
    """What a good row will do. `mailbox_id` is that of the existing mailbox, unless one is created."""

    row: int
    action: RowAction
    mailbox_id: str | None = None


class ImportReport(Struct, frozen=True, kw_only=True):
    """Every bad cell, and every good row in the order of the file."""

    bad_rows: int
    problems: tuple[RowProblem, ...]
    plan: tuple[PlannedRow, ...]
