"""The last word of a job over its facts: facts win, counts never go back, memory is bounded, silence is noticed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts.ids import JobId, TenantId
from contracts.progress import JobProgress
from services.gateway import job_progress
from services.gateway.job_progress import Facts, ProgressTable, Standing, Word, standing
from tests.kit.given import US, an_id

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOB = JobId(an_id("job"))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def said(**fields: Any) -> JobProgress:
    progress = JobProgress(
        job_id=JOB,
        tenant=TenantId(US),
        kind="import",
        phase="applying",
        rows_total=3_000,
        rows_checked=3_000,
        rows_hashed=900,
        rows_decided=640,
        rows_per_second=40.0,
        at=NOW,
    )
    return msgspec.structs.replace(progress, **fields)


def facts(**fields: Any) -> Facts:
    known: dict[str, Any] = {
        "phase": "applying",
        "rows_total": 3_000,
        "rows_decided": 500,
        "rows_checked": 3_000,
        "as_of": NOW - timedelta(seconds=2),
    }
    return Facts(**{**known, **fields})


def shown(facts: Facts, progress: JobProgress | None, heard_ago_s: float = 0.2) -> Standing:
    word = None if progress is None else Word(progress, NOW - timedelta(seconds=heard_ago_s))
    return standing(facts, word, NOW)


def test_a_word_says_what_is_done_since_the_last_fact() -> None:
    now = shown(facts(), said())
    assert (now.phase, now.rows_checked, now.rows_hashed, now.rows_decided) == ("applying", 3_000, 900, 640)
    assert (now.rows_total, now.rows_per_second, now.seconds_left) == (3_000, 40.0, 59)
    assert now.as_of == NOW


def test_no_less_is_shown_than_the_facts() -> None:
    now = shown(facts(rows_decided=700, as_of=NOW + timedelta(seconds=1)), said())
    assert (now.rows_decided, now.as_of) == (700, NOW + timedelta(seconds=1))
    assert now.seconds_left == 58


def test_without_a_word_the_facts_alone_are_shown() -> None:
    now = shown(facts(), None)
    assert (now.phase, now.rows_total, now.rows_decided, now.rows_checked) == ("applying", 3_000, 500, 3_000)
    assert (now.rows_hashed, now.rows_per_second, now.seconds_left) == (None, None, None)


def test_a_job_that_has_ended_or_waits_shows_facts_only() -> None:
    now = shown(facts(phase=None, rows_decided=600), said())
    assert (now.phase, now.rows_decided, now.rows_hashed, now.rows_per_second) == (None, 600, None, None)


def test_a_word_of_an_earlier_phase_says_nothing_and_one_of_a_later_phase_counts() -> None:
    late = shown(facts(rows_decided=0), said(phase="checking", rows_checked=2_000, rows_per_second=5_000.0))
    assert (late.phase, late.rows_checked, late.rows_per_second) == ("applying", 3_000, None)
    ahead = shown(facts(phase="checking", rows_total=None, rows_decided=0, rows_checked=0), said())
    assert (ahead.phase, ahead.rows_total, ahead.rows_decided) == ("applying", 3_000, 640)


def test_while_rows_are_checked_nobody_knows_the_time_left() -> None:
    checking = said(phase="checking", rows_total=None, rows_checked=10_000, rows_decided=0)
    now = shown(facts(phase="checking", rows_total=None, rows_checked=0, rows_decided=0), checking)
    assert (now.rows_checked, now.rows_per_second, now.seconds_left) == (10_000, 40.0, None)


@pytest.mark.parametrize(("pace", "left"), [(None, None), (0.0, None), (0.5, 4_720), (2_361.0, 1)])
def test_the_time_left_follows_from_what_is_left_and_the_pace(pace: float | None, left: int | None) -> None:
    assert shown(facts(), said(rows_per_second=pace)).seconds_left == left


def test_after_ten_seconds_of_silence_there_is_no_pace_but_what_was_said_stays() -> None:
    assert shown(facts(), said(), heard_ago_s=9.9).rows_per_second == 40.0
    now = shown(facts(), said(), heard_ago_s=10)
    assert (now.rows_decided, now.rows_per_second, now.seconds_left) == (640, None, None)


def test_what_a_kind_of_job_does_not_count_is_not_shown_of_it() -> None:
    export = said(kind="export", phase="writing", rows_checked=0, rows_hashed=0, rows_decided=2_000)
    now = shown(facts(phase="writing", rows_total=None, rows_decided=0, rows_checked=None), export)
    assert (now.rows_checked, now.rows_decided, now.rows_total) == (None, 2_000, 3_000)


def heard(table: ProgressTable, job_id: str = JOB) -> JobProgress | None:
    word = table.word(job_id)
    return None if word is None else word.progress


def test_counts_never_go_back_when_another_process_takes_a_job_over() -> None:
    table = ProgressTable(Clock())
    table.hear(said())
    table.hear(said(rows_hashed=3, rows_decided=500, rows_per_second=None))
    assert heard(table) == said(rows_per_second=None)
    table.hear(said(rows_hashed=4, rows_decided=641))
    assert heard(table) == said(rows_decided=641)


def test_the_jobs_heard_of_last_are_kept_and_no_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_progress, "JOBS_MAX", 3)
    table = ProgressTable(Clock())
    for name in ("a", "b", "c"):
        table.hear(said(job_id=JobId(name)))
    table.hear(said(job_id=JobId("a")))
    table.hear(said(job_id=JobId("d")))
    assert [name for name in "abcd" if heard(table, name)] == ["a", "c", "d"]


def test_what_nobody_spoke_of_for_an_hour_is_forgotten() -> None:
    clock = Clock()
    table = ProgressTable(clock)
    table.hear(said(job_id=JobId("old")))
    clock.now += timedelta(minutes=59)
    table.hear(said(job_id=JobId("new")))
    assert heard(table, "old")
    clock.now += timedelta(minutes=1)
    table.hear(said(job_id=JobId("new")))
    assert not heard(table, "old")
    assert heard(table, "new")
