"""How far jobs are just now: what bulkio said last, in memory, and laid over what the read model knows.

The read model's facts win. A word is shown only where it says more than they do, and never of a job that has ended. A
gateway that has heard nothing of a job, because it was just started, shows the facts alone.
"""

import math
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from contracts.progress import JobPhase, JobProgress
from services.runtime.clock import Clock

JOBS_MAX: Final = 10_000
FORGOTTEN_AFTER: Final = timedelta(hours=1)
STALE_AFTER: Final = timedelta(seconds=10)
"""Without a word for so long nobody may be working on the job; then its pace says nothing of the time left."""

_ORDER: Final[tuple[JobPhase, ...]] = ("checking", "selecting", "applying", "writing")


class Word(Struct, frozen=True):
    """What was heard of a job, and when by the clock of this process."""

    progress: JobProgress
    heard_at: datetime


class ProgressTable:
    """The last word of each job, of the `JOBS_MAX` jobs heard of last, for an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._words: OrderedDict[str, Word] = OrderedDict()

    def hear(self, progress: JobProgress) -> None:
        """Keep a word in the place of the job's former one.

        What is decided stays decided, so counts never go back: a process that takes a job over begins to count at
        what was reported, and one that checks again soon gets past where the former was.
        """
        now = self._clock()
        former = self._words.pop(progress.job_id, None)
        if former is not None:
            progress = _not_behind(progress, former.progress)
        self._words[progress.job_id] = Word(progress, now)
        self._forget(now)

    def word(self, job_id: str) -> Word | None:
        """Give what was heard last of a job."""
        return self._words.get(job_id)

    def _forget(self, now: datetime) -> None:
        while self._words:
            oldest = next(iter(self._words.values()))
            if len(self._words) <= JOBS_MAX and now - oldest.heard_at < FORGOTTEN_AFTER:
                return
            self._words.popitem(last=False)


def _not_behind(progress: JobProgress, former: JobProgress) -> JobProgress:
    return msgspec.structs.replace(
        progress,
        rows_checked=max(progress.rows_checked, former.rows_checked),
        rows_hashed=max(progress.rows_hashed, former.rows_hashed),
        rows_decided=max(progress.rows_decided, former.rows_decided),
    )


class Facts(Struct, frozen=True, kw_only=True):
    """What the read model knows of a job. `phase` is what is to be done next, None when it has ended or waits.

    Where a job has no such rows, or how many is not known, a number is None.
    """

    phase: JobPhase | None
    rows_total: int | None
    rows_decided: int
    rows_checked: int | None = None
    as_of: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """How far a job is. The pace and the time left are None where nobody can say."""

    phase: JobPhase | None
    rows_total: int | None
    rows_decided: int
    rows_checked: int | None
    rows_hashed: int | None
    rows_per_second: float | None
    seconds_left: int | None
    as_of: datetime


def standing(facts: Facts, word: Word | None, now: datetime) -> Standing:
    """Lay the last word over the facts. A word of an earlier phase than theirs, or of an ended job, says nothing."""
    if word is None or facts.phase is None or _is_outrun(word.progress.phase, facts.phase):
        return Standing(
            phase=facts.phase,
            rows_total=facts.rows_total,
            rows_decided=facts.rows_decided,
            rows_checked=facts.rows_checked,
            rows_hashed=None,
            rows_per_second=None,
            seconds_left=None,
            as_of=facts.as_of,
        )
    said = word.progress
    checked = None if facts.rows_checked is None else max(facts.rows_checked, said.rows_checked)
    decided = max(facts.rows_decided, said.rows_decided)
    total = facts.rows_total if said.rows_total is None else said.rows_total
    pace = said.rows_per_second if now - word.heard_at < STALE_AFTER else None
    return Standing(
        phase=said.phase,
        rows_total=total,
        rows_decided=decided,
        rows_checked=checked,
        rows_hashed=said.rows_hashed,
        rows_per_second=pace,
        seconds_left=_seconds_left(total, decided, pace),
        as_of=max(facts.as_of, said.at),
    )


def _is_outrun(said: JobPhase, known: JobPhase) -> bool:
    return _ORDER.index(said) < _ORDER.index(known)


def _seconds_left(total: int | None, decided: int, pace: float | None) -> int | None:
    """Give the time for what is left at this pace. While rows are checked, how many there are is not known yet."""
    if total is None or not pace:
        return None
    return math.ceil(max(0, total - decided) / pace)
