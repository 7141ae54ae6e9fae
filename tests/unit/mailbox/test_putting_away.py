"""Cleaning, deleting and restoring mailboxes."""

from datetime import UTC, datetime

import pytest

from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    MailboxCleaned,
    MailboxDeleted,
    MailboxEvent,
    MailboxRestored,
    PasswordSet,
    SelfServiceAllowed,
    SetMailboxLimit,
)
from contracts.message import tag_of
from services.mailbox.core.expiry import RETENTION_YEARS, expires_at
from tests.kit.given import (
    SOMEBODY_ELSE,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_suspended_mailbox,
    archive_id,
    clean_mailbox,
    create_mailbox,
    credential_id,
    delete_mailbox,
    given,
    it_happened,
    mailbox_cleaned,
    mailbox_created,
    mailbox_deleted,
    mailbox_id,
    one_year_later,
    refused,
    restore_mailbox,
    the_domain_removed,
)

INA = mailbox_id("ina")


def put_away_in(log: list[EventEnvelope[MailboxEvent]]) -> list[MailboxCleaned | MailboxDeleted]:
    return [event.data for event in log if isinstance(event.data, MailboxCleaned | MailboxDeleted)]


def test_a_deleted_mailbox_is_kept_for_a_year() -> None:
    given(a_domain(), a_mailbox("ina")).when(delete_mailbox("ina")).then(
        mailbox_deleted("ina", expires_at=one_year_later)
    )


def test_a_cleaned_mailbox_starts_a_new_generation_and_stays() -> None:
    scenario = given(a_domain(), a_mailbox("ina"))
    scenario.when(clean_mailbox("ina")).then(mailbox_cleaned("ina", generation=2, expires_at=one_year_later))
    scenario.history.obey(clean_mailbox("ina"))
    assert not scenario.history.state.by_id[INA].deleted
    assert scenario.history.state.mailboxes == 1


def test_the_policy_is_recorded_with_the_date() -> None:
    scenario = given(a_domain(), a_mailbox("ina"))
    scenario.history.obey(clean_mailbox("ina", "first"))
    scenario.history.obey(delete_mailbox("ina", "second"))
    put_away = put_away_in(scenario.history.log)
    assert [tag_of(each) for each in put_away] == ["mailbox_cleaned", "mailbox_deleted"]
    assert [each.retention_years for each in put_away] == [RETENTION_YEARS, RETENTION_YEARS] == [1, 1]


def test_no_two_archives_of_a_mailbox_share_a_generation() -> None:
    scenario = given(a_domain(), a_mailbox("ina"))
    history = scenario.history
    history.obey(clean_mailbox("ina", "first"))
    history.obey(clean_mailbox("ina", "second"))
    history.obey(delete_mailbox("ina", "third"))
    history.obey(restore_mailbox("ina"))
    history.obey(delete_mailbox("ina", "fourth"))
    assert [each.generation for each in put_away_in(history.log)] == [2, 3, 4, 5]


@pytest.mark.parametrize("order", [clean_mailbox, delete_mailbox])
def test_a_suspended_mailbox_can_be_put_away(order) -> None:
    scenario = given(a_domain(), a_suspended_mailbox("ina"))
    before = len(scenario.history.log)
    scenario.history.obey(order("ina"))
    assert len(scenario.history.log) == before + 1


def test_deleting_into_the_same_archive_again_changes_nothing() -> None:
    given(a_domain(), a_deleted_mailbox("ina", archive="first")).when(
        delete_mailbox("ina", "first")
    ).then_nothing()


def test_a_deleted_mailbox_is_not_deleted_into_another_archive() -> None:
    given(a_domain(), a_deleted_mailbox("ina", archive="first")).when(delete_mailbox("ina", "second")).then(
        refused("mailbox_deleted")
    )


