"""The time machine: moves the clock of a local stack forward, for demonstration only."""

import re
from datetime import timedelta
from typing import Final

from deploy.local.site import Site
from services.runtime.house_clock import SHIFT_S_MAX, ClockFault, read_shift_s

_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


class TimeMachineError(Exception):
    """The clock can't be moved so, or nobody can say where it is; the message says why."""


def span(text: str) -> timedelta:
    """Give what `365d`, `36h`, `90m` or `5s` means. Raises TimeMachineError."""
    if not re.fullmatch(r"[0-9]{1,8}[dhms]", text):
        raise TimeMachineError("say a number with d, h, m or s, such as 365d")
    return int(text[:-1]) * _UNITS[text[-1]]


def ahead(site: Site) -> timedelta:
    """How far the clock of a stack is ahead of this machine's. Raises TimeMachineError when its file was damaged."""
    try:
        return timedelta(seconds=read_shift_s(site.clock_file))
    except ClockFault as fault:
        raise TimeMachineError(f"{fault}; it is {site.clock_file}") from fault


def forward(site: Site, by: timedelta) -> None:
    """Move the clock of a stack, whose roles follow within a second. Raises TimeMachineError.

    There is no way back but a reset, for the log is full of later times by then.
    """
    if not site.folder.exists():
        raise TimeMachineError(f"stack {site.name} was never started")
    shift_s = int((ahead(site) + by).total_seconds())
    if shift_s > SHIFT_S_MAX:
        raise TimeMachineError("a clock can be at most 100 years ahead")
    draft = site.clock_file.with_suffix(".draft")
    draft.write_text(f"{shift_s}\n", encoding="ascii")
    draft.rename(site.clock_file)
