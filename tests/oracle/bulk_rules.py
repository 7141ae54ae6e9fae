"""The rules of bulk actions once more, as plainly as they can be said."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from contracts import bulk_actions as a
from contracts.envelope import EventEnvelope

Event = EventEnvelope[Any]

ONE_WEEK: Final = timedelta(days=7)
ONE_DAY: Final = timedelta(hours=24)


class BulkFacts(Struct, gc=False):
    """What the rules need to know of a bulk action."""

    actor: str
    asked: a.BulkActionRequested
    state: str = "requested"
    selected: int = 0
    mismatch: bool = False
    until: datetime | None = None
    approved: bool = False
    applied: int = 0
    changed: int = 0
    passwords_until: datetime | None = None
    taken: bool = False


# The states in which each step may happen, and the state after it.
_STEPS: Final = {
    a.BulkActionSelected: ({"requested"}, "selected"),
    a.BulkActionApprovalNeeded: ({"selected"}, "awaiting"),
    a.BulkActionApproved: ({"awaiting"}, "selected"),
    a.BulkActionDeclined: ({"awaiting"}, "ended"),
    a.BulkActionLapsed: ({"awaiting"}, "ended"),
    a.BulkActionApplied: ({"selected", "applying", "cancelling"}, "applying"),
    a.BulkActionCancelRequested: ({"selected", "applying"}, "cancelling"),
    a.BulkActionCancelled: ({"requested", "awaiting", "cancelling"}, "ended"),
    a.BulkActionFinished: ({"selected", "applying", "cancelling"}, "ended"),
    a.BulkActionFailed: ({"requested", "selected", "cancelling"}, "ended"),
    a.BulkPasswordsTaken: ({"ended"}, "ended"),
    a.BulkActionUndoBegun: ({"ended"}, "ended"),
}


class BulkRules:
    """Bulk actions: fixed once, approved by somebody else, each mailbox once, and nothing after the end."""

    def __init__(self) -> None:
        self._jobs: dict[str, BulkFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        data, job = event.data, self._jobs.get(event.subject)
        if isinstance(data, a.BulkActionRequested):
            if job is not None:
                yield "a bulk action begun twice"
            self._jobs[event.subject] = BulkFacts(event.actor, data)
        elif job is None:
            yield f"{event.type} of a bulk action that never began"
        else:
            yield from self._step(job, event)

    def _step(self, job: BulkFacts, event: Event) -> Iterator[str]:
        allowed, state_after = _STEPS[type(event.data)]
        if job.state not in allowed:
            yield f"{event.type} of a bulk action that is {job.state}"
        if job.mismatch and not isinstance(event.data, a.BulkActionFailed) and job.state != "ended":
            yield f"{event.type} although other mailboxes were selected than expected"
        match event.data:
            case a.BulkActionSelected():
                self._selected(job, event.data)
            case a.BulkActionApplied():
                yield from self._applied(job, event.data)
            case a.BulkActionFinished() | a.BulkActionCancelled():
                yield from self._ended(job, event)
            case a.BulkActionFailed() if job.applied:
                yield "failed after it had changed something"
            case a.BulkPasswordsTaken():
                yield from self._taken(job, event)
            case a.BulkActionUndoBegun() if not job.changed or job.asked.action == "clean":
                yield "an undo of what can't be undone"
            case _:
                yield from self._approval(job, event)
        if job.state != "cancelling" or state_after == "ended":
            job.state = state_after

    def _selected(self, job: BulkFacts, data: a.BulkActionSelected) -> None:
        job.selected = data.count
        other = job.asked.expected_digest not in (None, data.digest)
        job.mismatch = data.count != job.asked.expected_count or other

    def _approval(self, job: BulkFacts, event: Event) -> Iterator[str]:
        match event.data:
            case a.BulkActionApprovalNeeded(until=until):
                if not job.asked.needs_approval or until != event.time + ONE_WEEK:
                    yield "an approval that was not asked for, or not for a week"
                job.until = until
            case a.BulkActionApproved() | a.BulkActionDeclined():
                if event.actor == job.actor or event.actor.partition(":")[0] not in ("user", "operator"):
                    yield "decided by whoever asked for it, or by no person"
                if job.until is not None and event.time >= job.until:
                    yield "decided after the time for it"
                job.approved = isinstance(event.data, a.BulkActionApproved)
            case a.BulkActionLapsed():
                if job.until is None or event.time < job.until:
                    yield "lapsed before its time"
            case _:
                pass

    def _applied(self, job: BulkFacts, data: a.BulkActionApplied) -> Iterator[str]:
        if job.asked.needs_approval and not job.approved:
            yield "begun without the approval that it needs"
        if data.first != job.applied + 1 or data.last < data.first or data.last > job.selected:
            yield f"mailboxes {data.first} to {data.last} after {job.applied} of {job.selected}"
        counted = data.changed + data.unchanged + sum(data.refusals.values())
        if counted != data.last - data.first + 1:
            yield f"{counted} mailboxes counted from {data.first} to {data.last}"
        job.applied = data.last
        job.changed += data.changed

    def _ended(self, job: BulkFacts, event: Event) -> Iterator[str]:
        if isinstance(event.data, a.BulkActionFinished) and job.applied != job.selected:
            yield f"finished after {job.applied} of {job.selected} mailboxes"
        job.passwords_until = event.data.passwords_until
        made = job.asked.passwords_key_id is not None and job.changed > 0
        if job.passwords_until != (event.time + ONE_DAY if made else None):
            yield "passwords kept for another time than a day, or none made"

    def _taken(self, job: BulkFacts, event: Event) -> Iterator[str]:
        if job.taken or event.actor != job.actor:
            yield "passwords taken twice, or by somebody else"
        if job.passwords_until is None or event.time >= job.passwords_until:
            yield "passwords taken after their time, or where there are none"
        job.taken = True
