"""What an import keeps while it works: its file in segments, so that nothing of a job is ever in memory as a whole.

Everything is sealed with the job's key. The rows of a segment may hold passwords and go when the job ends; its report
never does and stays with the result. Names are new for each check: a check that is done again must not replace the one
that was decided upon.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Generator, Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from contracts.import_plan import PlanRow
from contracts.import_report import (
    ImportManifest,
    ImportReport,
    ImportSegment,
    PlannedRow,
    SegmentPlan,
    decode_report,
    decode_segment_report,
)
from contracts.views.jobs import ImportRow
from services.bulkio.planning import counts_of
from services.bulkio.reading import read_in_child, read_sheet
from services.bulkio.sealed_file import seal_file
from services.bulkio.sheet import Columns, Rows, SheetRow, Unreadable, UnreadableError
from services.bulkio.tools import Tools
from services.runtime.blobs import BlobMissing
from services.runtime.sealing import SealBroken, Sealer
from services.runtime.vault import KeyDestroyed

SEGMENT_ROWS: Final = 10_000

_encode: Final = msgspec.msgpack.encode
_decode_rows: Final = msgspec.msgpack.Decoder(tuple[SheetRow, ...]).decode


class Segment(Struct, frozen=True):
    """Some consecutive rows of a file with what the check found about them; `first` is the place of its first good row."""

    first: int
    rows: tuple[SheetRow, ...]
    report: ImportReport

    def planned(self, after: int) -> list[tuple[PlannedRow, SheetRow]]:
        """Give the good rows behind the first `after` ones of the whole file."""
        rows = {row.row: row for row in self.rows}
        return [(each, rows[each.row]) for each in self.report.plan[max(0, after + 1 - self.first) :]]


class ImportFiles:
    """The sealed files of one import. Raises UnreadableError where something of them is not there any more."""

    def __init__(self, tools: Tools, job: ImportRow) -> None:
        self._tools = tools
        self._job = job
        self._attempt = secrets.token_hex(8)
        self._reports = f"imports/{job.job_id}/report-{self._attempt}"
        self._segments: list[ImportSegment] = []

    async def uploaded(self) -> AsyncGenerator[Columns | Rows]:
        """Give the uploaded file while a child reads it."""
        with _file_missing():
            limits = self._tools.settings.reader_limits(large=self._job.large)
            async with contextlib.aclosing(read_in_child(await self._source(), limits)) as pieces:
                async for piece in pieces:
                    yield piece

    async def keep(
        self, rows: Iterable[SheetRow], report: ImportReport, plan: Collection[PlanRow] | None = None
    ) -> None:
        """Keep the next segment; that of a dry run with its plan."""
        number = len(self._segments)
        sealer = await self._sealer()
        planned: SegmentPlan | None = None
        if plan is not None:
            counts = counts_of(Counter(row.action for row in plan))
            planned = SegmentPlan(f"{self._reports}/{number}-plan", counts)
            await self._tools.blobs.put(planned.blob, sealer.seal(msgspec.json.encode(plan)))
        segment = ImportSegment(
            rows=f"imports/{self._job.job_id}/rows/{self._attempt}-{number}",
            report=f"{self._reports}/{number}",
            good_rows=len(report.plan),
            bad_rows=report.bad_rows,
            problems=len(report.problems),
            plan=planned,
        )
        await self._tools.blobs.put(segment.rows, sealer.seal(_encode(tuple(rows))))
        await self._tools.blobs.put(segment.report, sealer.seal(msgspec.json.encode(report)))
        self._segments.append(segment)

    async def keep_plan_file(self, plain: Path) -> str:
        """Keep a dry run's workbook, and give its name."""
        blob = f"{self._reports}/plan.xlsx"
        await self.keep_sealed(blob, plain)
        return blob

    async def keep_sealed(self, blob: str, plain: Path) -> None:
        """Keep a file of any size under a name. It is sealed beside where it lies."""
        sealed = plain.with_suffix(".sealed")
        await asyncio.to_thread(seal_file, await self._sealer(), plain, sealed)
        await self._tools.blobs.put(blob, sealed)

    async def keep_manifest(self, plan_file: str | None = None) -> tuple[str, ImportManifest]:
        """Keep what segments there are, and give the name that stands for all of them."""
        manifest = ImportManifest(
            bad_rows=sum(segment.bad_rows for segment in self._segments),
            segments=tuple(self._segments),
            plan_file=plan_file,
        )
        blob = f"{self._reports}/manifest"
        await self._tools.blobs.put(blob, (await self._sealer()).seal(msgspec.json.encode(manifest)))
        return blob, manifest

    async def segments(self, after: int | None = None) -> AsyncGenerator[Segment]:
        """Give the segments, in order; with `after`, only those with good rows behind that many of the file."""
        assert self._job.report is not None, "a file has segments once it was checked"
        with _file_missing():
            found = decode_report(await self._opened(self._job.report))
            if isinstance(found, ImportReport):
                yield Segment(1, await self._all_rows(), found)
                return
            first = 1
            for segment in found.segments:
                if after is None or first + segment.good_rows - 1 > after:
                    rows = _decode_rows(await self._opened(segment.rows))
                    yield Segment(first, rows, decode_segment_report(await self._opened(segment.report)))
                first += segment.good_rows

    async def reports(self) -> AsyncGenerator[tuple[int, ImportReport]]:
        """Give what the check found about each segment, with the place of its first good row. The rows may be gone."""
        assert self._job.report is not None, "a file has reports once it was checked"
        with _file_missing():
            found = decode_report(await self._opened(self._job.report))
            if isinstance(found, ImportReport):
                yield 1, found
                return
            first = 1
            for segment in found.segments:
                yield first, decode_segment_report(await self._opened(segment.report))
                first += segment.good_rows

    async def _all_rows(self) -> tuple[SheetRow, ...]:
        """Give the rows of a job that was checked before files had segments."""
        content = b"".join([chunk async for chunk in await self._source()])
        sheet = await read_sheet(content, self._tools.settings.reader_limits(large=False))
        if isinstance(sheet, Unreadable):
            raise UnreadableError(sheet.code, sheet.detail)
        return sheet.rows

    async def _source(self) -> AsyncIterator[bytes]:
        return (await self._sealer()).open_stream(self._tools.blobs.stream(self._job.blob))

    async def _opened(self, blob: str) -> bytes:
        return (await self._sealer()).open(await self._tools.blobs.get(blob))

    async def _sealer(self) -> Sealer:
        return await self._tools.vault.sealer(self._job.key_id)


@contextlib.contextmanager
def _file_missing() -> Generator[None]:
    try:
        yield
    except (BlobMissing, KeyDestroyed, SealBroken) as error:
        raise UnreadableError("file_missing", "the uploaded file is not there any more") from error
