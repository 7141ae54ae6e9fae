"""The clock of the house: the machine's, moved forward by a file, never back, and never silently."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from services.runtime import metrics
from services.runtime.health import Health, health_routes
from services.runtime.house_clock import SHIFT_S_MAX, ClockFault, HouseClock, open_clock
from services.runtime.settings import RuntimeSettings
from tests.kit.room import until

NOON = datetime(2030, 6, 15, 12, tzinfo=UTC)
YEAR_S = 365 * 24 * 3_600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock"


def settings_with(clock_file: str) -> RuntimeSettings:
    return RuntimeSettings(
        kafka_bootstrap="", postgres_dsn="", blobs_url="", vault_key_file="", clock_file=clock_file
    )


def test_without_a_file_it_is_the_clock_of_the_machine() -> None:
    clock = HouseClock(machine=lambda: NOON)
    assert clock() == NOON
    assert (clock.shift_s, clock.remark()) == (0, None)


def test_a_file_that_is_not_there_shifts_nothing(file: Path) -> None:
    assert HouseClock(file, lambda: NOON)() == NOON


def test_what_the_file_says_is_added_and_the_machines_time_can_still_be_had(file: Path) -> None:
    file.write_text(f"{YEAR_S}\n")
    clock = HouseClock(file, lambda: NOON)
    assert clock() == NOON + timedelta(days=365)
    assert clock.machine() == NOON


def test_it_follows_the_file_forward(file: Path) -> None:
    clock = HouseClock(file, lambda: NOON)
    for shift_s in (3_600, YEAR_S):
        file.write_text(str(shift_s))
        clock.look()
        assert clock() == NOON + timedelta(seconds=shift_s)


@pytest.mark.parametrize("less", ["3599", "0"])
def test_a_file_that_goes_back_is_a_fault(file: Path, less: str) -> None:
    file.write_text("3600")
    clock = HouseClock(file, lambda: NOON)
    file.write_text(less)
    with pytest.raises(ClockFault, match="went back"):
        clock.look()
    assert clock() == NOON + timedelta(hours=1)


def test_a_file_that_is_taken_away_while_the_clock_is_shifted_is_a_fault(file: Path) -> None:
    file.write_text("3600")
    clock = HouseClock(file)
    file.unlink()
    with pytest.raises(ClockFault, match="went back"):
        clock.look()


@pytest.mark.parametrize(
    "said",
    [b"", b"\n", b"365d", b"-1", b"1.5", b"1e9", b" 7", b"7\n7", b"\xff\xfe", "٣".encode(), b"9" * 5_000],
)
def test_a_file_that_says_anything_else_is_a_fault(file: Path, said: bytes) -> None:
    file.write_bytes(said)
    with pytest.raises(ClockFault, match="POSTFACH_CLOCK_FILE does not hold"):
        HouseClock(file)


def test_nobody_is_sent_beyond_a_hundred_years(file: Path) -> None:
    file.write_text(str(SHIFT_S_MAX))
    assert HouseClock(file, lambda: NOON)().year == 2130
    file.write_text(str(SHIFT_S_MAX + 1))
    with pytest.raises(ClockFault):
        HouseClock(file)


def put_whole(file: Path, text: str) -> None:
    """Write a file so that nobody finds half of it, as the time machine does."""
    beside = file.with_name("beside")
    beside.write_text(text)
    beside.rename(file)


async def test_a_role_follows_until_it_stops(file: Path) -> None:
    clock, stop = HouseClock(file, lambda: NOON), asyncio.Event()
    following = asyncio.create_task(clock.follow(stop))
    await asyncio.to_thread(put_whole, file, "60")
    await until(lambda: asyncio.sleep(0, clock.shift_s == 60))
    stop.set()
    await following


async def test_a_role_whose_file_is_damaged_ends_by_a_fault(file: Path) -> None:
    following = asyncio.create_task(HouseClock(file).follow(asyncio.Event()))
    await asyncio.to_thread(file.write_text, "yesterday")
    with pytest.raises(ClockFault):
        await asyncio.wait_for(following, 30)


async def test_a_role_without_a_file_follows_nothing_but_the_stop() -> None:
    stop = asyncio.Event()
    following = asyncio.create_task(HouseClock().follow(stop))
    await asyncio.sleep(0)
    assert not following.done()
    stop.set()
    await following


def test_it_warns_at_the_start_and_at_each_change_and_not_in_between(file: Path) -> None:
    file.write_text("60")
    with capture_logs() as lines:
        clock = HouseClock(file)
        clock.look()
        file.write_text("120")
        clock.look()
        clock.look()
    told = [(line["log_level"], line["event"], line["shift_s"]) for line in lines]
    assert told == [("warning", "the clock is shifted for demonstration", seconds) for seconds in (60, 120)]


def test_readiness_and_metrics_tell_of_the_shift(file: Path) -> None:
    health = Health()
    clock = open_clock(settings_with(str(file)), health)
    with TestClient(Starlette(routes=health_routes(health))) as http:
        assert http.get("/readyz").json() == {"status": "ready", "troubles": {}, "remarks": {}}
        file.write_text("60")
        clock.look()
        ready = http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["remarks"] == {"clock": "shifted by 60 s for demonstration"}
        assert "postfach_clock_shift_seconds 60.0" in http.get("/metrics").text
    metrics.clock_shift_seconds.set(0)


def test_it_is_off_unless_a_setting_names_a_file() -> None:
    default = {field.name: field.default for field in msgspec.structs.fields(RuntimeSettings)}
    assert default["clock_file"] == ""
    assert open_clock(settings_with(""), Health()).shift_s == 0
