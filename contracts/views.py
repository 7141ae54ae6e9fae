"""What the events mean to everybody who reads them: pure folds from events to the rows of read models.

A fold gets the row as it was (None before the first event) and one event, and gives the row as it is; it never
refuses, and it may change the row in place. Every projection of any service is one of these rows in a table.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from contracts.access import AccessEvent, TenantOnboarded, TenantRenamed
from contracts.bulkio import (
    BulkioEvent,
    ExportCancelled,
    ExportFailed,
    ExportFinished,
    ExportRequested,
    ImportCancelled,
    ImportCancelRequested,
    ImportChecked,
    ImportFailed,
    ImportFinished,
    ImportPlanned,
    ImportRowsApplied,
    ImportUploaded,
    RowRefusal,
)
from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    DomainActivated,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainSuspended,
    MailboxCleaned,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxLimitSet,
    MailboxRestored,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PasswordSet,
    SelfServiceAllowed,
    SelfServiceForbidden,
)

DomainStatus = Literal["pending", "active", "suspended", "removed"]
MailboxStatus = Literal["active", "suspended", "deleted"]
ImportState = Literal[
    "uploaded", "checked", "planned", "applying", "cancelling", "cancelled", "finished", "failed"
]
ExportState = Literal["requested", "finished", "failed", "cancelled"]

IMPORT_END_STATES: frozenset[ImportState] = frozenset({"planned", "cancelled", "finished", "failed"})
EXPORT_END_STATES: frozenset[ExportState] = frozenset({"finished", "failed", "cancelled"})


class TenantRow(Struct, kw_only=True):
    """A customer."""

    tenant: str
    title: str
    version: int
    created_at: datetime
    changed_at: datetime


class DomainRow(Struct, kw_only=True):
    """A mail domain. `mailboxes` counts those that are not deleted; `version` is that of the domain itself."""

    domain: str
    tenant: str
    status: DomainStatus
    mailbox_limit: int | None
    mailboxes: int
    version: int
    created_at: datetime
    changed_at: datetime


class MailboxRow(Struct, kw_only=True):
    """A mailbox, also after it was deleted. `archive_id` and `expires_at` are those of the deletion."""

    mailbox_id: str
    tenant: str
    domain: str
    local_part: str
    note: str
    status: MailboxStatus
    suspended: bool
    self_service: bool
    credential_id: str | None
    generation: int
    archive_id: str | None
    expires_at: datetime | None
    version: int
    created_at: datetime
    changed_at: datetime


class ImportRow(Struct, kw_only=True):
    """An import job. `applied` good rows are decided; the other counts say how."""

    job_id: str
    tenant: str
    actor: str
    state: ImportState
    file_name: str
    blob: str
    key_id: str
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
    refused: list[RowRefusal]
    report: str | None
    result: str | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


class ExportRow(Struct, kw_only=True):
    """An export job and, once finished, its file."""

    job_id: str
    tenant: str
    actor: str
    state: ExportState
    filter: str
    format: str
    columns: list[str]
    key_id: str
    blob: str | None
    rows: int
    size_bytes: int
    sha256: str | None
    snapshot: dict[str, int]
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


def fold_tenant(row: TenantRow | None, event: EventEnvelope[AccessEvent]) -> TenantRow | None:
    """The customer after the event."""
    match event.data:
        case TenantOnboarded(title=title):
            return TenantRow(
                tenant=event.tenant,
                title=title,
                version=event.version,
                created_at=event.time,
                changed_at=event.time,
            )
        case TenantRenamed(title=title):
            assert row is not None
            row.title = title
            row.version = event.version
            row.changed_at = event.time
    return row


def fold_domain(row: DomainRow | None, event: EventEnvelope[MailboxEvent]) -> DomainRow | None:
    """The domain after the event, which may also be one of a mailbox in it."""
    data = event.data
    if isinstance(data, DomainRegistered):
        return DomainRow(
            domain=event.stream,
            tenant=event.tenant,
            status="pending",
            mailbox_limit=data.mailbox_limit,
            mailboxes=0,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    assert row is not None
    match data:
        case MailboxCreated() | MailboxRestored():
            row.mailboxes += 1
            return row
        case MailboxDeleted():
            row.mailboxes -= 1
            return row
        case DomainActivated() | DomainResumed():
            row.status = "active"
        case DomainSuspended():
            row.status = "suspended"
        case DomainRemoved():
            row.status = "removed"
        case MailboxLimitSet(mailbox_limit=limit):
            row.mailbox_limit = limit
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_mailbox(row: MailboxRow | None, event: EventEnvelope[MailboxEvent]) -> MailboxRow | None:
    """The mailbox after the event; an event of the domain itself changes no mailbox."""
    data = event.data
    if isinstance(data, MailboxCreated):
        return MailboxRow(
            mailbox_id=data.mailbox_id,
            tenant=event.tenant,
            domain=event.stream,
            local_part=data.local_part,
            note=data.note,
            status="active",
            suspended=False,
            self_service=False,
            credential_id=data.credential_id,
            generation=1,
            archive_id=None,
            expires_at=None,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case NoteChanged(note=note):
            row.note = note
        case PasswordSet(credential_id=credential_id):
            row.credential_id = credential_id
        case SelfServiceAllowed():
            row.self_service = True
        case SelfServiceForbidden():
            row.self_service = False
        case MailboxSuspended():
            row.status, row.suspended = "suspended", True
        case MailboxResumed():
            row.status, row.suspended = "active", False
        case MailboxCleaned(generation=generation):
            row.generation = generation
        case MailboxDeleted(archive_id=archive_id, generation=generation, expires_at=expires_at):
            row.status = "deleted"
            row.archive_id, row.generation, row.expires_at = archive_id, generation, expires_at
        case MailboxRestored():
            row.status = "suspended" if data.suspended else "active"
            row.archive_id, row.expires_at = None, None
            row.credential_id, row.note = data.credential_id, data.note
            row.self_service, row.suspended = data.self_service, data.suspended
            row.generation = data.generation
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_import(row: ImportRow | None, event: EventEnvelope[BulkioEvent]) -> ImportRow | None:
    """The import job after the event."""
    data = event.data
    if isinstance(data, ImportUploaded):
        return ImportRow(
            job_id=data.job_id,
            tenant=event.tenant,
            actor=event.actor,
            state="uploaded",
            file_name=data.file_name,
            blob=data.blob,
            key_id=data.key_id,
            size_bytes=data.size_bytes,
            sha256=data.sha256,
            mode=data.mode,
            bad_rows_policy=data.bad_rows,
            dry_run=data.dry_run,
            good_rows=0,
            bad_rows=0,
            applied=0,
            created=0,
            changed=0,
            skipped=0,
            refused=[],
            report=None,
            result=None,
            code=None,
            detail="",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case ImportChecked():
            if row.state == "uploaded":
                row.state = "checked"
            row.good_rows, row.bad_rows, row.report = data.good_rows, data.bad_rows, data.report
        case ImportPlanned():
            row.state = "planned"
        case ImportRowsApplied():
            if row.state == "checked":
                row.state = "applying"
            row.applied = data.last
            row.created += data.created
            row.changed += data.changed
            row.skipped += data.skipped
            row.refused.extend(data.refused)
        case ImportCancelRequested():
            row.state = "cancelling"
        case ImportCancelled(result=result):
            row.state, row.result = "cancelled", result
        case ImportFinished(result=result):
            row.state, row.result = "finished", result
        case ImportFailed(code=code, detail=detail):
            row.state, row.code, row.detail = "failed", code, detail
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def fold_export(row: ExportRow | None, event: EventEnvelope[BulkioEvent]) -> ExportRow | None:
    """The export job after the event."""
    data = event.data
    if isinstance(data, ExportRequested):
        return ExportRow(
            job_id=data.job_id,
            tenant=event.tenant,
            actor=event.actor,
            state="requested",
            filter=data.filter,
            format=data.format,
            columns=list(data.columns),
            key_id=data.key_id,
            blob=None,
            rows=0,
            size_bytes=0,
            sha256=None,
            snapshot={},
            code=None,
            detail="",
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case ExportFinished():
            row.state = "finished"
            row.blob, row.rows, row.size_bytes = data.blob, data.rows, data.size_bytes
            row.sha256, row.snapshot = data.sha256, data.snapshot
        case ExportFailed(code=code, detail=detail):
            row.state, row.code, row.detail = "failed", code, detail
        case ExportCancelled():
            row.state = "cancelled"
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def stream_of(event: EventEnvelope[Any]) -> str:
    """The key of the row that every event of a stream concerns: a tenant, or a domain with its count of mailboxes."""
    return event.stream


def mailbox_of(event: EventEnvelope[Any]) -> str | None:
    """The mailbox that an event of a domain's stream is about, if it is about one."""
    return None if event.subject == event.stream else event.subject


def job_of(event: EventEnvelope[Any]) -> str:
    """The job that an event is about."""
    return event.subject
