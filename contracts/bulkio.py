"""Import and export jobs, and with the bulk actions all jobs. Stream key: the tenant id; subject: the job id.

The gateway starts and cancels jobs; the bulkio reactor does the work and reports each step, so a job's events tell
how far it has got, and a reactor that was killed goes on from there.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contracts.bulk_actions import BulkActionCommand, BulkActionEvent
from contracts.ids import JobId, SealKeyId
from contracts.job_fields import BlobName, Count, FilterText, Sha256Hex, Within
from contracts.message import PERSONAL, STORABLE, Command, Event, UuidText

FileName = Annotated[str, Meta(max_length=255, pattern=STORABLE, extra=PERSONAL)]

ImportMode = Literal["create_only", "skip_existing", "update_existing"]
BadRows = Literal["stop", "skip"]
ExportFormat = Literal["xlsx", "csv", "jsonl"]
ExportColumn = Literal["email", "note", "domain", "status", "created_at", "changed_at"]

PLAN_HOURS_MAX: Final = 30 * 24
"""A plan can be applied for no longer: its file, which may hold passwords, is kept for that."""


class RowRefusal(Struct, frozen=True, gc=False):
    """A row of the workbook (as numbered there) that was not applied, and the code why."""

    row: int
    code: str


class ChangedRow(Struct, frozen=True, gc=False, array_like=True):
    """A row that changed an existing mailbox: the version that it left, and what it changed, perhaps before a refusal."""

    row: int
    version: int
    note: bool
    password: bool


class PlanCounts(Struct, frozen=True, gc=False):
    """How many rows of a file an import would create, change, skip and refuse."""

    create: Count = 0
    change: Count = 0
    skip: Count = 0
    refuse: Count = 0


class StartImport(Command, frozen=True, kw_only=True, tag="start_import"):
    """Import the sealed file `blob`. With `bad_rows` "stop", one bad row found by the check stops the whole file.

    `large` was granted where the file was handed in: it may be beyond the limits of an ordinary import.

    With `plan_of` it applies what that dry run planned, with its very file and options: `expected_plan` is the hash of
    the plan that whoever applies it has seen, and an import that would do anything else changes nothing.
    """

    job_id: UuidText
    file_name: FileName
    blob: BlobName
    key_id: UuidText
    size_bytes: Count
    sha256: Sha256Hex
    mode: ImportMode = "create_only"
    bad_rows: BadRows = "stop"
    dry_run: bool = False
    within: Within = None
    large: bool = False
    plan_of: UuidText | None = None
    expected_plan: Sha256Hex | None = None


class ReportImportChecked(Command, frozen=True, kw_only=True, tag="report_import_checked"):
    """The whole file was read: `good_rows` can be applied, `bad_rows` can't; `report` is the sealed list of problems.

    Of a dry run, and of an import that applies one, `plan_hash` is the hash of what would be done, and `plan_counts` how
    often. A plan can be applied for `plan_hours`.
    """

    job_id: UuidText
    good_rows: Count
    bad_rows: Count
    report: BlobName
    plan_hash: Sha256Hex | None = None
    plan_counts: PlanCounts | None = None
    plan_hours: Annotated[int, Meta(ge=1, le=PLAN_HOURS_MAX)] = 24


class ReportRowsApplied(Command, frozen=True, kw_only=True, tag="report_rows_applied"):
    """The good rows number `first` to `last` (from 1, in file order) are decided; the counts add up to their number.

    `changed_rows` are those of them that changed an existing mailbox.
    """

    job_id: UuidText
    first: Annotated[int, Meta(ge=1)]
    last: Annotated[int, Meta(ge=1)]
    created: Count = 0
    changed: Count = 0
    skipped: Count = 0
    refused: tuple[RowRefusal, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()


class FinishImport(Command, frozen=True, kw_only=True, tag="finish_import"):
    """Nothing is left to do. `result` is the sealed workbook of the rows that failed, if any did."""

    job_id: UuidText
    result: BlobName | None = None


class FailImport(Command, frozen=True, kw_only=True, tag="fail_import"):
    """The file can't be imported at all; `detail` names the place, never a cell's content."""

    job_id: UuidText
    code: str
    detail: Annotated[str, Meta(max_length=500, pattern=STORABLE)] = ""


class CancelImport(Command, frozen=True, kw_only=True, tag="cancel_import"):
    """Stop as soon as the rows on their way are decided."""

    job_id: UuidText


class StartExport(Command, frozen=True, kw_only=True, tag="start_export"):
    """Write every mailbox of the tenant that matches `filter` into one file."""

    job_id: UuidText
    filter: FilterText = ""
    format: ExportFormat = "xlsx"
    columns: tuple[ExportColumn, ...] = ("email", "note")
    key_id: UuidText
    within: Within = None


class ReportExportWritten(Command, frozen=True, kw_only=True, tag="report_export_written"):
    """The file is complete. `sha256` and `size_bytes` are those of the file as downloaded."""

    job_id: UuidText
    blob: BlobName
    rows: Count
    size_bytes: Count
    sha256: Sha256Hex
    snapshot: dict[str, int]


class FailExport(Command, frozen=True, kw_only=True, tag="fail_export"):
    """The export can't be written."""

    job_id: UuidText
    code: str
    detail: Annotated[str, Meta(max_length=500, pattern=STORABLE)] = ""