def test_a_restored_mailbox_has_everything_it_had() -> None:
    scenario = given(
        a_domain(),
        a_mailbox("ina", note="front desk", password="first"),
        it_happened("ina", SelfServiceAllowed()),
        it_happened("ina", PasswordSet(credential_id=credential_id("second"))),
    )
    scenario.history.obey(clean_mailbox("ina", "cleaned"))
    scenario.history.obey(delete_mailbox("ina", "deleted"))
    scenario.when(restore_mailbox("ina")).then(
        MailboxRestored(
            archive_id=archive_id("deleted"),
            generation=3,
            local_part=mailbox_created("ina").local_part,
            credential_id=credential_id("second"),
            note="front desk",
            self_service=True,
            suspended=False,
        )
    )


def test_a_mailbox_deleted_while_suspended_comes_back_suspended() -> None:
    scenario = given(a_domain(), a_suspended_mailbox("ina"))
    scenario.history.obey(delete_mailbox("ina"))
    scenario.history.obey(restore_mailbox("ina"))
    assert scenario.history.state.by_id[INA].suspended
    assert not scenario.history.state.by_id[INA].deleted


@pytest.mark.parametrize("mailbox", [a_mailbox, a_suspended_mailbox])
def test_only_a_deleted_mailbox_is_restored(mailbox) -> None:
    given(a_domain(), mailbox("ina")).when(restore_mailbox("ina")).then(refused("mailbox_not_deleted"))


def test_restoring_counts_against_the_limit() -> None:
    scenario = given(a_domain(limit=1), a_deleted_mailbox("ina"), a_mailbox("ole"))
    scenario.when(restore_mailbox("ina")).then(refused("mailbox_limit_reached"))
    scenario.history.obey(SetMailboxLimit(mailbox_limit=2))
    scenario.history.obey(restore_mailbox("ina"))
    assert scenario.history.state.mailboxes == 2
    scenario.when(create_mailbox("una")).then(refused("mailbox_limit_reached"))


def test_the_old_holder_finds_deleted_mailboxes_again_after_registering_anew() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed(), a_domain())
    scenario.history.obey(restore_mailbox("ina"))
    assert not scenario.history.state.by_id[INA].deleted


def test_a_mailbox_can_be_deleted_again_after_it_came_back() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina", archive="first"))
    scenario.history.obey(restore_mailbox("ina"))
    scenario.when(delete_mailbox("ina", "second")).then(
        mailbox_deleted("ina", archive="second", generation=3)
    )


def test_an_archive_ordered_by_somebody_else_is_refused_even_by_its_id() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina", archive="first"))
    scenario.when(delete_mailbox("ina", "first"), by=SOMEBODY_ELSE).then(refused("domain_unknown"))


@pytest.mark.parametrize(
    ("put_away", "expiry"),
    [
        ("2030-06-15T12:00:00", "2031-06-15T12:00:00"),
        ("2031-03-01T00:00:00", "2032-03-01T00:00:00"),
        ("2032-02-28T23:59:59", "2033-02-28T23:59:59"),
        ("2032-02-29T08:30:00", "2033-02-28T08:30:00"),
        ("2031-02-28T08:30:00", "2032-02-28T08:30:00"),
        ("2030-12-31T23:59:59.999999", "2031-12-31T23:59:59.999999"),
    ],
)
def test_an_archive_expires_on_the_same_day_of_next_year(put_away: str, expiry: str) -> None:
    now, then = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (put_away, expiry))
    assert expires_at(now) == then
    given(a_domain(), a_mailbox("ina")).when(clean_mailbox("ina"), now=now).then(
        mailbox_cleaned("ina", expires_at=then)
    )
    given(a_domain(), a_mailbox("ina")).when(delete_mailbox("ina"), now=now).then(
        mailbox_deleted("ina", expires_at=then)
    )


def test_a_longer_policy_keeps_the_leap_day_rule() -> None:
    leap_day = datetime(2032, 2, 29, tzinfo=UTC)
    assert expires_at(leap_day, years=4) == datetime(2036, 2, 28, tzinfo=UTC)
