"""Every row of a file against addresses, domains, existing mailboxes, passwords and notes."""

from typing import Any

import pytest

from contracts.bulkio import ImportMode
from contracts.codec import encode
from contracts.ids import DomainName, LocalPart
from contracts.import_report import FormerMailbox, ImportReport, PlannedRow, RowProblem
from services.bulkio.checking import ExistingMailbox, RowCheck, Surroundings, readable_addresses
from services.bulkio.sheet import CellIssue, SheetRow

OURS = {
    "ours.example": "active",
    "xn--bcher-kva.example": "active",
    "paused.example": "suspended",
    "old.example": "removed",
}

FORMER = FormerMailbox(4, "what it said before", None)


def check(
    *rows: Any, mode: ImportMode = "create_only", existing: dict[str, ExistingMailbox] | None = None
) -> ImportReport:
    mailboxes = {
        (LocalPart(address.partition("@")[0]), DomainName(address.partition("@")[2])): mailbox
        for address, mailbox in (existing or {}).items()
    }
    sheet_rows = tuple(
        row if isinstance(row, SheetRow) else SheetRow(number, *[*row, "", ""][:3])  # pyright: ignore[reportArgumentType]
        for number, row in enumerate(rows, start=2)
    )
    return a_check(mode).check(sheet_rows, Surroundings(OURS, mailboxes))  # pyright: ignore[reportArgumentType]


def a_check(mode: ImportMode = "create_only") -> RowCheck:
    return RowCheck({"email": "A", "password": "B", "note": "C"}, mode)


def problem(*row: str, **known: Any) -> RowProblem:
    report = check(row, **known)
    assert report.bad_rows == 1
    assert report.plan == ()
    (only,) = report.problems
    return only


def test_good_rows_are_planned_in_the_order_of_the_file() -> None:
    report = check(("a@ours.example", "correct horse", "x"), ("B@Ours.Example",), ("c@bücher.example",))
    assert report == ImportReport(
        bad_rows=0,
        problems=(),
        plan=(PlannedRow(2, "create"), PlannedRow(3, "create"), PlannedRow(4, "create")),
    )


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "@ours.example",
        "a@",
        "a b@ours.example",
        "a..b@ours.example",
        "*@ours.example",
        "a@ours",
        "ä" * 40 + "@ours.example",
        "a\u200b@ours.example",
    ],
)
def test_an_invalid_address_is_told_with_its_cell(address: str) -> None:
    found = problem(address)
    assert (found.row, found.column, found.heading, found.code) == (2, "A", "Email", "address_invalid")
    assert found.expected


@pytest.mark.parametrize("local_part", ["pаypal", "ρaul", "сρ", "ｉvаn"])
def test_an_address_of_scripts_that_look_alike_is_told(local_part: str) -> None:
    found = problem(f"{local_part}@ours.example")
    assert (found.column, found.code, found.value) == (
        "A",
        "address_mixed_scripts",
        f"{local_part}@ours.example",
    )


@pytest.mark.parametrize("local_part", ["иван", "ελενη", "jörg", "张-wei", "иван.2"])
def test_an_address_in_one_of_those_scripts_is_good(local_part: str) -> None:
    assert check((f"{local_part}@ours.example",)).bad_rows == 0


def test_a_row_without_address_is_told() -> None:
    assert problem("", "correct horse").code == "email_missing"


@pytest.mark.parametrize("domain", ["foreign.example", "old.example"])
def test_a_foreign_and_an_unknown_domain_get_the_same_answer(domain: str) -> None:
    assert problem(f"a@{domain}").code == "domain_unknown"


def test_a_domain_that_is_not_active_is_told() -> None:
    found = problem("a@paused.example")
    assert found.code == "domain_not_active"
    assert "suspended" in found.expected


def test_a_duplicate_names_the_first_row_however_it_is_written() -> None:
    report = check(("a@ours.example",), ("b@ours.example",), (" A@OURS.example ",))
    assert report.bad_rows == 1
    (found,) = report.problems
    assert (found.row, found.code) == (4, "duplicate")
    assert "row 2" in found.expected


