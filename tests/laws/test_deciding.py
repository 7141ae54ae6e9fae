"""What no sequence of commands can break, and what a decider never does."""

from collections import Counter
from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from contracts.decision import Accepted
from contracts.mailbox import CleanMailbox, MailboxCleaned, MailboxCreated, MailboxDeleted, MailboxRestored
from tests.kit.given import DOMAIN
from tests.laws.world import Directory, DomainHistory, Step, histories, steps


@given(histories, steps)
def test_deciding_only_reads(history: DomainHistory, step: Step) -> None:
    command, tenant = step
    before = deepcopy(history.state)
    first = history.decide(command, tenant)
    assert history.state == before
    assert history.decide(command, tenant) == first


@given(histories, steps)
def test_the_same_command_twice_changes_nothing_more(history: DomainHistory, step: Step) -> None:
    command, tenant = step
    history.obey(command, tenant)
    once = deepcopy(history.state)
    again = history.obey(command, tenant)
    if isinstance(command, CleanMailbox):
        # Emptying an empty mailbox is an order of its own; that it is the same order is known by its id, in the loop.
        return
    assert not isinstance(again, Accepted) or again.events == ()
    assert history.state == once


@given(histories)
def test_versions_and_positions_have_no_gap(history: DomainHistory) -> None:
    assert [event.streamseq for event in history.log] == list(range(1, len(history.log) + 1))
    versions = Counter[str]()
    for event in history.log:
        versions[event.subject] += 1
        assert event.version == versions[event.subject]
    for subject, version in versions.items():
        assert history.state.version_of(subject) == version


@given(histories)
def test_an_address_is_one_mailbox_for_ever_and_a_mailbox_one_address(history: DomainHistory) -> None:
    created = [event.data for event in history.log if isinstance(event.data, MailboxCreated)]
    assert len({each.local_part for each in created}) == len(created)
    assert len({each.mailbox_id for each in created}) == len(created)
    for mailbox in history.state.by_id.values():
        assert history.state.by_local_part[mailbox.local_part] is mailbox


@given(histories)
def test_a_limit_is_never_exceeded_by_creating_or_restoring(history: DomainHistory) -> None:
    directory = Directory()
    for event in history.log:
        directory.fold([event])
        if isinstance(event.data, MailboxCreated | MailboxRestored):
            assert directory.domain is not None
            limit = directory.domain.mailbox_limit
            assert limit is None or directory.domain.mailboxes <= limit


@given(histories)
def test_the_count_is_that_of_mailboxes_not_deleted(history: DomainHistory) -> None:
    state = history.state
    assert state.mailboxes == sum(not mailbox.deleted for mailbox in state.by_id.values())
    assert state.status != "removed" or state.mailboxes == 0


@given(histories)
def test_no_two_archives_of_a_mailbox_share_a_generation(history: DomainHistory) -> None:
    put_away = Counter(
        (event.subject, event.data.generation)
        for event in history.log
        if isinstance(event.data, MailboxCleaned | MailboxDeleted)
    )
    assert set(put_away.values()) <= {1}


@given(histories)
def test_only_the_holder_of_the_domain_causes_events(history: DomainHistory) -> None:
    holder = None
    for event in history.log:
        if event.type == "domain_registered":
            holder = event.tenant
        assert event.tenant == holder


@given(histories)
def test_nothing_happens_to_mailboxes_while_the_domain_is_not_active(history: DomainHistory) -> None:
    directory = Directory()
    for event in history.log:
        if event.subject != DOMAIN:
            assert directory.domain is not None
            assert directory.domain.status == "active"
        directory.fold([event])


@given(histories, st.lists(steps, max_size=10))
def test_a_state_restored_from_rows_decides_as_the_one_folded_from_events(
    history: DomainHistory, further: list[Step]
) -> None:
    directory = Directory()
    directory.fold(history.log)
    restored = deepcopy(history)
    restored.state = directory.restored()
    assert restored.state == history.state
    for command, tenant in further:
        assert restored.obey(command, tenant) == history.obey(command, tenant)
    assert restored.state == history.state
