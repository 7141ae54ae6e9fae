"""What becomes of an order about a bulk action."""

from datetime import timedelta
from typing import Final, assert_never

from contracts.bulk_actions import (
    APPROVAL_DAYS,
    PASSWORDS_KEPT_HOURS,
    ApproveBulkAction,
    BulkActionApplied,
    BulkActionApprovalNeeded,
    BulkActionApproved,
    BulkActionCancelled,
    BulkActionCancelRequested,
    BulkActionCommand,
    BulkActionDeclined,
    BulkActionEvent,
    BulkActionFailed,
    BulkActionFinished,
    BulkActionLapsed,
    BulkActionRequested,
    BulkActionSelected,
    BulkActionUndoBegun,
    BulkPasswordsTaken,
    CancelBulkAction,
    DeclineBulkAction,
    FailBulkAction,
    FinishBulkAction,
    LapseBulkAction,
    ReportBulkActionApplied,
    ReportBulkActionSelected,
    StartBulkAction,
    TakeBulkPasswords,
)
from contracts.bulkio import BulkioEvent, ImportUndoBegun
from contracts.decision import About, Accepted, Order, Refused
from contracts.ids import JobId, SealKeyId
from contracts.outcome import RefusalCode
from services.bulkio.core.bulk_actions import BulkActionJob
from services.bulkio.core.jobs import ImportJob, TenantJobs

Decision = Accepted[BulkioEvent] | Refused

_PERSONS: Final = ("user:", "operator:")
"""Who may approve: people. A key could be the asker's own."""


def decide_bulk_action(command: BulkActionCommand, jobs: TenantJobs, order: Order) -> Decision:
    """Give the events that a command about a bulk action causes, or the refusal."""
    if isinstance(command, StartBulkAction):
        return _start(command, jobs)
    job = jobs.bulk_actions.get(command.job_id)
    if job is None:
        return _refused(command, RefusalCode.JOB_UNKNOWN)
    match command:
        case ReportBulkActionSelected():
            return _report_selected(command, job, order)
        case ApproveBulkAction():
            return _approve(command, job, order)
        case DeclineBulkAction():
            return _decline(command, job, order)
        case LapseBulkAction():
            return _lapse(command, job, order)
        case ReportBulkActionApplied():
            return _report_applied(command, job)
        case FinishBulkAction():
            return _finish(command, job, order)
        case FailBulkAction():
            return _fail(command, job)
        case CancelBulkAction():
            return _cancel(command, job)
        case TakeBulkPasswords():
            return _take_passwords(command, job, order)
        case _:
            assert_never(command)


def _start(command: StartBulkAction, jobs: TenantJobs) -> Decision:
    kind = jobs.kind_of(command.job_id)
    if kind == "bulk action":
        return _accepted(command)
    if kind is not None:
        return _refused(command, RefusalCode.JOB_STATE, f"the id is that of another job: {kind}")
    also: tuple[About[BulkioEvent], ...] = ()
    if command.undo_of is not None:
        undo_job_id = JobId(command.job_id)
        if (imported := jobs.imports.get(command.undo_of)) is not None:
            problem = _why_no_import_undone(command, imported, jobs)
            also = (About(command.undo_of, ImportUndoBegun(undo_job_id=undo_job_id)),)
        else:
            problem = _why_not_undone(command, jobs.bulk_actions.get(command.undo_of), jobs)
            also = (About(command.undo_of, BulkActionUndoBegun(undo_job_id=undo_job_id)),)
        if problem is not None:
            return problem
    requested = BulkActionRequested(
        job_id=JobId(command.job_id),
        action=command.action,
        filter=command.filter,
        wanted=command.wanted,
        undo_of=None if command.undo_of is None else JobId(command.undo_of),
        note=command.note,
        drop_targets=command.drop_targets,
        reason=command.reason,
        expected_count=command.expected_count,
        expected_digest=command.expected_digest,
        needs_approval=command.needs_approval,
        key_id=SealKeyId(command.key_id),
        passwords_key_id=None if command.passwords_key_id is None else SealKeyId(command.passwords_key_id),
        within=command.within,
    )
    return Accepted(command.job_id, (requested,), also)


def _why_not_undone(command: StartBulkAction, job: BulkActionJob | None, jobs: TenantJobs) -> Refused | None:
    if job is None:
        return _refused(command, RefusalCode.JOB_UNKNOWN)
    if not job.ended or not job.changed:
        return _refused(command, RefusalCode.JOB_STATE, "the job has changed nothing, or is not at its end")
    if job.action == "clean":
        return _refused(command, RefusalCode.JOB_STATE, "what was cleaned comes back from the archive alone")
    return _undone_already(command, job.undone_by, jobs)


def _why_no_import_undone(command: StartBulkAction, job: ImportJob, jobs: TenantJobs) -> Refused | None:
    if not job.ended or not job.changed_mailboxes:
        return _refused(
            command, RefusalCode.JOB_STATE, "the import has changed nothing, or is not at its end"
        )
    return _undone_already(command, job.undone_by, jobs)


def _undone_already(command: StartBulkAction, undone_by: str | None, jobs: TenantJobs) -> Refused | None:
    """Refuse a second undo, unless the first came to nothing."""
    earlier = None if undone_by is None else jobs.bulk_actions[undone_by]
    if earlier is not None and (not earlier.ended or earlier.applied):
        return _refused(command, RefusalCode.JOB_STATE, "the job is undone already")
    return None


