"""What a writer does between reading a batch and writing its results."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts.codec import decode_any_event, decode_outcome
from contracts.dead_letter import DeadLetter
from contracts.envelope import CommandEnvelope
from contracts.outcome import Outcome, RefusalCode
from services.runtime.kafka.deciding import Decided, PartitionState, Snapshot, StreamState
from tests.kit.toy import (
    NOON,
    TOTAL_MAX,
    TOY_DECIDER,
    Add,
    Book,
    DeciderFault,
    Fail,
    a_record,
    an_order,
    toy_family,
)
from tests.oracle.events import Event, EventChecks
from tests.oracle.findings import Findings

FAMILY = toy_family()


class Desk:
    """One partition's state with a clock that a test moves, and the log it has written."""

    def __init__(
        self, remembered_max: int = 100, streams: dict[str, StreamState[Book]] | None = None
    ) -> None:
        self.now = NOON
        self.log = Decided(events=[], outcomes=[], dead_letters=[])
        self.state = PartitionState(
            FAMILY,
            TOY_DECIDER,
            Snapshot(next_offset=0, streams=streams or {}),
            source="/postfach/toy",
            writer_epoch=3,
            remembered_max=remembered_max,
            clock=lambda: self.now,
        )

    def decide(self, *values: bytes | CommandEnvelope[Any] | None, key: bytes = b"b1") -> Decided:
        records = [a_record(value, key=key, offset=offset) for offset, value in enumerate(values, start=1)]
        decided = self.state.decide(records)
        self.log.events += decided.events
        self.log.outcomes += decided.outcomes
        self.log.dead_letters += decided.dead_letters
        return decided

    def answer(self, value: bytes | CommandEnvelope[Any]) -> Outcome:
        (outcome,) = self.decide(value).outcomes
        return decode_outcome(outcome[1])

    def restarted(self, **settings: Any) -> "Desk":
        """Give a desk that knows only what the log says."""
        desk = Desk(**settings)
        for _, value in self.log.events:
            desk.state.replay(value)
        for _, value in self.log.outcomes:
            desk.state.remember(value)
        return desk


class NoRules:
    def broken_by(self, event: Event) -> Iterator[str]:
        del event
        yield from ()


def assert_well_formed(decided: Decided) -> None:
    findings = Findings()
    checks = EventChecks(FAMILY, 1, findings, NoRules(), set())
    for key, value in decided.events:
        checks.take(a_record(value, key=key, topic="toy.events"))
    checks.end()
    assert findings.content, findings.report()


def test_events_are_numbered_chained_and_complete() -> None:
    desk = Desk()
    desk.decide(
        an_order(Add(account="a", amount=1)),
        an_order(Add(account="b", amount=2, parts=3)),
        an_order(Add(account="a", amount=1), book="b2"),
        an_order(Add(account="a", amount=1)),
    )
    assert_well_formed(desk.log)
    last = decode_any_event(desk.log.events[-1][1])
    assert (last.streamseq, last.version, last.part, last.writer, last.type) == (5, 2, "1/1", 3, "added")


def test_a_batch_is_decided_against_the_state_as_changed_by_the_commands_before() -> None:
    desk = Desk()
    decided = desk.decide(an_order(Add(account="a", amount=60)), an_order(Add(account="a", amount=60)))
    assert [decode_outcome(value).status for _, value in decided.outcomes] == ["accepted", "refused"]
    assert len(decided.events) == 1


def test_a_goal_already_reached_is_accepted_with_no_event() -> None:
    answer = Desk().answer(an_order(Add(account="a", amount=0)))
    assert (answer.status, answer.events, answer.streamseq) == ("accepted", 0, 0)


def test_a_repeated_command_changes_nothing_and_gets_the_same_answer() -> None:
    desk, order = Desk(), an_order(Add(account="a", amount=60))
    first = desk.answer(order)
    again = desk.decide(order, order)
    assert again.events == []
    for _, value in again.outcomes:
        assert decode_outcome(value) == msgspec.structs.replace(first, repeated=True)


def test_a_refused_command_stays_refused_when_it_is_repeated() -> None:
    desk, order = Desk(), an_order(Add(account="a", amount=60))
    desk.decide(an_order(Add(account="a", amount=60)))
    assert desk.answer(order).code is RefusalCode.MAILBOX_LIMIT_REACHED
    assert desk.answer(order).repeated


def test_after_a_restart_repeated_commands_get_the_same_answers() -> None:
    desk = Desk()
    orders = [an_order(Add(account="a", amount=45)) for _ in range(3)]
    answers = [desk.answer(order) for order in orders]
    assert [desk.restarted().answer(order) for order in orders] == [
        msgspec.structs.replace(answer, repeated=True) for answer in answers
    ]


def test_after_a_restart_the_chain_goes_on() -> None:
    desk = Desk()
    desk.decide(an_order(Add(account="a", amount=1, parts=2)))
    again = desk.restarted()
    again.decide(an_order(Add(account="a", amount=1)))
    again.log.events[:0] = desk.log.events
    assert_well_formed(again.log)


def test_a_repeated_outcome_in_the_log_does_not_take_the_place_of_the_answer() -> None:
    desk, order = Desk(), an_order(Add(account="a", amount=1))
    desk.answer(order)
    desk.answer(order)
    assert len(desk.log.outcomes) == 2
    assert desk.restarted().state.decide([a_record(order)]).events == []


