"""The life of an archive: opened, packed, stored, and given back; who may say so."""

import pytest
from msgspec.structs import replace

from contracts import archive as a
from contracts import retrieval as r
from tests.kit.given import SOMEBODY_ELSE, archive_id, refused
from tests.kit.given_archive import (
    NINETY,
    OPERATOR,
    OWNER,
    a_hold,
    a_packed_archive,
    a_paid_retrieval,
    a_quoted_retrieval,
    a_stored_archive,
    also,
    an_archive,
    archive_opened,
    content,
    given_archives,
    hold_id,
    it_happened,
    open_archive,
    report_packed,
    report_purged,
    report_return_failed,
    retrieval_id,
)

INA = archive_id("ina")
RETURN = a.ReturnArchive(archive_id=INA)
RETURNED = a.ReportArchiveReturned(archive_id=INA)
STORED = a.ReportArchiveStored(archive_id=INA)
EXPIRE = a.ExpireArchive(archive_id=INA)
an_expired_archive = (*a_stored_archive("ina"), *it_happened("ina", a.ArchiveExpired()))
a_purged_archive = (
    *an_expired_archive,
    *it_happened(
        "ina",
        a.ArchivePurged(
            mailbox_id=archive_opened("ina").mailbox_id,
            kind="deleted",
            mailbox_purged=True,
            early=False,
            retention_years=1,
            expires_at=archive_opened("ina").expires_at,
            key_id=None,
            sha256=None,
            credential_id=None,
            head=a.ChainHead(streamseq=1, sha256="0" * 64),
        ),
    ),
)
an_archive_on_its_way = (*a_stored_archive("ina"), *it_happened("ina", a.ArchiveReturning()))
an_abandoned_archive = (*an_archive("ina"), *it_happened("ina", a.ArchiveAbandoned()))


def test_an_archive_is_opened_as_the_mailbox_stream_tells() -> None:
    given_archives().when(open_archive("ina")).then(archive_opened("ina"))


def test_an_empty_archive_is_stored_at_once() -> None:
    given_archives().when(open_archive("ina", empty=True)).then(
        archive_opened("ina", empty=True), a.ArchiveStored()
    )


def test_an_archive_that_is_open_is_not_opened_again() -> None:
    given_archives(an_archive("ina")).when(open_archive("ina")).then_nothing()
    given_archives(a_purged_archive).when(open_archive("ina")).then_nothing()


@pytest.mark.parametrize("other", [{"generation": 3}, {"mailbox": "ole"}])
def test_the_id_of_an_archive_is_not_used_for_another(other: dict[str, object]) -> None:
    given_archives(an_archive("ina")).when(open_archive("ina", **other)).then(refused("malformed"))  # pyright: ignore[reportArgumentType]


def test_the_id_of_another_tenants_archive_or_of_a_hold_is_not_used_for_an_archive() -> None:
    given_archives(an_archive("ina")).when(open_archive("ina"), by=SOMEBODY_ELSE).then(refused("malformed"))
    same_id = replace(open_archive("ina"), archive_id=hold_id("first"))
    given_archives(a_hold("first", "domain")).when(same_id).then(refused("malformed"))


def test_what_was_packed_is_told_once() -> None:
    given_archives(an_archive("ina")).when(report_packed("ina")).then(a.ArchivePacked(content=content("ina")))
    given_archives(a_packed_archive("ina")).when(report_packed("ina")).then_nothing()


@pytest.mark.parametrize("facts", [a_stored_archive("ina"), an_archive_on_its_way, an_expired_archive])
def test_the_packing_that_counts_is_never_refused_so_that_nobody_discards_it(facts) -> None:
    given_archives(facts).when(report_packed("ina")).then_nothing()


@pytest.mark.parametrize(
    "facts",
    [
        a_packed_archive("ina"),
        a_stored_archive("ina"),
        an_archive_on_its_way,
        an_expired_archive,
        a_purged_archive,
        an_abandoned_archive,
        an_archive("ina", empty=True),
    ],
)
def test_a_second_packing_does_not_count(facts) -> None:
    given_archives(facts).when(report_packed("ina", attempt=2)).then(refused("archive_state"))


def test_an_archive_is_stored_once_it_is_packed() -> None:
    given_archives(a_packed_archive("ina")).when(STORED).then(a.ArchiveStored())
    given_archives(an_archive("ina")).when(STORED).then(refused("archive_state"))
    given_archives(an_abandoned_archive).when(STORED).then(refused("archive_state"))


@pytest.mark.parametrize(
    "facts", [a_stored_archive("ina"), an_archive_on_its_way, an_expired_archive, a_purged_archive]
)
def test_an_archive_that_was_stored_is_not_stored_again(facts) -> None:
    given_archives(facts).when(STORED).then_nothing()


def test_a_mailbox_that_comes_back_before_anything_was_packed_leaves_no_archive() -> None:
    given_archives(an_archive("ina")).when(RETURN).then(a.ArchiveAbandoned())
    given_archives(an_abandoned_archive).when(RETURN).then_nothing()


@pytest.mark.parametrize("facts", [a_packed_archive("ina"), a_stored_archive("ina"), an_expired_archive])
def test_what_was_packed_is_given_back_also_when_it_had_expired(facts) -> None:
    given_archives(facts).when(RETURN).then(a.ArchiveReturning())


