"""Notes, passwords, self-service and suspension of a mailbox, and who is refused what."""

import pytest

from contracts.mailbox import (
    AllowSelfService,
    ChangeNote,
    ForbidSelfService,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PasswordSet,
    ResumeMailbox,
    SelfServiceAllowed,
    SelfServiceForbidden,
    SetPassword,
    SuspendMailbox,
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
    clean_mailbox,
    credential_id,
    delete_mailbox,
    given,
    it_happened,
    mailbox_id,
    refused,
    restore_mailbox,
    the_domain_removed,
    the_domain_suspended,
)

INA = mailbox_id("ina")


def test_a_note_is_replaced() -> None:
    given(a_domain(), a_mailbox("ina", note="old")).when(ChangeNote(mailbox_id=INA, note="new")).then(
        NoteChanged(note="new")
    )


def test_an_equal_note_changes_nothing() -> None:
    given(a_domain(), a_mailbox("ina", note="same")).when(
        ChangeNote(mailbox_id=INA, note="same")
    ).then_nothing()


def test_a_password_is_set_by_its_credential() -> None:
    given(a_domain(), a_mailbox("ina", password="first")).when(
        SetPassword(mailbox_id=INA, credential_id=credential_id("second"))
    ).then(PasswordSet(credential_id=credential_id("second")))


def test_setting_the_same_credential_changes_nothing() -> None:
    given(a_domain(), a_mailbox("ina", password="first")).when(
        SetPassword(mailbox_id=INA, credential_id=credential_id("first"))
    ).then_nothing()


def test_self_service_is_allowed_once() -> None:
    scenario = given(a_domain(), a_mailbox("ina"))
    scenario.when(AllowSelfService(mailbox_id=INA)).then(SelfServiceAllowed())
    scenario.history.obey(AllowSelfService(mailbox_id=INA))
    scenario.when(AllowSelfService(mailbox_id=INA)).then_nothing()


def test_self_service_is_forbidden_where_it_was_allowed() -> None:
    scenario = given(a_domain(), a_mailbox("ina"), it_happened("ina", SelfServiceAllowed()))
    scenario.when(ForbidSelfService(mailbox_id=INA)).then(SelfServiceForbidden())
    scenario.history.obey(ForbidSelfService(mailbox_id=INA))
    scenario.when(ForbidSelfService(mailbox_id=INA)).then_nothing()


def test_forbidding_self_service_that_was_never_allowed_changes_nothing() -> None:
    given(a_domain(), a_mailbox("ina")).when(ForbidSelfService(mailbox_id=INA)).then_nothing()


def test_a_mailbox_is_suspended_with_the_reason() -> None:
    given(a_domain(), a_mailbox("ina")).when(SuspendMailbox(mailbox_id=INA, reason="leave")).then(
        MailboxSuspended(reason="leave")
    )


def test_suspending_a_mailbox_twice_changes_nothing() -> None:
    given(a_domain(), a_suspended_mailbox("ina")).when(
        SuspendMailbox(mailbox_id=INA, reason="other")
    ).then_nothing()


def test_a_suspended_mailbox_is_resumed() -> None:
    scenario = given(a_domain(), a_suspended_mailbox("ina"))
    scenario.when(ResumeMailbox(mailbox_id=INA)).then(MailboxResumed())
    scenario.history.obey(ResumeMailbox(mailbox_id=INA))
    scenario.when(ResumeMailbox(mailbox_id=INA)).then_nothing()


def test_a_suspended_mailbox_is_noted_given_a_password_and_self_service() -> None:
    scenario = given(a_domain(), a_suspended_mailbox("ina"))
    scenario.when(ChangeNote(mailbox_id=INA, note="new")).then(NoteChanged(note="new"))
    scenario.when(SetPassword(mailbox_id=INA, credential_id=credential_id("new"))).then(
        PasswordSet(credential_id=credential_id("new"))
    )
    scenario.when(AllowSelfService(mailbox_id=INA)).then(SelfServiceAllowed())


ORDERS = [
    ChangeNote(mailbox_id=INA, note="new"),
    SetPassword(mailbox_id=INA, credential_id=credential_id("new")),
    AllowSelfService(mailbox_id=INA),
    ForbidSelfService(mailbox_id=INA),
    SuspendMailbox(mailbox_id=INA),
    ResumeMailbox(mailbox_id=INA),
    clean_mailbox("ina"),
    delete_mailbox("ina"),
    restore_mailbox("ina"),
]


@pytest.mark.parametrize("command", ORDERS)
def test_orders_for_a_mailbox_that_never_was_are_refused(command) -> None:
    given(a_domain(), a_mailbox("ole")).when(command).then(refused("mailbox_unknown"))


@pytest.mark.parametrize("command", ORDERS)
def test_orders_in_a_domain_that_nobody_holds_are_refused(command) -> None:
    given().when(command).then(refused("domain_unknown"))


@pytest.mark.parametrize("command", ORDERS)
def test_a_foreign_mailbox_looks_like_a_foreign_domain(command) -> None:
    given(a_domain(), a_mailbox("ina")).when(command, by=SOMEBODY_ELSE).then(refused("domain_unknown"))


@pytest.mark.parametrize("command", ORDERS)
@pytest.mark.parametrize("mailbox", [a_mailbox, a_suspended_mailbox, a_deleted_mailbox])
def test_nothing_changes_while_the_domain_is_suspended(command, mailbox) -> None:
    given(a_domain(), mailbox("ina"), the_domain_suspended()).when(command).then(refused("domain_not_active"))


@pytest.mark.parametrize("command", ORDERS)
@pytest.mark.parametrize("facts", [a_pending_domain, a_suspended_domain])
def test_nothing_changes_before_the_domain_is_active(command, facts) -> None:
    given(facts()).when(command).then(refused("domain_not_active"))


@pytest.mark.parametrize("command", ORDERS)
def test_nothing_changes_in_a_removed_domain(command) -> None:
    given(a_removed_domain()).when(command).then(refused("domain_removed"))
    given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed()).when(command).then(
        refused("domain_removed")
    )


@pytest.mark.parametrize("command", ORDERS)
def test_the_mailboxes_of_an_earlier_holder_are_unknown_to_the_new_one(command) -> None:
    given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed(), a_domain(of=SOMEBODY_ELSE)).when(
        command, by=SOMEBODY_ELSE
    ).then(refused("mailbox_unknown"))


@pytest.mark.parametrize("command", ORDERS)
def test_the_earlier_holder_has_nothing_to_say_any_more(command) -> None:
    given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed(), a_domain(of=SOMEBODY_ELSE)).when(
        command
    ).then(refused("domain_unknown"))


@pytest.mark.parametrize("command", ORDERS[:-1])
def test_a_deleted_mailbox_takes_no_order_but_to_come_back(command) -> None:
    given(a_domain(), a_deleted_mailbox("ina", archive="the first")).when(command).then(
        refused("mailbox_deleted")
    )
