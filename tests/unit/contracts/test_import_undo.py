"""What takes each row of an import back: a deletion, the note and password of before, or a reason why nothing can."""

from typing import Final

from contracts.bulk_action_files import DoneMailbox, SelectedMailbox, reversed_step
from contracts.bulkio import ChangedRow
from contracts.import_report import FormerMailbox, PlannedRow
from contracts.import_undo import MailboxNow, created_mailbox_id, reached_mailboxes, steps_back
from tests.kit.given import an_id

JOB: Final = an_id("import")
INA: Final = an_id("mailbox ina")
BEFORE, IMPORTED = an_id("credential before"), an_id("credential of the import")
FORMER: Final = FormerMailbox(4, "before", BEFORE)


def now(mailbox_id: str = INA) -> MailboxNow:
    return MailboxNow(mailbox_id, "example.org", "ina", "of the import", IMPORTED)


def back(row: PlannedRow, change: ChangedRow | None, mailbox: MailboxNow | None) -> SelectedMailbox | None:
    mailboxes = {} if mailbox is None else {mailbox.mailbox_id: mailbox}
    changed = {} if change is None else {change.row: change}
    found = list(steps_back(JOB, [row], changed, mailboxes))
    assert len(found) <= 1
    return found[0] if found else None


def taken_back(change: ChangedRow, former: FormerMailbox | None = FORMER) -> SelectedMailbox:
    found = back(PlannedRow(2, "change", INA, former), change, now())
    assert found is not None
    return found


def test_a_created_mailbox_is_deleted_as_it_was_created() -> None:
    created = created_mailbox_id(JOB, 2)
    found = back(PlannedRow(2, "create"), None, now(created))
    assert found is not None
    assert (found.step, found.mailbox_id, found.expected_version) == ("delete", created, 1)


def test_a_row_that_created_nothing_has_nothing_to_take_back() -> None:
    assert back(PlannedRow(2, "create"), None, None) is None


def test_a_skipped_row_is_not_even_looked_for() -> None:
    plan = [PlannedRow(2, "skip", INA), PlannedRow(3, "create"), PlannedRow(4, "change", INA)]
    assert reached_mailboxes(JOB, plan) == [created_mailbox_id(JOB, 3), INA]
    assert back(plan[0], None, now()) is None


def test_a_row_that_was_refused_or_changed_nothing_is_left_alone() -> None:
    assert back(PlannedRow(2, "change", INA, FORMER), None, now()) is None


def test_a_note_comes_back_at_the_version_that_the_import_left() -> None:
    found = taken_back(ChangedRow(2, 5, note=True, password=False))
    assert (found.step, found.note, found.credential_id) == ("change_note", "before", None)
    assert (found.expected_version, found.impossible, found.lasting) == (5, "", "")


def test_a_password_comes_back_alone_or_with_the_note() -> None:
    alone = taken_back(ChangedRow(2, 5, note=False, password=True))
    assert (alone.step, alone.credential_id, alone.expected_version) == ("set_password", BEFORE, 5)
    both = taken_back(ChangedRow(2, 6, note=True, password=True))
    assert (both.step, both.note, both.credential_id) == ("change_note", "before", BEFORE)
    assert both.expected_version == 6


def test_where_there_was_no_password_the_import_s_stays() -> None:
    without = FormerMailbox(4, "before", None)
    alone = taken_back(ChangedRow(2, 5, note=False, password=True), without)
    assert (alone.impossible, alone.lasting) == ("no_former_password", "")
    both = taken_back(ChangedRow(2, 6, note=True, password=True), without)
    assert (both.impossible, both.lasting) == ("", "no_former_password")
    assert (both.note, both.credential_id) == ("before", None)


def test_what_changed_between_the_check_and_the_row_is_not_guessed() -> None:
    for version in (4, 6):
        found = taken_back(ChangedRow(2, version, note=True, password=False))
        assert found.impossible == "former_unknown"
    assert taken_back(ChangedRow(2, 7, note=True, password=True)).impossible == "former_unknown"


def test_an_import_from_before_there_were_undos_names_what_it_may_have_changed() -> None:
    assert taken_back(ChangedRow(2, 5, note=True, password=False), None).impossible == "former_unknown"
    found = back(PlannedRow(2, "change", INA), None, now())
    assert found is not None
    assert found.impossible == "former_unknown"


def test_the_undo_of_an_undo_gives_the_import_s_values_again() -> None:
    done = DoneMailbox("changed", "", 8)
    both = reversed_step(taken_back(ChangedRow(2, 6, note=True, password=True)), done)
    assert both is not None
    assert (both.step, both.note, both.credential_id) == ("change_note", "of the import", IMPORTED)
    assert both.expected_version == 8
    note = reversed_step(taken_back(ChangedRow(2, 5, note=True, password=False)), done)
    assert note is not None
    assert (note.note, note.credential_id) == ("of the import", None)
