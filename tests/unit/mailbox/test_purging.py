"""Giving a deleted mailbox up for good, and until when it comes back for nothing."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts.decision import Accepted
from contracts.ids import ActorName
from contracts.mailbox import (
    FREE_RESTORE_DAYS,
    AllowSelfService,
    ChangeNote,
    DomainClosing,
    ForbidSelfService,
    MailboxCommand,
    MailboxPurged,
    MailboxRestored,
    ResumeMailbox,
    SetPassword,
    SuspendMailbox,
)
from contracts.routing import AliasAdded, RuleDropped, RuleRemoved
from services.mailbox.core.domain import Domain
from tests.kit.given import (
    DOMAIN,
    NOON,
    SOMEBODY_ELSE,
    US,
    Facts,
    Happened,
    a_deleted_mailbox,
    a_domain,
    a_mailbox,
    a_purged_mailbox,
    a_suspended_mailbox,
    archive_id,
    clean_mailbox,
    create_mailbox,
    credential_id,
    delete_mailbox,
    given,
    it_happened,
    mailbox_created,
    mailbox_deleted,
    mailbox_id,
    mailbox_purged,
    purge_mailbox,
    refused,
    restore_mailbox,
    the_domain_removed,
    the_domain_suspended,
)
from tests.kit.given_routing import SYSTEM, add_alias, add_rule, enable_catch_all, rule_id
from tests.laws.world import Directory

INA = mailbox_id("ina")
OPERATOR = ActorName("operator:ops")
FREE_TIME = timedelta(days=FREE_RESTORE_DAYS)


def test_a_mailbox_is_purged_with_what_others_need_to_forget_it() -> None:
    facts = (a_domain(), a_mailbox("ina", note="front desk", password="first"))
    given(*facts, it_happened("ina", mailbox_deleted("ina"))).when(purge_mailbox("ina"), actor=SYSTEM).then(
        MailboxPurged(archive_id=archive_id("ina"), credential_id=credential_id("first"))
    )


def test_a_purge_before_its_time_is_told_as_such() -> None:
    given(a_domain(), a_deleted_mailbox("ina")).when(purge_mailbox("ina", early=True), actor=SYSTEM).then(
        mailbox_purged("ina", early=True)
    )


def test_a_tenant_does_not_purge() -> None:
    given(a_domain(), a_deleted_mailbox("ina")).when(purge_mailbox("ina")).then(
        refused("permission_exceeded")
    )


def test_purging_again_changes_nothing_whatever_the_archive() -> None:
    scenario = given(a_domain(), a_purged_mailbox("ina"))
    scenario.when(purge_mailbox("ina"), actor=SYSTEM).then_nothing()
    scenario.when(purge_mailbox("ina", "second"), actor=SYSTEM).then_nothing()


@pytest.mark.parametrize("mailbox", [a_mailbox, a_suspended_mailbox])
def test_a_mailbox_in_use_is_not_purged(mailbox) -> None:
    given(a_domain(), mailbox("ina")).when(purge_mailbox("ina"), actor=SYSTEM).then(
        refused("mailbox_not_deleted")
    )


def test_a_mailbox_that_came_back_and_was_deleted_again_is_not_purged_with_its_first_archive() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina", archive="first"))
    scenario.history.obey(restore_mailbox("ina"))
    scenario.history.obey(delete_mailbox("ina", "second"))
    scenario.when(purge_mailbox("ina", "first"), actor=SYSTEM).then(refused("mailbox_not_deleted"))


def test_an_unknown_mailbox_and_one_of_another_tenant_are_not_purged() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"))
    scenario.when(purge_mailbox("ole"), actor=SYSTEM).then(refused("mailbox_unknown"))
    scenario.when(purge_mailbox("ina"), by=SOMEBODY_ELSE, actor=SYSTEM).then(refused("mailbox_unknown"))


@pytest.mark.parametrize(
    "since",
    [
        the_domain_suspended(),
        (Happened(DomainClosing()),),
        the_domain_removed(),
        (*the_domain_removed(), *a_domain(of=SOMEBODY_ELSE)),
    ],
    ids=["suspended", "closing", "removed", "of_somebody_else"],
)
def test_a_mailbox_is_purged_whatever_became_of_its_domain(since: Facts) -> None:
    given(a_domain(), a_deleted_mailbox("ina"), since).when(purge_mailbox("ina"), actor=SYSTEM).then(
        mailbox_purged("ina")
    )


def test_after_a_purge_the_address_is_free_for_a_mailbox_with_another_id() -> None:
    scenario = given(a_domain(limit=1), a_purged_mailbox("ina"))
    scenario.when(create_mailbox("ina", mailbox="second")).then(mailbox_created("ina", mailbox="second"))
    scenario.history.obey(create_mailbox("ina", mailbox="second"))
    assert scenario.history.state.mailboxes == 1
    scenario.when(create_mailbox("ina", mailbox="third")).then(refused("address_taken"))


def test_after_a_purge_the_address_is_free_for_an_alias() -> None:
    scenario = given(a_domain(), a_purged_mailbox("ina"), a_mailbox("ole"))
    decision = scenario.history.obey(add_alias("ina", to="ole"))
    assert isinstance(decision, Accepted)
    assert isinstance(decision.events[0], AliasAdded)


@pytest.mark.parametrize(
    "command",
    [
        create_mailbox("ina"),
        create_mailbox("ole", mailbox="ina"),
        ChangeNote(mailbox_id=INA, note="x"),
        SetPassword(mailbox_id=INA, credential_id=credential_id("new")),
        AllowSelfService(mailbox_id=INA),
        ForbidSelfService(mailbox_id=INA),
        SuspendMailbox(mailbox_id=INA),
        ResumeMailbox(mailbox_id=INA),
        clean_mailbox("ina"),
        delete_mailbox("ina"),
        restore_mailbox("ina"),
    ],
)
def test_a_purged_mailbox_takes_no_command(command: MailboxCommand) -> None:
    given(a_domain(), a_purged_mailbox("ina")).when(command).then(refused("mailbox_purged"))


def test_whose_id_it_was_another_tenant_does_not_learn() -> None:
    facts = (a_domain(), a_purged_mailbox("ina"), the_domain_removed(), a_domain(of=SOMEBODY_ELSE))
    scenario = given(*facts)
    scenario.when(restore_mailbox("ina"), by=SOMEBODY_ELSE).then(refused("mailbox_unknown"))
    scenario.when(create_mailbox("ina"), by=SOMEBODY_ELSE).then(refused("address_taken"))


def test_nothing_leads_mail_to_a_purged_mailbox_any_more() -> None:
    scenario = given(a_domain(), a_purged_mailbox("ina"))
    for command in (add_rule("ina"), add_alias("info"), enable_catch_all("ina")):
        scenario.when(command).then(refused("target_unknown"))


def test_rules_that_waited_for_a_purged_mailbox_are_removed() -> None:
    scenario = given(a_domain(), a_mailbox("ina"), a_mailbox("ole"))
    history = scenario.history
    history.obey(add_rule("waiting", "{any}", to="ina"))
    history.obey(add_rule("other", "{word}", to="ole"))
    history.obey(replace(delete_mailbox("ina"), drop_targets=True))
    assert isinstance(history.log[-1].data, RuleDropped)
    decision = history.obey(purge_mailbox("ina"), actor=SYSTEM)
    assert isinstance(decision, Accepted)
    assert [(each.subject, each.event) for each in decision.also] == [(rule_id("waiting"), RuleRemoved())]
    assert history.state.routing.rule_count == 1


def test_nothing_personal_is_left_of_a_purged_mailbox_in_the_state_and_the_row() -> None:
    history = given(a_domain(), a_mailbox("ina", note="front desk", password="first")).history
    history.obey(delete_mailbox("ina"))
    history.obey(purge_mailbox("ina"), actor=SYSTEM)
    directory = Directory()
    directory.fold(history.log)
    assert directory.restored() == history.state
    row = directory.mailboxes[INA]
    assert (row.local_part, row.note, row.credential_id, row.archive_id, row.expires_at) == (
        "",
        "",
        None,
        None,
        None,
    )
    assert (row.status, row.tenant, row.domain, row.generation, row.version) == ("purged", US, DOMAIN, 2, 3)
    assert "front desk" not in repr(history.state)
    assert history.state.by_local_part == {}


def test_a_state_from_rows_frees_the_address_of_a_purged_mailbox_and_knows_its_version() -> None:
    history = given(a_domain(), a_purged_mailbox("ina"), a_purged_mailbox("ole")).history
    directory = Directory()
    directory.fold(history.log)
    restored: Domain = directory.restored()
    assert (restored.mailboxes, restored.by_local_part) == (0, {})
    assert restored.version_of(INA) == 3


@pytest.mark.parametrize(
    ("since", "actor", "back"),
    [
        (FREE_TIME, None, True),
        (FREE_TIME + timedelta(microseconds=1), None, False),
        (timedelta(days=300), SYSTEM, True),
        (timedelta(days=300), OPERATOR, True),
    ],
)
def test_a_mailbox_comes_back_for_nothing_for_thirty_days(
    since: timedelta, actor: ActorName | None, back: bool
) -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"))
    answer = scenario.when(restore_mailbox("ina"), now=NOON + since, actor=actor)
    if back:
        assert isinstance(answer.decision, Accepted)
        assert isinstance(answer.decision.events[0], MailboxRestored)
    else:
        answer.then(refused("retrieval_needed"))


def test_the_thirty_days_begin_with_the_last_deletion() -> None:
    scenario = given(a_domain(), a_deleted_mailbox("ina"))
    history = scenario.history
    history.obey(restore_mailbox("ina"))
    later = NOON + timedelta(days=90)
    history.obey(delete_mailbox("ina", "second"), now=later)
    history.obey(restore_mailbox("ina"), now=later + FREE_TIME)
    assert history.state.by_id[INA].in_use
