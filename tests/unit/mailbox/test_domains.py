"""The life of a mail domain: pending, active, suspended, removed."""

import pytest

from contracts.mailbox import (
    ActivateDomain,
    DomainActivated,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainSuspended,
    MailboxLimitSet,
    RegisterDomain,
    RemoveDomain,
    ResumeDomain,
    SetMailboxLimit,
    SuspendDomain,
)
from tests.kit.given import (
    SOMEBODY_ELSE,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_pending_domain,
    a_removed_domain,
    a_suspended_domain,
    a_suspended_mailbox,
    given,
    refused,
)


def test_a_free_name_is_registered_with_its_limit() -> None:
    given().when(RegisterDomain(mailbox_limit=5)).then(DomainRegistered(mailbox_limit=5))


def test_a_name_can_be_registered_without_limit() -> None:
    given().when(RegisterDomain()).then(DomainRegistered(mailbox_limit=None))


@pytest.mark.parametrize("facts", [a_pending_domain, a_domain, a_suspended_domain])
def test_a_name_that_somebody_else_holds_is_taken(facts) -> None:
    given(facts()).when(RegisterDomain(), by=SOMEBODY_ELSE).then(refused("domain_taken"))


@pytest.mark.parametrize("facts", [a_pending_domain, a_domain, a_suspended_domain])
def test_registering_again_what_one_holds_changes_nothing(facts) -> None:
    given(facts()).when(RegisterDomain(mailbox_limit=3)).then_nothing()


def test_a_removed_name_can_be_registered_again_by_its_old_holder() -> None:
    given(a_removed_domain()).when(RegisterDomain()).then(DomainRegistered())


def test_a_removed_name_can_be_registered_by_anybody() -> None:
    given(a_removed_domain()).when(RegisterDomain(), by=SOMEBODY_ELSE).then(DomainRegistered())


def test_a_limit_of_the_earlier_holder_is_forgotten() -> None:
    scenario = given(a_domain(limit=1))
    scenario.history.obey(RemoveDomain())
    scenario.history.obey(RegisterDomain(), SOMEBODY_ELSE)
    assert scenario.history.state.mailbox_limit is None


@pytest.mark.parametrize(
    "name", ["localhost", "Example.org", "exa mple.org", "example.org.", "bücher.example", ""]
)
def test_what_is_no_mail_domain_cannot_be_registered(name: str) -> None:
    given(domain=name).when(RegisterDomain()).then(refused("address_invalid"))


def test_a_pending_domain_is_activated_with_its_proof() -> None:
    given(a_pending_domain()).when(ActivateDomain(proof="txt_record")).then(
        DomainActivated(proof="txt_record")
    )


def test_activating_twice_changes_nothing() -> None:
    given(a_domain()).when(ActivateDomain(proof="operator")).then_nothing()


def test_a_suspension_is_not_ended_by_activating() -> None:
    given(a_suspended_domain()).when(ActivateDomain(proof="txt_record")).then(refused("domain_not_active"))


def test_an_active_domain_is_suspended_with_the_reason() -> None:
    given(a_domain()).when(SuspendDomain(reason="unpaid")).then(DomainSuspended(reason="unpaid"))


def test_suspending_a_domain_twice_changes_nothing() -> None:
    given(a_suspended_domain()).when(SuspendDomain(reason="another")).then_nothing()


def test_a_pending_domain_cannot_be_suspended() -> None:
    given(a_pending_domain()).when(SuspendDomain()).then(refused("domain_not_active"))


def test_a_suspended_domain_is_resumed() -> None:
    given(a_suspended_domain()).when(ResumeDomain()).then(DomainResumed())


def test_resuming_an_active_domain_changes_nothing() -> None:
    given(a_domain()).when(ResumeDomain()).then_nothing()


def test_a_pending_domain_cannot_be_resumed() -> None:
    given(a_pending_domain()).when(ResumeDomain()).then(refused("domain_not_active"))


@pytest.mark.parametrize("facts", [a_pending_domain, a_domain])
def test_an_empty_domain_is_removed(facts) -> None:
    given(facts()).when(RemoveDomain()).then(DomainRemoved())


def test_removing_twice_changes_nothing() -> None:
    given(a_removed_domain()).when(RemoveDomain()).then_nothing()


def test_a_domain_whose_mailboxes_are_all_deleted_is_removed() -> None:
    given(a_domain(), a_deleted_mailbox("ina")).when(RemoveDomain()).then(DomainRemoved())


@pytest.mark.parametrize("mailbox", [a_mailbox, a_suspended_mailbox])
def test_a_domain_with_a_mailbox_is_not_removed(mailbox) -> None:
    given(a_domain(), mailbox("ina"), a_deleted_mailbox("ole")).when(RemoveDomain()).then(
        refused("domain_not_empty")
    )


def test_a_suspension_is_not_escaped_by_removing_the_domain() -> None:
    given(a_suspended_domain()).when(RemoveDomain()).then(refused("domain_not_active"))


@pytest.mark.parametrize("facts", [a_pending_domain, a_domain, a_suspended_domain])
@pytest.mark.parametrize("limit", [0, 7, 10_000_000])
def test_the_limit_is_set_whatever_the_domains_state(facts, limit: int) -> None:
    given(facts()).when(SetMailboxLimit(mailbox_limit=limit)).then(MailboxLimitSet(mailbox_limit=limit))


def test_a_limit_can_be_lifted() -> None:
    given(a_domain(limit=1)).when(SetMailboxLimit(mailbox_limit=None)).then(
        MailboxLimitSet(mailbox_limit=None)
    )


@pytest.mark.parametrize("limit", [None, 0, 5])
def test_setting_the_same_limit_changes_nothing(limit: int | None) -> None:
    given(a_domain(limit=limit)).when(SetMailboxLimit(mailbox_limit=limit)).then_nothing()


def test_a_limit_below_the_present_count_leaves_the_mailboxes_alone() -> None:
    scenario = given(a_domain(), a_mailbox("ina"), a_mailbox("ole"))
    scenario.when(SetMailboxLimit(mailbox_limit=1)).then(MailboxLimitSet(mailbox_limit=1))
    scenario.history.obey(SetMailboxLimit(mailbox_limit=1))
    assert scenario.history.state.mailboxes == 2


ORDERS = [
    ActivateDomain(proof="operator"),
    SuspendDomain(),
    ResumeDomain(),
    RemoveDomain(),
    SetMailboxLimit(mailbox_limit=1),
]


@pytest.mark.parametrize("command", ORDERS)
def test_nobody_orders_in_a_domain_that_nobody_holds(command) -> None:
    given().when(command).then(refused("domain_unknown"))


@pytest.mark.parametrize("facts", [a_pending_domain, a_domain, a_suspended_domain, a_removed_domain])
@pytest.mark.parametrize("command", ORDERS)
def test_a_foreign_domain_looks_like_none(command, facts) -> None:
    given(facts()).when(command, by=SOMEBODY_ELSE).then(refused("domain_unknown"))


@pytest.mark.parametrize("command", [each for each in ORDERS if not isinstance(each, RemoveDomain)])
def test_a_removed_domain_takes_no_orders(command) -> None:
    given(a_removed_domain()).when(command).then(refused("domain_removed"))
