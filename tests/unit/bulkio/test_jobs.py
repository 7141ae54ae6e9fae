"""Import and export jobs, decided: what each report leads to, and what can't be reported any more."""

from typing import Any, Final

import pytest

from contracts import bulkio as b
from contracts.decision import Accepted
from contracts.ids import JobId, SealKeyId
from contracts.views.jobs import ExportRow, ImportRow, fold_export, fold_import
from services.bulkio.core.decide import decide, subject_of
from services.bulkio.core.jobs import TenantJobs, evolve
from tests.kit.given import US, Core, Happened, History, Scenario, an_id, refused

JOB: Final = an_id("job")
KEY: Final = an_id("key")
SHA: Final = "a" * 64
CORE: Final = Core[TenantJobs, b.BulkioCommand, b.BulkioEvent](
    new_state=lambda _stream: TenantJobs(),
    subject_of=subject_of,
    version_of=TenantJobs.version_of,
    decide=decide,
    evolve=evolve,
)


def given(*events: b.BulkioEvent) -> Scenario[TenantJobs, b.BulkioCommand, b.BulkioEvent]:
    return Scenario(CORE, US, (tuple(Happened(event, JOB) for event in events),))


def start(*, dry_run: bool = False, within: b.Within = None) -> b.StartImport:
    return b.StartImport(
        job_id=JOB,
        file_name="staff.xlsx",
        blob="imports/x",
        key_id=KEY,
        size_bytes=9,
        sha256=SHA,
        dry_run=dry_run,
        within=within,
    )


def uploaded(
    *, bad_rows: b.BadRows = "stop", dry_run: bool = False, within: b.Within = None
) -> b.ImportUploaded:
    return b.ImportUploaded(
        job_id=JobId(JOB),
        file_name="staff.xlsx",
        blob="imports/x",
        key_id=SealKeyId(KEY),
        size_bytes=9,
        sha256=SHA,
        mode="create_only",
        bad_rows=bad_rows,
        dry_run=dry_run,
        within=within,
    )


def report_checked(good: int, bad: int = 0) -> b.ReportImportChecked:
    return b.ReportImportChecked(job_id=JOB, good_rows=good, bad_rows=bad, report="imports/x/report")


def checked(good: int, bad: int = 0) -> b.ImportChecked:
    return b.ImportChecked(good_rows=good, bad_rows=bad, report="imports/x/report")


def report_applied(first: int, last: int, **counts: Any) -> b.ReportRowsApplied:
    return b.ReportRowsApplied(
        job_id=JOB, first=first, last=last, **(counts or {"created": last - first + 1})
    )


def applied(first: int, last: int) -> b.ImportRowsApplied:
    return b.ImportRowsApplied(first=first, last=last, created=last - first + 1, changed=0, skipped=0)


FINISH: Final = b.FinishImport(job_id=JOB, result="imports/x/result")
FAIL: Final = b.FailImport(job_id=JOB, code="formula", detail="A3")
CANCEL: Final = b.CancelImport(job_id=JOB)
IMPORT_ENDS: Final = (
    b.ImportPlanned(),
    b.ImportCancelled(),
    b.ImportFinished(),
    b.ImportFailed(code="formula"),
)


def test_an_uploaded_file_begins_an_import() -> None:
    given().when(start()).then(uploaded())


def test_a_job_keeps_to_the_domains_that_it_was_begun_with() -> None:
    given().when(start(within=("b.example",))).then(uploaded(within=("b.example",)))
    given().when(start_export(within=())).then(requested(within=()))


def test_beginning_the_same_import_twice_changes_nothing() -> None:
    given(uploaded()).when(start()).then_nothing()


def test_the_id_of_an_export_is_no_id_for_an_import() -> None:
    given(requested()).when(start()).then(refused("job_state"))
    given(uploaded()).when(start_export()).then(refused("job_state"))


def test_a_clean_file_is_checked() -> None:
    given(uploaded()).when(report_checked(5)).then(checked(5))


def test_a_bad_row_stops_the_whole_file() -> None:
    given(uploaded()).when(report_checked(4, 1)).then(
        checked(4, 1), b.ImportFailed(code="bad_rows", detail="1 bad rows")
    )


def test_bad_rows_are_left_out_when_the_import_may_skip_them() -> None:
    given(uploaded(bad_rows="skip")).when(report_checked(4, 1)).then(checked(4, 1))


