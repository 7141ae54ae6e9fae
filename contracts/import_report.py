"""What the check of an import found, as it is sealed into the job's report: written by bulkio, shown by the gateway.

A report never holds a password. Its plan fixes what each good row means at the moment of the check, so that a job
that is resumed after a crash does not take its own mailboxes for somebody else's. A file is checked in segments, each
with a report of its own, and the manifest names them; a job from before that has one report and no manifest.
"""

from typing import Final, Literal

from msgspec import Struct, json

from contracts.bulkio import PlanCounts

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


class FormerMailbox(Struct, frozen=True, gc=False, array_like=True):
    """What an existing mailbox had at the check, when it was at `version`. An undo needs it."""

    version: int
    note: str
    credential_id: str | None


class PlannedRow(Struct, frozen=True, gc=False, array_like=True):
    """What a good row will do. `mailbox_id` is that of the existing mailbox, unless one is created.

    `former` is known of those that are to be changed; reports from before there was an undo have none.
    """

    row: int
    action: RowAction
    mailbox_id: str | None = None
    former: FormerMailbox | None = None


class ImportReport(Struct, frozen=True, kw_only=True):
    """Every bad cell, and every good row in the order of the file, or of one segment of it."""

    bad_rows: int
    problems: tuple[RowProblem, ...]
    plan: tuple[PlannedRow, ...]


class SegmentPlan(Struct, frozen=True):
    """The sealed plan of a segment, of contracts/import_plan.py, and how often each action is in it."""

    blob: str
    counts: PlanCounts


class ImportSegment(Struct, frozen=True, kw_only=True):
    """Some thousand consecutive rows of a file.

    `report` is the sealed ImportReport about them. `rows` are the sealed rows themselves, which are gone when the job has ended.
    A dry run keeps its `plan` too.
    """

    rows: str
    report: str
    good_rows: int
    bad_rows: int
    problems: int
    plan: SegmentPlan | None = None


class ImportManifest(Struct, frozen=True, kw_only=True, tag_field="form", tag="segments"):
    """The segments of a file, in its order. `plan_file` is a dry run's plan as a sealed workbook."""

    bad_rows: int
    segments: tuple[ImportSegment, ...]
    plan_file: str | None = None

    @property
    def good_rows(self) -> int:
        """How many rows can be applied."""
        return sum(segment.good_rows for segment in self.segments)


class _Form(Struct):
    form: str = ""


_form: Final = json.Decoder(_Form)
_manifest: Final = json.Decoder(ImportManifest)
_report: Final = json.Decoder(ImportReport)


def decode_report(content: bytes) -> ImportManifest | ImportReport:
    """Give what the report of a job is: a manifest, or for a job from before there were segments the report itself."""
    return _manifest.decode(content) if _form.decode(content).form else _report.decode(content)


def decode_segment_report(content: bytes) -> ImportReport:
    """Give the report about one segment."""
    return _report.decode(content)
