"""The rules of import and export jobs once more, as plainly as they can be said."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from contracts import bulkio as b
from contracts.bulk_actions import BulkActionEvent
from contracts.envelope import EventEnvelope
from tests.oracle.bulk_rules import BulkRules

Event = EventEnvelope[Any]


class JobFacts(Struct, gc=False):
    """What the rules need to know of a job."""

    kind: str
    state: str
    good_rows: int = 0
    applied: int = 0
    changed: int = 0
    plan: b.ImportPlanned | None = None
    plan_applied_by: str | None = None
    plan_of: str | None = None
    expected_plan: str | None = None
    found_plan: str | None = None


# The states in which each step of a job may happen, and the state after it; None leaves it as it is.
_JOB_STEPS: Final = {
    b.ImportChecked: ({"uploaded", "cancelling"}, "checked"),
    b.ImportPlanned: ({"checked"}, "ended"),
    b.ImportRowsApplied: ({"checked", "applying", "cancelling"}, "applying"),
    b.ImportCancelRequested: ({"uploaded", "checked", "applying"}, "cancelling"),
    b.ImportCancelled: ({"cancelling"}, "ended"),
    b.ImportFinished: ({"checked", "applying", "cancelling"}, "ended"),
    b.ImportFailed: ({"uploaded", "checked", "cancelling"}, "ended"),
    b.ImportUndoBegun: ({"ended"}, "ended"),
    b.ImportPlanApplied: ({"ended"}, "ended"),
    b.ExportFinished: ({"requested"}, "ended"),
    b.ExportFailed: ({"requested"}, "ended"),
    b.ExportCancelled: ({"requested"}, "ended"),
}


class JobRules:
    """Import and export jobs: one step after another, each row once, and nothing after the end."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobFacts] = {}
        self._bulk_actions = BulkRules()

    def broken_by(self, event: Event) -> Iterator[str]:
        data = event.data
        if event.tenant != event.stream:
            yield "a job in another tenant's stream"
        if isinstance(data, BulkActionEvent):
            yield from self._bulk_actions.broken_by(event)
            return
        job = self._jobs.get(event.subject)
        if isinstance(data, b.ImportUploaded | b.ExportRequested):
            if job is not None:
                yield "a job begun twice"
            importing = isinstance(data, b.ImportUploaded)
            self._jobs[event.subject] = JobFacts(
                "import" if importing else "export", "uploaded" if importing else "requested"
            )
            if importing:
                yield from self._begun(self._jobs[event.subject], data)
        elif job is None:
            yield f"{event.type} of a job that never began"
        else:
            yield from self._step(job, event)

    def _step(self, job: JobFacts, event: Event) -> Iterator[str]:
        allowed, state_after = _JOB_STEPS[type(event.data)]
        if not event.type.startswith(job.kind):
            yield f"{event.type} of an {job.kind}"
        if job.state not in allowed:
            yield f"{event.type} of a job that is {job.state}"
        match event.data:
            case b.ImportChecked(good_rows=good_rows):
                job.good_rows, job.found_plan = good_rows, event.data.plan_hash
            case b.ImportPlanned():
                job.plan = event.data
            case b.ImportPlanApplied(by_job_id=by_job_id):
                yield from self._plan_applied(job, by_job_id, event)
            case b.ImportRowsApplied() if job.plan_of and job.found_plan != job.expected_plan:
                yield "rows applied of a plan that had changed"
            case b.ImportRowsApplied():
                yield from self._rows_applied(job, event.data)
            case b.ImportFinished() if job.applied != job.good_rows:
                yield f"finished after {job.applied} of {job.good_rows} rows"
            case b.ImportUndoBegun() if not job.changed:
                yield "an undo of an import that changed nothing"
            case _:
                pass
        if job.state != "cancelling" or state_after == "ended":
            job.state = state_after

    def _begun(self, job: JobFacts, data: b.ImportUploaded) -> Iterator[str]:
        job.plan_of, job.expected_plan = data.plan_of, data.expected_plan
        if data.plan_of is not None:
            planned = self._jobs.get(data.plan_of)
            if planned is None or planned.plan is None or planned.plan.plan_hash is None:
                yield "a plan applied of a job that has none"
            elif planned.plan.plan_hash != data.expected_plan:
                yield "a plan applied by another hash"

    def _plan_applied(self, job: JobFacts, by_job_id: str, event: Event) -> Iterator[str]:
        applying = self._jobs.get(by_job_id)
        if applying is None or applying.plan_of != event.subject:
            yield "a plan applied by a job that does not"
        if job.plan_applied_by is not None:
            yield "a plan applied twice"
        if job.plan is not None and job.plan.until is not None and event.time >= job.plan.until:
            yield "a plan applied too late"
        job.plan_applied_by = by_job_id

    def _rows_applied(self, job: JobFacts, data: b.ImportRowsApplied) -> Iterator[str]:
        if data.first != job.applied + 1 or data.last < data.first or data.last > job.good_rows:
            yield f"rows {data.first} to {data.last} applied after {job.applied} of {job.good_rows}"
        counted = data.created + data.changed + data.skipped + len(data.refused)
        if counted != data.last - data.first + 1:
            yield f"{counted} rows counted from {data.first} to {data.last}"
        # A row that changed a note and was then refused is among them too.
        named = [change.row for change in data.changed_rows]
        if len(set(named)) != len(named) or len(named) > data.changed + len(data.refused):
            yield f"{len(named)} rows named that changed a mailbox, of {data.changed} and {len(data.refused)} refused"
        job.applied = data.last
        job.changed += data.created + data.changed
