"""How far the jobs of this process are, told a few times in ten seconds while they are worked on.

It is for people who watch. What is true of a job is in its events, and nobody concludes anything from what is told here.
"""

import asyncio
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from contracts.ids import JobId, TenantId
from contracts.listing import JobKind
from contracts.progress import JobPhase, JobProgress
from services.runtime.clock import Clock
from services.runtime.kafka.news import NewsSender
from services.runtime.lifecycle import pause

TELL_INTERVAL_S: Final = 0.5
PACE_WINDOW_S: Final = 10.0
PACE_SINCE_S: Final = 1.0


class Meter:
    """The counts of one job. Whoever works on it adds to them; they are told as they are at the next tick."""

    def __init__(self, job_id: str, tenant: str, kind: JobKind, phase: JobPhase) -> None:
        self._job_id = JobId(job_id)
        self._tenant = TenantId(tenant)
        self._kind: JobKind = kind
        self._samples: deque[tuple[float, int]] = deque()
        self.phase: JobPhase = phase
        self.rows_total: int | None = None
        self.rows_checked = 0
        self.rows_hashed = 0
        self.rows_decided = 0

    def begin(self, phase: JobPhase, rows_total: int | None = None, decided: int = 0) -> None:
        """Count for another phase from here on; its pace is not that of the one before."""
        self.phase = phase
        self.rows_total = rows_total
        self.rows_decided = decided
        self._samples.clear()

    def told(self, clock: Clock, monotonic_s: float) -> JobProgress:
        """Give what is to be told now."""
        return JobProgress(
            job_id=self._job_id,
            tenant=self._tenant,
            kind=self._kind,
            phase=self.phase,
            rows_total=self.rows_total,
            rows_checked=self.rows_checked,
            rows_hashed=self.rows_hashed,
            rows_decided=self.rows_decided,
            rows_per_second=self._pace(monotonic_s),
            at=clock(),
        )

    def _pace(self, now_s: float) -> float | None:
        """Give the rows of the phase in a second, over the last `PACE_WINDOW_S`; None when that is too early to say."""
        done = self.rows_checked if self.phase == "checking" else self.rows_decided
        self._samples.append((now_s, done))
        while now_s - self._samples[0][0] > PACE_WINDOW_S:
            self._samples.popleft()
        since_s, before = self._samples[0]
        if now_s - since_s < PACE_SINCE_S:
            return None
        return round((done - before) / (now_s - since_s), 1)


class ProgressBoard:
    """The meters of all jobs that this process works on."""

    def __init__(self, sender: NewsSender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._meters: dict[str, Meter] = {}

    @contextmanager
    def meter(self, job_id: str, tenant: str, kind: JobKind, phase: JobPhase) -> Generator[Meter]:
        """Give a job's meter, which is told of for as long as the block runs."""
        meter = Meter(job_id, tenant, kind, phase)
        self._meters[job_id] = meter
        try:
            yield meter
        finally:
            del self._meters[job_id]

    async def tell(self, stop: asyncio.Event) -> None:
        """Tell of every job at intervals until `stop` is set. One slow answer delays the next word, no job."""
        while not stop.is_set():
            for job_id, meter in list(self._meters.items()):
                await self._sender.send(job_id, meter.told(self._clock, time.monotonic()))
            await pause(stop, TELL_INTERVAL_S)
