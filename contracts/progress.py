"""How far the work on a job is, between two of its events: a word that holds no truth and may be lost."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from contracts.ids import JobId, TenantId
from contracts.listing import JobKind

JobPhase = Literal["checking", "selecting", "applying", "writing"]
"""What is being done: an import is checked, a bulk action selects, both are applied, an export is written."""


class JobProgress(Struct, frozen=True, kw_only=True):
    """What the process that works on a job says of it a few times in ten seconds, in place of what it said before.

    Rows count from the file's beginning, also when a process took the job over. `rows_total` are the rows that the
    phase is about, None where nobody knows yet. `rows_checked` and `rows_hashed` are of imports and of passwords;
    `rows_decided` are those of which it is known what became of them, of an export those that are written.
    `rows_per_second` is the pace of the last seconds, None while it is too early to say.
    """

    job_id: JobId
    tenant: TenantId
    kind: JobKind
    phase: JobPhase
    rows_total: int | None
    rows_checked: int
    rows_hashed: int
    rows_decided: int
    rows_per_second: float | None
    at: datetime


decode_progress = msgspec.json.Decoder(JobProgress).decode
