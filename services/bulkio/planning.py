"""The plan of an import: what it would do with every row, the hash that stands for it, and a workbook to read it in.

The hash is that of the file, the options, and in the order of the file each row with what becomes of it. A mailbox that a
row changes is in it with its version. So the same file has the same hash for as long as it would do the same, whatever
changes elsewhere.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import json

from contracts.bulkio import PlanCounts
from contracts.import_plan import PlanAction, PlanRow
from contracts.import_report import ImportReport, RowProblem
from contracts.views.jobs import ImportRow
from services.bulkio.checking import shortened
from services.bulkio.export_files import open_table
from services.bulkio.sheet import SheetRow

ADDRESS_SHOWN_MAX: Final = 320
PLAN_HEADINGS: Final = ("Row", "Email", "Action", "Mailbox", "Reason")


def plan_rows(rows: Sequence[SheetRow], report: ImportReport) -> tuple[PlanRow, ...]:
    """Give what becomes of some consecutive rows, by the report about them."""
    good = {planned.row: planned for planned in report.plan}
    problems: dict[int, list[RowProblem]] = {}
    for problem in report.problems:
        problems.setdefault(problem.row, []).append(problem)
    plan: list[PlanRow] = []
    for row in rows:
        email = shortened(row.email.strip(), ADDRESS_SHOWN_MAX)
        planned = good.get(row.row)
        if planned is None:
            plan.append(PlanRow(row.row, email, "refuse", problems=tuple(problems[row.row])))
            continue
        version = None if planned.former is None else planned.former.version
        plan.append(PlanRow(row.row, email, planned.action, planned.mailbox_id, version))
    return tuple(plan)


class Plan:
    """The plan of one file, made while it is read. That of a dry run is written to a `workbook` too.

    Nothing in the workbook is computed by a spreadsheet program.
    """

    def __init__(self, job: ImportRow, workbook: Path) -> None:
        self._hash = hashlib.sha256(json.encode((job.mode, job.bad_rows_policy, job.sha256)))
        self._found = Counter[PlanAction]()
        self.workbook = workbook if job.dry_run else None
        self._file = open_table(workbook, "xlsx", PLAN_HEADINGS) if job.dry_run else None

    def add(self, rows: Sequence[SheetRow], report: ImportReport) -> tuple[PlanRow, ...]:
        """Take the next rows, in the order of the file, and give what becomes of them."""
        plan = plan_rows(rows, report)
        for row in plan:
            codes = [(problem.column, problem.code) for problem in row.problems]
            told = (row.row, row.email, row.action, row.mailbox_id, row.version, codes)
            self._hash.update(json.encode(told) + b"\n")
        self._found.update(row.action for row in plan)
        if self._file is not None:
            self._file.write([_cells(row) for row in plan])
        return plan

    def close(self) -> None:
        """Complete the workbook."""
        if self._file is not None:
            self._file.close()

    @property
    def hash(self) -> str:
        """The hash of all rows taken."""
        return self._hash.hexdigest()

    @property
    def counts(self) -> PlanCounts:
        """How many of the rows taken do what."""
        return counts_of(self._found)


def counts_of(found: Counter[PlanAction]) -> PlanCounts:
    """Give counted actions as a message holds them."""
    return PlanCounts(
        create=found["create"], change=found["change"], skip=found["skip"], refuse=found["refuse"]
    )


def _cells(row: PlanRow) -> tuple[str, ...]:
    return str(row.row), row.email, row.action, row.mailbox_id or "", _reasons(row)


def _reasons(row: PlanRow) -> str:
    return "; ".join(f"{each.heading}: {each.code}, expected {each.expected}" for each in row.problems)
