"""One export: a consistent snapshot of the tenant's mailboxes, written, sealed and handed over."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from contracts.bulkio import ExportColumn, ExportFormat, FailExport, ReportExportWritten
from contracts.ids import DomainName
from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.views.jobs import ExportRow
from services.bulkio import queries
from services.bulkio.export_files import Row, open_export
from services.bulkio.freshness import catch_up
from services.bulkio.progress import Meter
from services.bulkio.projections import MAILBOXES
from services.bulkio.sealed_file import seal_file
from services.bulkio.tools import JobVoice, Tools
from services.runtime.domain_names import to_u_label
from services.runtime.filtering import CompiledFilter, FilterError, compile_filter
from services.runtime.logs import get_logger
from services.runtime.sealing import Sealer
from services.runtime.vault import KeyDestroyed

ROWS_PER_FETCH: Final = 2_000
FETCHES_PER_LOOK: Final = 20
"""After so many fetches the job's state is looked at: somebody may have cancelled it."""


_SOURCES: Final[dict[ExportColumn, tuple[str, ...]]] = {
    "email": ("local_part", "domain"),
    "note": ("note",),
    "domain": ("domain",),
    "status": ("status",),
    "created_at": ("created_at",),
    "changed_at": ("changed_at",),
}
"""What of a mailbox a column of the file is made from; no more is fetched, of a million rows."""

_log = get_logger(__name__)
_shown_domain = lru_cache(maxsize=1_000)(to_u_label)


class Written(Struct, frozen=True):
    """What the file holds, as downloaded."""

    rows: int
    size_bytes: int
    sha256: str
    snapshot: dict[str, int]


class ExportJob:
    """Works on one export until it has ended. Left in the middle, it begins anew: nothing is kept of half a file."""

    def __init__(self, tools: Tools, job_id: str) -> None:
        self._tools = tools
        self._job_id = job_id

    async def run(self) -> None:
        """Write the file and report it, unless the export has ended meanwhile."""
        job = await queries.export_row(self._tools.pool, self._job_id)
        assert job is not None, "a job is worked on once the read model has it"
        if job.state != "requested":
            return
        voice = JobVoice(
            self._tools, job.job_id, job.tenant, await queries.job_order(self._tools.pool, job.job_id)
        )
        try:
            condition = compile_filter(job.filter, MAILBOX_FILTER_FIELDS, first_argument=2)
            sealer = await self._tools.vault.sealer(job.key_id)
        except FilterError as error:
            command = FailExport(job_id=job.job_id, code="bad_filter", detail=str(error)[:500])
            await voice.report("fail", job.version, command)
            return
        except KeyDestroyed:
            command = FailExport(
                job_id=job.job_id, code="key_destroyed", detail="the file could not be sealed"
            )
            await voice.report("fail", job.version, command)
            return
        await self._write_and_report(job, condition, sealer, voice)

    async def _write_and_report(
        self, job: ExportRow, condition: CompiledFilter, sealer: Sealer, voice: JobVoice
    ) -> None:
        await catch_up(self._tools, job.job_id)
        with tempfile.TemporaryDirectory(dir=self._tools.settings.scratch_folder or None) as folder:
            plain, sealed = Path(folder) / "plain", Path(folder) / "sealed"
            with self._tools.progress.meter(job.job_id, job.tenant, "export", "writing") as meter:
                written = await self._write(job, condition, plain, meter)
            if written is None:
                return
            await asyncio.to_thread(seal_file, sealer, plain, sealed)
            blob = f"exports/{job.job_id}/file"
            await self._tools.blobs.put(blob, sealed)
        command = ReportExportWritten(
            job_id=job.job_id,
            blob=blob,
            rows=written.rows,
            size_bytes=written.size_bytes,
            sha256=written.sha256,
            snapshot=written.snapshot,
        )
        outcome = await voice.report("written", job.version, command)
        if outcome.status == "refused":
            await self._tools.blobs.delete(blob)
        _log.info("an export is written", job=job.job_id, rows=written.rows, status=outcome.status)

    async def _write(
        self, job: ExportRow, condition: CompiledFilter, path: Path, meter: Meter
    ) -> Written | None:
        """Write the file in a thread, while the next rows are fetched. None when the export was cancelled."""
        columns = cast("list[ExportColumn]", job.columns)
        file = open_export(path, cast("ExportFormat", job.format), columns)
        cells = _row_maker(columns)
        kept = "status <> 'purged'"
        if not condition.mentions("status"):
            kept += " AND status <> 'deleted'"
        arguments: list[object] = [job.tenant, *condition.arguments]
        if job.within is not None:
            arguments.append(job.within)
            kept += f" AND domain = ANY(${len(arguments)}::text[])"
        sources = ", ".join(dict.fromkeys(source for column in columns for source in _SOURCES[column]))
        rows = fetches = 0
        async with (
            self._tools.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            snapshot = await queries.positions(connection, MAILBOXES.name)
            wanted = f"FROM mailboxes WHERE tenant = $1 AND {kept} AND {condition.sql}"
            # The filter's values are all arguments.
            meter.rows_total = await connection.fetchval(f"SELECT count(*) {wanted}", *arguments)
            cursor = await connection.cursor(
                f"""
                SELECT {sources} {wanted}
                ORDER BY domain, local_part, mailbox_id
                """,
                *arguments,
            )
            records = await cursor.fetch(ROWS_PER_FETCH)
            while records:
                writing = asyncio.create_task(asyncio.to_thread(_write_records, file.write, cells, records))
                rows += len(records)
                records = await cursor.fetch(ROWS_PER_FETCH)
                await writing
                meter.rows_decided = rows
                fetches += 1
                if fetches % FETCHES_PER_LOOK == 0 and await self._has_ended():
                    return None
        await asyncio.to_thread(file.close)
        size_bytes, sha256 = await asyncio.to_thread(_measure, path)
        return Written(rows, size_bytes, sha256, snapshot)

    async def _has_ended(self) -> bool:
        job = await queries.export_row(self._tools.pool, self._job_id)
        return job is None or job.state != "requested"


def _row_maker(columns: list[ExportColumn]) -> Callable[[Any], Row]:
    """Give the function that makes one row's texts of a record."""
    makers: dict[ExportColumn, Callable[[Any], str]] = {
        "email": lambda record: f"{record['local_part']}@{_shown_domain(DomainName(record['domain']))}",
        "note": lambda record: record["note"],
        "domain": lambda record: _shown_domain(DomainName(record["domain"])),
        "status": lambda record: record["status"],
        "created_at": lambda record: record["created_at"].isoformat(timespec="seconds"),
        "changed_at": lambda record: record["changed_at"].isoformat(timespec="seconds"),
    }
    chosen = [makers[column] for column in columns]
    return lambda record: [make(record) for make in chosen]


def _write_records(
    write: Callable[[list[Row]], None], cells: Callable[[Any], Row], records: list[Any]
) -> None:
    write([cells(record) for record in records])


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
