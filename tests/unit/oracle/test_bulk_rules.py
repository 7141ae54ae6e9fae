"""The rules of bulk actions, each broken once."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import bulk_actions as a
from contracts.ids import JobId
from contracts.topics import BULKIO
from tests.kit.given import an_id
from tests.unit.bulkio.test_bulk_actions import applied, requested, selected
from tests.unit.oracle.hand_made import NOON, US, HandMadeLog, rules_broken

JOB = an_id("bulk action")
ASKER, OTHER = "user:asker", "user:other"
in_a_week, tomorrow = NOON + timedelta(days=7), NOON + timedelta(hours=24)

ASKED = requested()
WAITING = (requested(needs_approval=True), selected(), a.BulkActionApprovalNeeded(until=in_a_week))
MADE = (requested("set_password", passwords_key_id=an_id("key")), selected(), applied(1, 5))
DONE = (ASKED, selected(), applied(1, 5), a.BulkActionFinished())
Told = Any | tuple[Any, str]


def broken(*events: Told) -> str:
    """Give the rules that these events break; one with an actor is (event, actor), the others are the asker's."""
    log = HandMadeLog(BULKIO, US)
    for each in events:
        event, actor = each if isinstance(each, tuple) else (each, ASKER)
        log.happened(event, JOB, actor=actor, time=NOON)
    return rules_broken(log)


@pytest.mark.parametrize(
    "events",
    [
        (*DONE, a.BulkActionUndoBegun(undo_job_id=JobId(an_id("undo")))),
        (*WAITING, (a.BulkActionApproved(), OTHER), applied(1, 5), a.BulkActionFinished()),
        (*WAITING, (a.BulkActionDeclined(reason=""), OTHER)),
        (ASKED, selected(6), a.BulkActionFailed(code="selection_changed")),
        (ASKED, a.BulkActionCancelled()),
        (ASKED, selected(), a.BulkActionCancelRequested(), applied(1, 3), a.BulkActionCancelled()),
        (*MADE, a.BulkActionFinished(passwords_until=tomorrow), a.BulkPasswordsTaken()),
    ],
)
def test_what_the_decider_allows_breaks_no_rule(events: tuple[Told, ...]) -> None:
    assert broken(*events) == ""


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ((ASKED, ASKED), "begun twice"),
        ((selected(),), "never began"),
        ((ASKED, applied(1, 5)), "that is requested"),
        ((ASKED, selected(), applied(2, 5)), "2 to 5 after 0 of 5"),
        ((ASKED, selected(), applied(1, 6)), "1 to 6 after 0 of 5"),
        ((ASKED, selected(), applied(1, 5, changed=4)), "4 mailboxes counted"),
        ((ASKED, selected(6), applied(1, 5)), "other mailboxes"),
        ((requested(expected_digest="e" * 64), selected(), applied(1, 5)), "other mailboxes"),
        ((ASKED, selected(), applied(1, 3), a.BulkActionFinished()), "finished after 3 of 5"),
        ((ASKED, selected(), applied(1, 3), a.BulkActionFailed(code="x")), "changed something"),
        ((*DONE, a.BulkActionFinished()), "that is ended"),
        ((requested(needs_approval=True), selected(), applied(1, 5)), "without the approval"),
        ((ASKED, selected(), a.BulkActionApprovalNeeded(until=in_a_week)), "not asked for"),
        ((*WAITING[:2], a.BulkActionApprovalNeeded(until=tomorrow)), "not for a week"),
        ((*WAITING, a.BulkActionApproved()), "whoever asked"),
        ((*WAITING, (a.BulkActionApproved(), "key:other")), "no person"),
        ((*WAITING, a.BulkActionLapsed()), "before its time"),
        ((*MADE, a.BulkActionFinished()), "another time than a day"),
        ((*DONE[:3], a.BulkActionFinished(passwords_until=tomorrow)), "none made"),
        ((*DONE, a.BulkPasswordsTaken()), "where there are none"),
        (
            (*MADE, a.BulkActionFinished(passwords_until=tomorrow), (a.BulkPasswordsTaken(), OTHER)),
            "somebody else",
        ),
        (
            (ASKED, a.BulkActionCancelled(), a.BulkActionUndoBegun(undo_job_id=JobId(an_id("undo")))),
            "can't be undone",
        ),
    ],
)
def test_a_rule_of_bulk_actions_that_is_broken_is_named(events: tuple[Told, ...], rule: str) -> None:
    assert rule in broken(*events)
