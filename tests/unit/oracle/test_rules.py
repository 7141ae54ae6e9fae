"""The rules of the domain, each broken once."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from contracts import bulkio as b
from contracts import mailbox as m
from contracts import routing as r
from contracts.ids import ActorName, ArchiveId, CommandId
from contracts.topics import BULKIO
from tests.oracle.mailbox_rules import years_later
from tests.unit.oracle.hand_made import (
    ARCHIVE_ID,
    DOMAIN,
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
RULE = an_id("rule")


def restored(**other: Any) -> m.MailboxRestored:
    fields: dict[str, Any] = {
        "archive_id": ARCHIVE_ID,
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


def purged(**other: Any) -> m.MailboxPurged:
    fields: dict[str, Any] = {"archive_id": ARCHIVE_ID, "credential_id": None}
    return m.MailboxPurged(**(fields | other))


A_YEAR_LATER = years_later(NOON.replace(second=3), 1)


def a_deleted_mailbox() -> HandMadeLog:
    return a_domain().happened(created("ina")).happened(put_away(m.MailboxDeleted), INA)


def test_after_a_purge_the_address_is_free_and_the_mailbox_silent() -> None:
    log = a_deleted_mailbox().happened(purged(), INA, time=A_YEAR_LATER)
    assert rules_broken(log.happened(created("ina", "second"), time=A_YEAR_LATER)) == ""
    assert "purged mailbox" in rules_broken(log.happened(m.NoteChanged(note="x"), INA, time=A_YEAR_LATER))


@pytest.mark.parametrize(
    ("event", "how", "rule"),
    [
        (purged(), {"time": A_YEAR_LATER - timedelta(seconds=1)}, "before its time"),
        (purged(), {"time": A_YEAR_LATER, "actor": ActorName("owner:us")}, "by a tenant"),
        (purged(archive_id=ArchiveId(an_id("other"))), {"time": A_YEAR_LATER}, "into this archive"),
        (purged(credential_id=an_id("other")), {"time": A_YEAR_LATER}, "password that it had not"),
    ],
)
def test_a_purge_that_must_not_be_is_named(event: m.MailboxPurged, how: dict[str, Any], rule: str) -> None:
    assert rule in rules_broken(a_deleted_mailbox().happened(event, INA, **how))


def test_an_ordered_destruction_purges_before_the_time() -> None:
    assert rules_broken(a_deleted_mailbox().happened(purged(early=True), INA)) == ""


def test_a_mailbox_in_use_that_is_purged_is_named() -> None:
    log = a_domain().happened(created("ina")).happened(purged(), INA)
    assert "was not deleted into this archive" in rules_broken(log)


def test_a_purge_in_a_domain_that_somebody_else_has_by_now_breaks_no_rule() -> None:
    log = a_deleted_mailbox().happened(m.DomainRemoved())
    log.happened(m.DomainRegistered(), tenant=an_id("them")).happened(purged(early=True), INA)
    assert rules_broken(log) == ""


def test_a_rule_that_waits_for_a_purged_mailbox_is_named() -> None:
    def log() -> HandMadeLog:
        rule = r.RuleAdded(rule_id=RULE, pattern="{any}", rank=1, target_id=INA, target_domain=DOMAIN)
        log = a_domain().happened(created("ina")).happened(rule, RULE)
        command = CommandId(an_id("deleting"))
        log.ordered(command)
        log.wrote(put_away(m.MailboxDeleted, at_second=4), INA, command, "1/2")
        log.wrote(r.RuleDropped(mailbox_id=INA), RULE, command, "2/2")
        log.answered(command, INA, events=2)
        return log

    assert "a rule waits for it" in rules_broken(
        log().happened(purged(early=True), INA).happened(created("jan"))
    )
    removed = log()
    command = CommandId(an_id("purging"))
    removed.ordered(command)
    removed.wrote(purged(early=True), INA, command, "1/2")
    removed.wrote(r.RuleRemoved(), RULE, command, "2/2")
    removed.answered(command, INA, events=2)
    assert rules_broken(removed.happened(created("jan"))) == ""


def test_a_mailbox_that_a_tenant_restores_after_the_free_time_is_named() -> None:
    late = NOON + timedelta(days=m.FREE_RESTORE_DAYS, minutes=1)
    log = a_deleted_mailbox().happened(restored(), INA, time=late, actor=ActorName("owner:us"))
    assert "has to be retrieved" in rules_broken(log)
    assert rules_broken(a_deleted_mailbox().happened(restored(), INA, time=late)) == ""


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
