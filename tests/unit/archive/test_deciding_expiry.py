"""The end of an archive: by its time or by order, held or not, and its certificate."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts import archive as a
from contracts import retrieval as r
from tests.kit.given import NOON, SOMEBODY_ELSE, US, archive_id, mailbox_id, one_year_later, refused
from tests.kit.given_archive import (
    MICROSECOND,
    OPERATOR,
    OWNER,
    SYSTEM,
    a_hold,
    a_packed_archive,
    a_paid_retrieval,
    a_quoted_retrieval,
    a_released_hold,
    a_stored_archive,
    also,
    an_archive,
    archive_purged,
    given_archives,
    hold_id,
    it_happened,
    it_went_on,
    report_purged,
    retrieval_id,
)

INA = archive_id("ina")
EXPIRE = a.ExpireArchive(archive_id=INA)
DESTROY = a.DestroyArchive(archive_id=INA, reason="asked by the owner of the mail")
DESTROYED = a.ArchiveDestructionOrdered(reason=DESTROY.reason)
expired = it_happened("ina", a.ArchiveExpired())
destroyed = it_happened("ina", DESTROYED)
on_its_way = it_happened("ina", a.ArchiveReturning())


def test_nothing_expires_one_microsecond_before_its_time() -> None:
    scenario = given_archives(a_stored_archive("ina"))
    scenario.when(EXPIRE, now=one_year_later - MICROSECOND).then_nothing()
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


def test_an_archive_of_a_leap_day_expires_on_the_28th_of_february() -> None:
    day = datetime(2033, 2, 28, 12, tzinfo=UTC)
    scenario = given_archives(a_stored_archive("ina", until=day))
    scenario.when(EXPIRE, now=day - MICROSECOND).then_nothing()
    scenario.when(EXPIRE, now=day).then(a.ArchiveExpired())


def test_an_archive_that_ends_on_a_leap_day_does_not_expire_the_day_before() -> None:
    day = datetime(2032, 2, 29, 12, tzinfo=UTC)
    scenario = given_archives(a_stored_archive("ina", until=day))
    scenario.when(EXPIRE, now=datetime(2032, 2, 28, 12, tzinfo=UTC)).then_nothing()
    scenario.when(EXPIRE, now=day).then(a.ArchiveExpired())


def test_a_clock_that_is_an_hour_back_only_delays_the_end() -> None:
    scenario = given_archives(a_stored_archive("ina"))
    scenario.when(EXPIRE, now=one_year_later - timedelta(hours=1)).then_nothing()
    scenario.history.obey(EXPIRE, now=one_year_later, actor=SYSTEM)
    scenario.when(EXPIRE, now=one_year_later - timedelta(hours=1)).then_nothing()
    assert scenario.history.state.archives[INA].state == "expired"


def test_a_day_that_is_told_in_another_zone_is_the_same_moment() -> None:
    until = datetime.fromisoformat("2031-06-15T14:00:00+02:00")
    scenario = given_archives(a_stored_archive("ina", until=until))
    scenario.when(EXPIRE, now=one_year_later - MICROSECOND).then_nothing()
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


@pytest.mark.parametrize(
    "facts",
    [
        an_archive("ina"),
        a_packed_archive("ina"),
        (*a_stored_archive("ina"), *on_its_way),
        (*a_stored_archive("ina"), *expired),
        (*an_archive("ina"), *it_happened("ina", a.ArchiveAbandoned())),
    ],
)
def test_only_what_is_stored_expires(facts) -> None:
    given_archives(facts).when(EXPIRE, now=one_year_later).then_nothing()


def test_an_empty_archive_expires_like_any_other() -> None:
    given_archives(an_archive("ina", empty=True)).when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


def test_what_was_given_back_after_it_expired_expires_anew() -> None:
    facts = (*a_stored_archive("ina"), *expired, *on_its_way, *it_happened("ina", a.ArchiveReturned()))
    given_archives(facts).when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


@pytest.mark.parametrize(
    "hold",
    [
        a_hold("first", "domain"),
        a_hold("first", "mailboxes", mailbox_id("ole"), mailbox_id("ina")),
        a_hold("first", "archives", INA),
    ],
)
def test_a_hold_keeps_an_archive_whose_time_has_come(hold) -> None:
    blocked = a.ArchiveExpiryBlocked(hold_ids=(hold_id("first"),))
    given_archives(a_stored_archive("ina"), hold).when(EXPIRE, now=one_year_later).then(blocked)
    given_archives(hold, a_stored_archive("ina")).when(EXPIRE, now=one_year_later).then(blocked)


@pytest.mark.parametrize(
    "hold",
    [
        a_hold("first", "mailboxes", mailbox_id("ole"), INA),
        a_hold("first", "archives", archive_id("ole"), mailbox_id("ina")),
        a_hold("first", "domain", of=SOMEBODY_ELSE),
        a_hold("first", "archives", INA, of=SOMEBODY_ELSE),
        a_released_hold("first", "domain"),
        a_released_hold("first", "mailboxes", mailbox_id("ina"), mailbox_id("ina")),
    ],
)
def test_a_hold_on_something_else_keeps_nothing(hold) -> None:
    given_archives(a_stored_archive("ina"), hold).when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


def test_a_hold_is_told_of_once_until_others_hold() -> None:
    one = a_hold("first", "domain")
    scenario = given_archives(a_stored_archive("ina"), one)
    scenario.history.obey(EXPIRE, now=one_year_later, actor=SYSTEM)
    scenario.when(EXPIRE, now=one_year_later).then_nothing()
    scenario.history.happened(a_hold("second", "archives", INA)[0])
    both = tuple(sorted((hold_id("first"), hold_id("second"))))
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpiryBlocked(hold_ids=both))


def test_an_archive_is_not_blocked_before_its_time() -> None:
    scenario = given_archives(a_stored_archive("ina"), a_hold("first", "domain"))
    scenario.when(EXPIRE, now=one_year_later - MICROSECOND).then_nothing()


def test_an_overdue_archive_expires_when_the_last_of_its_holds_is_released() -> None:
    scenario = given_archives(
        a_stored_archive("ina"), a_hold("first", "domain"), a_hold("second", "archives", INA)
    )
    scenario.history.obey(EXPIRE, now=one_year_later, actor=SYSTEM)
    scenario.history.obey(a.ReleaseHold(hold_id=hold_id("first")))
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpiryBlocked(hold_ids=(hold_id("second"),)))
    scenario.history.obey(a.ReleaseHold(hold_id=hold_id("second")))
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())


def test_what_is_paid_for_does_not_expire_before_it_is_back() -> None:
    scenario = given_archives(
        a_stored_archive("ina"), a_stored_archive("ole"), a_paid_retrieval("first", "ina", "ole")
    )
    scenario.when(EXPIRE, now=one_year_later).then_nothing()
    scenario.history.happened(it_went_on("first", r.RetrievalItemEnded(archive_id=INA))[0])
    scenario.when(EXPIRE, now=one_year_later).then(a.ArchiveExpired())
    decision = scenario.history.decide(EXPIRE, now=one_year_later, actor=SYSTEM)
    assert also(decision) == [], "the other is still to come back"


def test_an_offer_ends_with_its_archive() -> None:
    scenario = given_archives(a_stored_archive("ina"), a_quoted_retrieval("first", "ina"))
    for order in (EXPIRE, DESTROY):
        decision = scenario.history.decide(order, now=one_year_later, actor=OPERATOR)
        assert also(decision) == [(retrieval_id("first"), r.RetrievalExpired())]


def test_a_tenant_may_destroy_an_archive_before_its_time() -> None:
    given_archives(a_stored_archive("ina")).when(DESTROY, actor=OWNER).then(DESTROYED)
    given_archives(an_archive("ina", empty=True)).when(DESTROY, actor=OWNER).then(DESTROYED)


@pytest.mark.parametrize("facts", [expired, destroyed])
def test_what_is_over_is_not_destroyed_again(facts) -> None:
    given_archives(a_stored_archive("ina"), facts).when(DESTROY).then_nothing()


@pytest.mark.parametrize(
    "facts", [an_archive("ina"), a_packed_archive("ina"), (*a_stored_archive("ina"), *on_its_way)]
)
def test_what_is_not_stored_is_not_destroyed(facts) -> None:
    given_archives(facts).when(DESTROY).then(refused("archive_state"))


def test_what_is_held_or_paid_for_is_not_destroyed() -> None:
    held = given_archives(a_stored_archive("ina"), a_hold("first", "domain"))
    held.when(DESTROY, actor=OWNER).then(refused("archive_held"))
    held.when(DESTROY, actor=OPERATOR).then(refused("archive_held"))
    paid = given_archives(a_stored_archive("ina"), a_paid_retrieval("first", "ina"))
    paid.when(DESTROY).then(refused("retrieval_pending"))


def test_the_certificate_says_what_was_destroyed() -> None:
    given_archives(a_stored_archive("ina"), expired).when(report_purged("ina")).then(archive_purged("ina"))
    given_archives(a_stored_archive("ina"), destroyed).when(report_purged("ina")).then(
        archive_purged("ina", early=True)
    )
    given_archives(an_archive("ina", empty=True), expired).when(report_purged("ina")).then(
        archive_purged("ina", empty=True)
    )
    given_archives(a_stored_archive("ina"), expired).when(report_purged("ina", mailbox=False)).then(
        archive_purged("ina", mailbox=False)
    )


def test_a_destruction_that_was_ordered_is_forgotten_when_the_mailbox_comes_back() -> None:
    facts = (*a_stored_archive("ina"), *destroyed, *on_its_way, *it_happened("ina", a.ArchiveReturned()))
    scenario = given_archives(facts)
    scenario.when(EXPIRE, now=NOON).then_nothing()
    scenario.history.obey(EXPIRE, now=one_year_later, actor=SYSTEM)
    scenario.when(report_purged("ina")).then(archive_purged("ina"))


def test_only_what_is_over_is_purged_and_only_once() -> None:
    given_archives(a_stored_archive("ina")).when(report_purged("ina")).then(refused("archive_state"))
    given_archives(a_stored_archive("ina"), expired, on_its_way).when(report_purged("ina")).then(
        refused("archive_state")
    )
    scenario = given_archives(a_stored_archive("ina"), expired)
    scenario.history.obey(report_purged("ina"), actor=SYSTEM)
    scenario.when(report_purged("ina")).then_nothing()
    scenario.when(EXPIRE, now=one_year_later).then_nothing()
    scenario.when(DESTROY).then_nothing()


def test_a_hold_that_comes_after_the_end_comes_too_late() -> None:
    scenario = given_archives(a_stored_archive("ina"), expired, a_hold("first", "domain"))
    scenario.when(report_purged("ina")).then(archive_purged("ina"))


def test_nothing_is_left_of_what_was_packed_after_the_purge() -> None:
    scenario = given_archives(a_stored_archive("ina"), expired)
    scenario.history.obey(report_purged("ina"), actor=SYSTEM)
    archive = scenario.history.state.archives[INA]
    assert (archive.state, archive.key_id, archive.sha256) == ("purged", None, None)
    assert archive.tenant == US