def test_of_an_empty_archive_nothing_is_on_its_way() -> None:
    empty = an_archive("ina", empty=True)
    given_archives(empty).when(RETURN).then(a.ArchiveReturning(), a.ArchiveReturned())
    expired = (*empty, *it_happened("ina", a.ArchiveExpired()))
    given_archives(expired).when(RETURN).then(a.ArchiveReturning(), a.ArchiveReturned())


def test_what_is_on_its_way_is_not_sent_again_and_what_is_purged_never() -> None:
    given_archives(an_archive_on_its_way).when(RETURN).then_nothing()
    given_archives(a_purged_archive).when(RETURN).then(refused("archive_state"))


def test_what_was_given_back_once_can_be_given_back_again() -> None:
    returned = (*an_archive_on_its_way, *it_happened("ina", a.ArchiveReturned()))
    given_archives(returned).when(RETURN).then(a.ArchiveReturning())


def test_a_return_is_told_of_once() -> None:
    given_archives(an_archive_on_its_way).when(RETURNED).then(a.ArchiveReturned())
    given_archives(a_stored_archive("ina")).when(RETURNED).then_nothing()


def test_a_return_that_failed_leaves_the_archive_stored() -> None:
    failed = a.ArchiveReturnFailed(refusal="mailbox_purged")
    scenario = given_archives(an_archive_on_its_way)
    scenario.when(report_return_failed("ina")).then(failed)
    scenario.history.obey(report_return_failed("ina"), actor=OPERATOR)
    scenario.when(report_return_failed("ina")).then_nothing()
    scenario.when(RETURN).then(a.ArchiveReturning())


EVERY_OF_THE_SYSTEM = [
    open_archive("ina"),
    report_packed("ina"),
    STORED,
    RETURN,
    RETURNED,
    report_return_failed("ina"),
    EXPIRE,
    report_purged("ina"),
]


@pytest.mark.parametrize("command", EVERY_OF_THE_SYSTEM)
def test_what_the_system_reports_nobody_else_may_say(command: a.ArchiveCommand) -> None:
    scenario = given_archives(a_packed_archive("ina"))
    scenario.when(command, actor=OWNER).then(refused("permission_exceeded"))
    unknown = given_archives()
    unknown.when(command, actor=OWNER).then(refused("permission_exceeded"))


@pytest.mark.parametrize("command", [*EVERY_OF_THE_SYSTEM[1:], a.DestroyArchive(archive_id=INA, reason="x")])
def test_another_tenants_archive_is_as_good_as_absent(command: a.ArchiveCommand) -> None:
    given_archives().when(command).then(refused("archive_unknown"))
    given_archives(a_stored_archive("ina")).when(command, by=SOMEBODY_ELSE).then(refused("archive_unknown"))


def test_a_paid_retrieval_ends_with_the_last_of_its_archives() -> None:
    scenario = given_archives(
        a_stored_archive("ina"), a_stored_archive("ole"), a_paid_retrieval("first", "ina", "ole")
    )
    for name in ("ina", "ole"):
        scenario.history.obey(a.ReturnArchive(archive_id=archive_id(name)), actor=OPERATOR)
    scenario.when(RETURNED).then(a.ArchiveReturned())
    first, ended = retrieval_id("first"), r.RetrievalItemEnded
    assert also(scenario.history.obey(RETURNED, actor=OPERATOR)) == [(first, ended(archive_id=INA))]
    last = scenario.history.obey(report_return_failed("ole"), actor=OPERATOR)
    assert also(last) == [
        (first, ended(archive_id=archive_id("ole"), refusal="mailbox_purged")),
        (first, r.RetrievalRestored(restored=1, failed=1)),
    ]
    assert scenario.history.state.retrievals[first].state == "restored"


def test_a_paid_retrieval_hears_that_a_mailbox_can_not_come_back_at_all() -> None:
    scenario = given_archives(a_stored_archive("ina"), a_paid_retrieval("first", "ina"))
    scenario.when(report_return_failed("ina")).then_nothing()
    decision = scenario.history.obey(report_return_failed("ina"), actor=OPERATOR)
    assert [event for _, event in also(decision)] == [
        r.RetrievalItemEnded(archive_id=INA, refusal="mailbox_purged"),
        r.RetrievalRestored(restored=0, failed=1),
    ]
    assert also(scenario.history.obey(report_return_failed("ina"), actor=OPERATOR)) == []


def test_an_empty_archive_ends_its_part_of_a_paid_retrieval_at_once() -> None:
    scenario = given_archives(an_archive("ina", empty=True), a_paid_retrieval("first", "ina"))
    assert [event for _, event in also(scenario.history.decide(RETURN, actor=OPERATOR))] == [
        r.RetrievalItemEnded(archive_id=INA),
        r.RetrievalRestored(restored=1, failed=0),
    ]


def test_giving_back_for_nothing_ends_no_retrieval_that_is_not_paid() -> None:
    facts = (an_archive_on_its_way, a_quoted_retrieval("first", "ina", price=NINETY))
    assert also(given_archives(*facts).history.decide(RETURNED, actor=OPERATOR)) == []
