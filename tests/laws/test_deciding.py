"""What no sequence of commands can break, and what a decider never does."""

from collections import Counter
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.decision import Accepted, Refused
from contracts.mailbox import (
    CleanMailbox,
    CreateMailbox,
    DeleteMailbox,
    DomainResumedWithTenant,
    DomainSuspendedWithTenant,
    MailboxCleaned,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxPurged,
    MailboxRestored,
    PaidGroupFollowed,
    PurgeMailbox,
    RegisterDomain,
    RemoveDomain,
    RestoreMailbox,
)
from tests.kit.given import DOMAIN, SOMEBODY_ELSE, US
from tests.laws.world import EVERY_STEP, Directory, DomainHistory, Step, continued, histories, steps


def causes_events(decision: Accepted[MailboxEvent] | Refused) -> bool:
    return isinstance(decision, Accepted) and (decision.events, decision.also) != ((), ())


@given(histories)
def test_deciding_only_reads(history: DomainHistory) -> None:
    before = deepcopy(history.state)
    for command, tenant in EVERY_STEP:
        first = history.decide(command, tenant)
        assert history.decide(command, tenant) == first
        assert history.state == before


@given(histories)
@settings(max_examples=30)
def test_the_same_command_twice_changes_nothing_more(history: DomainHistory) -> None:
    for command, tenant in EVERY_STEP:
        # Emptying an empty mailbox is an order of its own; that it is the same order is known by its id, in the loop.
        if not isinstance(command, CleanMailbox):
            ordered = continued(history)
            ordered.obey(command, tenant)
            again = ordered.decide(command, tenant)
            assert not causes_events(again)


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
def test_an_address_is_one_mailbox_until_that_is_purged_and_a_mailbox_one_address(
    history: DomainHistory,
) -> None:
    held: dict[str, str] = {}
    known: set[str] = set()
    for event in history.log:
        match event.data:
            case MailboxCreated():
                assert event.data.local_part not in held
                assert event.subject not in known
                held[event.data.local_part] = event.subject
                known.add(event.subject)
            case MailboxPurged():
                held = {address: mailbox for address, mailbox in held.items() if mailbox != event.subject}
            case _:
                pass
    found = {address: mailbox.mailbox_id for address, mailbox in history.state.by_local_part.items()}
    assert found == held
    assert history.state.by_id.keys() == known


@given(histories)
def test_nothing_happens_to_a_purged_mailbox_any_more(history: DomainHistory) -> None:
    purged: set[str] = set()
    for event in history.log:
        assert event.subject not in purged
        if isinstance(event.data, MailboxPurged):
            purged.add(event.subject)
    for mailbox_id in purged:
        mailbox = history.state.by_id[mailbox_id]
        assert (mailbox.local_part, mailbox.note, mailbox.credential_id) == ("", "", None)


@given(histories)
def test_only_a_mailbox_deleted_into_that_archive_is_purged(history: DomainHistory) -> None:
    archives: dict[str, str | None] = {}
    for event in history.log:
        match event.data:
            case MailboxDeleted(archive_id=archive_id):
                archives[event.subject] = archive_id
            case MailboxRestored():
                archives[event.subject] = None
            case MailboxPurged(archive_id=archive_id):
                assert archives[event.subject] == archive_id
            case _:
                pass


@given(histories)
def test_a_limit_is_never_exceeded_by_creating_or_restoring(history: DomainHistory) -> None:
    full = history.state.mailbox_limit is not None and history.state.mailboxes >= history.state.mailbox_limit
    for command, tenant in EVERY_STEP:
        if full and isinstance(command, CreateMailbox | RestoreMailbox):
            assert not causes_events(history.decide(command, tenant))


@given(histories)
def test_the_count_is_that_of_mailboxes_in_use(history: DomainHistory) -> None:
    directory = Directory()
    directory.fold(history.log)
    count = sum(mailbox.in_use for mailbox in history.state.by_id.values())
    assert history.state.mailboxes == count
    assert directory.domain is None or directory.domain.mailboxes == count


