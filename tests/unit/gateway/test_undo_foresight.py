"""What an undo would meet is foreseen mailbox by mailbox, with the code that the job would tell."""

from typing import Any, Final

import pytest
from msgspec import structs

from contracts.bulk_action_files import SelectedMailbox
from contracts.bulk_actions import BulkStep
from services.gateway.bulk_selection import Group
from services.gateway.import_undo import EXAMPLES_MAX, ForeseenUndo
from services.gateway.undo_foresight import Standing, no_longer
from tests.kit.given import an_id

BEFORE: Final = an_id("credential before")
CREATED: Final = SelectedMailbox(
    an_id("ina"), "xn--bcher-kva.example", "ina", "delete", "", None, "", None, expected_version=1
)
CHANGED: Final = structs.replace(CREATED, step="change_note", note="before", expected_version=5)
PASSWORD: Final = structs.replace(CHANGED, step="set_password", credential_id=BEFORE)


def standing(version: int, **state: Any) -> Standing:
    usual: dict[str, Any] = {
        "status": "active",
        "suspended": False,
        "self_service": False,
        "same_note": False,
        "domain_status": "active",
        "target": False,
        "mailboxes": 1,
    }
    return Standing(version, Group(**{**usual, **state}))


@pytest.mark.parametrize(
    ("step", "found", "code"),
    [
        (CREATED, standing(1), ""),
        (CREATED, standing(2), "version_mismatch"),
        (CREATED, standing(2, status="deleted"), "mailbox_deleted"),
        (CREATED, standing(1, target=True), "mailbox_is_target"),
        (CREATED, standing(1, domain_status="suspended"), "domain_not_active"),
        (CREATED, standing(1, domain_status="removed"), "domain_removed"),
        (CREATED, None, "mailbox_purged"),
        (CHANGED, standing(5), ""),
        (CHANGED, standing(5, target=True), ""),
        (CHANGED, standing(6), "version_mismatch"),
        (CHANGED, standing(6, status="deleted"), "mailbox_deleted"),
        (structs.replace(CHANGED, impossible="former_unknown"), standing(6), "former_unknown"),
        (structs.replace(PASSWORD, impossible="no_former_password"), standing(5), "no_former_password"),
        (PASSWORD, standing(5), "credential_gone"),
    ],
)
def test_each_reason_is_told_by_its_code(step: SelectedMailbox, found: Standing | None, code: str) -> None:
    assert no_longer(step, found, {BEFORE}) == code


def test_a_password_that_the_vault_has_comes_back() -> None:
    assert no_longer(PASSWORD, standing(5), set()) == ""


def test_a_target_goes_with_its_rules_where_they_are_dropped() -> None:
    assert no_longer(CREATED, standing(1, target=True), set(), drop_targets=True) == ""


@pytest.mark.parametrize("step", ["restore", "delete"])
def test_the_undo_of_a_bulk_action_is_foreseen_by_the_same_rules(step: BulkStep) -> None:
    back = structs.replace(CREATED, step=step, expected_version=3)
    status = "deleted" if step == "restore" else "active"
    assert no_longer(back, standing(3, status=status), set()) == ""
    assert no_longer(back, standing(4, status="active"), set()) == "version_mismatch"


def test_what_is_counted_adds_up_and_each_reason_has_a_few_examples() -> None:
    found = ForeseenUndo()
    found.add(CREATED, "", password_gone=False)
    found.add(CHANGED, "", password_gone=False)
    found.add(structs.replace(CHANGED, lasting="no_former_password"), "", password_gone=False)
    found.add(CHANGED, "", password_gone=True)
    for _ in range(EXAMPLES_MAX + 2):
        found.add(CREATED, "version_mismatch", password_gone=False)
    assert (found.delete, found.give_back, found.passwords_stay) == (1, 3, 2)
    assert found.refusals == {"version_mismatch": EXAMPLES_MAX + 2}
    assert found.count == 4 + EXAMPLES_MAX + 2
    assert found.examples == {"version_mismatch": ["ina@bücher.example"] * EXAMPLES_MAX}
