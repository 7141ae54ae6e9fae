"""When a mailbox may be created, and what it is then."""

import pytest

from contracts.mailbox import ChangeNote, RegisterDomain, SuspendMailbox
from tests.kit.given import (
    SOMEBODY_ELSE,
    US,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_pending_domain,
    a_removed_domain,
    a_suspended_domain,
    create_mailbox,
    credential_id,
    delete_mailbox,
    given,
    mailbox_created,
    mailbox_id,
    refused,
    the_domain_removed,
)


def test_a_mailbox_is_created_with_note_and_password() -> None:
    order = create_mailbox("ina", note="front desk", password="first")
    given(a_domain()).when(order).then(mailbox_created("ina", note="front desk", password="first"))


def test_a_mailbox_can_be_created_without_password() -> None:
    scenario = given(a_domain())
    scenario.when(create_mailbox("ina")).then(mailbox_created("ina"))
    scenario.history.obey(create_mailbox("ina"))
    assert scenario.history.state.by_id[mailbox_id("ina")].credential_id is None


def test_a_mailbox_starts_active_without_self_service_in_its_first_generation() -> None:
    scenario = given(a_domain())
    scenario.history.obey(create_mailbox("ina", password="first"))
    ina = scenario.history.state.by_id[mailbox_id("ina")]
    assert (ina.suspended, ina.self_service, ina.generation, ina.deleted, ina.version) == (
        False,
        False,
        1,
        False,
        1,
    )
    assert ina.credential_id == credential_id("first")


@pytest.mark.parametrize("facts", [a_pending_domain, a_suspended_domain])
def test_no_mailbox_is_created_unless_the_domain_is_active(facts) -> None:
    given(facts()).when(create_mailbox("ina")).then(refused("domain_not_active"))


def test_no_mailbox_is_created_in_an_unknown_a_foreign_or_a_removed_domain() -> None:
    given().when(create_mailbox("ina")).then(refused("domain_unknown"))
    given(a_domain()).when(create_mailbox("ina"), by=SOMEBODY_ELSE).then(refused("domain_unknown"))
    given(a_removed_domain()).when(create_mailbox("ina")).then(refused("domain_removed"))


def test_an_address_belongs_to_one_mailbox() -> None:
    order = create_mailbox("ina", mailbox="another")
    given(a_domain(), a_mailbox("ina")).when(order).then(refused("address_taken"))


def test_the_address_of_a_deleted_mailbox_is_quarantined() -> None:
    order = create_mailbox("ina", mailbox="another")
    given(a_domain(), a_deleted_mailbox("ina")).when(order).then(refused("address_quarantined"))


def test_a_full_domain_still_says_that_an_address_is_quarantined() -> None:
    order = create_mailbox("ina", mailbox="another")
    given(a_domain(limit=0), a_deleted_mailbox("ina")).when(order).then(refused("address_quarantined"))


def test_the_quarantine_outlives_the_domains_holder() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed(), a_domain(of=SOMEBODY_ELSE))
    order = create_mailbox("ina", mailbox="another")
    scenario.when(order, by=SOMEBODY_ELSE).then(refused("address_quarantined"))
    scenario.when(create_mailbox("ina"), by=SOMEBODY_ELSE).then(refused("address_quarantined"))


def test_a_mailbox_id_of_an_earlier_holder_is_of_no_use() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"), the_domain_removed(), a_domain(of=SOMEBODY_ELSE))
    order = create_mailbox("ole", mailbox="ina")
    scenario.when(order, by=SOMEBODY_ELSE).then(refused("address_taken"))


def test_creating_the_same_mailbox_again_changes_nothing() -> None:
    given(a_domain(), a_mailbox("ina")).when(
        create_mailbox("ina", note="other", password="other")
    ).then_nothing()


def test_creating_it_again_changes_nothing_after_it_was_changed() -> None:
    scenario = given(a_domain(limit=1), a_mailbox("ina"))
    scenario.history.obey(ChangeNote(mailbox_id=mailbox_id("ina"), note="changed since"))
    scenario.history.obey(SuspendMailbox(mailbox_id=mailbox_id("ina")))
    scenario.when(create_mailbox("ina")).then_nothing()


def test_creating_it_again_does_not_bring_a_deleted_mailbox_back() -> None:
    given(a_domain(), a_deleted_mailbox("ina")).when(create_mailbox("ina")).then(refused("mailbox_deleted"))


def test_one_id_is_never_two_addresses() -> None:
    order = create_mailbox("ole", mailbox="ina")
    given(a_domain(), a_mailbox("ina")).when(order).then(refused("address_taken"))
    given(a_domain(), a_deleted_mailbox("ina")).when(order).then(refused("address_taken"))


def test_the_limit_is_exact() -> None:
    scenario = given(a_domain(limit=2), a_mailbox("ina"))
    scenario.when(create_mailbox("ole")).then(mailbox_created("ole"))
    scenario.history.obey(create_mailbox("ole"))
    scenario.when(create_mailbox("una")).then(refused("mailbox_limit_reached"))


def test_a_limit_of_none_lets_in_nobody() -> None:
    given(a_domain(limit=0)).when(create_mailbox("ina")).then(refused("mailbox_limit_reached"))


def test_deleted_mailboxes_do_not_count() -> None:
    scenario = given(a_domain(limit=1), a_mailbox("ina"))
    scenario.history.obey(delete_mailbox("ina"))
    scenario.when(create_mailbox("ole")).then(mailbox_created("ole"))


def test_the_mailboxes_of_an_earlier_holder_do_not_count() -> None:
    scenario = given(a_domain(limit=9), a_deleted_mailbox("ina"), the_domain_removed())
    scenario.history.obey(RegisterDomain(mailbox_limit=1), SOMEBODY_ELSE)
    assert scenario.history.state.mailboxes == 0
    assert scenario.history.state.by_id[mailbox_id("ina")].tenant == US


@pytest.mark.parametrize(
    "local_part",
    ["i" * 64, "ü" * 32, "ina.berg", "ina+news", "o'neil", "邮箱", "a", "!#$%&'/=?^_`{|}~"],
)
def test_an_address_in_its_one_form_is_accepted(local_part: str) -> None:
    given(a_domain()).when(create_mailbox(local_part)).then(mailbox_created(local_part))


@pytest.mark.parametrize(
    "local_part",
    [
        "i" * 65,
        "ü" * 32 + "i",
        "Ina",
        " ina",
        "ina ",
        "u\u0308ber",
        ".ina",
        "ina.",
        "ina..berg",
        "ina@berg",
        '"ina"',
        "in*",
        "ina berg",
        "ina\u200bberg",
        "",
    ],
)
def test_an_address_in_another_form_is_refused(local_part: str) -> None:
    given(a_domain()).when(create_mailbox(local_part)).then(refused("address_invalid"))


def test_a_bad_address_is_named_before_the_limit() -> None:
    given(a_domain(limit=0)).when(create_mailbox("Ina")).then(refused("address_invalid"))


def test_an_address_has_at_most_254_octets() -> None:
    domain = ".".join(["d" * 63, "d" * 63, "d" * 58, "org"])
    longest = "i" * (254 - 1 - len(domain))
    given(a_domain(), domain=domain).when(create_mailbox(longest)).then(mailbox_created(longest))
    given(a_domain(), domain=domain).when(create_mailbox(longest + "i")).then(refused("address_invalid"))
