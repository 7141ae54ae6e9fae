"""What is kept of events for the question who got an address at a past moment, and what it folds to."""

from datetime import timedelta
from typing import Any, Final

from contracts import mailbox as m
from contracts import routing as r
from contracts.envelope import EventEnvelope
from contracts.ids import ArchiveId, CommandId, CredentialId, EventId, LocalPart, MailboxId
from contracts.message import tag_of
from contracts.views.mailbox import DomainRow, fold_domain
from contracts.views.routing import AliasRow, RuleRow, fold_alias, fold_rule
from services.gateway.routing_facts import RoutingFactRow, RoutingPast, fact_of, fold_fact
from tests.kit.given import ACTOR, DOMAIN, NOON, US, an_id

INA: Final = an_id("ina")
RULE: Final = an_id("rule")
ALIAS: Final = an_id("alias")

DELETED: Final = m.MailboxDeleted(
    archive_id=ArchiveId(an_id("archive")), generation=2, expires_at=NOON, retention_years=1
)
TOLD: Final[list[tuple[str, Any]]] = [
    (DOMAIN, m.DomainRegistered(challenge="c", assigned_to=an_id("hans"))),
    (DOMAIN, m.DomainActivated(proof="operator")),
    (DOMAIN, r.CatchAllEnabled(target_id=INA, target_domain=DOMAIN, copy=True)),
    (RULE, r.RuleAdded(rule_id=RULE, pattern="t_{number}", rank=7, target_id=INA, target_domain=DOMAIN)),
    (ALIAS, r.AliasAdded(alias_id=ALIAS, local_part=LocalPart("sales"), target_id=INA, target_domain=DOMAIN)),
    (RULE, r.RuleChanged(pattern="{word}.x", rank=8, target_id=INA, target_domain=DOMAIN)),
    (DOMAIN, m.DomainSuspended()),
    (DOMAIN, m.DomainSuspendedWithTenant(as_of=4)),
    (DOMAIN, m.DomainResumed()),
    (DOMAIN, m.DomainResumedWithTenant(as_of=5)),
    (RULE, r.RuleDropped(mailbox_id=INA)),
    (RULE, r.RuleRestored(mailbox_id=INA)),
    (DOMAIN, r.ContactSet(target_id=INA, target_domain=DOMAIN)),
    (DOMAIN, r.CatchAllDisabled()),
    (DOMAIN, m.DomainClosing()),
    (RULE, r.RuleRemoved()),
    (ALIAS, r.AliasRemoved()),
    (DOMAIN, m.DomainRemoved()),
]


def event(subject: str, data: Any, streamseq: int = 1) -> EventEnvelope[m.MailboxEvent]:
    return EventEnvelope(
        id=EventId(an_id(f"event {streamseq}")), source="/mailbox", type=tag_of(data), subject=subject,
        time=NOON + timedelta(minutes=streamseq), tenant=US, stream=DOMAIN, streamseq=streamseq, version=streamseq,
        command=CommandId(an_id("command")), part="1/1", correlation="c", causation="c", actor=ACTOR, writer=0,
        prevhash="", data=data,
    )  # fmt: skip


def test_facts_told_in_order_make_what_the_events_make() -> None:
    past = RoutingPast()
    domain: DomainRow | None = None
    rule: RuleRow | None = None
    alias: AliasRow | None = None
    for streamseq, (subject, data) in enumerate(TOLD, start=1):
        happened = event(subject, data, streamseq)
        assert fact_of(happened) == happened.id
        past.tell(fold_fact(None, happened))
        domain = fold_domain(domain, happened)
        rule = fold_rule(rule, happened) if subject == RULE else rule
        alias = fold_alias(alias, happened) if subject == ALIAS else alias
        assert (past.domain, past.rules.get(RULE), past.aliases.get(ALIAS)) == (domain, rule, alias)


def test_facts_from_after_an_upgrade_make_no_domain() -> None:
    past = RoutingPast()
    for streamseq, (subject, data) in enumerate(TOLD[1:4], start=2):
        past.tell(fold_fact(None, event(subject, data, streamseq)))
    assert past.domain is None


def test_a_rule_is_found_by_its_ends_and_an_alias_by_its_address() -> None:
    facts = [fold_fact(None, event(subject, data)) for subject, data in TOLD[3:6]]
    found = [(fact.kind, fact.prefix, fact.suffix, fact.local_part) for fact in facts]
    assert found == [
        ("rule_added", "t_", "", None),
        ("alias_added", None, None, "sales"),
        ("rule_changed", "", ".x", None),
    ]


def test_new_mailboxes_and_their_life_leave_no_facts() -> None:
    others: list[Any] = [
        m.MailboxCreated(mailbox_id=MailboxId(INA), local_part=LocalPart("ina"), note="private"),
        m.NoteChanged(note="private"),
        m.PasswordSet(credential_id=CredentialId(INA)),
        m.MailboxSuspended(),
        m.MailboxCleaned(archive_id=ArchiveId(INA), generation=2, expires_at=NOON, retention_years=1),
        m.MailboxLimitSet(mailbox_limit=3),
    ]
    assert [fact_of(event(INA, data)) for data in others] == [None] * len(others)


def test_of_a_deletion_and_a_restoration_it_is_kept_that_they_happened() -> None:
    restored = m.MailboxRestored(
        archive_id=DELETED.archive_id, generation=2, local_part=LocalPart("ina"), credential_id=None,
        note="private", self_service=False, suspended=False,
    )  # fmt: skip
    for data in (DELETED, restored):
        happened = event(INA, data)
        assert fact_of(happened) is not None
        fact: RoutingFactRow = fold_fact(None, happened)
        assert (fact.subject, fact.kind, fact.event) == (INA, tag_of(data), "")
