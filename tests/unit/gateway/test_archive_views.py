"""What is shown of archives and retrievals follows from their events; a certificate says what the log says."""

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import structs

from contracts.archive import ArchiveDestructionOrdered, ArchivePurged, ChainHead
from contracts.ids import ArchiveId
from contracts.retrieval import (
    Price,
    RetrievalAccepted,
    RetrievalBegun,
    RetrievalItemEnded,
    RetrievalPaid,
    RetrievalQuoted,
    RetrievalRequested,
    RetrievalRestored,
)
from contracts.topics import ARCHIVE
from contracts.views.archive import RetrievalRow, fold_retrieval
from services.gateway.archive_queries import ListedArchive
from services.gateway.archive_rows import EndedArchiveRow, fold_ended_archive
from services.gateway.http.archive_views import archive_view, certificate_view, receipt_view
from services.runtime.ids import new_id
from tests.kit.archive_log import NOON, YEAR, ArchiveLog, a_purge

TENANT, MAILBOX_ID = new_id(), new_id()
FIFTY = Price(amount=5000, currency="EUR")


def a_log() -> ArchiveLog:
    return ArchiveLog(TENANT, "example.org")


def listed(log: ArchiveLog, archive_id: str, **around: Any) -> ListedArchive:
    """The archive as a list has it, folded from the log."""
    row: EndedArchiveRow | None = None
    for value in log.values:
        event = ARCHIVE.codec.decode_event(value)
        if event.subject == archive_id:
            row = fold_ended_archive(row, event)
    assert row is not None
    surroundings: dict[str, Any] = {
        "local_part": "ina",
        "size_bytes": 1_000,
        "shown_state": row.state,
        "hold_ids": [],
        "retrieval_id": None,
    }
    return ListedArchive(**structs.asdict(row), **surroundings | around)


def test_an_archive_counts_down_to_its_day_and_no_further() -> None:
    log = a_log()
    row = listed(log, log.stored())
    assert archive_view(row, NOON).expires_in_s == YEAR.total_seconds()
    assert archive_view(row, NOON + YEAR + timedelta(hours=1)).expires_in_s == 0


def test_one_that_is_purged_counts_nothing_and_has_a_certificate() -> None:
    log = a_log()
    archive_id = log.stored(MAILBOX_ID)
    assert archive_view(listed(log, archive_id), NOON).certificate is None
    log.purged(archive_id, MAILBOX_ID)
    view = archive_view(listed(log, archive_id, local_part=None), NOON)
    assert view.certificate == f"/v1/archives/{archive_id}/certificate"
    assert (view.state, view.expires_in_s, view.address) == ("purged", None, None)


def test_a_certificate_is_proven_by_the_log_alone() -> None:
    log = a_log()
    log.stored()
    archive_id = log.stored(MAILBOX_ID)
    log.purged(archive_id, MAILBOX_ID, mailbox_purged=True, head=ChainHead(streamseq=7, sha256="b" * 64))
    log.stored()
    row = listed(log, archive_id)
    assert row.certificate is not None
    shown = msgspec.to_builtins(certificate_view(row, row.certificate))
    # As docs/api.md tells an auditor to do it, with nothing but the values.
    events = [msgspec.json.decode(value) for value in log.values]
    for value, following in zip(log.values, events[1:], strict=False):
        assert following["prevhash"] == hashlib.sha256(value).hexdigest()
    event = events[shown["event"]["streamseq"] - 1]
    assert (event["id"], event["type"]) == (shown["event"]["event_id"], "archive_purged")
    assert event["prevhash"] == shown["event"]["prevhash"]
    assert event["data"]["key_id"] == shown["destroyed"]["key_id"]
    assert shown["mailbox_head"] == {
        "topic": "mailbox.events", "stream": "example.org", "streamseq": 7, "sha256": "b" * 64
    }  # fmt: skip
    assert (shown["ended_by"], shown["early"], shown["reason"]) == ("system:archive", False, "")


def test_a_certificate_of_an_early_end_names_whoever_wanted_it() -> None:
    log = a_log()
    archive_id = log.stored(MAILBOX_ID)
    log.add(archive_id, ArchiveDestructionOrdered(reason="the customer left"), "user:somebody")
    log.add(archive_id, a_purge(archive_id, MAILBOX_ID, early=True))
    row = listed(log, archive_id)
    assert row.certificate is not None
    assert isinstance(row.certificate.purged, ArchivePurged)
    view = certificate_view(row, row.certificate)
    assert (view.ended_by, view.reason, view.purged_by) == (
        "user:somebody", "the customer left", "system:archive"
    )  # fmt: skip
    assert view.mailbox_head is None


def test_a_receipt_says_what_came_back_and_why_the_rest_did_not() -> None:
    log = a_log()
    back, lost, retrieval_id = log.stored(MAILBOX_ID), log.stored(), new_id()
    until = NOON + timedelta(days=30)
    events = [
        RetrievalRequested(archive_ids=(ArchiveId(back), ArchiveId(lost)), valid_until=until),
        RetrievalQuoted(price=FIFTY, valid_until=until, fixed=False),
        RetrievalAccepted(valid_until=until),
        RetrievalPaid(price=FIFTY, reference="R-7"),
        RetrievalBegun(),
        RetrievalItemEnded(archive_id=ArchiveId(back)),
        RetrievalItemEnded(archive_id=ArchiveId(lost), refusal="address_taken"),
        RetrievalRestored(restored=1, failed=1),
    ]
    row: RetrievalRow | None = None
    for data in events:
        row = fold_retrieval(row, log.add(retrieval_id, data, "user:somebody"))
    assert row is not None
    receipt = receipt_view(row, {each: listed(log, each) for each in (back, lost)})
    assert (receipt.state, receipt.archives, receipt.restored, receipt.failed) == ("restored", 2, 1, 1)
    assert (receipt.price, receipt.reference, receipt.requested_by) == (FIFTY, "R-7", "user:somebody")
    first, second = receipt.items
    assert (first.address, first.messages, first.restored, first.refusal) == (
        "ina@example.org",
        3,
        True,
        None,
    )
    assert (second.restored, second.refusal, second.detail) == (
        False, "address_taken", "The address is a mailbox already"
    )  # fmt: skip
