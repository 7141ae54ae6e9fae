"""Bulk actions, decided: what may follow what, who may approve, and what can be undone."""

from datetime import timedelta
from typing import Any, Final

import pytest

from contracts import bulk_actions as a
from contracts import bulkio as b
from contracts.decision import Accepted
from contracts.ids import ActorName, JobId, SealKeyId
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from services.bulkio.core.decide import decide, subject_of
from services.bulkio.core.jobs import TenantJobs, evolve
from tests.kit.given import NOON, US, Core, Happened, History, Scenario, an_id, refused

JOB: Final = an_id("bulk action")
UNDO: Final = an_id("undo")
KEY: Final = an_id("key")
PASSWORDS: Final = an_id("passwords key")
DIGEST: Final = "d" * 64
ASKER: Final = ActorName("user:asker")
ANOTHER: Final = ActorName("user:another")
in_a_week: Final = NOON + timedelta(days=7)
tomorrow: Final = NOON + timedelta(hours=24)

CORE: Final = Core[TenantJobs, b.BulkioCommand, b.BulkioEvent](
    new_state=lambda _stream: TenantJobs(),
    subject_of=subject_of,
    version_of=TenantJobs.version_of,
    decide=decide,
    evolve=evolve,
)


def given(*events: b.BulkioEvent, job: str = JOB) -> Scenario[TenantJobs, b.BulkioCommand, b.BulkioEvent]:
    return Scenario(CORE, US, (tuple(Happened(event, job) for event in events),))


def start(action: a.BulkActionKind = "suspend", *, count: int = 5, **more: Any) -> a.StartBulkAction:
    return a.StartBulkAction(
        job_id=more.pop("job_id", JOB),
        action=action,
        filter=more.pop("filter", ""),
        reason="a test",
        expected_count=count,
        key_id=KEY,
        **more,
    )


def requested(
    action: a.BulkActionKind = "suspend", *, count: int = 5, job: str = JOB, **more: Any
) -> a.BulkActionRequested:
    defaults: dict[str, Any] = {
        "filter": "",
        "wanted": None,
        "undo_of": None,
        "note": "",
        "drop_targets": False,
        "reason": "a test",
        "expected_digest": None,
        "needs_approval": False,
        "key_id": SealKeyId(KEY),
        "passwords_key_id": None,
        "within": None,
    }
    return a.BulkActionRequested(
        job_id=JobId(job), action=action, expected_count=count, **{**defaults, **more}
    )


def report_selected(count: int = 5) -> a.ReportBulkActionSelected:
    return a.ReportBulkActionSelected(
        job_id=JOB, count=count, digest=DIGEST, snapshot={"mailbox.events/0": 7}
    )


def selected(count: int = 5) -> a.BulkActionSelected:
    return a.BulkActionSelected(count=count, digest=DIGEST, snapshot={"mailbox.events/0": 7})


def report_applied(first: int, last: int, **counts: Any) -> a.ReportBulkActionApplied:
    given_counts: dict[str, Any] = {"changed": last - first + 1, "unchanged": 0, "refusals": {}, **counts}
    return a.ReportBulkActionApplied(job_id=JOB, first=first, last=last, **given_counts)


def applied(first: int, last: int, **counts: Any) -> a.BulkActionApplied:
    given_counts: dict[str, Any] = {"changed": last - first + 1, "unchanged": 0, "refusals": {}, **counts}
    return a.BulkActionApplied(first=first, last=last, **given_counts)