def test_only_so_many_answers_are_remembered_the_oldest_forgotten_first() -> None:
    desk = Desk(remembered_max=2)
    orders = [an_order(Add(account="a", amount=1)) for _ in range(3)]
    desk.decide(*orders)
    assert [bool(desk.decide(order).events) for order in (orders[2], orders[1], orders[0])] == [
        False,
        False,
        True,
    ]


def test_the_expected_version_must_be_the_one_that_is() -> None:
    desk = Desk()
    assert desk.answer(an_order(Add(account="a", amount=1), expected_version=0)).status == "accepted"
    late = desk.answer(an_order(Add(account="a", amount=1), expected_version=0))
    assert (late.code, late.subject, late.version, late.events) == (RefusalCode.VERSION_MISMATCH, "a", 1, 0)
    assert desk.answer(an_order(Add(account="a", amount=1), expected_version=1)).status == "accepted"


def test_a_refusal_tells_of_no_version_that_was_not_expected() -> None:
    refused = Desk().answer(an_order(Add(account="a", amount=TOTAL_MAX + 1), expected_version=7))
    assert refused.code == RefusalCode.MAILBOX_LIMIT_REACHED


def test_time_never_goes_back_within_a_key() -> None:
    desk = Desk()
    desk.decide(an_order(Add(account="a", amount=1)))
    desk.now = NOON - timedelta(hours=1)
    desk.decide(an_order(Add(account="a", amount=1)), an_order(Add(account="a", amount=1), book="b2"))
    assert times(desk) == [NOON, NOON, NOON - timedelta(hours=1)]


def test_time_does_not_go_back_over_a_restart_either() -> None:
    desk = Desk()
    desk.decide(an_order(Add(account="a", amount=1)))
    again = desk.restarted()
    again.now = NOON - timedelta(days=365)
    again.decide(an_order(Add(account="a", amount=1)))
    assert times(again) == [NOON]


def times(desk: Desk) -> list[datetime]:
    return [decode_any_event(value).time for _, value in desk.log.events]


def test_streams_without_events_are_not_held() -> None:
    desk = Desk()
    desk.decide(an_order(Add(account="a", amount=101)), an_order(Add(account="a", amount=0), book="b2"))
    assert desk.state.stream_count == 0
    desk.decide(an_order(Add(account="a", amount=1)))
    assert desk.state.stream_count == 1


def test_a_marker_is_passed_over() -> None:
    assert Desk().decide(None).outcomes == []


def test_bytes_that_are_no_command_are_put_aside_and_the_line_goes_on() -> None:
    desk = Desk()
    decided = desk.decide(b"\xff\xfe", an_order(Add(account="a", amount=1)))
    (letter,) = letters(decided)
    assert (letter.topic, letter.partition, letter.offset, letter.reason, letter.value) == (
        "toy.commands",
        0,
        1,
        "malformed",
        b"\xff\xfe",
    )
    assert [decode_outcome(value).status for _, value in decided.outcomes] == ["accepted"]


def letters(decided: Decided) -> list[DeadLetter]:
    return [msgspec.json.decode(value, type=DeadLetter) for _, value in decided.dead_letters]


def an_order_of_the_future() -> dict[str, Any]:
    return msgspec.to_builtins(an_order(Add(account="a", amount=1))) | {"data": {"type": "multiply"}}


def test_a_command_that_says_who_asks_is_refused_when_its_order_is_not_understood() -> None:
    desk, order = Desk(), an_order_of_the_future()
    decided = desk.decide(msgspec.json.encode(order))
    assert len(letters(decided)) == 1
    (outcome,) = [decode_outcome(value) for _, value in decided.outcomes]
    assert (outcome.command, outcome.status, outcome.code) == (order["id"], "refused", RefusalCode.MALFORMED)


def test_a_misspelt_command_under_the_id_of_an_answered_one_does_not_answer_it_anew() -> None:
    desk, order = Desk(), an_order(Add(account="a", amount=1))
    desk.decide(order)
    decided = desk.decide(msgspec.json.encode(an_order_of_the_future() | {"id": order.id}))
    assert (len(letters(decided)), decided.outcomes) == (1, [])


def test_a_command_that_is_not_understood_is_answered_once_however_often_it_comes() -> None:
    desk, value = Desk(), msgspec.json.encode(an_order_of_the_future())
    decided = desk.decide(value, value)
    assert (len(letters(decided)), len(decided.outcomes)) == (2, 1)


def test_a_command_under_another_key_is_put_aside_unanswered() -> None:
    desk = Desk()
    order = an_order(Add(account="a", amount=1))
    record = a_record(order)
    record.key = b"b2"
    decided = desk.state.decide([record])
    assert [letter.reason for letter in letters(decided)] == ["wrong_key"]
    assert (decided.events, decided.outcomes) == ([], [])


def test_a_dead_letter_says_what_is_wrong_and_repeats_no_content() -> None:
    order = an_order_of_the_future()
    order["data"] = {"type": "add", "account": "secret-account", "amount": "secret-amount"}
    (letter,) = letters(Desk().decide(msgspec.json.encode(order)))
    assert "secret" not in letter.detail


def test_a_bug_in_a_decider_is_a_fault_and_no_refusal() -> None:
    with pytest.raises(DeciderFault):
        Desk().decide(an_order(Fail()))