def test_a_file_without_any_good_row_fails() -> None:
    given(uploaded(bad_rows="skip")).when(report_checked(0, 3)).then(
        checked(0, 3), b.ImportFailed(code="no_good_rows", detail="no row can be imported")
    )


def test_a_dry_run_ends_with_a_plan() -> None:
    given(uploaded(dry_run=True)).when(report_checked(5)).then(checked(5), b.ImportPlanned())


def test_the_same_check_reported_twice_changes_nothing() -> None:
    given(uploaded(), checked(5)).when(report_checked(5)).then_nothing()
    given(uploaded(dry_run=True), checked(5), b.ImportPlanned()).when(report_checked(5)).then_nothing()


def test_another_check_of_the_same_file_is_refused() -> None:
    given(uploaded(), checked(5)).when(report_checked(4, 1)).then(refused("job_state"))


def test_a_check_that_ends_after_the_cancellation_is_refused() -> None:
    given(uploaded(), b.ImportCancelRequested()).when(report_checked(5)).then(refused("job_state"))


def test_rows_are_applied_in_the_order_of_the_file() -> None:
    given(uploaded(), checked(5)).when(report_applied(1, 3)).then(applied(1, 3))
    given(uploaded(), checked(5), applied(1, 3)).when(report_applied(4, 5)).then(applied(4, 5))


def test_rows_reported_again_change_nothing() -> None:
    given(uploaded(), checked(5), applied(1, 3)).when(report_applied(1, 3)).then_nothing()
    given(uploaded(), checked(5), applied(1, 3)).when(report_applied(2, 3)).then_nothing()


@pytest.mark.parametrize("span", [(3, 5), (5, 5), (4, 6)])
def test_a_gap_an_overlap_and_rows_beyond_the_end_are_refused(span: tuple[int, int]) -> None:
    given(uploaded(), checked(5), applied(1, 3)).when(report_applied(*span)).then(refused("job_state"))


def test_counts_that_do_not_add_up_are_refused() -> None:
    given(uploaded(), checked(5)).when(report_applied(1, 3, created=2)).then(refused("job_state"))
    refusal = b.RowRefusal(4, "address_taken")
    given(uploaded(), checked(5)).when(
        report_applied(1, 4, created=1, changed=1, skipped=1, refused=(refusal,))
    ).then(b.ImportRowsApplied(first=1, last=4, created=1, changed=1, skipped=1, refused=(refusal,)))


def test_rows_are_not_applied_before_the_check() -> None:
    given(uploaded()).when(report_applied(1, 1)).then(refused("job_state"))


def test_rows_on_their_way_are_still_reported_after_the_cancellation() -> None:
    given(uploaded(), checked(5), applied(1, 2), b.ImportCancelRequested()).when(report_applied(3, 4)).then(
        applied(3, 4)
    )


def test_an_import_finishes_when_every_good_row_is_applied() -> None:
    given(uploaded(), checked(5), applied(1, 5)).when(FINISH).then(
        b.ImportFinished(result="imports/x/result")
    )


def test_an_import_does_not_finish_before_its_last_row() -> None:
    given(uploaded(), checked(5), applied(1, 4)).when(FINISH).then(refused("job_state"))
    given(uploaded()).when(FINISH).then(refused("job_state"))


def test_a_cancelled_import_ends_where_it_stands() -> None:
    given(uploaded(), checked(5), applied(1, 2), b.ImportCancelRequested()).when(FINISH).then(
        b.ImportCancelled(result="imports/x/result")
    )
    given(uploaded(), b.ImportCancelRequested()).when(FINISH).then(
        b.ImportCancelled(result="imports/x/result")
    )


def test_a_cancellation_after_the_last_row_stops_nothing() -> None:
    given(uploaded(), checked(2), applied(1, 2), b.ImportCancelRequested()).when(FINISH).then(
        b.ImportFinished(result="imports/x/result")
    )


def test_an_unreadable_file_fails_the_import() -> None:
    given(uploaded()).when(FAIL).then(b.ImportFailed(code="formula", detail="A3"))


def test_an_import_that_changed_something_does_not_fail() -> None:
    given(uploaded(), checked(5), applied(1, 1)).when(FAIL).then(refused("job_state"))


