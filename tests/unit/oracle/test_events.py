"""Ids, versions, positions, parts, hash chains and writer epochs of events."""

from typing import Any

import pytest

from contracts import mailbox as m
from contracts.topics import MAILBOX
from tests.oracle.events import EventChecks
from tests.oracle.findings import Findings
from tests.oracle.rules import rules_of
from tests.unit.oracle.hand_made import NOON, a_domain, an_id, broken, created


def test_a_sound_log_is_sound() -> None:
    log = (
        a_domain()
        .happened(created("ina"))
        .happened_at_once([m.MailboxSuspended(), m.NoteChanged(note="x")], an_id("mailbox ina"))
    )
    findings = log.checked()
    assert findings.content, findings.report()
    looked_at = {code for code, invariant in findings.invariants.items() if invariant.checked}
    assert looked_at == {"I0", "I1", "I2", "I3", "I4", "I5", "I6", "I9"}


@pytest.mark.parametrize(
    ("spoilt", "seen_as"),
    [
        ({"streamseq": 4}, {"I2"}),
        ({"streamseq": 2}, {"I2"}),
        ({"version": 2}, {"I2"}),
        ({"version": 0}, {"I2"}),
        ({"prevhash": "f" * 64}, {"I6"}),
        ({"id": an_id("made up")}, {"I1"}),
        ({"writer": 6}, {"I9"}),
        ({"type": "mailbox_deleted"}, {"I0"}),
        ({"stream": "example.net"}, {"I0", "I2", "I3", "I6"}),
        ({"part": "1/2"}, {"I5"}),
        ({"part": "x"}, {"I1", "I5"}),
    ],
    ids=str,
)
def test_a_spoilt_event_breaks_just_its_invariant(spoilt: dict[str, Any], seen_as: set[str]) -> None:
    found = set(broken(a_domain().happened(created("ina"), **spoilt).checked()))
    assert found - {"I4"} == seen_as  # the outcome of a spoilt event need not fit it either


def test_an_event_that_is_there_twice_is_found_in_every_way() -> None:
    log = a_domain().happened(created("ina"))
    log.events.append(log.events[-1])
    assert set(broken(log.checked())) == {"I1", "I2", "I3", "I4", "I5", "I6"}


def test_an_event_id_is_unique_across_all_topics() -> None:
    findings, seen = Findings(), set[bytes]()
    for _ in range(2):
        checks = EventChecks(MAILBOX, 8, findings, rules_of(MAILBOX), seen)
        for record in a_domain().events:
            checks.take(record)
    assert broken(findings) == ["I1"]


def test_an_event_that_was_taken_out_is_missed() -> None:
    log = a_domain().happened(created("ina")).happened(created("jan"))
    del log.events[2]
    assert set(broken(log.checked())) == {"I2", "I4", "I6"}


def test_two_events_in_the_other_order_are_found() -> None:
    log = a_domain().happened(created("ina")).happened(created("jan"))
    log.events[2], log.events[3] = log.events[3], log.events[2]
    assert {"I2", "I6"} <= set(broken(log.checked()))


def test_an_altered_event_is_found_by_the_one_after_it() -> None:
    log = a_domain().happened(created("ina")).happened(created("jan"))
    value = log.events[2].value
    assert value is not None
    log.events[2] = log.record("events", value.replace(b'"ina"', b'"eva"'))
    assert broken(log.checked()) == ["I6"]


def test_a_command_that_lost_its_second_event_is_found() -> None:
    log = a_domain().happened(created("ina"))
    log.happened_at_once([m.MailboxSuspended(), m.NoteChanged(note="x")], an_id("mailbox ina"))
    del log.events[-1]
    assert set(broken(log.checked())) == {"I4", "I5"}


def test_an_event_under_another_key_or_in_another_partition_is_found() -> None:
    log = a_domain()
    value = log.events[-1].value
    log.events[-1] = log.record("events", value, key=b"example.net")
    assert broken(log.checked()) == ["I0"]
    log.events[-1] = log.record("events", value, partition=log.events[0].partition ^ 1)
    assert broken(log.checked()) == ["I0"]


def test_bytes_that_are_no_event_are_found() -> None:
    log = a_domain()
    log.events.append(log.record("events", b"{}"))
    assert broken(log.checked()) == ["I0"]


def test_the_marker_of_a_partition_is_passed_over() -> None:
    log = a_domain()
    log.events.insert(0, log.record("events", None))
    assert log.checked().content


def test_time_that_goes_back_within_a_key_is_found() -> None:
    log = a_domain()
    assert broken(log.happened(created("ina"), time=NOON.replace(hour=1)).checked()) == ["I3"]
