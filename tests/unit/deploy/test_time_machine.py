"""The time machine of a local stack goes forward only, and its roles read what it writes."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.__main__ import app
from deploy.local.roles import Plan
from deploy.local.site import Ports, Site
from deploy.local.time_machine import TimeMachineError, ahead, forward, span
from services.runtime.house_clock import HouseClock


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site("unit", tmp_path / "unit", Ports(0))
    made.lay_out()
    return made


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("365d", timedelta(days=365)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("5s", timedelta(seconds=5)),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert span(text) == meant


@pytest.mark.parametrize("text", ["", "365", "d", "-1d", "1.5h", "1y", "1d ", "1d\n", "٣d"])
def test_whatever_else_is_no_span(text: str) -> None:
    with pytest.raises(TimeMachineError, match="such as 365d"):
        span(text)


def test_a_new_stack_has_the_clock_of_the_machine(site: Site) -> None:
    assert ahead(site) == timedelta(0)


def test_moving_forward_twice_adds_up_and_a_running_clock_follows(site: Site) -> None:
    clock = HouseClock(site.clock_file)
    for days in (365, 366):
        forward(site, timedelta(days=1))
        forward(site, timedelta(days=days - 1))
        clock.look()
    assert ahead(site) == timedelta(days=731)
    assert clock.shift_s == 731 * 86_400
    assert not list(site.folder.glob("*.draft"))


def test_every_role_of_a_stack_looks_at_the_file_of_its_stack(site: Site) -> None:
    plan = Plan()
    named = {plan.role_settings(site, each)["POSTFACH_CLOCK_FILE"] for each in plan.instances()}
    assert named == {str(site.clock_file)}


def test_a_stack_is_not_sent_beyond_a_hundred_years(site: Site) -> None:
    forward(site, timedelta(days=36_500))
    with pytest.raises(TimeMachineError, match="100 years"):
        forward(site, timedelta(days=365))
    assert ahead(site) == timedelta(days=36_500)


def test_a_stack_that_was_never_started_has_no_clock_to_move(tmp_path: Path) -> None:
    with pytest.raises(TimeMachineError, match="never started"):
        forward(Site("unit", tmp_path / "none", Ports(0)), timedelta(days=1))


@pytest.fixture
def told_of(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Let the command line find the stack of the test."""
    monkeypatch.setattr(Site, "of", lambda _name: site)
    return site


def test_the_command_line_moves_the_clock_and_says_so_loudly(told_of: Site) -> None:
    run = CliRunner()
    assert run.invoke(app, ["clock"]).output == "The clock of stack run is this machine's.\n"
    moved = run.invoke(app, ["clock", "--forward", "365d"])
    assert moved.exit_code == 0
    assert moved.output == (
        "The clock of stack unit is SHIFTED for demonstration: 365 days, 0:00:00 ahead.\n"
    )
    assert ahead(told_of) == timedelta(days=365)


@pytest.mark.parametrize("text", ["-1d", "now", "0"])
def test_the_command_line_does_not_move_it_back(told_of: Site, text: str) -> None:
    forward(told_of, timedelta(days=1))
    refused = CliRunner().invoke(app, ["clock", f"--forward={text}"])
    assert refused.exit_code == 1
    assert ahead(told_of) == timedelta(days=1)


def test_a_damaged_file_is_said_to_be_damaged(told_of: Site) -> None:
    told_of.clock_file.write_text("soon")
    refused = CliRunner().invoke(app, ["clock"])
    assert refused.exit_code == 1
    assert "does not hold a whole number of seconds" in refused.output
