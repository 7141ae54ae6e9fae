"""What is told of a job that is worked on: its counts, its pace over the last seconds, and nothing when it rests."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.progress import JobProgress
from services.bulkio import progress
from services.bulkio.progress import Meter, ProgressBoard
from tests.kit.given import US, an_id

NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOB = an_id("job")


def told(meter: Meter, monotonic_s: float) -> JobProgress:
    return meter.told(lambda: NOW, monotonic_s)


def a_meter() -> Meter:
    return Meter(JOB, US, "import", "checking")


def test_the_pace_is_known_after_a_second_and_is_that_of_the_last_ten() -> None:
    meter = a_meter()
    assert told(meter, 100.0).rows_per_second is None
    meter.rows_checked = 400
    assert told(meter, 100.5).rows_per_second is None
    assert told(meter, 101.0).rows_per_second == 400
    meter.rows_checked = 500
    assert told(meter, 110.0).rows_per_second == 50
    assert told(meter, 111.0).rows_per_second == 10


def test_a_job_that_stands_still_has_no_pace_of_before() -> None:
    meter = a_meter()
    told(meter, 0.0)
    meter.rows_checked = 1_000
    assert told(meter, 5.0).rows_per_second == 200
    assert told(meter, 16.0).rows_per_second is None
    assert told(meter, 18.0).rows_per_second == 0


def test_a_phase_has_its_own_pace_which_does_not_count_what_was_done_before_a_takeover() -> None:
    meter = a_meter()
    told(meter, 0.0)
    meter.rows_checked = 5_000
    assert told(meter, 2.0).rows_per_second == 2_500
    meter.begin("applying", 4_000, decided=1_000)
    first = told(meter, 2.5)
    assert (first.phase, first.rows_total, first.rows_decided) == ("applying", 4_000, 1_000)
    assert first.rows_per_second is None
    meter.rows_decided += 30
    assert told(meter, 4.5).rows_per_second == 15
    assert told(meter, 4.5).rows_checked == 5_000


async def test_a_job_is_told_of_for_as_long_as_it_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    sent: list[tuple[str, JobProgress]] = []
    ticks = iter(range(4))

    class Sender:
        async def send(self, key: str, message: JobProgress) -> None:
            sent.append((key, message))

    sender: Any = Sender()
    board = ProgressBoard(sender, lambda: NOW)

    async def tick(_stop: asyncio.Event, seconds: float) -> None:
        assert seconds == progress.TELL_INTERVAL_S
        match next(ticks):
            case 0:
                opened.rows_checked = 7
            case 1:
                block.__exit__(None, None, None)
            case _:
                stop.set()

    block = board.meter(JOB, US, "import", "checking")
    opened = block.__enter__()
    monkeypatch.setattr(progress, "pause", tick)
    await board.tell(stop)
    assert [(key, each.job_id, each.rows_checked) for key, each in sent] == [(JOB, JOB, 0), (JOB, JOB, 7)]
