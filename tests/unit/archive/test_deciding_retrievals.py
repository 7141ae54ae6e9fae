"""Retrievals: requested, quoted, accepted, paid and begun, or not."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts import archive as a
from contracts import retrieval as r
from tests.kit.given import NOON, SOMEBODY_ELSE, archive_id, one_year_later, refused
from tests.kit.given_archive import (
    FIFTY,
    MICROSECOND,
    NINETY,
    OPERATOR,
    OWNER,
    SYSTEM,
    Facts,
    a_hold,
    a_packed_archive,
    a_paid_retrieval,
    a_quoted_retrieval,
    a_retrieval,
    a_stored_archive,
    an_accepted_retrieval,
    an_archive,
    given_archives,
    it_happened,
    it_went_on,
    pay_retrieval,
    request_retrieval,
    retrieval_id,
    retrieval_quoted,
    retrieval_requested,
    thirty_days_later,
)

FIRST = retrieval_id("first")
QUOTE = r.QuoteRetrieval(retrieval_id=FIRST, price=NINETY)
ACCEPT = r.AcceptRetrieval(retrieval_id=FIRST, price=FIFTY)
DECLINE = r.DeclineRetrieval(retrieval_id=FIRST, reason="too dear")
DECLINED = r.RetrievalDeclined(reason="too dear")
PAY = pay_retrieval("first")
PAID = r.RetrievalPaid(price=FIFTY, reference="bank 1")
BEGIN = r.BeginRetrieval(retrieval_id=FIRST)
EXPIRE = r.ExpireRetrieval(retrieval_id=FIRST)

ina = a_stored_archive("ina")
ole = a_stored_archive("ole")
requested = (*ina, *a_retrieval("first", "ina"))
quoted = (*ina, *a_quoted_retrieval("first", "ina"))
accepted = (*ina, *an_accepted_retrieval("first", "ina"))
paid = (*ina, *a_paid_retrieval("first", "ina"))
declined = (*requested, *it_went_on("first", r.RetrievalDeclined()))
expired = (*requested, *it_went_on("first", r.RetrievalExpired()))
restoring = (*paid, *it_went_on("first", r.RetrievalBegun()))
restored = (
    *restoring,
    *it_went_on(
        "first",
        r.RetrievalItemEnded(archive_id=archive_id("ina")),
        r.RetrievalRestored(restored=1, failed=0),
    ),
)


def test_a_single_archive_is_quoted_at_once_by_the_list() -> None:
    given_archives(ina).when(request_retrieval("first", "ina", price=FIFTY), actor=OWNER).then(
        retrieval_requested("ina"), retrieval_quoted(FIFTY, fixed=True)
    )


def test_several_archives_wait_for_a_price_whatever_the_list_says() -> None:
    given_archives(ina, ole).when(request_retrieval("first", "ina", "ole", price=FIFTY)).then(
        retrieval_requested("ina", "ole")
    )
    given_archives(ina).when(request_retrieval("first", "ina")).then(retrieval_requested("ina"))


def test_no_offer_outlasts_its_archives() -> None:
    soon = NOON + timedelta(days=3)
    scenario = given_archives(ina, a_stored_archive("ole", until=soon))
    scenario.when(request_retrieval("first", "ina", "ole")).then(
        retrieval_requested("ina", "ole", until=soon)
    )
    scenario.history.obey(request_retrieval("first", "ina", "ole"))
    scenario.when(QUOTE, actor=OPERATOR).then(retrieval_quoted(NINETY, soon))
    scenario.history.obey(QUOTE, actor=OPERATOR)
    scenario.when(replace(ACCEPT, price=NINETY)).then(r.RetrievalAccepted(valid_until=soon))


def test_what_is_held_beyond_its_time_can_be_retrieved_for_as_long_as_it_is_held() -> None:
    scenario = given_archives(ina, a_hold("first", "domain"))
    until = one_year_later + timedelta(days=r.QUOTE_DAYS)
    scenario.when(request_retrieval("first", "ina"), now=one_year_later).then(
        retrieval_requested("ina", until=until)
    )


def test_what_is_to_expire_now_is_not_to_be_had_any_more() -> None:
    scenario = given_archives(ina)
    scenario.when(request_retrieval("first", "ina"), now=one_year_later).then(refused("archive_state"))
    last = one_year_later - MICROSECOND
    scenario.when(request_retrieval("first", "ina"), now=last).then(
        retrieval_requested("ina", until=one_year_later)
    )


@pytest.mark.parametrize(
    "facts",
    [
        an_archive("ina"),
        a_packed_archive("ina"),
        (*ina, *it_happened("ina", a.ArchiveReturning())),
        (*ina, *it_happened("ina", a.ArchiveExpired())),
    ],
)
def test_only_what_is_stored_can_be_retrieved(facts: Facts) -> None:
    given_archives(facts).when(request_retrieval("first", "ina")).then(refused("archive_state"))


def test_only_archives_of_the_tenant_can_be_retrieved() -> None:
    both = request_retrieval("first", "ina", "ole")
    given_archives(ina).when(both).then(refused("archive_unknown"))
    given_archives(ina, a_stored_archive("ole", of=SOMEBODY_ELSE)).when(both).then(refused("archive_unknown"))


def test_an_archive_is_named_once() -> None:
    given_archives(ina).when(request_retrieval("first", "ina", "ina")).then(refused("malformed"))


@pytest.mark.parametrize("facts", [requested, quoted, accepted, paid, restoring])
def test_an_archive_is_in_one_open_retrieval_at_a_time(facts: Facts) -> None:
    given_archives(facts, ole).when(request_retrieval("second", "ole", "ina")).then(
        refused("retrieval_pending")
    )


@pytest.mark.parametrize("facts", [declined, expired, restored])
def test_an_archive_can_be_retrieved_again_once_its_retrieval_is_over(facts: Facts) -> None:
    given_archives(facts).when(request_retrieval("second", "ina")).then(retrieval_requested("ina"))


@pytest.mark.parametrize("facts", [requested, quoted, paid, declined])
def test_a_request_that_is_made_again_changes_nothing(facts: Facts) -> None:
    given_archives(facts).when(request_retrieval("first", "ina", price=NINETY)).then_nothing()


def test_the_id_of_a_retrieval_is_not_used_for_another() -> None:
    scenario = given_archives(requested, ole, a_hold("first", "domain"))
    scenario.when(request_retrieval("first", "ole")).then(refused("malformed"))
    scenario.when(request_retrieval("first", "ina"), by=SOMEBODY_ELSE).then(refused("malformed"))
    same_id = replace(request_retrieval("second", "ole"), retrieval_id=archive_id("ole"))
    scenario.when(same_id).then(refused("malformed"))


def test_an_operator_names_the_price_and_may_name_another() -> None:
    given_archives(requested).when(QUOTE, actor=OPERATOR).then(retrieval_quoted(NINETY))
    given_archives(quoted).when(QUOTE, actor=OPERATOR).then(retrieval_quoted(NINETY))
    given_archives(quoted).when(replace(QUOTE, price=FIFTY), actor=OPERATOR).then_nothing()


@pytest.mark.parametrize("facts", [accepted, paid, restoring, restored, declined, expired])
def test_a_price_is_not_changed_once_it_is_accepted_or_the_retrieval_is_over(facts: Facts) -> None:
    given_archives(facts).when(QUOTE, actor=OPERATOR).then(refused("retrieval_state"))


def test_an_offer_is_accepted_at_its_price_alone() -> None:
    scenario = given_archives(quoted)
    scenario.when(ACCEPT, actor=OWNER).then(r.RetrievalAccepted(valid_until=thirty_days_later))
    scenario.when(replace(ACCEPT, price=NINETY), actor=OWNER).then(refused("price_mismatch"))
    given_archives(accepted).when(ACCEPT).then_nothing()
    given_archives(accepted).when(replace(ACCEPT, price=NINETY)).then(refused("price_mismatch"))
    given_archives(requested).when(ACCEPT).then(refused("retrieval_state"))


def test_accepting_gives_as_many_days_to_pay_as_the_offer_had() -> None:
    day = NOON + timedelta(days=10)
    given_archives(quoted).when(ACCEPT, now=day).then(
        r.RetrievalAccepted(valid_until=day + timedelta(days=r.QUOTE_DAYS))
    )


@pytest.mark.parametrize(("facts", "command"), [(requested, QUOTE), (quoted, QUOTE), (quoted, ACCEPT)])
def test_an_offer_is_over_by_the_clock_also_when_nobody_has_said_so(facts: Facts, command) -> None:
    scenario = given_archives(facts)
    scenario.when(command, now=thirty_days_later, actor=OPERATOR).then(refused("retrieval_state"))
    decision = scenario.history.decide(command, now=thirty_days_later - MICROSECOND, actor=OPERATOR)
    assert not hasattr(decision, "code")


@pytest.mark.parametrize("facts", [requested, quoted, accepted])
def test_a_retrieval_can_be_declined_until_it_is_paid(facts: Facts) -> None:
    given_archives(facts).when(DECLINE, actor=OWNER).then(DECLINED)


def test_what_is_paid_or_over_is_not_declined() -> None:
    given_archives(declined).when(DECLINE).then_nothing()
    for facts in (paid, restoring, restored, expired):
        given_archives(facts).when(DECLINE).then(refused("retrieval_state"))


def test_the_price_that_was_accepted_is_paid() -> None:
    given_archives(accepted).when(PAY, actor=OPERATOR).then(PAID)
    given_archives(accepted).when(PAY, actor=SYSTEM).then(PAID)
    given_archives(accepted).when(pay_retrieval("first", NINETY)).then(refused("price_mismatch"))


@pytest.mark.parametrize("facts", [requested, quoted, declined, expired])
def test_nothing_is_paid_that_was_not_accepted(facts: Facts) -> None:
    given_archives(facts).when(PAY).then(refused("retrieval_state"))


@pytest.mark.parametrize("facts", [paid, restoring, restored])
def test_a_payment_is_recorded_once(facts: Facts) -> None:
    given_archives(facts).when(PAY).then_nothing()
    given_archives(facts).when(pay_retrieval("first", reference="bank 2")).then(refused("retrieval_state"))
    given_archives(facts).when(pay_retrieval("first", NINETY)).then(refused("retrieval_state"))


def test_money_that_came_in_late_is_taken_until_the_retrieval_has_expired() -> None:
    scenario = given_archives(accepted)
    scenario.when(PAY, now=thirty_days_later).then(PAID)
    scenario.history.obey(EXPIRE, now=thirty_days_later, actor=SYSTEM)
    scenario.when(PAY, now=thirty_days_later).then(refused("retrieval_state"))


@pytest.mark.parametrize("facts", [requested, quoted, accepted])
def test_a_retrieval_that_nobody_answered_expires_at_its_time(facts: Facts) -> None:
    scenario = given_archives(facts)
    scenario.when(EXPIRE, now=thirty_days_later - MICROSECOND).then_nothing()
    scenario.when(EXPIRE, now=thirty_days_later).then(r.RetrievalExpired())


@pytest.mark.parametrize("facts", [paid, restoring, restored, declined, expired])
def test_what_is_paid_or_over_does_not_expire(facts: Facts) -> None:
    given_archives(facts).when(EXPIRE, now=one_year_later).then_nothing()


def test_what_is_paid_is_begun_once() -> None:
    given_archives(paid).when(BEGIN).then(r.RetrievalBegun())
    given_archives(restoring).when(BEGIN).then_nothing()
    given_archives(restored).when(BEGIN).then_nothing()
    for facts in (requested, quoted, accepted, declined, expired):
        given_archives(facts).when(BEGIN).then(refused("retrieval_state"))


@pytest.mark.parametrize("command", [QUOTE, PAY, BEGIN, EXPIRE])
def test_prices_payments_and_progress_are_the_providers_to_say(command) -> None:
    given_archives(accepted).when(command, actor=OWNER).then(refused("permission_exceeded"))
    given_archives().when(command, actor=OWNER).then(refused("permission_exceeded"))


@pytest.mark.parametrize("command", [QUOTE, ACCEPT, DECLINE, PAY, BEGIN, EXPIRE])
def test_another_tenants_retrieval_is_as_good_as_absent(command) -> None:
    given_archives().when(command, actor=OPERATOR).then(refused("retrieval_unknown"))
    given_archives(accepted).when(command, by=SOMEBODY_ELSE, actor=OPERATOR).then(
        refused("retrieval_unknown")
    )