@given(histories)
def test_a_domain_with_mailboxes_is_not_given_up(history: DomainHistory) -> None:
    if history.state.mailboxes:
        for tenant in (US, SOMEBODY_ELSE):
            assert not causes_events(history.decide(RemoveDomain(), tenant))


@given(histories)
def test_no_two_archives_of_a_mailbox_share_a_generation(history: DomainHistory) -> None:
    put_away = Counter(
        (event.subject, event.data.generation)
        for event in history.log
        if isinstance(event.data, MailboxCleaned | MailboxDeleted)
    )
    assert set(put_away.values()) <= {1}


@given(histories)
def test_only_the_holder_of_the_domain_causes_events_but_for_purges(history: DomainHistory) -> None:
    state = history.state
    for command, tenant in EVERY_STEP:
        if not isinstance(command, PurgeMailbox) and causes_events(history.decide(command, tenant)):
            free = state.status is None or state.status == "removed"
            assert free if isinstance(command, RegisterDomain) else tenant == state.tenant


@given(histories)
def test_nothing_happens_in_a_domain_that_is_not_active_but_purges_and_that_a_closing_one_is_emptied(
    history: DomainHistory,
) -> None:
    if history.state.status != "active":
        for command, tenant in EVERY_STEP:
            decision = history.decide(command, tenant)
            emptying = history.state.status == "closing" and isinstance(command, DeleteMailbox)
            assert (
                isinstance(command, PurgeMailbox)
                or emptying
                or decision.subject == DOMAIN
                or not causes_events(decision)
            )


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


@given(histories)
def test_no_address_is_a_mailbox_and_an_alias(history: DomainHistory) -> None:
    routing = history.state.routing
    assert routing.alias_at.keys().isdisjoint(history.state.by_local_part)
    kept = {each.local_part: each for each in routing.aliases.values() if not each.removed}
    assert routing.alias_at == kept


@given(histories)
def test_no_active_rule_and_no_catch_all_leads_to_a_mailbox_that_is_gone(history: DomainHistory) -> None:
    routing = history.state.routing
    targets = [each.target for each in routing.rules.values() if each.status == "active"]
    targets += [] if routing.catch_all is None else [routing.catch_all]
    assert all(history.state.by_id[target.mailbox_id].in_use for target in targets)


@given(histories)
def test_the_rules_that_lead_to_a_mailbox_are_found_without_looking_at_the_others(
    history: DomainHistory,
) -> None:
    routing = history.state.routing
    kept = [each for each in routing.rules.values() if each.status != "removed"]
    assert routing.rule_count == len(kept)
    found = {target: set(rules) for target, rules in routing.rules_to.items()}
    assert found == {
        each.target.mailbox_id: {
            other.rule_id for other in kept if other.target.mailbox_id == each.target.mailbox_id
        }
        for each in kept
    }


@given(histories)
def test_a_dropped_rule_waits_for_a_mailbox_that_is_gone(history: DomainHistory) -> None:
    for rule in history.state.routing.rules.values():
        assert (rule.status == "dropped") == (rule.dropped_with is not None)
        if rule.dropped_with is not None:
            assert history.state.by_id[rule.dropped_with].deleted


@given(histories)
def test_what_is_followed_of_a_tenant_never_goes_back(history: DomainHistory) -> None:
    holder, tenant_as_of, group_as_of = None, 0, 0
    for event in history.log:
        if event.tenant != holder:
            holder, tenant_as_of, group_as_of = event.tenant, 0, 0
        match event.data:
            case DomainSuspendedWithTenant(as_of=as_of) | DomainResumedWithTenant(as_of=as_of):
                assert as_of > tenant_as_of
                tenant_as_of = as_of
            case PaidGroupFollowed(as_of=as_of):
                assert as_of > group_as_of
                group_as_of = as_of
            case _:
                pass


@given(histories)
def test_a_domain_that_is_gone_leads_mail_nowhere(history: DomainHistory) -> None:
    routing = history.state.routing
    if history.state.status == "removed":
        assert (routing.rule_count, routing.alias_at) == (0, {})
        assert (routing.catch_all, routing.contact) == (None, None)