def test_a_cancellation_is_asked_for_once() -> None:
    given(uploaded()).when(CANCEL).then(b.ImportCancelRequested())
    given(uploaded(), b.ImportCancelRequested()).when(CANCEL).then_nothing()


@pytest.mark.parametrize("end", IMPORT_ENDS)
def test_an_ended_import_stays_as_it_ended(end: b.BulkioEvent) -> None:
    ended = given(uploaded(), checked(5), end)
    for command in (report_checked(4), report_applied(1, 5), CANCEL):
        ended.when(command).then(refused("job_ended"))
    ended.when(start()).then_nothing()


@pytest.mark.parametrize("command", [report_checked(1), report_applied(1, 1), FINISH, FAIL, CANCEL])
def test_nothing_is_reported_of_an_unknown_import(command: b.BulkioCommand) -> None:
    given(requested()).when(command).then(refused("job_unknown"))


def start_export(within: b.Within = None) -> b.StartExport:
    return b.StartExport(job_id=JOB, key_id=KEY, filter="status=active", format="csv", within=within)


def requested(within: b.Within = None) -> b.ExportRequested:
    return b.ExportRequested(
        job_id=JobId(JOB),
        key_id=SealKeyId(KEY),
        filter="status=active",
        format="csv",
        columns=("email", "note"),
        within=within,
    )


def written() -> b.ReportExportWritten:
    return b.ReportExportWritten(
        job_id=JOB, blob="exports/x/file", rows=3, size_bytes=90, sha256=SHA, snapshot={"mailbox.events/0": 7}
    )


EXPORTED: Final = b.ExportFinished(
    blob="exports/x/file", rows=3, size_bytes=90, sha256=SHA, snapshot={"mailbox.events/0": 7}
)
FAIL_EXPORT: Final = b.FailExport(job_id=JOB, code="bad_filter", detail="at character 3")
CANCEL_EXPORT: Final = b.CancelExport(job_id=JOB)


def test_an_export_is_asked_for_once() -> None:
    given().when(start_export()).then(requested())
    given(requested()).when(start_export()).then_nothing()


def test_an_export_is_finished_failed_or_cancelled() -> None:
    given(requested()).when(written()).then(EXPORTED)
    given(requested()).when(FAIL_EXPORT).then(b.ExportFailed(code="bad_filter", detail="at character 3"))
    given(requested()).when(CANCEL_EXPORT).then(b.ExportCancelled())


@pytest.mark.parametrize("end", [EXPORTED, b.ExportFailed(code="bad_filter"), b.ExportCancelled()])
@pytest.mark.parametrize("command", [written(), FAIL_EXPORT, CANCEL_EXPORT])
def test_an_ended_export_stays_as_it_ended(end: b.BulkioEvent, command: b.BulkioCommand) -> None:
    given(requested(), end).when(command).then(refused("job_ended"))


@pytest.mark.parametrize("command", [written(), FAIL_EXPORT, CANCEL_EXPORT])
def test_nothing_is_reported_of_an_unknown_export(command: b.BulkioCommand) -> None:
    given(uploaded()).when(command).then(refused("job_unknown"))


def test_a_job_taken_over_from_the_read_model_goes_on_as_if_its_events_were_folded() -> None:
    events: list[b.BulkioEvent] = [
        uploaded(bad_rows="skip"),
        checked(5, 1),
        applied(1, 2),
        b.ImportCancelRequested(),
    ]
    for count in range(1, len(events) + 1):
        history = History(CORE, US)
        row: ImportRow | None = None
        for event in events[:count]:
            history.happened(Happened(event, JOB))
            row = fold_import(row, history.log[-1])
        assert row is not None
        restored = TenantJobs()
        restored.put_import(row)
        assert restored == history.state
    history = History(CORE, US)
    export: ExportRow | None = None
    for event in (requested(), EXPORTED):
        history.happened(Happened(event, JOB))
        export = fold_export(export, history.log[-1])
    assert export is not None
    restored = TenantJobs()
    restored.put_export(export)
    assert restored == history.state


def test_the_version_of_a_job_counts_its_events() -> None:
    history = History(CORE, US)
    assert isinstance(history.obey(start(dry_run=True)), Accepted)
    assert isinstance(history.obey(report_checked(2)), Accepted)
    assert [event.version for event in history.log] == [1, 2, 3]
    assert history.state.version_of(JOB) == 3
    assert history.state.version_of(an_id("another job")) == 0
