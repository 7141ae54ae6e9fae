"""Bulk actions as their readers know them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from contracts.bulk_actions import (
    BulkActionApplied,
    BulkActionApprovalNeeded,
    BulkActionApproved,
    BulkActionCancelled,
    BulkActionCancelRequested,
    BulkActionDeclined,
    BulkActionFailed,
    BulkActionFinished,
    BulkActionKind,
    BulkActionLapsed,
    BulkActionRequested,
    BulkActionSelected,
    BulkActionUndoBegun,
    BulkPasswordsTaken,
)
from contracts.bulkio import BulkioEvent
from contracts.envelope import EventEnvelope

BulkActionState = Literal[
    "requested",
    "awaiting_approval",
    "selected",
    "applying",
    "cancelling",
    "finished",
    "cancelled",
    "failed",
    "declined",
    "lapsed",
]

BULK_ACTION_END_STATES: frozenset[BulkActionState] = frozenset(
    {"finished", "cancelled", "failed", "declined", "lapsed"}
)


class BulkActionRow(Struct, kw_only=True):
    """A bulk action. `total` mailboxes are selected, `applied` of them decided; the other counts say how.

    `wanted` is the sealed list of a selection by ids. `within` are the domains that it may touch, None all of the
    tenant's. `decided_by` approved or declined it.
    """

    job_id: str
    tenant: str
    actor: str
    state: BulkActionState
    action: BulkActionKind
    filter: str
    wanted: str | None
    undo_of: str | None
    undone_by: str | None
    note: str
    drop_targets: bool
    reason: str
    expected_count: int
    expected_digest: str | None
    needs_approval: bool
    key_id: str
    passwords_key_id: str | None
    within: list[str] | None
    total: int
    digest: str | None
    snapshot: dict[str, int]
    approval_until: datetime | None
    decided_by: str | None
    applied: int
    changed: int
    unchanged: int
    refusals: dict[str, int]
    passwords_until: datetime | None
    passwords_taken_at: datetime | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


def fold_bulk_action(row: BulkActionRow | None, event: EventEnvelope[BulkioEvent]) -> BulkActionRow | None:
    """The bulk action after the event."""
    data = event.data
    if isinstance(data, BulkActionRequested):
        return _requested(event, data)
    if row is None:
        return None
    match data:
        case BulkActionSelected():
            row.state = "selected"
            row.total, row.digest, row.snapshot = data.count, data.digest, data.snapshot
        case BulkActionApprovalNeeded(until=until):
            row.state, row.approval_until = "awaiting_approval", until
        case BulkActionApproved():
            row.state, row.decided_by = "selected", event.actor
        case BulkActionDeclined(reason=reason):
            row.state, row.decided_by, row.code, row.detail = "declined", event.actor, "declined", reason
        case BulkActionLapsed():
            row.state, row.code = "lapsed", "lapsed"
        case BulkActionApplied():
            if row.state == "selected":
                row.state = "applying"
            row.applied = data.last
            row.changed += data.changed
            row.unchanged += data.unchanged
            for code, count in data.refusals.items():
                row.refusals[code] = row.refusals.get(code, 0) + count
        case BulkActionCancelRequested():
            row.state = "cancelling"
        case BulkActionCancelled(passwords_until=until):
            row.state, row.passwords_until = "cancelled", until
        case BulkActionFinished(passwords_until=until):
            row.state, row.passwords_until = "finished", until
        case BulkActionFailed(code=code, detail=detail):
            row.state, row.code, row.detail = "failed", code, detail
        case BulkPasswordsTaken():
            row.passwords_taken_at = event.time
        case BulkActionUndoBegun(undo_job_id=undo_job_id):
            row.undone_by = undo_job_id
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def _requested(event: EventEnvelope[BulkioEvent], data: BulkActionRequested) -> BulkActionRow:
    return BulkActionRow(
        job_id=data.job_id,
        tenant=event.tenant,
        actor=event.actor,
        state="requested",
        action=data.action,
        filter=data.filter,
        wanted=data.wanted,
        undo_of=data.undo_of,
        undone_by=None,
        note=data.note,
        drop_targets=data.drop_targets,
        reason=data.reason,
        expected_count=data.expected_count,
        expected_digest=data.expected_digest,
        needs_approval=data.needs_approval,
        key_id=data.key_id,
        passwords_key_id=data.passwords_key_id,
        within=None if data.within is None else list(data.within),
        total=0,
        digest=None,
        snapshot={},
        approval_until=None,
        decided_by=None,
        applied=0,
        changed=0,
        unchanged=0,
        refusals={},
        passwords_until=None,
        passwords_taken_at=None,
        code=None,
        detail="",
        version=event.version,
        created_at=event.time,
        changed_at=event.time,
    )
