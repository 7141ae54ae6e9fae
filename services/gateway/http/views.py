"""What the API shows: the bodies of its answers, made from the rows of read models. No secret and no blob name is in any."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from contracts.bulkio import PlanCounts, RowRefusal
from contracts.progress import JobPhase
from contracts.views.access import TenantRow, TenantStatus
from contracts.views.jobs import (
    EXPORT_END_STATES,
    IMPORT_END_STATES,
    ExportRow,
    ExportState,
    ImportRow,
    ImportState,
)
from contracts.views.mailbox import KnownMailboxStatus, MailboxRow
from services.gateway.http.bulk_views import BulkActionView


class View(Struct, frozen=True, kw_only=True):
    """A body of an answer."""


class WriteResult(View, frozen=True, kw_only=True, tag_field="kind", tag="write"):
    """What a write did. `changed` is false when the goal was already reached; `position` is for `Postfach-After`."""

    id: str
    version: int
    changed: bool
    decided_at: datetime
    position: str


class TenantView(View, frozen=True, kw_only=True):
    """A customer."""

    tenant: str
    title: str
    status: TenantStatus
    version: int
    created_at: datetime
    changed_at: datetime


class MailboxView(View, frozen=True, kw_only=True):
    """A mailbox. `expires_at` is when a deleted one is gone for good, `archive_id` where its content is until then."""

    mailbox_id: str
    address: str
    local_part: str
    domain: str
    note: str
    status: KnownMailboxStatus
    suspended: bool
    self_service: bool
    has_password: bool
    generation: int
    archive_id: str | None
    expires_at: datetime | None
    version: int
    created_at: datetime
    changed_at: datetime


class ImportView(View, frozen=True, kw_only=True, tag_field="kind", tag="import"):
    """An import job. `refused_rows` are the first hundred; the result workbook has all. A bulk action may have undone it.

    A dry run that ended has a `plan_hash`, which can be applied once, before `plan_until`; `plan_of` is the dry run that an
    import applies.
    """

    job_id: str
    actor: str
    state: ImportState
    done: bool
    file_name: str
    size_bytes: int
    sha256: str
    mode: str
    bad_rows_policy: str
    dry_run: bool
    good_rows: int
    bad_rows: int
    applied: int
    created: int
    changed: int
    skipped: int
    refused: int
    refused_rows: list[RowRefusal]
    has_result: bool
    has_problems: bool
    plan_of: str | None
    plan_hash: str | None
    plan_counts: PlanCounts | None
    plan_until: datetime | None
    plan_applied_by: str | None
    undone_by: str | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


class ExportView(View, frozen=True, kw_only=True, tag_field="kind", tag="export"):
    """An export job. The file can be downloaded until `file_until`."""

    job_id: str
    actor: str
    state: ExportState
    done: bool
    filter: str
    format: str
    columns: list[str]
    rows: int
    size_bytes: int
    sha256: str | None
    file_until: datetime | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


class Page(View, frozen=True, kw_only=True):
    """What all lists have. No `next_page_token`: this was the last page. A page can be short, even empty, before that.

    `total_size` is exact, or the number that there are at least.
    """

    next_page_token: str | UnsetType = UNSET
    total_size: int
    total_size_is: Literal["exact", "at_least"]


class TenantPage(Page, frozen=True, kw_only=True):
    """A page of customers."""

    tenants: list[TenantView]


class MailboxPage(Page, frozen=True, kw_only=True):
    """A page of mailboxes."""

    mailboxes: list[MailboxView]


class ImportPage(Page, frozen=True, kw_only=True):
    """A page of import jobs, newest first."""

    imports: list[ImportView]


class ExportPage(Page, frozen=True, kw_only=True):
    """A page of export jobs, newest first."""

    exports: list[ExportView]


class BulkActionPage(Page, frozen=True, kw_only=True):
    """A page of bulk actions, newest first."""

    bulk_actions: list[BulkActionView]


class Progress(View, frozen=True, kw_only=True):
    """How far a job has come: `rows_done`, also called `rows_decided`, of `rows_total`, which is 0 while nobody knows.

    `rows_done` are the rows of which is known what became of them, of an export those that are written. What only the
    process that works on the job can say is null while nothing was heard of it.
    """

    rows_done: int
    rows_total: int
    phase: JobPhase | None
    rows_checked: int | None
    rows_hashed: int | None
    rows_decided: int
    rows_per_second: float | None
    seconds_left: int | None
    as_of: datetime


class OperationMetadata(View, frozen=True, kw_only=True):
    """What kind of operation it is, and its job's state and progress."""

    kind: Literal["import", "export", "bulk_action", "command"]
    state: str | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET


class OperationError(View, frozen=True, kw_only=True):
    """Why an operation failed; `code` is stable."""

    code: str
    detail: str


class Operation(View, frozen=True, kw_only=True):
    """Something that takes longer than a request. Once done, it has a response or an error."""

    name: str
    done: bool
    metadata: OperationMetadata
    response: ImportView | ExportView | BulkActionView | WriteResult | UnsetType = UNSET
    error: OperationError | UnsetType = UNSET


REFUSED_ROWS_SHOWN_MAX = 100


def tenant_view(row: TenantRow) -> TenantView:
    """Show a customer."""
    return TenantView(
        tenant=row.tenant,
        title=row.title,
        status=row.status,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def mailbox_view(row: MailboxRow) -> MailboxView:
    """Show a mailbox, which is not gone for good."""
    assert row.status != "purged"
    return MailboxView(
        mailbox_id=row.mailbox_id,
        address=f"{row.local_part}@{row.domain}",
        local_part=row.local_part,
        domain=row.domain,
        note=row.note,
        status=row.status,
        suspended=row.suspended,
        self_service=row.self_service,
        has_password=row.credential_id is not None,
        generation=row.generation,
        archive_id=row.archive_id,
        expires_at=row.expires_at,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def import_view(row: ImportRow) -> ImportView:
    """Show an import job."""
    return ImportView(
        job_id=row.job_id,
        actor=row.actor,
        state=row.state,
        done=row.state in IMPORT_END_STATES,
        file_name=row.file_name,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        mode=row.mode,
        bad_rows_policy=row.bad_rows_policy,
        dry_run=row.dry_run,
        good_rows=row.good_rows,
        bad_rows=row.bad_rows,
        applied=row.applied,
        created=row.created,
        changed=row.changed,
        skipped=row.skipped,
        refused=row.applied - row.created - row.changed - row.skipped,
        refused_rows=row.refused[:REFUSED_ROWS_SHOWN_MAX],
        has_result=row.result is not None,
        has_problems=row.report is not None and row.bad_rows > 0,
        plan_of=row.plan_of,
        plan_hash=row.plan_hash,
        plan_counts=row.plan_counts,
        plan_until=row.plan_until,
        plan_applied_by=row.plan_applied_by,
        undone_by=row.undone_by,
        code=row.code,
        detail=row.detail,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def export_view(row: ExportRow, file_until: datetime | None) -> ExportView:
    """Show an export job."""
    return ExportView(
        job_id=row.job_id,
        actor=row.actor,
        state=row.state,
        done=row.state in EXPORT_END_STATES,
        filter=row.filter,
        format=row.format,
        columns=row.columns,
        rows=row.rows,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        file_until=file_until,
        code=row.code,
        detail=row.detail,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