def test_a_duplicate_of_a_row_in_an_earlier_segment_is_found() -> None:
    check = a_check()
    around = Surroundings({DomainName("ours.example"): "active"}, {})
    for start in range(2, 20_002, 5_000):
        report = check.check(
            [SheetRow(n, f"u{n}@ours.example", "", "") for n in range(start, start + 5_000)], around
        )
        assert report.problems == ()
    report = check.check([SheetRow(30_000, "u7@ours.example", "", "")], around)
    assert "row 7" in report.problems[0].expected


def test_an_existing_address_is_treated_as_the_mode_says() -> None:
    existing = {"a@ours.example": ExistingMailbox("id-of-a", "active", FORMER)}
    assert problem("a@ours.example", existing=existing).code == "address_taken"
    skipped = check(("a@ours.example",), ("b@ours.example",), mode="skip_existing", existing=existing)
    assert skipped.plan == (PlannedRow(2, "skip", "id-of-a"), PlannedRow(3, "create"))
    changed = check(("a@ours.example",), ("b@ours.example",), mode="update_existing", existing=existing)
    assert changed.plan == (PlannedRow(2, "change", "id-of-a", FORMER), PlannedRow(3, "create"))


@pytest.mark.parametrize("mode", ["create_only", "skip_existing", "update_existing"])
def test_a_quarantined_address_is_told_in_every_mode(mode: ImportMode) -> None:
    existing = {"a@ours.example": ExistingMailbox("id-of-a", "deleted", FORMER)}
    assert problem("a@ours.example", mode=mode, existing=existing).code == "address_quarantined"


@pytest.mark.parametrize("password", ["short", "x" * 129, "a.name@ours.example", "password1", "with\x07bell"])
def test_a_bad_password_is_told_without_being_shown(password: str) -> None:
    found = problem("a.name@ours.example", password)
    assert (found.column, found.heading, found.code, found.value) == ("B", "Password", "password_refused", "")
    assert password not in found.expected


def test_a_note_is_neither_too_long_nor_full_of_control_characters() -> None:
    assert check(("a@ours.example", "", "x" * 1_000), ("b@ours.example", "", "two\nlines")).bad_rows == 0
    assert problem("a@ours.example", "", "x" * 1_001).code == "note_too_long"
    assert problem("a@ours.example", "", "bell \x07").code == "control_character"
    assert problem("a@ours.example", "", "next line \x85").code == "control_character"


def test_all_problems_of_a_row_are_told_at_once() -> None:
    report = check(("nobody", "short", "x" * 1_001))
    assert report.bad_rows == 1
    assert [each.code for each in report.problems] == ["address_invalid", "password_refused", "note_too_long"]


def test_a_doubtful_cell_is_told_instead_of_what_it_seems_to_hold() -> None:
    row = SheetRow(2, "a@ours.example", "", "", (CellIssue("password", "number_imprecise"),))
    (found,) = check(row).problems
    assert (found.code, found.heading) == ("number_imprecise", "Password")


def test_a_long_value_is_shortened() -> None:
    found = problem("x" * 1_000)
    assert len(found.value) == 60
    assert found.value.endswith("…")


def test_no_password_is_in_the_report() -> None:
    report = check(
        ("nobody", "canary-one-9Q"),
        ("a@ours.example", "canary-two-9Q"),
        ("b@ours.example", "canary-9Q\x07"),
        SheetRow(9, "c@ours.example", "canary-three-9Q", "", (CellIssue("password", "date_cell"),)),
    )
    assert b"canary" not in encode(report)


def test_the_addresses_to_look_up_are_those_that_can_be_read() -> None:
    rows = (
        SheetRow(2, "A@bücher.example", "", ""),
        SheetRow(3, "nobody", "", ""),
        SheetRow(4, "a@xn--bcher-kva.example", "", ""),
    )
    assert readable_addresses(rows) == [("a", "xn--bcher-kva.example")]