WAITING: Final = (requested(needs_approval=True), selected(), a.BulkActionApprovalNeeded(until=in_a_week))
DONE: Final = (requested(), selected(), applied(1, 5), a.BulkActionFinished())
APPROVE: Final = a.ApproveBulkAction(job_id=JOB)
DECLINE: Final = a.DeclineBulkAction(job_id=JOB, reason="not now")
LAPSE: Final = a.LapseBulkAction(job_id=JOB)
FINISH: Final = a.FinishBulkAction(job_id=JOB)
FAIL: Final = a.FailBulkAction(job_id=JOB, code="file_gone")
CANCEL: Final = a.CancelBulkAction(job_id=JOB)
TAKE: Final = a.TakeBulkPasswords(job_id=JOB)
ENDS: Final = (
    a.BulkActionFinished(),
    a.BulkActionCancelled(),
    a.BulkActionFailed(code="file_gone"),
    a.BulkActionDeclined(reason=""),
    a.BulkActionLapsed(),
)
STEPS: Final = (report_selected(6), report_applied(1, 5), FINISH, FAIL, CANCEL, LAPSE)


def test_a_bulk_action_is_asked_for_once() -> None:
    given().when(start(within=("b.example",))).then(requested(within=("b.example",)))
    given(requested()).when(start()).then_nothing()


def test_an_id_is_that_of_one_job_of_whatever_kind() -> None:
    export = b.ExportRequested(
        job_id=JobId(JOB), filter="", format="csv", columns=("email",), key_id=SealKeyId(KEY)
    )
    given(export).when(start()).then(refused("job_state"))
    begun = b.StartExport(job_id=JOB, key_id=KEY)
    given(requested()).when(begun).then(refused("job_state"))


def test_what_it_is_about_is_fixed_once() -> None:
    given(requested()).when(report_selected()).then(selected())
    given(requested(), selected()).when(report_selected()).then_nothing()
    given(requested(), selected()).when(report_selected(6)).then(refused("job_state"))


def test_another_number_than_expected_changes_nothing() -> None:
    detail = "5 mailboxes were expected, and 6 found"
    failed = a.BulkActionFailed(code="selection_changed", detail=detail)
    given(requested()).when(report_selected(6)).then(selected(6), failed)


def test_others_than_expected_change_nothing_where_their_digest_was_given() -> None:
    given(requested(expected_digest=DIGEST)).when(report_selected()).then(selected())
    answer = given(requested(expected_digest="e" * 64)).when(report_selected())
    detail = "as many mailboxes as expected, but others"
    answer.then(selected(), a.BulkActionFailed(code="selection_changed", detail=detail))


def test_what_needs_approval_waits_a_week_for_it() -> None:
    given(requested(needs_approval=True)).when(report_selected()).then(
        selected(), a.BulkActionApprovalNeeded(until=in_a_week)
    )
    given(*WAITING).when(report_applied(1, 5)).then(refused("job_state"))
    given(*WAITING).when(FINISH).then(refused("job_state"))


def test_another_person_approves_or_declines() -> None:
    given(*WAITING).when(APPROVE, actor=ANOTHER).then(a.BulkActionApproved())
    given(*WAITING).when(DECLINE, actor=ANOTHER).then(a.BulkActionDeclined(reason="not now"))


@pytest.mark.parametrize("actor", [ASKER, ActorName("key:somebody"), ActorName("system:bulkio")])
@pytest.mark.parametrize("command", [APPROVE, DECLINE])
def test_nobody_approves_their_own_job_and_no_key_any(actor: ActorName, command: b.BulkioCommand) -> None:
    facts = tuple(Happened[b.BulkioEvent](event, JOB, actor=ASKER) for event in WAITING)
    Scenario(CORE, US, (facts,)).when(command, actor=actor).then(refused("approver_needed"))


def test_an_approval_counts_once_and_a_second_opinion_comes_too_late() -> None:
    history = Scenario(CORE, US, (tuple(Happened(event, JOB) for event in WAITING),)).history
    history.happened(Happened(a.BulkActionApproved(), JOB, actor=ANOTHER))
    repeated = history.decide(APPROVE, US, NOON, ANOTHER)
    assert not getattr(repeated, "events", None)
    late = Scenario(CORE, US, (tuple(Happened(event, JOB) for event in (*WAITING, a.BulkActionApproved())),))
    late.when(DECLINE, actor=ANOTHER).then(refused("job_state"))