def _report_selected(command: ReportBulkActionSelected, job: BulkActionJob, order: Order) -> Decision:
    if job.total is not None and (job.total, job.digest) == (command.count, command.digest):
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.total is not None:
        return _refused(command, RefusalCode.JOB_STATE, "it is fixed already what the job is about")
    selected = BulkActionSelected(count=command.count, digest=command.digest, snapshot=command.snapshot)
    if command.count != job.expected_count:
        detail = f"{job.expected_count} mailboxes were expected, and {command.count} found"
        return _accepted(command, selected, BulkActionFailed(code="selection_changed", detail=detail))
    if job.expected_digest not in (None, command.digest):
        detail = "as many mailboxes as expected, but others"
        return _accepted(command, selected, BulkActionFailed(code="selection_changed", detail=detail))
    if job.needs_approval:
        until = order.now + timedelta(days=APPROVAL_DAYS)
        return _accepted(command, selected, BulkActionApprovalNeeded(until=until))
    return _accepted(command, selected)


def _approve(command: ApproveBulkAction, job: BulkActionJob, order: Order) -> Decision:
    if job.decided_by == order.actor and job.state != "declined":
        return _accepted(command)
    return _not_decidable(command, job, order) or _accepted(command, BulkActionApproved())


def _decline(command: DeclineBulkAction, job: BulkActionJob, order: Order) -> Decision:
    if job.decided_by == order.actor and job.state == "declined":
        return _accepted(command)
    return _not_decidable(command, job, order) or _accepted(
        command, BulkActionDeclined(reason=command.reason)
    )


def _not_decidable(
    command: ApproveBulkAction | DeclineBulkAction, job: BulkActionJob, order: Order
) -> Refused | None:
    if order.actor == job.actor or not order.actor.startswith(_PERSONS):
        return _refused(command, RefusalCode.APPROVER_NEEDED)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.state != "awaiting_approval" or job.approval_until is None:
        return _refused(command, RefusalCode.JOB_STATE, "the job does not wait for approval")
    if order.now >= job.approval_until:
        return _refused(command, RefusalCode.JOB_STATE, "the time for approval is over")
    return None


def _lapse(command: LapseBulkAction, job: BulkActionJob, order: Order) -> Decision:
    if job.state == "lapsed":
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.approval_until is None or job.decided_by is not None or order.now < job.approval_until:
        return _refused(command, RefusalCode.JOB_STATE, "the job can still be approved, or was")
    return _accepted(command, BulkActionLapsed())


def _report_applied(command: ReportBulkActionApplied, job: BulkActionJob) -> Decision:
    if command.first <= command.last <= job.applied:
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.total is None or job.state == "awaiting_approval":
        return _refused(command, RefusalCode.JOB_STATE, f"the job is {job.state}")
    if command.first != job.applied + 1:
        return _refused(command, RefusalCode.JOB_STATE, f"expected number {job.applied + 1} to be the next")
    if not command.first <= command.last <= job.total:
        return _refused(command, RefusalCode.JOB_STATE, f"the job is about {job.total} mailboxes")
    counted = command.changed + command.unchanged + sum(command.refusals.values())
    if counted != command.last - command.first + 1:
        return _refused(command, RefusalCode.JOB_STATE, "the counts do not add up to the mailboxes")
    applied = BulkActionApplied(
        first=command.first,
        last=command.last,
        changed=command.changed,
        unchanged=command.unchanged,
        refusals=command.refusals,
    )
    return _accepted(command, applied)


def _finish(command: FinishBulkAction, job: BulkActionJob, order: Order) -> Decision:
    if job.state == "finished":
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    until = None
    if job.generates_passwords and job.changed:
        until = order.now + timedelta(hours=PASSWORDS_KEPT_HOURS)
    # A cancellation that came after the last mailbox stopped nothing, so the job is finished all the same.
    if job.total is not None and job.applied == job.total and job.state != "awaiting_approval":
        return _accepted(command, BulkActionFinished(passwords_until=until))
    if job.state == "cancelling":
        return _accepted(command, BulkActionCancelled(passwords_until=until))
    return _refused(command, RefusalCode.JOB_STATE, "mailboxes are left to do")


def _fail(command: FailBulkAction, job: BulkActionJob) -> Decision:
    if job.state == "failed":
        return _accepted(command)
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.applied:
        return _refused(command, RefusalCode.JOB_STATE, "mailboxes are changed already")
    return _accepted(command, BulkActionFailed(code=command.code, detail=command.detail))


def _cancel(command: CancelBulkAction, job: BulkActionJob) -> Decision:
    if job.ended:
        return _refused(command, RefusalCode.JOB_ENDED)
    if job.state == "cancelling":
        return _accepted(command)
    if job.state in ("requested", "awaiting_approval"):
        # No command for a mailbox can be on its way yet.
        return _accepted(command, BulkActionCancelled())
    return _accepted(command, BulkActionCancelRequested())


def _take_passwords(command: TakeBulkPasswords, job: BulkActionJob, order: Order) -> Decision:
    if order.actor != job.actor:
        return _refused(command, RefusalCode.PERMISSION_EXCEEDED, "they are for whoever asked for the job")
    if job.passwords_taken:
        return _accepted(command)
    if job.passwords_until is None or order.now >= job.passwords_until:
        return _refused(command, RefusalCode.JOB_STATE, "there are no passwords, or not any more")
    return _accepted(command, BulkPasswordsTaken())


def _accepted(command: BulkActionCommand, *events: BulkActionEvent) -> Accepted[BulkioEvent]:
    return Accepted(command.job_id, events)


def _refused(command: BulkActionCommand, code: RefusalCode, detail: str = "") -> Refused:
    return Refused(command.job_id, code, detail)
