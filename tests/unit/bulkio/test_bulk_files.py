"""What a bulk action keeps in its files: the opposite of each step, and passwords that follow from a key."""

import re
from math import log2

import pytest

from contracts.bulk_action_files import (
    PART_MAILBOXES,
    DoneMailbox,
    SelectedMailbox,
    all_blobs,
    parts,
    reversed_step,
)
from contracts.bulk_actions import BulkStep
from services.bulkio.bulk_applying import refusal_counts
from services.bulkio.generated_passwords import password_of
from services.runtime.passwords import password_problem
from services.runtime.sealing import Sealer
from tests.kit.given import an_id

INA = an_id("mailbox ina")
NEW, FORMER = an_id("credential new"), an_id("credential former")


def a_mailbox(step: BulkStep, *, former_password: str | None = FORMER) -> SelectedMailbox:
    return SelectedMailbox(
        mailbox_id=INA,
        domain="example.org",
        local_part="ina",
        step=step,
        note="new",
        credential_id=NEW,
        former_note="former",
        former_credential_id=former_password,
    )


CHANGED = DoneMailbox("changed", "", 7)


@pytest.mark.parametrize(
    ("step", "opposite"),
    [
        ("delete", "restore"),
        ("restore", "delete"),
        ("change_note", "change_note"),
        ("set_password", "set_password"),
        ("allow_self_service", "forbid_self_service"),
        ("forbid_self_service", "allow_self_service"),
        ("suspend", "resume"),
        ("resume", "suspend"),
    ],
)
def test_a_step_has_its_opposite_at_the_version_that_it_left(step: BulkStep, opposite: BulkStep) -> None:
    back = reversed_step(a_mailbox(step), CHANGED)
    assert back is not None
    assert (back.step, back.expected_version, back.mailbox_id) == (opposite, 7, INA)
    again = reversed_step(back, DoneMailbox("changed", "", 8))
    assert again is not None
    assert (again.step, again.note, again.credential_id) == (step, "new", NEW)


def test_the_opposite_of_a_note_or_a_password_is_the_former_one() -> None:
    note = reversed_step(a_mailbox("change_note"), CHANGED)
    assert note is not None
    assert note.note == "former"
    password = reversed_step(a_mailbox("set_password"), CHANGED)
    assert password is not None
    assert password.credential_id == FORMER


def test_what_was_cleaned_or_had_no_password_has_no_opposite() -> None:
    assert reversed_step(a_mailbox("clean"), CHANGED) is None
    assert reversed_step(a_mailbox("set_password", former_password=None), CHANGED) is None


def test_every_mailbox_is_in_one_part_and_every_part_is_removed() -> None:
    assert [len(parts(count)) for count in (0, 1, PART_MAILBOXES, PART_MAILBOXES + 1)] == [0, 1, 1, 2]
    blobs = set(all_blobs(INA, PART_MAILBOXES + 1))
    assert {name.rpartition("/")[2] for name in blobs} == {
        "wanted",
        "selection-0",
        "selection-1",
        "done-0",
        "done-1",
        "result.xlsx",
        "result.csv",
    }


def test_refusals_are_counted_by_their_code() -> None:
    refused = DoneMailbox("refused", "mailbox_deleted", 3)
    assert refusal_counts([CHANGED, refused, refused, DoneMailbox("unchanged", "", 1)]) == {
        "mailbox_deleted": 2
    }


def test_a_generated_password_is_strong_readable_and_within_the_policy() -> None:
    sealer = Sealer(bytes(32))
    made = [password_of(sealer.derived(an_id(f"mailbox {number}"))) for number in range(500)]
    assert len(set(made)) == 500
    assert all(re.fullmatch(r"[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}", each) for each in made)
    assert all(password_problem(each, f"{each}@example.org") == "not the address itself" for each in made[:1])
    assert all(password_problem(each, "ina@example.org") is None for each in made)
    alphabet = set("".join(made)) - {"-"}
    assert len(alphabet) == 32
    assert 20 * log2(len(alphabet)) >= 100


def test_a_generated_password_follows_from_its_key_and_its_mailbox_alone() -> None:
    one, other = Sealer(bytes(32)), Sealer(bytes(31) + b"\1")
    assert password_of(one.derived(INA)) == password_of(Sealer(bytes(32)).derived(INA))
    assert password_of(one.derived(INA)) != password_of(other.derived(INA))
    assert password_of(one.derived(INA)) != password_of(one.derived(an_id("mailbox ole")))