def test_what_nobody_approved_lapses_in_its_time() -> None:
    given(*WAITING).when(LAPSE).then(refused("job_state"))
    given(*WAITING).when(LAPSE, now=in_a_week).then(a.BulkActionLapsed())
    given(*WAITING).when(APPROVE, actor=ANOTHER, now=in_a_week).then(refused("job_state"))
    given(*WAITING, a.BulkActionApproved()).when(LAPSE, now=in_a_week).then(refused("job_state"))
    given(requested()).when(LAPSE, now=in_a_week).then(refused("job_state"))
    given(*WAITING, a.BulkActionLapsed()).when(LAPSE, now=in_a_week).then_nothing()


def test_mailboxes_are_reported_in_order_each_once() -> None:
    begun = (requested(), selected())
    given(*begun).when(report_applied(1, 3)).then(applied(1, 3))
    given(*begun, applied(1, 3)).when(report_applied(1, 3)).then_nothing()
    given(*begun, applied(1, 3)).when(report_applied(4, 5)).then(applied(4, 5))
    given(*begun, applied(1, 3)).when(report_applied(5, 5)).then(refused("job_state"))
    given(*begun).when(report_applied(1, 6)).then(refused("job_state"))
    given(requested()).when(report_applied(1, 5)).then(refused("job_state"))


def test_the_counts_add_up() -> None:
    counts: dict[str, Any] = {"changed": 1, "unchanged": 1, "refusals": {"mailbox_deleted": 1}}
    given(requested(), selected()).when(report_applied(1, 3, **counts)).then(applied(1, 3, **counts))
    given(requested(), selected()).when(report_applied(1, 4, **counts)).then(refused("job_state"))


def test_a_job_is_finished_when_every_mailbox_is_decided() -> None:
    given(requested(), selected(), applied(1, 3)).when(FINISH).then(refused("job_state"))
    given(requested(), selected(), applied(1, 5)).when(FINISH).then(a.BulkActionFinished())
    given(*DONE).when(FINISH).then_nothing()


def test_a_job_that_has_not_begun_is_cancelled_at_once() -> None:
    given(requested()).when(CANCEL).then(a.BulkActionCancelled())
    given(*WAITING).when(CANCEL).then(a.BulkActionCancelled())


def test_a_job_that_has_begun_stops_once_what_is_on_its_way_is_decided() -> None:
    stopping = (requested(), selected(), applied(1, 3), a.BulkActionCancelRequested())
    given(*stopping[:2]).when(CANCEL).then(a.BulkActionCancelRequested())
    given(*stopping[:3]).when(CANCEL).then(a.BulkActionCancelRequested())
    given(*stopping).when(CANCEL).then_nothing()
    given(*stopping).when(FINISH).then(a.BulkActionCancelled())
    given(*stopping, applied(4, 5)).when(FINISH).then(a.BulkActionFinished())


def test_a_job_fails_only_before_it_has_changed_anything() -> None:
    given(requested()).when(FAIL).then(a.BulkActionFailed(code="file_gone"))
    given(requested(), selected(), applied(1, 1)).when(FAIL).then(refused("job_state"))
    given(requested(), a.BulkActionFailed(code="file_gone")).when(FAIL).then_nothing()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("command", STEPS)
def test_an_ended_job_stays_as_it_ended(end: b.BulkioEvent, command: b.BulkioCommand) -> None:
    scenario = given(requested(), end)
    before = scenario.history.state.bulk_actions[JOB].state
    answer = scenario.when(command, now=in_a_week)
    assert not getattr(answer.decision, "events", ()), answer.decision
    assert scenario.history.state.bulk_actions[JOB].state == before


@pytest.mark.parametrize("command", [*STEPS, APPROVE, DECLINE, TAKE])
def test_nothing_is_reported_of_an_unknown_job(command: b.BulkioCommand) -> None:
    given().when(command).then(refused("job_unknown"))


MADE: Final = (
    requested("set_password", passwords_key_id=SealKeyId(PASSWORDS)),
    selected(),
    applied(1, 5),
)


