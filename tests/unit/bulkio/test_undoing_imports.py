"""The undo of an import: decided once, and ordered mailbox by mailbox at the version that the import left."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec import structs

from contracts import bulk_actions as a
from contracts import bulkio as b
from contracts.bulk_action_files import DoneMailbox, SelectedMailbox
from contracts.decision import Accepted
from contracts.ids import JobId, SealKeyId
from contracts.mailbox import ChangeNote, DeleteMailbox, MailboxCommand, SetPassword
from contracts.outcome import Outcome, RefusalCode
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from contracts.views.jobs import ImportRow, fold_import
from services.bulkio.bulk_applying import PartApplying
from services.bulkio.core.jobs import TenantJobs
from services.bulkio.progress import Meter
from services.bulkio.settings import BulkioSettings
from services.bulkio.tools import Tools
from tests.kit.given import US, Happened, History, Scenario, an_id, refused
from tests.unit.bulkio.test_applying import NOW, outcome
from tests.unit.bulkio.test_bulk_actions import CORE, applied, requested, selected, start

IMPORT: Final = an_id("import")
UNDO: Final = an_id("undo")
UPLOADED: Final = b.ImportUploaded(
    job_id=JobId(IMPORT),
    file_name="new.xlsx",
    blob="uploads/x",
    key_id=SealKeyId(an_id("key")),
    size_bytes=9,
    sha256="a" * 64,
    mode="update_existing",
    bad_rows="stop",
    dry_run=False,
)
CHECKED: Final = b.ImportChecked(good_rows=2, bad_rows=0, report="r")
CHANGE: Final = b.ChangedRow(3, 5, note=True, password=False)
ROWS: Final = b.ImportRowsApplied(first=1, last=2, created=1, changed=1, skipped=0, changed_rows=(CHANGE,))
IMPORTED: Final = (UPLOADED, CHECKED, ROWS, b.ImportFinished())
BEGUN: Final = b.ImportUndoBegun(undo_job_id=JobId(UNDO))

Facts = tuple[Happened[b.BulkioEvent], ...]


def of_import(*events: b.BulkioEvent) -> Facts:
    return tuple(Happened(event, IMPORT) for event in events)


def of_undo(*events: b.BulkioEvent) -> Facts:
    return tuple(Happened(event, UNDO) for event in events)


def undo(facts: Facts, job_id: str = UNDO) -> Any:
    command = start("undo", job_id=job_id, undo_of=IMPORT, count=2)
    return Scenario(CORE, US, (facts,)).when(command)


def test_an_undo_is_a_bulk_action_and_a_fact_of_the_import() -> None:
    decision = undo(of_import(*IMPORTED)).decision
    assert isinstance(decision, Accepted)
    assert decision.events == (requested("undo", job=UNDO, count=2, undo_of=JobId(IMPORT)),)
    assert [(each.subject, each.event) for each in decision.also] == [(IMPORT, BEGUN)]


def test_what_a_cancelled_import_has_done_can_be_undone() -> None:
    cancelled = (UPLOADED, CHECKED, ROWS, b.ImportCancelRequested(), b.ImportCancelled())
    assert isinstance(undo(of_import(*cancelled)).decision, Accepted)


@pytest.mark.parametrize(
    "events",
    [
        IMPORTED[:3],
        (*IMPORTED[:3], b.ImportCancelRequested()),
        (UPLOADED, CHECKED, b.ImportFailed(code="formula")),
        (structs.replace(UPLOADED, dry_run=True), CHECKED, b.ImportPlanned()),
        (UPLOADED, CHECKED, structs.replace(ROWS, created=0, changed=0, skipped=2), b.ImportFinished()),
    ],
)
def test_an_import_that_is_not_at_its_end_or_changed_nothing_is_not_undone(
    events: tuple[b.BulkioEvent, ...],
) -> None:
    undo(of_import(*events)).then(refused("job_state"))


def test_an_import_is_undone_once_but_again_when_the_undo_came_to_nothing() -> None:
    asked = requested("undo", job=UNDO, count=2, undo_of=JobId(IMPORT))
    facts = (*of_import(*IMPORTED), *of_undo(asked), *of_import(BEGUN))
    second = an_id("second undo")
    undo(facts, second).then(refused("job_state"))
    undo((*facts, *of_undo(selected(2), applied(1, 2), a.BulkActionFinished())), second).then(
        refused("job_state")
    )
    failed = a.BulkActionFailed(code="file_gone")
    assert isinstance(undo((*facts, *of_undo(failed)), second).decision, Accepted)


def test_an_undo_is_itself_undone_like_any_bulk_action() -> None:
    asked = requested("undo", job=UNDO, count=2, undo_of=JobId(IMPORT))
    done = of_undo(asked, selected(2), applied(1, 2), a.BulkActionFinished())
    facts = (*of_import(*IMPORTED), *done, *of_import(BEGUN))
    command = start("undo", job_id=an_id("undo of the undo"), undo_of=UNDO, count=2)
    assert isinstance(Scenario(CORE, US, (facts,)).when(command).decision, Accepted)


def test_no_more_rows_are_said_to_have_changed_a_mailbox_than_are_counted() -> None:
    report = b.ReportRowsApplied(job_id=IMPORT, first=1, last=2, created=2, changed_rows=(CHANGE,))
    Scenario(CORE, US, (of_import(UPLOADED, CHECKED),)).when(report).then(refused("job_state"))


def test_an_import_taken_over_from_the_read_model_is_undone_as_if_its_events_were_folded() -> None:
    history = History(CORE, US)
    row: ImportRow | None = None
    for event in (*IMPORTED, BEGUN):
        history.happened(Happened(event, IMPORT))
        row = fold_import(row, history.log[-1])
        assert row is not None
        restored = TenantJobs()
        restored.put_import(row)
        assert restored == history.state
    assert row is not None
    assert row.undone_by == UNDO


INA: Final = an_id("mailbox ina")
BEFORE: Final = an_id("credential before")


def a_step(step: a.BulkStep, **more: Any) -> SelectedMailbox:
    return structs.replace(
        SelectedMailbox(INA, "b.example", "ina", step, "before", None, "imported", None, 5), **more
    )


class House:
    """A writer that answers as it is told, and notes what it was asked, at which version."""

    def __init__(self, *credentials: str) -> None:
        self.credentials = set(credentials)
        self.answer: Callable[[str], Outcome] = lambda _name: outcome(version=6)
        self.sent: list[tuple[str, MailboxCommand, int | None]] = []

    async def send(
        self, _family: object, _stream: str, name: str, _actor: str, data: MailboxCommand, version: int | None
    ) -> Outcome:
        self.sent.append((name, data, version))
        return self.answer(name)

    async def missing_credentials(self, ids: list[str]) -> set[str]:
        return set(ids) - self.credentials

    async def done(self, step: SelectedMailbox) -> DoneMailbox:
        everything: Any = self
        tools = Tools(
            settings=BulkioSettings(kafka_bootstrap="", postgres_dsn="", blobs_url="", vault_key_file=""),
            pool=everything,
            commands=everything,
            places=everything,
            vault=everything,
            blobs=everything,
            hasher=everything,
            progress=everything,
            clock=lambda: NOW,
        )
        meter = Meter(UNDO, US, "bulk_action", "applying")
        (found,) = await PartApplying(tools, everything, the_undo(), None, meter).run([step])
        assert meter.rows_decided == 1
        return found


def the_undo() -> BulkActionRow:
    history = History(CORE, US)
    history.happened(Happened(requested("undo", job=UNDO, undo_of=JobId(IMPORT), drop_targets=True), UNDO))
    row = fold_bulk_action(None, history.log[-1])
    assert row is not None
    return row


async def test_a_created_mailbox_is_deleted_for_the_version_it_was_created_at() -> None:
    house = House()
    done = await house.done(a_step("delete", expected_version=1))
    ((name, command, version),) = house.sent
    assert (name, version, done) == (INA, 1, DoneMailbox("changed", "", 6))
    assert isinstance(command, DeleteMailbox)
    assert command.drop_targets


async def test_nothing_is_sent_for_what_is_impossible() -> None:
    house = House()
    done = await house.done(a_step("set_password", impossible="no_former_password"))
    assert (done, house.sent) == (DoneMailbox("refused", "no_former_password", 0), [])


async def test_a_note_comes_back_and_what_stays_is_told() -> None:
    house = House()
    done = await house.done(a_step("change_note", lasting="no_former_password"))
    assert done == DoneMailbox("changed", "no_former_password", 6)
    assert house.sent == [(INA, ChangeNote(mailbox_id=INA, note="before"), 5)]


async def test_a_password_comes_back_after_the_note_at_the_version_of_the_note() -> None:
    house = House(BEFORE)
    house.answer = lambda name: outcome(version=7 if name.endswith("/password") else 6)
    done = await house.done(a_step("change_note", credential_id=BEFORE))
    assert done == DoneMailbox("changed", "", 7)
    password = SetPassword(mailbox_id=INA, credential_id=BEFORE)
    assert house.sent[1:] == [(f"{INA}/password", password, 6)]


async def test_a_password_that_the_vault_has_no_more_is_left_out() -> None:
    house = House()
    assert (await house.done(a_step("change_note", credential_id=BEFORE))).code == "credential_gone"
    assert [name for name, _, _ in house.sent] == [INA]
    alone = await house.done(a_step("set_password", credential_id=BEFORE))
    assert alone == DoneMailbox("refused", "credential_gone", 0)


async def test_a_change_between_note_and_password_stays() -> None:
    house = House(BEFORE)

    def answer(name: str) -> Outcome:
        late = name.endswith("/password")
        return outcome(RefusalCode.VERSION_MISMATCH if late else None, version=7 if late else 6)

    house.answer = answer
    done = await house.done(a_step("change_note", credential_id=BEFORE))
    assert done == DoneMailbox("changed", "version_mismatch", 6)


@pytest.mark.parametrize(
    ("step", "answer", "told"),
    [
        ("delete", outcome(RefusalCode.VERSION_MISMATCH, version=2), "version_mismatch"),
        ("delete", outcome(RefusalCode.MAILBOX_DELETED, version=2), "mailbox_deleted"),
        ("delete", outcome(RefusalCode.MAILBOX_IS_TARGET, version=1), "mailbox_is_target"),
        ("delete", outcome(RefusalCode.MAILBOX_IS_TARGET, version=2), "version_mismatch"),
        ("delete", outcome(RefusalCode.DOMAIN_NOT_ACTIVE, version=1), "domain_not_active"),
        ("change_note", outcome(RefusalCode.MAILBOX_DELETED, version=6), "mailbox_deleted"),
        ("change_note", outcome(RefusalCode.MAILBOX_UNKNOWN, version=0), "version_mismatch"),
    ],
)
async def test_what_keeps_a_mailbox_from_being_undone_is_told_by_its_code(
    step: a.BulkStep, answer: Outcome, told: str
) -> None:
    house = House()
    house.answer = lambda _: answer
    expected = 1 if step == "delete" else 5
    done = await house.done(a_step(step, expected_version=expected))
    assert (done.result, done.code) == ("refused", told)
