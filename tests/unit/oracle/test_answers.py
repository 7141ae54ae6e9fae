"""One answer to every command, and each of them true."""

import msgspec

from contracts import mailbox as m
from contracts.codec import encode
from contracts.outcome import RefusalCode
from tests.unit.oracle.hand_made import SENT_MS, HandMadeLog, a_domain, an_id, broken, created

ORDER = an_id("an order")


def a_log() -> HandMadeLog:
    return a_domain().happened(created("ina"))


def test_a_refused_command_with_its_outcome_is_fine() -> None:
    log = a_log()
    log.ordered(ORDER)
    log.answered(ORDER, status="refused", code=RefusalCode.ADDRESS_TAKEN)
    assert log.checked().content


def test_a_repeated_command_with_a_repeated_outcome_is_fine() -> None:
    log = a_log()
    log.ordered(an_id("command 2"))
    log.answered(an_id("command 2"), an_id("mailbox ina"), events=1, repeated=True)
    assert log.checked().content


def test_a_repeated_outcome_that_nobody_asked_for_is_found() -> None:
    log = a_log()
    log.answered(an_id("command 2"), an_id("mailbox ina"), events=1, repeated=True)
    assert broken(log.checked()) == ["I4"]


def test_two_outcomes_that_are_both_the_first_are_found() -> None:
    log = a_log()
    log.ordered(an_id("command 2"))
    log.answered(an_id("command 2"), an_id("mailbox ina"), events=1)
    assert broken(log.checked()) == ["I4"]


def test_a_command_that_was_passed_over_is_found() -> None:
    log = a_log()
    log.ordered(ORDER)
    assert broken(log.checked()) == ["I4"]


def test_a_command_that_is_still_to_be_decided_is_pending() -> None:
    log = a_log()
    log.ordered(ORDER)
    assert log.checked(consumed=len(log.commands)).content
    assert log.pending == 1


def test_an_outcome_of_a_command_that_nobody_sent_is_found() -> None:
    log = a_log()
    log.answered(ORDER)
    assert broken(log.checked()) == ["I4"]


def test_events_without_an_outcome_are_found() -> None:
    log = a_log()
    del log.outcomes[-1]
    assert broken(log.checked()) == ["I4"]
    assert broken(log.checked(consumed=0)) == ["I4"]


def test_an_outcome_that_tells_of_another_number_of_events_is_found() -> None:
    log = a_log()
    del log.outcomes[-1]
    log.answered(an_id("command 2"), an_id("mailbox ina"), events=2)
    assert broken(log.checked()) == ["I4"]


def test_an_outcome_that_tells_of_another_version_is_found() -> None:
    log = a_log()
    del log.outcomes[-1]
    log.answered(an_id("command 2"), an_id("mailbox ina"), events=1, version=2)
    assert broken(log.checked()) == ["I4"]


def test_an_outcome_tells_of_its_own_subject_whatever_went_with_it() -> None:
    log = a_log().happened(created("jan"))
    log.ordered(ORDER)
    log.wrote(m.NoteChanged(note="x"), an_id("mailbox ina"), ORDER, "1/3")
    log.wrote(m.MailboxSuspended(), an_id("mailbox ina"), ORDER, "2/3")
    log.wrote(m.MailboxSuspended(), an_id("mailbox jan"), ORDER, "3/3")
    log.answered(ORDER, an_id("mailbox ina"), events=3)
    assert log.checked().content
    log.outcomes.pop()
    log.answered(ORDER, an_id("mailbox jan"), events=3)
    assert broken(log.checked()) == ["I4"]


def test_a_refusal_with_events_or_without_a_code_is_found() -> None:
    log = a_log()
    del log.outcomes[-1]
    log.answered(an_id("command 2"), status="refused", code=RefusalCode.ADDRESS_TAKEN)
    assert broken(log.checked()) == ["I4"]
    log.outcomes[-1] = log.record("outcomes", log.outcomes[0].value)
    log = a_domain()
    log.ordered(ORDER)
    log.answered(ORDER, status="refused")
    assert broken(log.checked()) == ["I4"]


def test_an_event_that_vanished_at_the_very_end_is_missed_unless_the_log_goes_on() -> None:
    log = a_log()
    del log.events[-1]
    assert broken(log.checked()) == ["I4"]
    assert log.checked(log_goes_on=True).content


def test_what_retention_has_taken_is_not_missed() -> None:
    log = a_log().happened(created("jan"))
    later = SENT_MS + 1
    del log.outcomes[:2]
    for record in log.outcomes:
        record.timestamp = later
    assert log.checked(outcomes_from=2).content
    assert broken(log.checked(outcomes_from=0)) == ["I4"]
    log = a_log()
    del log.commands[0]
    for record in log.commands:
        record.timestamp = later
    assert log.checked(commands_from=1).content
    assert broken(log.checked(commands_from=0)) == ["I4"]


def test_a_command_that_can_not_be_read_must_be_in_the_dead_letters() -> None:
    log = a_log()
    log.ordered(ORDER, value=b"no command")
    assert broken(log.checked()) == ["I4"]
    log.letters = {log.commands[-1].offset}
    assert log.checked().content
    log.letters = set()
    assert log.checked(consumed=log.commands[-1].offset).content


def test_a_command_whose_data_can_not_be_read_is_put_aside_and_refused() -> None:
    log = a_log()
    header = {"id": ORDER, "tenant": "t", "stream": log.stream, "correlation": ORDER, "data": {"type": "x"}}
    log.ordered(ORDER, value=msgspec.json.encode(header))
    log.letters = {log.commands[-1].offset}
    assert broken(log.checked()) == ["I4"]
    log.answered(ORDER, status="refused", code=RefusalCode.MALFORMED)
    assert log.checked().content


def test_a_command_under_another_key_is_put_aside_and_not_answered() -> None:
    log = a_log()
    value = log.commands[-1].value
    log.commands.append(log.record("commands", value, key=b"example.net"))
    assert broken(log.checked()) == ["I4"]
    log.letters = {log.commands[-1].offset}
    assert log.checked().content


def test_bytes_that_are_no_outcome_are_found() -> None:
    log = a_log()
    log.outcomes.append(log.record("outcomes", encode(m.DomainRemoved())))
    assert broken(log.checked()) == ["I0"]
