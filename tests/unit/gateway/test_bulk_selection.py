"""What is foreseen of a bulk action is what the writer then decides."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final, get_args

import pytest

from contracts import mailbox as m
from contracts.bulk_actions import GOAL_REACHED, BulkStep
from contracts.decision import Accepted
from contracts.ids import ActorName
from contracts.outcome import RefusalCode
from services.gateway.bulk_selection import Foreseen, Group, foreseen, restored_free_since
from tests.kit.given import (
    ACTOR,
    NOON,
    a_domain,
    a_mailbox,
    a_suspended_domain,
    archive_id,
    credential_id,
    given,
    it_happened,
    mailbox_deleted,
    mailbox_id,
)

INA: Final = mailbox_id("ina")
COMMANDS: Final[dict[BulkStep, m.MailboxCommand]] = {
    "delete": m.DeleteMailbox(mailbox_id=INA, archive_id=archive_id("another")),
    "clean": m.CleanMailbox(mailbox_id=INA, archive_id=archive_id("another")),
    "restore": m.RestoreMailbox(mailbox_id=INA),
    "change_note": m.ChangeNote(mailbox_id=INA, note="new"),
    "set_password": m.SetPassword(mailbox_id=INA, credential_id=credential_id("new")),
    "allow_self_service": m.AllowSelfService(mailbox_id=INA),
    "forbid_self_service": m.ForbidSelfService(mailbox_id=INA),
    "suspend": m.SuspendMailbox(mailbox_id=INA),
    "resume": m.ResumeMailbox(mailbox_id=INA),
}


def decided(
    step: BulkStep, facts: list[Any], now: datetime = NOON, actor: ActorName | None = None
) -> Foreseen:
    """Give what the writer makes of a step, in the words of a preview."""
    decision = given(*facts).when(COMMANDS[step], now=now, actor=actor).decision
    if isinstance(decision, Accepted):
        return "change" if decision.events else "already"
    return "already" if (step, decision.code) in GOAL_REACHED else decision.code


@pytest.mark.parametrize("step", get_args(BulkStep))
@pytest.mark.parametrize(
    ("active", "suspended", "self_service", "same_note", "deleted"), list(product([True, False], repeat=5))
)
def test_a_preview_says_what_the_writer_decides(
    step: BulkStep, active: bool, suspended: bool, self_service: bool, same_note: bool, deleted: bool
) -> None:
    facts = [a_domain(), a_mailbox("ina", note="new" if same_note else "old")]
    facts += [it_happened("ina", m.MailboxSuspended())] if suspended else []
    facts += [it_happened("ina", m.SelfServiceAllowed())] if self_service else []
    facts += [it_happened("ina", mailbox_deleted("ina"))] if deleted else []
    facts += [] if active else [a_suspended_domain()[-1:]]
    group = Group(
        status="deleted" if deleted else "suspended" if suspended else "active",
        suspended=suspended,
        self_service=self_service,
        same_note=same_note,
        domain_status="active" if active else "suspended",
        target=False,
        mailboxes=1,
    )
    assert foreseen(step, group) == decided(step, facts)


@pytest.mark.parametrize("actor", [ACTOR, ActorName("operator:ops")])
@pytest.mark.parametrize("beyond", [timedelta(), timedelta(microseconds=1)])
def test_until_when_a_mailbox_comes_back_for_nothing_is_foreseen(actor: ActorName, beyond: timedelta) -> None:
    facts = [a_domain(), a_mailbox("ina"), it_happened("ina", mailbox_deleted("ina"))]
    now = NOON + timedelta(days=m.FREE_RESTORE_DAYS) + beyond
    free_since = restored_free_since(now, by_provider=actor.startswith("operator:"))
    group = Group(
        "deleted", False, False, False, "active", False, 1, late=free_since is not None and free_since > NOON
    )
    assert foreseen("restore", group) == decided("restore", facts, now, actor)


def test_a_target_is_deleted_only_where_its_rules_may_go_with_it() -> None:
    group = Group("active", False, False, False, "active", True, 1)
    assert foreseen("delete", group) == RefusalCode.MAILBOX_IS_TARGET
    assert foreseen("delete", group, drop_targets=True) == "change"
    assert foreseen("clean", group) == "change"


def test_nothing_is_done_in_a_domain_that_was_given_up() -> None:
    group = Group("active", False, False, False, "removed", False, 1)
    assert foreseen("suspend", group) == RefusalCode.DOMAIN_REMOVED
