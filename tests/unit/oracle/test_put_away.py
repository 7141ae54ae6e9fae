"""What must be in one family's log because of an event in the other's, each rule broken once."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from contracts import archive as a
from contracts import mailbox as m
from contracts.codec import decode_any_event
from contracts.topics import ARCHIVE, MAILBOX
from tests.kit.given import archive_id, credential_id, mailbox_cleaned, mailbox_deleted, mailbox_id
from tests.kit.given_archive import archive_opened, archive_purged
from tests.oracle.findings import Findings
from tests.oracle.put_away import PutAwayChecks
from tests.unit.oracle.hand_made import HandMadeLog, an_id

INA, ARCHIVE_ID = mailbox_id("ina"), archive_id("ina")
DELETED, OPENED = mailbox_deleted("ina"), archive_opened("ina")
EXPIRED = a.ArchiveExpired()
MAILBOX_PURGED = m.MailboxPurged(archive_id=ARCHIVE_ID, credential_id=credential_id("ina"))
ANY_HEAD = a.ChainHead(streamseq=1, sha256="0" * 64)


class Both:
    """The logs of both families, and how far the reactor has followed the mailboxes'."""

    def __init__(self) -> None:
        self.mailboxes, self.archives = HandMadeLog(MAILBOX), HandMadeLog(ARCHIVE)

    def put_away(self, *events: Any) -> "Both":
        for event in events:
            self.mailboxes.happened(event, INA)
        return self

    def kept(self, *events: Any, **spoilt: Any) -> "Both":
        for event in events:
            self.archives.happened(event, ARCHIVE_ID, **spoilt)
        return self

    def certified(self, **spoilt: Any) -> "Both":
        """Certify the purge of the mailbox, with the head of the chain before it; `spoilt` replaces fields."""
        before = decode_any_event(self.mailboxes.events[-1].value or b"")
        head = a.ChainHead(streamseq=before.streamseq - 1, sha256=before.prevhash)
        right = {"head": head, "credential_id": credential_id("ina")}
        return self.kept(replace(archive_purged("ina"), **(right | spoilt)))

    def broken(self, *, followed: int = 99, settled: int = 99) -> str:
        findings = Findings()
        checks = PutAwayChecks(findings)
        for log in (self.mailboxes, self.archives):
            for record in log.events:
                event = log.family.codec.decode_event(record.value or b"")
                checks.take(record, event)
        ends = {
            TopicPartition(record.topic, record.partition): settled
            for log in (self.mailboxes, self.archives)
            for record in log.events
        }
        partition = self.mailboxes.events[0].partition if self.mailboxes.events else 0
        checks.judge(ends, {partition: followed})
        self.pending = checks.pending
        return " ".join(findings.invariants["I12"].places)


def a_purged_mailbox() -> Both:
    return Both().put_away(DELETED, MAILBOX_PURGED).kept(OPENED, EXPIRED)


def test_a_mailbox_that_is_put_away_kept_and_purged_breaks_no_rule() -> None:
    assert a_purged_mailbox().certified().broken() == ""
    destroyed = Both().put_away(DELETED, replace(MAILBOX_PURGED, early=True))
    destroyed.kept(OPENED, a.ArchiveDestructionOrdered(reason="x")).certified(early=True)
    assert destroyed.broken() == ""
    alone = replace(archive_purged("ina", mailbox=False), kind="cleaned", head=None)
    cleaned = Both().put_away(mailbox_cleaned("ina"))
    assert cleaned.kept(archive_opened("ina", kind="cleaned"), EXPIRED, alone).broken() == ""


def test_what_is_put_away_without_an_archive_is_named_once_it_was_followed() -> None:
    both = Both().put_away(DELETED)
    assert "without an archive" in both.broken(followed=2)
    assert (both.broken(followed=1), both.pending) == ("", 1)


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "cleaned"},
        {"generation": 3},
        {"mailbox_id": mailbox_id("ole")},
        {"retention_years": 2},
        {"expires_at": DELETED.expires_at.replace(second=1)},
    ],
)
def test_an_archive_that_is_opened_otherwise_is_named(other: dict[str, Any]) -> None:
    assert "otherwise" in Both().put_away(DELETED).kept(replace(OPENED, **other)).broken()


def test_an_archive_of_another_tenant_is_named() -> None:
    assert "otherwise" in Both().put_away(DELETED).kept(OPENED, tenant=an_id("them")).broken()


@pytest.mark.parametrize(
    ("both", "rule"),
    [
        (Both().kept(OPENED), "nothing that was put away"),
        (Both().put_away(DELETED, mailbox_cleaned("ina")).kept(OPENED), "already"),
        (Both().put_away(DELETED).kept(OPENED, OPENED), "already"),
        (Both().put_away(DELETED, MAILBOX_PURGED).kept(OPENED), "not over"),
        (
            Both().put_away(DELETED, replace(MAILBOX_PURGED, early=True)).kept(OPENED, EXPIRED),
            "another reason",
        ),
        (Both().put_away(DELETED).kept(OPENED, EXPIRED, archive_purged("ina")), "is not purged"),
        (a_purged_mailbox().certified(head=ANY_HEAD), "another head"),
        (a_purged_mailbox().certified(head=None), "another head"),
        (a_purged_mailbox().certified(credential_id=None), "something else"),
        (a_purged_mailbox().certified(early=True), "something else"),
    ],
)
def test_a_rule_between_mailboxes_and_archives_that_is_broken_is_named(both: Both, rule: str) -> None:
    assert rule in both.broken()


def test_what_led_to_an_event_behind_the_settled_ends_may_not_be_read_yet() -> None:
    assert Both().kept(OPENED).broken(settled=1) == ""
