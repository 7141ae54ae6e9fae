"""Folding in two halves is folding at once, also when the first half was written down in between."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.bulk_actions import BulkActionEvent, BulkActionRequested
from contracts.bulkio import (
    ExportCancelled,
    ExportFailed,
    ExportFinished,
    ExportRequested,
    ImportCancelled,
    ImportCancelRequested,
    ImportChecked,
    ImportFailed,
    ImportFinished,
    ImportPlanApplied,
    ImportPlanned,
    ImportRowsApplied,
    ImportUploaded,
)
from contracts.envelope import EventEnvelope
from contracts.message import tag_of
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from contracts.views.jobs import ExportRow, ImportRow, fold_export, fold_import
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from tests.laws.messages import messages
from tests.laws.world import Directory, DomainHistory, histories


def written_and_read(row: Any, kind: Any) -> Any:
    """Give the row as it comes back from a table."""
    return msgspec.json.decode(msgspec.json.encode(row), type=kind | None)


def folded(fold: Any, log: list[Any], row: Any = None) -> Any:
    for event in log:
        row = fold(row, event)
    return row


@given(histories, st.data())
def test_the_directory_can_stop_anywhere(history: DomainHistory, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(history.log)))
    at_once, halves = Directory(), Directory()
    at_once.fold(history.log)
    halves.fold(history.log[:middle])
    halves.domain = written_and_read(halves.domain, DomainRow)
    halves.mailboxes = {key: written_and_read(row, MailboxRow) for key, row in halves.mailboxes.items()}
    halves.rules = {key: written_and_read(row, RuleRow) for key, row in halves.rules.items()}
    halves.aliases = {key: written_and_read(row, AliasRow) for key, row in halves.aliases.items()}
    halves.fold(history.log[middle:])
    assert (halves.domain, halves.mailboxes) == (at_once.domain, at_once.mailboxes)
    assert (halves.rules, halves.aliases) == (at_once.rules, at_once.aliases)


@given(histories, st.data())
def test_the_writer_can_be_restored_anywhere(history: DomainHistory, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(history.log)))
    directory = Directory()
    directory.fold(history.log[:middle])
    state = directory.restored()
    for event in history.log[middle:]:
        history.core.evolve(state, event)
    assert state == history.state


IMPORT_STEPS = (
    ImportChecked
    | ImportPlanned
    | ImportPlanApplied
    | ImportRowsApplied
    | ImportCancelRequested
    | ImportCancelled
    | ImportFinished
) | ImportFailed
EXPORT_STEPS = ExportFinished | ExportFailed | ExportCancelled


@pytest.mark.parametrize(
    ("first", "steps", "fold", "kind"),
    [
        (ImportUploaded, IMPORT_STEPS, fold_import, ImportRow),
        (ExportRequested, EXPORT_STEPS, fold_export, ExportRow),
        (BulkActionRequested, BulkActionEvent, fold_bulk_action, BulkActionRow),
    ],
)
@given(data=st.data())
def test_jobs_can_stop_anywhere(first: Any, steps: Any, fold: Any, kind: Any, data: st.DataObject) -> None:
    happened = [data.draw(messages(first)), *data.draw(st.lists(messages(steps), max_size=8))]
    envelope = data.draw(messages(EventEnvelope[first]))
    log = [
        msgspec.structs.replace(envelope, data=each, type=tag_of(each), version=version)
        for version, each in enumerate(happened, start=1)
    ]
    middle = data.draw(st.integers(0, len(log)))
    half = written_and_read(folded(fold, log[:middle]), kind)
    assert folded(fold, log[middle:], half) == folded(fold, log)
