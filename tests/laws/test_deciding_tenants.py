"""What no sequence of orders in a tenant's stream can break, whoever gives them."""

from collections import Counter
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import access as a
from contracts.decision import Accepted, Refused
from contracts.permissions import within
from services.mailbox.core.tenant import Key, Tenant, User
from tests.kit.given import US
from tests.kit.given_tenant import OPERATOR
from tests.laws.tenant_world import (
    COMMANDS,
    EVERY_STEP,
    Step,
    TenantHistory,
    TenantTables,
    continued,
    end_of,
    histories,
    steps,
)

OF_THE_PROVIDER = ("operator:", "system:")


def causes_events(decision: Accepted[a.AccessEvent] | Refused) -> bool:
    return isinstance(decision, Accepted) and decision.events != ()


def holder(tenant: Tenant, actor: str) -> User | Key | None:
    kind, _, name = actor.partition(":")
    return tenant.users.get(name) if kind == "user" else tenant.keys.get(name)


@given(histories)
@settings(max_examples=30)
def test_deciding_only_reads(history: TenantHistory) -> None:
    before = deepcopy(history.state)
    for command, actor in EVERY_STEP:
        first = history.decide(command, actor=actor)
        assert history.decide(command, actor=actor) == first
    assert history.state == before


@given(histories)
@settings(max_examples=30)
def test_the_same_order_twice_changes_nothing_more(history: TenantHistory) -> None:
    now = end_of(history)
    for command in COMMANDS:
        # Each sign-in and each ending of sessions is a fact of its own; its command id tells that it is the same.
        if isinstance(command, a.RecordSignIn | a.RevokeSessions):
            continue
        ordered = continued(history)
        ordered.obey(command, now=now, actor=OPERATOR)
        assert not causes_events(ordered.decide(command, now=now, actor=OPERATOR))


@given(histories)
def test_versions_and_positions_have_no_gap(history: TenantHistory) -> None:
    assert [event.streamseq for event in history.log] == list(range(1, len(history.log) + 1))
    versions = Counter[str]()
    for event in history.log:
        versions[event.subject] += 1
        assert event.version == versions[event.subject]
    for subject, version in versions.items():
        assert history.state.version_of(subject) == version


@given(histories)
def test_an_address_belongs_to_one_person_who_is_not_removed(history: TenantHistory) -> None:
    present = [user for user in history.state.users.values() if user.status != "removed"]
    assert len({user.email for user in present}) == len(present)
    assert history.state.by_email == {user.email: user for user in present}


@given(histories)
def test_a_plan_is_never_exceeded_and_its_sums_are_true(history: TenantHistory) -> None:
    for group in history.state.paid_groups.values():
        placed = [each for each in history.state.placements.values() if each.group_id == group.group_id]
        assert group.domains == len(placed) <= group.domains_max
        assert group.allotted == sum(each.mailbox_limit or 0 for each in placed) <= group.mailboxes_max
        assert not (group.removed and placed)


@given(histories)
def test_whoever_had_an_owner_who_can_sign_in_keeps_one(history: TenantHistory) -> None:
    state, had_one = Tenant.unknown(US), False
    for event in history.log:
        history.core.evolve(state, event)
        has_one = any(user.role == "owner" and user.status == "active" for user in state.users.values())
        assert has_one or not had_one
        had_one = has_one


@given(histories)
@settings(max_examples=50)
def test_nobody_causes_more_than_they_hold(history: TenantHistory) -> None:
    now = end_of(history)
    for command, actor in EVERY_STEP:
        decision = history.decide(command, now=now, actor=actor)
        if not causes_events(decision) or actor.startswith(OF_THE_PROVIDER):
            continue
        if isinstance(command, a.AcceptInvitation):
            assert actor == f"user:{command.user_id}"
            continue
        held = holder(history.state, actor)
        assert held is not None
        if isinstance(command, a.InviteUser | a.GrantAccess | a.CreateKey):
            assert within(command.role, command.permissions, held.role, held.permissions)
        target = history.state.users.get(decision.subject) or history.state.keys.get(decision.subject)
        if target is not None:
            assert within(target.role, target.permissions, held.role, held.permissions)


@given(histories)
@settings(max_examples=50)
def test_whoever_is_not_in_causes_nothing(history: TenantHistory) -> None:
    now = end_of(history)
    for command, actor in EVERY_STEP:
        held = holder(history.state, actor)
        match held:
            case User():
                shut_out = held.status != "active" and not isinstance(command, a.AcceptInvitation)
            case Key():
                shut_out = held.revoked or (held.expires_at is not None and held.expires_at <= now)
            case None:
                shut_out = not actor.startswith(OF_THE_PROVIDER)
        if shut_out:
            assert not causes_events(history.decide(command, now=now, actor=actor))


@given(histories)
@settings(max_examples=50)
def test_a_customer_who_is_suspended_or_given_up_changes_nothing(history: TenantHistory) -> None:
    status = history.state.status
    if status in ("suspended", "closing", "closed"):
        for command, actor in EVERY_STEP:
            looking = status == "suspended" and isinstance(command, a.RecordSignIn | a.RevokeSessions)
            if not looking and not actor.startswith(OF_THE_PROVIDER):
                assert not causes_events(history.decide(command, now=end_of(history), actor=actor))


@given(histories, st.lists(steps, max_size=10))
def test_a_state_restored_from_rows_decides_as_the_one_folded_from_events(
    history: TenantHistory, further: list[Step]
) -> None:
    tables = TenantTables()
    tables.fold(history.log)
    tables.written_and_read()
    restored = deepcopy(history)
    restored.state = tables.restored()
    assert restored.state == history.state
    for command, actor in further:
        now = end_of(history)
        assert restored.obey(command, now=now, actor=actor) == history.obey(command, now=now, actor=actor)
    assert restored.state == history.state


@given(histories, st.data())
def test_the_tables_can_stop_anywhere(history: TenantHistory, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(history.log)))
    at_once, halves = TenantTables(), TenantTables()
    at_once.fold(history.log)
    halves.fold(history.log[:middle])
    halves.written_and_read()
    restored = halves.restored()
    for event in history.log[middle:]:
        history.core.evolve(restored, event)
    halves.fold(history.log[middle:])
    assert halves.rows == at_once.rows
    assert restored == history.state
