"""The rules of archives, holds and retrievals, each broken once."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from contracts import archive as a
from contracts import retrieval as r
from contracts.topics import ARCHIVE
from contracts.views.archive import ArchiveRow, HoldRow, RetrievalRow
from tests.kit.given import archive_id, mailbox_id
from tests.kit.given_archive import (
    FIFTY,
    NINETY,
    OWNER,
    archive_opened,
    archive_purged,
    content,
    hold_id,
    hold_placed,
    retrieval_id,
    retrieval_quoted,
    retrieval_requested,
)
from tests.unit.oracle.hand_made import NOON, HandMadeLog, rules_broken

INA, OLE, HOLD, FIRST = archive_id("ina"), archive_id("ole"), hold_id("first"), retrieval_id("first")
THEM = "00000000-0000-7000-8000-00000000000f"

DUE = NOON + timedelta(days=10)
BEFORE = DUE - timedelta(microseconds=1)
MONTH = NOON + timedelta(days=30)
NEVER = NOON + timedelta(days=400)

Told = tuple[str, Any] | tuple[str, Any, dict[str, Any]]
OPENED: Told = (INA, archive_opened("ina", until=DUE))
PACKED: Told = (INA, a.ArchivePacked(content=content("ina")))
ARCHIVED: Told = (INA, a.ArchiveStored())
EXPIRED: Told = (INA, a.ArchiveExpired(), {"time": DUE})
DESTROYED: Told = (INA, a.ArchiveDestructionOrdered(reason="x"))
RETURNING: Told = (INA, a.ArchiveReturning())
RETURNED: Told = (INA, a.ArchiveReturned())
PURGED = replace(archive_purged("ina"), expires_at=DUE)
STORED = (OPENED, PACKED, ARCHIVED)
LASTING = ((INA, archive_opened("ina", until=NEVER)), PACKED, ARCHIVED)
BLOCKED = a.ArchiveExpiryBlocked(hold_ids=(HOLD,))
HELD: Told = (HOLD, hold_placed("domain", by_provider=True))
RELEASED: Told = (HOLD, a.HoldReleased())

ASKED: Told = (FIRST, retrieval_requested("ina", until=MONTH))
QUOTED: Told = (FIRST, retrieval_quoted(FIFTY, MONTH))
ACCEPTED: Told = (FIRST, r.RetrievalAccepted(valid_until=MONTH))
PAID: Told = (FIRST, r.RetrievalPaid(price=FIFTY, reference="x"))
BEGUN: Told = (FIRST, r.RetrievalBegun())
ENDED = r.RetrievalItemEnded(archive_id=INA)
FAILED = r.RetrievalItemEnded(archive_id=INA, refusal="mailbox_purged")
DONE = r.RetrievalRestored(restored=1, failed=0)
BACK: Told = (INA, (a.ArchiveReturned(), (FIRST, ENDED), (FIRST, DONE)))
OFFERED = (*LASTING, ASKED, QUOTED)
PAID_FOR = (*OFFERED, ACCEPTED, PAID)


def a_log(*told: Told) -> HandMadeLog:
    """Give the log in which this happened, one command each: (subject, event or events, fields of the envelope)."""
    log = HandMadeLog(ARCHIVE)
    for subject, happened, *fields in told:
        events = happened if isinstance(happened, tuple) else (happened,)
        about = [each if isinstance(each, tuple) else (subject, each) for each in events]
        log.happened_about(about, **{"time": NOON, **(fields[0] if fields else {})})
    return log


@pytest.mark.parametrize(
    "told",
    [
        (*STORED, EXPIRED, (INA, PURGED, {"time": DUE})),
        (*STORED, DESTROYED, (INA, replace(PURGED, early=True))),
        (*STORED, DESTROYED, RETURNING, RETURNED, EXPIRED, (INA, PURGED, {"time": DUE})),
        (OPENED, (INA, a.ArchiveAbandoned())),
        (
            OPENED,
            PACKED,
            RETURNING,
            (INA, a.ArchiveReturnFailed(refusal="mailbox_deleted")),
            RETURNING,
            RETURNED,
        ),
        (
            (INA, (archive_opened("ina", empty=True), a.ArchiveStored())),
            (INA, (a.ArchiveReturning(), a.ArchiveReturned())),
        ),
        (*STORED, HELD, (INA, BLOCKED, {"time": DUE}), (*RELEASED, {"time": DUE}), EXPIRED),
        (*STORED, (HOLD, hold_placed("mailboxes", mailbox_id("ole"), by_provider=True)), EXPIRED),
        (*STORED, (HOLD, hold_placed("domain"), {"actor": OWNER}), (*RELEASED, {"actor": OWNER})),
        (*PAID_FOR, BEGUN, (INA, a.ArchiveReturning()), BACK),
        (*PAID_FOR, (FIRST, (FAILED, r.RetrievalRestored(restored=0, failed=1)))),
        (*OFFERED, (FIRST, retrieval_quoted(NINETY, MONTH)), (FIRST, r.RetrievalDeclined())),
        (*OFFERED, (FIRST, r.RetrievalExpired(), {"time": MONTH})),
        (*OFFERED, (INA, (a.ArchiveDestructionOrdered(reason="x"), (FIRST, r.RetrievalExpired())))),
        (*LASTING, (FIRST, (ASKED[1], retrieval_quoted(FIFTY, MONTH, fixed=True)), {"actor": OWNER})),
    ],
)
def test_what_the_decider_allows_breaks_no_rule(told: tuple[Told, ...]) -> None:
    assert rules_broken(a_log(*told)) == ""


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ((OPENED, OPENED), "under an id that is known"),
        ((OPENED, (OLE, archive_opened("ina"))), "a second archive of generation 2"),
        (((INA, replace(archive_opened("ina"), retention_years=0)),), "less than a year"),
        (((*OPENED, {"actor": OWNER}),), "archive_opened ordered by a tenant"),
        ((PACKED,), "never opened"),
        ((OPENED, ARCHIVED), "archive_stored of an archive that is opened"),
        (((INA, archive_opened("ina", empty=True)), ARCHIVED), "archive_stored of an archive that is opened"),
        (((INA, archive_opened("ina", empty=True)), PACKED), "an empty archive packed"),
        ((*STORED, (INA, a.ArchiveAbandoned())), "archive_abandoned of an archive that is stored"),
        ((*STORED, RETURNED), "archive_returned of an archive that is stored"),
        ((*STORED, EXPIRED, EXPIRED), "archive_expired of an archive that is expired"),
        ((*STORED, (INA, a.ArchiveExpired(), {"time": BEFORE})), "before its time"),
        ((*STORED, (INA, a.ArchiveExpired(), {"time": DUE, "actor": OWNER})), "ordered by a tenant"),
        ((*STORED, HELD, EXPIRED), "archive_expired of an archive that is held"),
        ((*STORED, HELD, DESTROYED), "archive_destruction_ordered of an archive that is held"),
        ((*STORED, HELD, (INA, BLOCKED)), "blocked before its time"),
        ((*STORED, (INA, BLOCKED, {"time": DUE})), "blocked by other holds"),
        ((*STORED, HELD, *[(INA, BLOCKED, {"time": DUE})] * 2), "told of before"),
        ((*STORED, (INA, PURGED)), "archive_purged of an archive that is stored"),
        ((*STORED, DESTROYED, (INA, PURGED)), "says something else"),
        ((*STORED, EXPIRED, (INA, replace(PURGED, sha256=None), {"time": DUE})), "says something else"),
        ((*STORED, EXPIRED, (INA, PURGED, {"time": DUE, "tenant": THEM})), "another tenant's archive"),
        (
            (
                (INA, archive_opened("ina", until=DUE, kind="cleaned")),
                PACKED,
                ARCHIVED,
                EXPIRED,
                (INA, replace(PURGED, kind="cleaned"), {"time": DUE}),
            ),
            "not that of its deletion",
        ),
        ((HELD, HELD), "a hold placed under an id that is known"),
        (((HOLD, hold_placed("archives", by_provider=True)),), "on nothing"),
        (((HOLD, hold_placed("domain")),), "the wrong side"),
        ((RELEASED,), "does not hold"),
        ((HELD, RELEASED, RELEASED), "does not hold"),
        ((HELD, (*RELEASED, {"actor": OWNER})), "released by a tenant"),
        ((HELD, (*RELEASED, {"tenant": THEM})), "another tenant's hold"),
        ((ASKED,), "not the tenant's"),
        ((OPENED, ASKED), "a retrieval of an archive that is opened"),
        ((*LASTING, ASKED, ASKED), "in another one"),
        ((*LASTING, (FIRST, replace(ASKED[1], archive_ids=(INA, INA)))), "an archive twice"),
        ((*LASTING, (FIRST, retrieval_requested("ina", until=DUE))), "another time than thirty days"),
        ((QUOTED,), "never requested"),
        ((*LASTING, ASKED, ACCEPTED), "retrieval_accepted of a retrieval that is requested"),
        ((*LASTING, ASKED, (FIRST, retrieval_quoted(FIFTY, MONTH, fixed=True))), "price of the list"),
        ((*LASTING, ASKED, (*QUOTED[:2], {"actor": OWNER})), "named by a tenant"),
        ((*OFFERED, QUOTED), "a price changed to what it was"),
        ((*OFFERED, (*ACCEPTED[:2], {"time": MONTH})), "after the end of the offer"),
        ((*OFFERED, (FIRST, r.RetrievalExpired())), "expired before its time"),
        ((*OFFERED, (INA, a.ArchiveDestructionOrdered(reason="x")), HELD), "did not end with it"),
        ((*OFFERED, ACCEPTED, (FIRST, replace(PAID[1], price=NINETY))), "another price paid"),
        ((*OFFERED, ACCEPTED, (*PAID[:2], {"actor": OWNER})), "paid ordered by a tenant"),
        ((*OFFERED, ACCEPTED, (*PAID[:2], {"tenant": THEM})), "another tenant's retrieval"),
        ((*PAID_FOR, (INA, a.ArchiveExpired(), {"time": NEVER})), "paid for and not back"),
        ((*PAID_FOR, (INA, a.ArchiveDestructionOrdered(reason="x"))), "paid for and not back"),
        ((*PAID_FOR, (FIRST, r.RetrievalDeclined())), "retrieval_declined of a retrieval that is paid"),
        ((*PAID_FOR, (FIRST, ENDED)), "counted as back"),
        ((*PAID_FOR, (FIRST, replace(FAILED, archive_id=OLE))), "does not wait for"),
        ((*PAID_FOR, (FIRST, DONE)), "restored with 1 archives not ended"),
        ((*PAID_FOR, (FIRST, (FAILED, DONE))), "1 restored and 0 failed of 1"),
    ],
)
def test_a_rule_of_archives_that_is_broken_is_named(told: tuple[Told, ...], rule: str) -> None:
    assert rule in rules_broken(a_log(*told))


def test_a_fresh_fold_makes_the_rows_of_every_table() -> None:
    log = a_log(*PAID_FOR, HELD)
    log.checked()
    archive, hold = log.fold.rows["archives"][INA], log.fold.rows["holds"][HOLD]
    retrieval = log.fold.rows["retrievals"][FIRST]
    assert isinstance(archive, ArchiveRow)
    assert isinstance(hold, HoldRow)
    assert isinstance(retrieval, RetrievalRow)
    assert (archive.state, hold.released, retrieval.state) == ("stored", False, "paid")
