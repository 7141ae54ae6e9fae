"""The rules of the domain, each broken once."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from contracts import bulkio as b
from contracts import mailbox as m
from contracts.topics import BULKIO
from tests.unit.oracle.hand_made import (
    ARCHIVE,
    NOON,
    US,
    HandMadeLog,
    a_domain,
    an_id,
    created,
    put_away,
    rules_broken,
)

INA = an_id("mailbox ina")


def restored(**other: Any) -> m.MailboxRestored:
    fields: dict[str, Any] = {
        "archive_id": ARCHIVE,
        "generation": 2,
        "local_part": "ina",
        "credential_id": None,
        "note": "",
        "self_service": False,
        "suspended": False,
    }
    return m.MailboxRestored(**(fields | other))


def test_a_whole_life_breaks_no_rule() -> None:
    log = a_domain(limit=1).happened(created("ina")).happened(put_away(m.MailboxCleaned), INA)
    log.happened(put_away(m.MailboxDeleted, generation=3, at_second=4), INA)
    log.happened(created("jan")).happened(put_away(m.MailboxDeleted, at_second=6), an_id("mailbox jan"))
    log.happened(restored(generation=3), INA).happened(m.MailboxSuspended(), INA)
    log.happened(m.DomainSuspended()).happened(m.MailboxLimitSet(mailbox_limit=9)).happened(m.DomainResumed())
    assert rules_broken(log) == ""


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda log: log.happened(created("ina"), an_id("other")), "another id than its subject"),
        (lambda log: log.happened(created("ina", "second")), "given twice"),
        (lambda log: log.happened(created("INA")), "one form"),
        (lambda log: log.happened(m.NoteChanged(note="x"), an_id("nobody")), "never created"),
        (lambda log: log.happened(m.NoteChanged(note=""), INA), "note changed to what it was"),
        (lambda log: log.happened(m.MailboxResumed(), INA), "suspension changed"),
        (lambda log: log.happened(m.SelfServiceForbidden(), INA), "self-service changed"),
        (lambda log: log.happened(restored(), INA), "was not deleted"),
        (lambda log: log.happened(put_away(m.MailboxDeleted, generation=3), INA), "generation 3 after 1"),
        (lambda log: log.happened(put_away(m.MailboxDeleted, at_second=2), INA), "expires_at"),
        (lambda log: log.happened(put_away(m.MailboxCleaned, years=0), INA), "less than a year"),
        (lambda log: log.happened(m.NoteChanged(note="x"), INA, tenant=an_id("them")), "does not hold"),
        (lambda log: log.happened(m.DomainActivated(proof="operator")), "domain that is active"),
        (lambda log: log.happened(m.DomainRemoved()), "removed with 1 mailboxes"),
        (lambda log: log.happened(m.DomainRegistered()), "domain that is active"),
    ],
)
def test_a_rule_of_mailboxes_that_is_broken_is_named(spoil: Any, rule: str) -> None:
    assert rule in rules_broken(spoil(a_domain().happened(created("ina"))))


def test_a_limit_that_is_exceeded_at_the_moment_of_creation_is_named() -> None:
    log = a_domain(limit=1).happened(created("ina")).happened(created("jan"))
    assert "beyond the limit of 1" in rules_broken(log)


def test_a_limit_that_is_lowered_later_breaks_nothing() -> None:
    log = a_domain(limit=2).happened(created("ina")).happened(created("jan"))
    assert rules_broken(log.happened(m.MailboxLimitSet(mailbox_limit=1))) == ""


def test_a_restored_mailbox_beyond_the_limit_is_named() -> None:
    log = a_domain(limit=1).happened(created("ina")).happened(put_away(m.MailboxDeleted), INA)
    log.happened(created("jan")).happened(restored(), INA)
    assert "restored beyond the limit" in rules_broken(log)


def test_a_mailbox_restored_with_another_note_is_named() -> None:
    log = a_domain().happened(created("ina")).happened(put_away(m.MailboxDeleted), INA)
    assert "something else than it had" in rules_broken(log.happened(restored(note="x"), INA))


def test_a_deleted_mailbox_can_not_change_and_its_address_is_in_quarantine() -> None:
    log = a_domain().happened(created("ina")).happened(put_away(m.MailboxDeleted), INA)
    log.happened(m.NoteChanged(note="x"), INA)
    log.happened(created("ina", "second"))
    assert "of a deleted mailbox" in rules_broken(log)
    assert "given twice" in rules_broken(log)


def test_a_mailbox_created_in_a_domain_that_is_not_active_is_named() -> None:
    log = HandMadeLog().happened(m.DomainRegistered()).happened(created("ina"))
    assert "in a domain that is pending" in rules_broken(log)


JOB: Any = an_id("job")
UPLOADED = b.ImportUploaded(
    job_id=JOB,
    file_name="x.xlsx",
    blob="b",
    key_id=JOB,
    size_bytes=1,
    sha256="0" * 64,
    mode="create_only",
    bad_rows="stop",
    dry_run=False,
)
CHECKED = b.ImportChecked(good_rows=10, bad_rows=0, report="r")
CHANGE = b.ChangedRow(3, 5, note=True, password=False)
UNDO_BEGUN = b.ImportUndoBegun(undo_job_id=JOB)
DRY: Any = an_id("dry run")
PLAN = b.ImportPlanned(plan_hash="b" * 64, until=NOON + timedelta(hours=1))
PLAN_CHECKED = structs.replace(CHECKED, plan_hash="b" * 64)
PLANNED = ((DRY, structs.replace(UPLOADED, job_id=DRY, dry_run=True)), (DRY, PLAN_CHECKED), (DRY, PLAN))
APPLYING = structs.replace(UPLOADED, plan_of=DRY, expected_plan="b" * 64)
PLAN_APPLIED = (DRY, b.ImportPlanApplied(by_job_id=JOB))


def applied(first: int, last: int, created: int | None = None) -> b.ImportRowsApplied:
    count = last - first + 1 if created is None else created
    return b.ImportRowsApplied(first=first, last=last, created=count, changed=0, skipped=0)


def an_import(*steps: Any) -> HandMadeLog:
    log = HandMadeLog(BULKIO, US)
    for step in steps:
        log.happened(step, JOB)
    return log


def test_an_import_that_goes_its_way_breaks_no_rule() -> None:
    steps = (UPLOADED, CHECKED, applied(1, 5), b.ImportCancelRequested(), applied(6, 10), b.ImportFinished())
    assert rules_broken(an_import(*steps)) == ""


def test_an_import_that_is_undone_once_it_has_ended_breaks_no_rule() -> None:
    rows = b.ImportRowsApplied(first=1, last=10, created=9, changed=1, skipped=0, changed_rows=(CHANGE,))
    assert rules_broken(an_import(UPLOADED, CHECKED, rows, b.ImportFinished(), UNDO_BEGUN)) == ""


def of_plans(*steps: tuple[str, Any]) -> HandMadeLog:
    log = HandMadeLog(BULKIO, US)
    for job_id, step in steps:
        log.happened(step, job_id)
    return log


def test_a_plan_that_is_applied_once_as_it_is_breaks_no_rule() -> None:
    steps = [(JOB, APPLYING), PLAN_APPLIED, (JOB, PLAN_CHECKED), (JOB, applied(1, 10))]
    assert rules_broken(of_plans(*PLANNED, *steps)) == ""


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (((JOB, APPLYING),), "a job that has none"),
        ((*PLANNED[:2], (JOB, APPLYING)), "a job that has none"),
        ((*PLANNED, (JOB, structs.replace(APPLYING, expected_plan="c" * 64))), "by another hash"),
        ((*PLANNED, PLAN_APPLIED), "by a job that does not"),
        ((*PLANNED, (JOB, APPLYING), PLAN_APPLIED, PLAN_APPLIED), "applied twice"),
        ((*PLANNED[:2], (DRY, structs.replace(PLAN, until=NOON)), (JOB, APPLYING), PLAN_APPLIED), "too late"),
        ((*PLANNED, (JOB, APPLYING), PLAN_APPLIED, (JOB, CHECKED), (JOB, applied(1, 10))), "had changed"),
    ],
)
def test_a_rule_of_plans_that_is_broken_is_named(steps: tuple[Any, ...], rule: str) -> None:
    assert rule in rules_broken(of_plans(*steps))


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ((UPLOADED, UPLOADED), "begun twice"),
        ((CHECKED,), "never began"),
        ((UPLOADED, applied(1, 5)), "rows 1 to 5 applied after 0 of 0"),
        ((UPLOADED, CHECKED, applied(1, 5), applied(5, 10)), "applied after 5"),
        ((UPLOADED, CHECKED, applied(1, 11)), "of 10"),
        ((UPLOADED, CHECKED, applied(1, 5, created=4)), "4 rows counted"),
        ((UPLOADED, CHECKED, applied(1, 5), b.ImportFinished()), "finished after 5 of 10"),
        ((UPLOADED, CHECKED, applied(1, 10), b.ImportFinished(), b.ImportFinished()), "that is ended"),
        ((UPLOADED, b.ImportCancelled()), "that is uploaded"),
        ((UPLOADED, b.ExportFailed(code="x")), "of an import"),
        ((UPLOADED, CHECKED, applied(1, 10), UNDO_BEGUN), "that is applying"),
        ((UPLOADED, b.ImportFailed(code="formula"), UNDO_BEGUN), "changed nothing"),
        ((UPLOADED, CHECKED, structs.replace(applied(1, 5), changed_rows=(CHANGE,))), "1 rows named"),
    ],
)
def test_a_rule_of_jobs_that_is_broken_is_named(steps: tuple[Any, ...], rule: str) -> None:
    assert rule in rules_broken(an_import(*steps))
