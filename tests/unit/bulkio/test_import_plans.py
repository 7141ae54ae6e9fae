"""A dry run's plan: what its hash stands for, what is kept of it, and that it is applied as it is, once, or not at all."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import structs
from openpyxl import load_workbook

from contracts import bulkio as b
from contracts.bulkio import PlanCounts
from contracts.ids import DomainName, JobId, LocalPart, SealKeyId
from contracts.import_plan import PlanRow
from contracts.import_report import FormerMailbox
from contracts.views.mailbox import DomainStatus, MailboxStatus
from services.bulkio.checking import ExistingMailbox, RowCheck, Surroundings
from services.bulkio.core.jobs import TenantJobs
from services.bulkio.planning import Plan
from services.bulkio.sheet import SheetRow
from tests.kit.given import NOON, US, Happened, Scenario, an_id, refused
from tests.unit.bulkio.test_import_files import job
from tests.unit.bulkio.test_jobs import CORE

DRY: Final = an_id("dry run")
JOB: Final = an_id("job")
OTHER: Final = an_id("another job")
HASH: Final = "b" * 64
OTHER_HASH: Final = "c" * 64
COUNTS: Final = PlanCounts(create=2, refuse=1)
SECRET: Final = "correct horse battery"


def uploaded(job_id: str, *, plan_of: str | None = None) -> b.ImportUploaded:
    return b.ImportUploaded(
        job_id=JobId(job_id),
        file_name="staff.xlsx",
        blob="uploads/x",
        key_id=SealKeyId(an_id("key")),
        size_bytes=9,
        sha256="a" * 64,
        mode="create_only",
        bad_rows="skip",
        dry_run=plan_of is None,
        plan_of=None if plan_of is None else JobId(plan_of),
        expected_plan=None if plan_of is None else HASH,
    )


def apply(
    expected: str | None = HASH, *, job_id: str = JOB, plan_of: str = DRY, **other: Any
) -> b.StartImport:
    return b.StartImport(
        job_id=job_id,
        file_name="staff.xlsx",
        blob="uploads/x",
        key_id=an_id("key"),
        size_bytes=9,
        sha256="a" * 64,
        bad_rows="skip",
        plan_of=plan_of,
        expected_plan=expected,
        **other,
    )


def report(
    job_id: str, plan_hash: str | None = HASH, *, good: int = 2, bad: int = 1
) -> b.ReportImportChecked:
    return b.ReportImportChecked(
        job_id=job_id, good_rows=good, bad_rows=bad, report="r", plan_hash=plan_hash, plan_counts=COUNTS, plan_hours=2
    )  # fmt: skip


CHECKED: Final = b.ImportChecked(good_rows=2, bad_rows=1, report="r", plan_hash=HASH)
APPLIED: Final = b.ImportPlanApplied(by_job_id=JobId(JOB))


def history(*events: tuple[str, b.BulkioEvent]) -> Scenario[TenantJobs, b.BulkioCommand, b.BulkioEvent]:
    return Scenario(CORE, US, (tuple(Happened(event, job_id) for job_id, event in events),))


def planned(*more: tuple[str, b.BulkioEvent], hours: int = 2, plan_hash: str | None = HASH) -> Any:
    """A dry run that ended with a plan."""
    until = NOON + timedelta(hours=hours)
    end = b.ImportPlanned(plan_hash=plan_hash, counts=COUNTS, until=until)
    return history((DRY, uploaded(DRY)), (DRY, CHECKED), (DRY, end), *more)


def test_a_dry_run_ends_with_a_plan_that_can_be_applied_for_some_hours() -> None:
    end = b.ImportPlanned(plan_hash=HASH, counts=COUNTS, until=NOON + timedelta(hours=2))
    history((DRY, uploaded(DRY))).when(report(DRY)).then(CHECKED, end)


def test_a_check_that_is_done_again_after_a_crash_does_not_replace_the_plan() -> None:
    planned().when(report(DRY, OTHER_HASH)).then_nothing()


def test_a_plan_is_applied_by_its_hash() -> None:
    decision = planned().when(apply()).decision
    assert decision.events == (structs.replace(uploaded(JOB, plan_of=DRY)),)
    assert [(each.subject, each.event) for each in decision.also] == [(DRY, APPLIED)]


def test_applying_twice_with_one_job_id_is_one_order() -> None:
    applied = planned((JOB, uploaded(JOB, plan_of=DRY)), (DRY, APPLIED))
    applied.when(apply()).then_nothing()


def test_of_two_that_apply_a_plan_one_wins() -> None:
    scenario = planned()
    scenario.history.obey(apply())
    scenario.when(apply(job_id=OTHER)).then(refused("plan_applied"))


def test_a_plan_is_not_applied_by_another_hash_or_without_one() -> None:
    planned().when(apply(OTHER_HASH)).then(refused("plan_mismatch"))
    planned().when(apply(None)).then(refused("plan_mismatch"))


def test_a_plan_is_not_applied_when_its_time_is_over() -> None:
    planned(hours=2).when(apply(), now=NOON + timedelta(hours=2)).then(refused("plan_expired"))
    late = planned(hours=2).when(apply(), now=NOON + timedelta(hours=2, seconds=-1))
    assert late.decision.events


@pytest.mark.parametrize(
    "events",
    [
        ((DRY, uploaded(DRY)),),
        ((DRY, uploaded(DRY)), (DRY, b.ImportFailed(code="bad_rows"))),
        ((DRY, uploaded(DRY)), (DRY, CHECKED), (DRY, b.ImportPlanned())),
        ((DRY, uploaded(DRY)), (DRY, CHECKED), (DRY, b.ImportPlanned(until=NOON + timedelta(hours=1)))),
    ],
    ids=["running", "failed", "from before there were hashes", "without a hash"],
)
def test_what_has_no_plan_is_not_applied(events: tuple[tuple[str, b.BulkioEvent], ...]) -> None:
    history(*events).when(apply()).then(refused("job_state"))
    history(*events).when(apply(None)).then(refused("job_state"))


def test_an_unknown_dry_run_is_not_applied_and_no_plan_is_made_of_one() -> None:
    planned().when(apply(plan_of=OTHER)).then(refused("job_unknown"))
    planned().when(apply(dry_run=True)).then(refused("job_state"))


def test_an_import_that_would_do_what_was_planned_goes_on() -> None:
    applying = planned((JOB, uploaded(JOB, plan_of=DRY)), (DRY, APPLIED))
    applying.when(report(JOB)).then(CHECKED)


@pytest.mark.parametrize("found", [OTHER_HASH, None])
def test_an_import_that_would_do_anything_else_changes_nothing(found: str | None) -> None:
    applying = planned((JOB, uploaded(JOB, plan_of=DRY)), (DRY, APPLIED))
    (checked, failed) = applying.when(report(JOB, found)).decision.events
    assert checked == structs.replace(CHECKED, plan_hash=found)
    assert (failed.code, "make a new dry run" in failed.detail) == ("plan_changed", True)


def test_a_plan_that_came_to_nothing_is_used_up_all_the_same() -> None:
    failed = planned(
        (JOB, uploaded(JOB, plan_of=DRY)), (DRY, APPLIED), (JOB, b.ImportFailed(code="plan_changed"))
    )
    failed.when(apply(job_id=OTHER)).then(refused("plan_applied"))


DOMAIN: Final = "ours.example"
INA: Final = an_id("ina")
FORMER: Final = FormerMailbox(4, "Desk", None)
STATUSES: Final[tuple[MailboxStatus, ...]] = ("active", "deleted")
ROWS: Final = (
    SheetRow(2, f"new@{DOMAIN}", SECRET, ""),
    SheetRow(3, f"ina@{DOMAIN}", SECRET, "Reception"),
    SheetRow(4, "=1+1", SECRET, ""),
    SheetRow(5, f"late@{DOMAIN}", "", ""),
)


def ina(version: int = 4, mailbox_id: str = INA) -> dict[str, ExistingMailbox]:
    return {"ina": ExistingMailbox(mailbox_id, "active", FormerMailbox(version, "Desk", None))}


def plan_of(
    tmp_path: Path,
    rows: tuple[SheetRow, ...] = ROWS,
    *,
    mode: b.ImportMode = "update_existing",
    bad_rows: str = "skip",
    sha256: str = "a" * 64,
    existing: dict[str, ExistingMailbox] | None = None,
    status: DomainStatus = "active",
    room: dict[str, int] | None = None,
    pieces: int = 1,
) -> tuple[Plan, list[PlanRow]]:
    """Plan a file as a dry run does, in so many pieces."""
    fields = {"mode": mode, "bad_rows_policy": bad_rows, "sha256": sha256, "dry_run": True}
    plan = Plan(structs.replace(job(), **fields), tmp_path / "plan.xlsx")
    check = RowCheck({"email": "A", "password": "B", "note": "C"}, mode)
    mailboxes = {
        (LocalPart(name), DomainName(DOMAIN)): mailbox for name, mailbox in (existing or ina()).items()
    }
    around = Surroundings({DOMAIN: status}, mailboxes, room or {})
    found: list[PlanRow] = []
    size = -(-len(rows) // pieces)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        found.extend(plan.add(some, check.check(some, around)))
    plan.close()
    return plan, found


def test_a_plan_says_of_every_row_what_becomes_of_it(tmp_path: Path) -> None:
    plan, rows = plan_of(tmp_path)
    assert [(row.row, row.email, row.action, row.mailbox_id, row.version) for row in rows] == [
        (2, f"new@{DOMAIN}", "create", None, None),
        (3, f"ina@{DOMAIN}", "change", INA, 4),
        (4, "=1+1", "refuse", None, None),
        (5, f"late@{DOMAIN}", "create", None, None),
    ]
    assert [problem.code for problem in rows[2].problems] == ["address_invalid"]
    assert plan.counts == PlanCounts(create=2, change=1, refuse=1)


def test_the_same_file_has_the_same_hash_however_often_it_is_planned(tmp_path: Path) -> None:
    first, _ = plan_of(tmp_path)
    again, _ = plan_of(tmp_path, pieces=3)
    assert (again.hash, again.counts) == (first.hash, first.counts)


CHANGES: Final[dict[str, Callable[[Path], tuple[Plan, list[PlanRow]]]]] = {
    "the mailbox has changed": lambda path: plan_of(path, existing=ina(version=5)),
    "another mailbox has the address": lambda path: plan_of(path, existing=ina(mailbox_id=an_id("other"))),
    "an address is there by now": lambda path: plan_of(
        path, existing={**ina(), "late": ExistingMailbox(OTHER, "active", FormerMailbox(1, "", None))}
    ),
    "an address is gone": lambda path: plan_of(path, existing={"nobody": ina()["ina"]}),
    "an address is quarantined": lambda path: plan_of(
        path, existing={"ina": ExistingMailbox(INA, "deleted", FormerMailbox(5, "Desk", None))}
    ),
    "the domain is suspended": lambda path: plan_of(path, status="suspended"),
    "the limit is reached": lambda path: plan_of(path, room={DOMAIN: 1}),
    "the mode is another": lambda path: plan_of(path, mode="skip_existing"),
    "bad rows stop the file": lambda path: plan_of(path, bad_rows="stop"),
    "the file is another": lambda path: plan_of(path, sha256="b" * 64),
    "a row is missing": lambda path: plan_of(path, ROWS[:-1]),
    "rows have changed places": lambda path: plan_of(path, (*ROWS[1:], ROWS[0])),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_a_plan_that_does_anything_else_has_another_hash(
    changed: Callable[[Path], tuple[Plan, list[PlanRow]]], tmp_path: Path
) -> None:
    assert changed(tmp_path)[0].hash != plan_of(tmp_path)[0].hash


def test_another_reason_to_refuse_a_row_is_another_plan(tmp_path: Path) -> None:
    taken, quarantined = (
        plan_of(
            tmp_path, ROWS[1:2], mode="create_only", existing={"ina": ExistingMailbox(INA, status, FORMER)}
        )
        for status in STATUSES
    )
    assert [plan[1][0].action for plan in (taken, quarantined)] == ["refuse", "refuse"]
    assert taken[0].hash != quarantined[0].hash


def test_another_mode_is_another_plan_even_where_it_makes_no_difference_yet(tmp_path: Path) -> None:
    modes: tuple[b.ImportMode, ...] = ("create_only", "skip_existing", "update_existing")
    plans = [plan_of(tmp_path, ROWS[:1], mode=mode, existing=ina()) for mode in modes]
    assert {plan[1][0].action for plan in plans} == {"create"}
    assert len({plan[0].hash for plan in plans}) == 3


def test_what_the_file_is_not_about_changes_no_hash(tmp_path: Path) -> None:
    other = {"other": ExistingMailbox(OTHER, "active", FormerMailbox(9, "Elsewhere", None))}
    assert plan_of(tmp_path, existing={**ina(), **other})[0].hash == plan_of(tmp_path)[0].hash
    skipped = plan_of(tmp_path, mode="skip_existing")[0].hash
    # A mailbox that is skipped may be what it likes.
    assert plan_of(tmp_path, mode="skip_existing", existing=ina(version=9))[0].hash == skipped
    assert plan_of(tmp_path, room={DOMAIN: 2})[0].hash == plan_of(tmp_path)[0].hash


def test_a_plan_foresees_the_limit_of_a_domain_row_by_row(tmp_path: Path) -> None:
    _, rows = plan_of(tmp_path, room={DOMAIN: 1}, pieces=4)
    assert [row.action for row in rows] == ["create", "change", "refuse", "refuse"]
    (problem,) = rows[3].problems
    assert (problem.code, problem.column) == ("mailbox_limit_reached", "A")
    assert "at most 1 more" in problem.expected


def test_a_row_that_is_bad_anyhow_takes_no_room(tmp_path: Path) -> None:
    rows = (SheetRow(2, f"bad@{DOMAIN}", "short", ""), SheetRow(3, f"good@{DOMAIN}", "", ""))
    _, found = plan_of(tmp_path, rows, room={DOMAIN: 1})
    assert [row.action for row in found] == ["refuse", "create"]


def test_the_workbook_of_a_plan_computes_nothing_and_holds_no_password(tmp_path: Path) -> None:
    plan, _ = plan_of(tmp_path)
    assert plan.workbook is not None
    sheet = load_workbook(plan.workbook).active
    assert sheet is not None
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0] == ["Row", "Email", "Action", "Mailbox", "Reason"]
    assert cells[2][:4] == ["3", f"ina@{DOMAIN}", "change", INA]
    assert cells[3][:3] == ["4", "=1+1", "refuse"]
    assert "address_invalid" in str(cells[3][4])
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert SECRET not in str(cells)
