"""Read models beside a fresh fold, and checkpoints that must not go back."""

from msgspec import structs

from contracts import access as a
from contracts import mailbox as m
from contracts.routing import RuleAdded
from contracts.topics import ACCESS
from contracts.views.mailbox import DomainRow, MailboxRow
from tests.kit.given_tenant import group_id, invited, key_created, key_id, paid_group_created, placed, user_id
from tests.oracle.findings import Findings
from tests.oracle.tables import Backward, Checkpoint, differing_rows, differing_streams
from tests.unit.oracle.hand_made import DOMAIN, US, HandMadeLog, a_domain, an_id, broken, created

INA = an_id("mailbox ina")


def test_a_fresh_fold_makes_the_rows_of_every_table() -> None:
    log = a_domain().happened(created("ina")).happened(m.NoteChanged(note="x"), INA)
    log.checked()
    domain, mailbox = log.fold.rows["domains"][DOMAIN], log.fold.rows["mailboxes"][INA]
    assert isinstance(domain, DomainRow)
    assert isinstance(mailbox, MailboxRow)
    assert (domain.status, domain.mailboxes, mailbox.note, mailbox.version) == ("active", 1, "x", 2)


def test_a_fresh_fold_of_a_tenant_makes_a_row_of_each_kind() -> None:
    log = HandMadeLog(ACCESS, US).happened(a.TenantOnboarded(title="We"))
    log.happened(invited("ina"), user_id("ina")).happened(key_created("robot"), key_id("robot"))
    log.happened(paid_group_created("basic"), group_id("basic"))
    log.happened(placed("a.example", "basic"), "a.example").happened(a.TenantClosing())
    log.checked()
    assert {table: list(rows) for table, rows in log.fold.rows.items()} == {
        "tenants": [US],
        "users": [user_id("ina")],
        "api_keys": [key_id("robot")],
        "paid_groups": [group_id("basic")],
        "placements": [f"{US}/a.example"],
        "closings": [US],
    }


def test_a_fresh_fold_keeps_the_facts_that_mail_depends_on() -> None:
    log = a_domain().happened(created("ina")).happened(m.NoteChanged(note="x"), INA)
    rule = RuleAdded(rule_id=an_id("rule"), pattern="x_{number}", rank=1, target_id=INA, target_domain=DOMAIN)
    log.happened(rule, an_id("rule"))
    log.checked()
    kinds = [getattr(row, "kind", "") for row in log.fold.rows["routing_facts"].values()]
    assert kinds == ["domain_registered", "domain_activated", "rule_added"]


def test_an_event_that_no_row_can_take_is_named() -> None:
    log = a_domain()
    del log.events[0]
    checks = log.checked()
    assert not checks.content
    event = log.checks.take(log.events[0])
    assert event is not None
    assert log.fold.take(event) == "domains"


def test_a_row_that_is_missing_or_differs_is_found() -> None:
    log = a_domain().happened(created("ina"))
    log.checked()
    rows = log.fold.rows["mailboxes"]
    assert list(differing_rows(rows, dict(rows))) == []
    assert list(differing_rows(rows, {})) == [(INA, "missing")]
    other = {INA: structs.replace(rows[INA], note="x", version=2)}
    assert list(differing_rows(rows, other)) == [(INA, "differs in note, version")]


def test_a_stream_that_stands_elsewhere_is_found() -> None:
    log = a_domain()
    log.checked()
    chains = log.checks.chains
    assert list(differing_streams(chains, dict(chains))) == []
    assert list(differing_streams(chains, {})) == [(DOMAIN, "missing")]
    assert list(differing_streams({}, chains)) == [(DOMAIN, "not in the log at this position")]
    for other in ({"streamseq": 1}, {"tail_hash": "0" * 64}, {"last_time": None}):
        assert list(differing_streams(chains, {DOMAIN: structs.replace(chains[DOMAIN], **other)}))


def test_a_checkpoint_that_goes_back_is_found() -> None:
    checkpoint = Checkpoint("mailbox", "directory", "mailbox.events", 3, 10, 2)
    for other, invariants in (
        ({"next_offset": 11}, []),
        ({"next_offset": 10, "owner_epoch": 3}, []),
        ({"next_offset": 9}, ["I8"]),
        ({"owner_epoch": 1}, ["I8"]),
    ):
        backward, findings = Backward(), Findings()
        backward.look([checkpoint], findings)
        backward.look([structs.replace(checkpoint, **other)], findings)
        assert broken(findings) == invariants
