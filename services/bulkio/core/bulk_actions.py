"""One bulk action as the decider sees it, and how each event changes it."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from contracts.bulk_actions import (
    BulkActionApplied,
    BulkActionApprovalNeeded,
    BulkActionApproved,
    BulkActionCancelled,
    BulkActionCancelRequested,
    BulkActionDeclined,
    BulkActionEvent,
    BulkActionFailed,
    BulkActionFinished,
    BulkActionKind,
    BulkActionLapsed,
    BulkActionRequested,
    BulkActionSelected,
    BulkActionUndoBegun,
    BulkPasswordsTaken,
)
from contracts.envelope import EventEnvelope
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow, BulkActionState


class BulkActionJob(Struct, gc=False):
    """As much of a bulk action as its next steps depend on. `total` is None until it is fixed what it is about."""

    state: BulkActionState
    version: int
    actor: str
    action: BulkActionKind
    expected_count: int
    expected_digest: str | None
    needs_approval: bool
    generates_passwords: bool
    total: int | None = None
    digest: str | None = None
    approval_until: datetime | None = None
    decided_by: str | None = None
    applied: int = 0
    changed: int = 0
    passwords_until: datetime | None = None
    passwords_taken: bool = False
    undone_by: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in BULK_ACTION_END_STATES

    @classmethod
    def from_row(cls, row: BulkActionRow) -> "BulkActionJob":
        """Give the state that the read model tells of: the same as folding the events it has seen."""
        return cls(
            state=row.state,
            version=row.version,
            actor=row.actor,
            action=row.action,
            expected_count=row.expected_count,
            expected_digest=row.expected_digest,
            needs_approval=row.needs_approval,
            generates_passwords=row.passwords_key_id is not None,
            total=None if row.digest is None else row.total,
            digest=row.digest,
            approval_until=row.approval_until,
            decided_by=row.decided_by,
            applied=row.applied,
            changed=row.changed,
            passwords_until=row.passwords_until,
            passwords_taken=row.passwords_taken_at is not None,
            undone_by=row.undone_by,
        )


def evolve_bulk_action(jobs: dict[str, BulkActionJob], event: EventEnvelope[BulkActionEvent]) -> None:
    """Let the bulk actions be what they are after the event."""
    data = event.data
    if isinstance(data, BulkActionRequested):
        jobs[data.job_id] = BulkActionJob(
            state="requested",
            version=event.version,
            actor=event.actor,
            action=data.action,
            expected_count=data.expected_count,
            expected_digest=data.expected_digest,
            needs_approval=data.needs_approval,
            generates_passwords=data.passwords_key_id is not None,
        )
        return
    job = jobs[event.subject]
    job.version = event.version
    match data:
        case BulkActionSelected():
            job.state, job.total, job.digest = "selected", data.count, data.digest
        case BulkActionApprovalNeeded(until=until):
            job.state, job.approval_until = "awaiting_approval", until
        case BulkActionApproved():
            job.state, job.decided_by = "selected", event.actor
        case BulkActionDeclined():
            job.state, job.decided_by = "declined", event.actor
        case BulkActionLapsed():
            job.state = "lapsed"
        case BulkActionApplied():
            if job.state == "selected":
                job.state = "applying"
            job.applied = data.last
            job.changed += data.changed
        case BulkActionCancelRequested():
            job.state = "cancelling"
        case BulkActionCancelled(passwords_until=until):
            job.state, job.passwords_until = "cancelled", until
        case BulkActionFinished(passwords_until=until):
            job.state, job.passwords_until = "finished", until
        case BulkActionFailed():
            job.state = "failed"
        case BulkPasswordsTaken():
            job.passwords_taken = True
        case BulkActionUndoBegun(undo_job_id=undo_job_id):
            job.undone_by = undo_job_id
        case _:
            assert_never(data)