class CancelExport(Command, frozen=True, kw_only=True, tag="cancel_export"):
    """Give up an export that is not finished."""

    job_id: UuidText


class ImportUploaded(Event, frozen=True, kw_only=True, tag="import_uploaded"):
    """A file waits to be checked."""

    job_id: JobId
    file_name: FileName
    blob: str
    key_id: SealKeyId
    size_bytes: int
    sha256: str
    mode: ImportMode
    bad_rows: BadRows
    dry_run: bool
    within: Within = None
    large: bool = False
    plan_of: JobId | None = None
    expected_plan: str | None = None


class ImportChecked(Event, frozen=True, kw_only=True, tag="import_checked"):
    """The whole file was read, and nothing changed yet. `plan_hash` is that of what would be done, where it was asked for."""

    good_rows: int
    bad_rows: int
    report: str
    plan_hash: str | None = None


class ImportPlanned(Event, frozen=True, kw_only=True, tag="import_planned"):
    """A dry run ended here: what would happen is known, and nothing changed.

    The plan can be applied once, before `until`. A dry run from before there were hashes has none and can't be applied.
    """

    plan_hash: str | None = None
    counts: PlanCounts | None = None
    until: datetime | None = None


class ImportPlanApplied(Event, frozen=True, kw_only=True, tag="import_plan_applied"):
    """Another import began to apply what this dry run planned; it may still find that what it would do is something else."""

    by_job_id: JobId


class ImportRowsApplied(Event, frozen=True, kw_only=True, tag="import_rows_applied"):
    """These rows are decided, each of them exactly once. Events from before there was an undo name no `changed_rows`."""

    first: int
    last: int
    created: int
    changed: int
    skipped: int
    refused: tuple[RowRefusal, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()


class ImportCancelRequested(Event, frozen=True, kw_only=True, tag="import_cancel_requested"):
    """Somebody wants the import to stop; rows already decided stay."""


class ImportCancelled(Event, frozen=True, kw_only=True, tag="import_cancelled"):
    """The import stopped before its end."""

    result: str | None = None


class ImportFinished(Event, frozen=True, kw_only=True, tag="import_finished"):
    """Every good row is decided."""

    result: str | None = None


class ImportFailed(Event, frozen=True, kw_only=True, tag="import_failed"):
    """The import ended without changing anything."""

    code: str
    detail: str = ""


class ImportUndoBegun(Event, frozen=True, kw_only=True, tag="import_undo_begun"):
    """A bulk action is to take back what the import did."""

    undo_job_id: JobId


class ExportRequested(Event, frozen=True, kw_only=True, tag="export_requested"):
    """Somebody wants a file of these mailboxes."""

    job_id: JobId
    filter: FilterText
    format: ExportFormat
    columns: tuple[ExportColumn, ...]
    key_id: SealKeyId
    within: Within = None


class ExportFinished(Event, frozen=True, kw_only=True, tag="export_finished"):
    """The file holds `rows` mailboxes as they were at `snapshot` (topic/partition → next offset)."""

    blob: str
    rows: int
    size_bytes: int
    sha256: str
    snapshot: dict[str, int]


class ExportFailed(Event, frozen=True, kw_only=True, tag="export_failed"):
    """There is no file, and there will be none."""

    code: str
    detail: str = ""


class ExportCancelled(Event, frozen=True, kw_only=True, tag="export_cancelled"):
    """Nobody wants the file any more."""


BulkioCommand = (
    StartImport
    | ReportImportChecked
    | ReportRowsApplied
    | FinishImport
    | FailImport
    | CancelImport
    | StartExport
    | ReportExportWritten
    | FailExport
    | CancelExport
    | BulkActionCommand
)
BulkioEvent = (
    ImportUploaded
    | ImportChecked
    | ImportPlanned
    | ImportPlanApplied
    | ImportRowsApplied
    | ImportCancelRequested
    | ImportCancelled
    | ImportFinished
    | ImportFailed
    | ImportUndoBegun
    | ExportRequested
    | ExportFinished
    | ExportFailed
    | ExportCancelled
    | BulkActionEvent
)