def test_generated_passwords_can_be_taken_for_a_day_by_whoever_asked() -> None:
    given(*MADE).when(FINISH).then(a.BulkActionFinished(passwords_until=tomorrow))
    finished = (*MADE, a.BulkActionFinished(passwords_until=tomorrow))
    given(*finished).when(TAKE).then(a.BulkPasswordsTaken())
    given(*finished).when(TAKE, actor=ANOTHER).then(refused("permission_exceeded"))
    given(*finished).when(TAKE, now=tomorrow).then(refused("job_state"))
    given(*finished, a.BulkPasswordsTaken()).when(TAKE).then_nothing()
    given(*DONE).when(TAKE).then(refused("job_state"))


def test_a_cancelled_job_hands_over_the_passwords_that_it_made() -> None:
    stopping = (*MADE[:2], applied(1, 3), a.BulkActionCancelRequested())
    given(*stopping).when(FINISH).then(a.BulkActionCancelled(passwords_until=tomorrow))
    nothing = (*MADE[:2], a.BulkActionCancelRequested())
    given(*nothing).when(FINISH).then(a.BulkActionCancelled())


def test_an_undo_is_a_job_and_a_fact_of_the_job_that_it_undoes() -> None:
    decision = given(*DONE).when(start("undo", job_id=UNDO, undo_of=JOB)).decision
    assert isinstance(decision, Accepted)
    assert decision.events == (requested("undo", job=UNDO, undo_of=JobId(JOB)),)
    about = [(each.subject, each.event) for each in decision.also]
    assert about == [(JOB, a.BulkActionUndoBegun(undo_job_id=JobId(UNDO)))]


@pytest.mark.parametrize(
    "facts",
    [
        DONE[:3],
        (requested(), a.BulkActionFailed(code="file_gone")),
        (requested("clean"), selected(), applied(1, 5), a.BulkActionFinished()),
    ],
)
def test_what_is_not_at_its_end_has_changed_nothing_or_was_cleaned_is_not_undone(
    facts: tuple[b.BulkioEvent, ...],
) -> None:
    given(*facts).when(start("undo", job_id=UNDO, undo_of=JOB)).then(refused("job_state"))


def test_a_job_is_undone_once_but_again_when_the_undo_came_to_nothing() -> None:
    undo = Happened[b.BulkioEvent](requested("undo", job=UNDO, undo_of=JobId(JOB)), UNDO)
    facts: tuple[Happened[b.BulkioEvent], ...] = (
        *(Happened[b.BulkioEvent](event, JOB) for event in DONE),
        undo,
        Happened(a.BulkActionUndoBegun(undo_job_id=JobId(UNDO)), JOB),
    )
    again = start("undo", job_id=an_id("second undo"), undo_of=JOB)
    Scenario(CORE, US, (facts,)).when(again).then(refused("job_state"))
    failed = Happened[b.BulkioEvent](a.BulkActionFailed(code="file_gone"), UNDO)
    decision = Scenario(CORE, US, ((*facts, failed),)).when(again).decision
    assert isinstance(decision, Accepted)
    assert len(decision.events) == 1
    given().when(start("undo", job_id=UNDO, undo_of=JOB)).then(refused("job_unknown"))


def test_a_job_taken_over_from_the_read_model_goes_on_as_if_its_events_were_folded() -> None:
    for events in (
        (*MADE, a.BulkActionFinished(passwords_until=tomorrow), a.BulkPasswordsTaken()),
        (*WAITING, a.BulkActionApproved(), applied(1, 2, refusals={"x": 1}), a.BulkActionCancelRequested()),
        (*WAITING, a.BulkActionDeclined(reason="no")),
        (*DONE, a.BulkActionUndoBegun(undo_job_id=JobId(UNDO))),
    ):
        history = History(CORE, US)
        row: BulkActionRow | None = None
        for event in events:
            history.happened(Happened(event, JOB))
            row = fold_bulk_action(row, history.log[-1])
            assert row is not None
            restored = TenantJobs()
            restored.put_bulk_action(row)
            assert restored == history.state
