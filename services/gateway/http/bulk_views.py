"""What the API shows of bulk actions."""

from datetime import datetime

from msgspec import Struct

from contracts.bulk_actions import BulkActionKind
from contracts.views.bulk_actions import BULK_ACTION_END_STATES, BulkActionRow, BulkActionState


class ConfirmationNeeded(Struct, frozen=True, kw_only=True):
    """What a confirmation must repeat; the word only for what destroys."""

    count: int
    word: str


class BulkPreview(Struct, frozen=True, kw_only=True):
    """What a bulk action would do, as far as can be foreseen. Nothing is changed or kept.

    `count` is what `expected_count` must be, `digest` what `expected_digest` may be. `refusals` are counted by code.
    """

    count: int
    would_change: int
    already_so: int
    refused: int
    refusals: dict[str, int]
    digest: str
    confirmation: ConfirmationNeeded | None
    needs_approval: bool


class UndoPreview(Struct, frozen=True, kw_only=True):
    """What an undo would do. `count` is what `expected_count` must be: all that the job changed and that has an opposite.

    Of those, `refusals` says by code which can't be undone any more; `without_opposite` never could.
    """

    count: int
    would_change: int
    refused: int
    refusals: dict[str, int]
    without_opposite: int
    confirmation: ConfirmationNeeded | None
    needs_approval: bool


class ImportUndoPreview(Struct, frozen=True, kw_only=True):
    """What the undo of an import would do. `count` is what `expected_count` must be: all that the import created or changed.

    `would_change` of them would be deleted or get back what they had; `passwords_stay` counts those of the latter that keep
    the import's password. `refusals` says by code which can't be undone, with some addresses of each code in `examples`. It
    is foreseen from mailboxes as they were at `as_of` (topic/partition → next offset); the writer decides.
    """

    count: int
    would_change: int
    would_delete: int
    would_give_back: int
    passwords_stay: int
    refused: int
    refusals: dict[str, int]
    examples: dict[str, list[str]]
    as_of: dict[str, int]
    confirmation: ConfirmationNeeded | None
    needs_approval: bool


class BulkActionView(Struct, frozen=True, kw_only=True, tag_field="kind", tag="bulk_action"):
    """A bulk action. `total` mailboxes are selected, `applied` of them decided: changed, unchanged or refused.

    Without a filter it is about mailboxes that were named by id, or about those that `undo_of` changed: a bulk action or an
    import.
    """

    job_id: str
    actor: str
    state: BulkActionState
    done: bool
    action: BulkActionKind
    filter: str | None
    undo_of: str | None
    undone_by: str | None
    note: str
    drop_targets: bool
    reason: str
    expected_count: int
    needs_approval: bool
    approval_until: datetime | None
    decided_by: str | None
    total: int
    applied: int
    changed: int
    unchanged: int
    refused: int
    refusals: dict[str, int]
    has_result: bool
    passwords_until: datetime | None
    passwords_taken_at: datetime | None
    code: str | None
    detail: str
    version: int
    created_at: datetime
    changed_at: datetime


def bulk_action_view(row: BulkActionRow) -> BulkActionView:
    """Show a bulk action."""
    return BulkActionView(
        job_id=row.job_id,
        actor=row.actor,
        state=row.state,
        done=row.state in BULK_ACTION_END_STATES,
        action=row.action,
        filter=row.filter if row.wanted is None and row.undo_of is None else None,
        undo_of=row.undo_of,
        undone_by=row.undone_by,
        note=row.note,
        drop_targets=row.drop_targets,
        reason=row.reason,
        expected_count=row.expected_count,
        needs_approval=row.needs_approval,
        approval_until=row.approval_until,
        decided_by=row.decided_by,
        total=row.total,
        applied=row.applied,
        changed=row.changed,
        unchanged=row.unchanged,
        refused=sum(row.refusals.values()),
        refusals=row.refusals,
        has_result=has_result(row),
        passwords_until=row.passwords_until,
        passwords_taken_at=row.passwords_taken_at,
        code=row.code,
        detail=row.detail,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def has_result(row: BulkActionRow) -> bool:
    """Whether the job has written what happened."""
    return row.state in ("finished", "cancelled") and row.applied > 0
