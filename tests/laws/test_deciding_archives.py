"""What no sequence of orders about archives can break, whoever gives them and whenever."""

from collections import Counter
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import archive as a
from contracts import retrieval as r
from contracts.decision import Accepted, Refused
from contracts.views.archive import OPEN_RETRIEVAL_STATES, HoldRow, RetrievalRow
from tests.kit.given import archive_id
from tests.laws.archive_world import (
    EVERY_STEP,
    NAMES,
    ArchiveHistory,
    ArchiveTables,
    Step,
    continued,
    end_of,
    histories,
    steps,
)
from tests.oracle.archive_rules import ArchiveRules

EMPTY = archive_id(NAMES[-1])


def causes_events(decision: Accepted[a.ArchiveEvent] | Refused) -> bool:
    return isinstance(decision, Accepted) and (decision.events, decision.also) != ((), ())


def covers(hold: HoldRow, archive: str, mailbox: str, tenant: str) -> bool:
    named = {"domain": True, "mailboxes": mailbox in hold.ids, "archives": archive in hold.ids}
    return named[hold.scope] and hold.tenant == tenant and not hold.released


def is_left(retrieval: RetrievalRow, archive: str) -> bool:
    return any(item.archive_id == archive and not item.ended for item in retrieval.items)


@given(histories)
@settings(max_examples=30)
def test_deciding_only_reads(history: ArchiveHistory) -> None:
    before, now = deepcopy(history.state), end_of(history)
    for step in EVERY_STEP:
        first = history.decide(step.command, step.tenant, now, step.actor)
        assert history.decide(step.command, step.tenant, now, step.actor) == first
    assert history.state == before


@given(histories)
@settings(max_examples=30)
def test_the_same_order_twice_changes_nothing_more(history: ArchiveHistory) -> None:
    now = end_of(history)
    for step in EVERY_STEP:
        # An empty archive is given back at once, each time anew; its command id tells that it is the same order.
        if isinstance(step.command, a.ReturnArchive) and step.command.archive_id == EMPTY:
            continue
        ordered = continued(history)
        ordered.obey(step.command, step.tenant, now, step.actor)
        assert not causes_events(ordered.decide(step.command, step.tenant, now, step.actor))


@given(histories)
def test_versions_and_positions_have_no_gap(history: ArchiveHistory) -> None:
    assert [event.streamseq for event in history.log] == list(range(1, len(history.log) + 1))
    versions = Counter[str]()
    for event in history.log:
        versions[event.subject] += 1
        assert event.version == versions[event.subject]
    for subject, version in versions.items():
        assert history.state.version_of(subject) == version


@given(histories)
def test_whatever_is_decided_breaks_no_rule_of_the_oracle(history: ArchiveHistory) -> None:
    rules = ArchiveRules()
    assert [rule for event in history.log for rule in rules.broken_by(event)] == []


@given(histories)
@settings(max_examples=200)
def test_no_archive_ends_before_its_time_while_it_is_held_or_while_it_is_paid_for(
    history: ArchiveHistory,
) -> None:
    tables = ArchiveTables()
    for event in history.log:
        if isinstance(event.data, a.ArchiveExpired | a.ArchiveDestructionOrdered):
            row = tables.archives[event.subject]
            assert event.time >= row.expires_at or isinstance(event.data, a.ArchiveDestructionOrdered)
            assert not any(
                covers(hold, event.subject, row.mailbox_id, row.tenant) for hold in tables.holds.values()
            )
            assert not any(
                retrieval.state in ("paid", "restoring") and is_left(retrieval, event.subject)
                for retrieval in tables.retrievals.values()
            )
        tables.fold([event])


@given(histories)
def test_nothing_is_purged_that_has_not_ended(history: ArchiveHistory) -> None:
    tables = ArchiveTables()
    for event in history.log:
        if isinstance(event.data, a.ArchivePurged):
            assert tables.archives[event.subject].state == "expired"
            assert event.data.early == tables.archives[event.subject].destroyed_early
        tables.fold([event])


@given(histories)
def test_what_an_open_retrieval_waits_for_is_there(history: ArchiveHistory) -> None:
    for retrieval in history.state.retrievals.values():
        if retrieval.state in OPEN_RETRIEVAL_STATES:
            assert all(
                history.state.archives[each].state in ("stored", "returning") for each in retrieval.left
            )
            assert retrieval.left or retrieval.state == "requested"


@given(histories)
def test_what_is_looked_up_is_what_the_rows_say(history: ArchiveHistory) -> None:
    tables, state = ArchiveTables(), history.state
    tables.fold(history.log)
    for key, row in tables.archives.items():
        holding = [hold for hold in tables.holds.values() if covers(hold, key, row.mailbox_id, row.tenant)]
        assert list(state.covering(key, state.archives[key])) == sorted(hold.hold_id for hold in holding)
        retrievals = [
            each.retrieval_id
            for each in tables.retrievals.values()
            if each.state in OPEN_RETRIEVAL_STATES and key in [item.archive_id for item in each.items]
        ]
        assert [state.retrieval_of[key]] if key in state.retrieval_of else retrievals == []
    active = Counter(hold.tenant for hold in tables.holds.values() if not hold.released)
    assert state.active_holds.count == active


@given(histories)
def test_a_tenant_touches_only_what_is_its_own(history: ArchiveHistory) -> None:
    owners: dict[str, str] = {}
    for event in history.log:
        assert owners.setdefault(event.subject, event.tenant) == event.tenant


@given(histories)
@settings(max_examples=50)
def test_a_customer_causes_only_what_is_a_customers_to_say(history: ArchiveHistory) -> None:
    said = (
        a.ArchiveDestructionOrdered
        | a.HoldPlaced
        | a.HoldReleased
        | r.RetrievalRequested
        | r.RetrievalQuoted
        | r.RetrievalAccepted
        | r.RetrievalDeclined
    )
    for event in history.log:
        if not event.actor.startswith(("operator:", "system:")):
            with_its_archive = isinstance(event.data, r.RetrievalExpired) and event.part == "2/2"
            assert isinstance(event.data, said) or with_its_archive
            assert not (isinstance(event.data, r.RetrievalQuoted) and not event.data.fixed)


@given(histories, st.lists(steps, max_size=10))
def test_a_state_restored_from_rows_decides_as_the_one_folded_from_events(
    history: ArchiveHistory, further: list[Step]
) -> None:
    tables = ArchiveTables()
    tables.fold(history.log)
    tables.written_and_read()
    restored = deepcopy(history)
    restored.state = tables.restored()
    now = end_of(history)
    for step in further:
        now += step.later
        ordered = step.command, step.tenant, now, step.actor
        assert restored.obey(*ordered) == history.obey(*ordered)


@given(histories, st.data())
@settings(max_examples=200)
def test_the_tables_and_the_writer_can_stop_anywhere(history: ArchiveHistory, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(history.log)))
    at_once, halves = ArchiveTables(), ArchiveTables()
    at_once.fold(history.log)
    halves.fold(history.log[:middle])
    halves.written_and_read()
    restored = halves.restored()
    for event in history.log[middle:]:
        history.core.evolve(restored, event)
    halves.fold(history.log[middle:])
    assert (halves.archives, halves.holds, halves.retrievals) == (
        at_once.archives,
        at_once.holds,
        at_once.retrievals,
    )
    assert restored == history.state
