"""The clock by which the house decides: this machine's, unless a demonstration moves it forward for all roles alike.

It rules what is decided and what is compared with decided times. Whatever is also counted outside the house stays with
the machine's own clock: one-time codes, sessions, claims of work, rates, logs, what Kafka and PostgreSQL keep.
"""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from services.runtime import metrics
from services.runtime.clock import Clock, utc_now
from services.runtime.health import Health
from services.runtime.lifecycle import pause
from services.runtime.logs import get_logger
from services.runtime.settings import RuntimeSettings

SHIFT_S_MAX: Final = 100 * 366 * 24 * 3_600
LOOK_EVERY_S: Final = 0.2

log = get_logger(__name__)


class ClockFault(Exception):
    """What the file of a clock says is no shift, or less than it said before. The process ends."""


class HouseClock:
    """Gives the time of `machine`, and whatever seconds the file says on top; without a file, or while it is missing, 0.

    The shift never gets smaller. What the machine's own clock does wrong is not hidden: writers see to it that time does
    not go back within a key. Raises ClockFault when the file is malformed.
    """

    def __init__(self, file: Path | None = None, machine: Clock = utc_now) -> None:
        self.machine = machine
        self._file = file
        self._shift = timedelta(0)
        self.look()

    def __call__(self) -> datetime:
        return self.machine() + self._shift

    @property
    def shift_s(self) -> int:
        """By how many seconds the clock is ahead of the machine's."""
        return int(self._shift.total_seconds())

    def remark(self) -> str | None:
        """Give the sentence that warns whoever looks, while the clock is shifted."""
        return f"shifted by {self.shift_s} s for demonstration" if self._shift else None

    def look(self) -> None:
        """Take up what the file says now. Raises ClockFault when that is malformed, or less than before."""
        if self._file is None:
            return
        shift_s = read_shift_s(self._file)
        if shift_s < self.shift_s:
            raise ClockFault(f"POSTFACH_CLOCK_FILE went back from {self.shift_s} s to {shift_s} s")
        if shift_s > self.shift_s:
            self._shift = timedelta(seconds=shift_s)
            metrics.clock_shift_seconds.set(shift_s)
            log.warning("the clock is shifted for demonstration", shift_s=shift_s)

    async def follow(self, stop: asyncio.Event) -> None:
        """Look at the file again and again until `stop` is set. Raises ClockFault."""
        if self._file is None:
            await stop.wait()
        while not stop.is_set():
            self.look()
            await pause(stop, LOOK_EVERY_S)


def open_clock(settings: RuntimeSettings, health: Health) -> HouseClock:
    """Give a role its clock, which `/readyz` tells of while it is shifted. `follow` has to run beside the role.

    Raises ClockFault.
    """
    clock = HouseClock(Path(settings.clock_file) if settings.clock_file else None)
    health.remark("clock", clock.remark)
    return clock


def read_shift_s(file: Path) -> int:
    """Give the seconds that a file says; 0 when there is none. Raises ClockFault."""
    try:
        said = file.read_bytes()
    except FileNotFoundError:
        return 0
    if not re.fullmatch(rb"[0-9]{1,10}\n?", said) or int(said) > SHIFT_S_MAX:
        raise ClockFault(f"POSTFACH_CLOCK_FILE does not hold a whole number of seconds up to {SHIFT_S_MAX}")
    return int(said)
