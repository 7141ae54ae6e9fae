"""An import's file in segments: sealed, found again from any place, and gone when it is gone."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest

from contracts.import_plan import decode_plan
from contracts.import_report import ImportReport, PlannedRow, decode_report
from contracts.views.jobs import ImportRow
from services.bulkio.import_files import ImportFiles, Segment
from services.bulkio.planning import plan_rows
from services.bulkio.settings import BulkioSettings
from services.bulkio.sheet import SheetRow, UnreadableError
from services.bulkio.tools import Tools
from services.runtime.blobs import Blobs, open_blobs
from services.runtime.sealing import Sealer
from tests.kit.given import US, an_id

NOW: Final = datetime(2030, 1, 1, tzinfo=UTC)
SEALER: Final = Sealer(b"k" * 32)
SECRET: Final = "correct horse"


class OneKey:
    async def sealer(self, _key_id: str) -> Sealer:
        return SEALER


@pytest.fixture
def blobs(tmp_path: Any) -> Blobs:
    return open_blobs(f"file://{tmp_path}")


def tools(blobs: Blobs) -> Tools:
    anything: Any = OneKey()
    return Tools(
        settings=BulkioSettings(kafka_bootstrap="", postgres_dsn="", blobs_url="", vault_key_file=""), pool=anything, commands=anything, places=anything, vault=anything, blobs=blobs,
        hasher=anything, progress=anything, clock=lambda: NOW,
    )  # fmt: skip


def job(report: str | None = None, blob: str = "") -> ImportRow:
    return ImportRow(
        job_id=an_id("job"), tenant=US, actor="owner:demo", state="checked", file_name="", blob=blob, key_id="k",
        size_bytes=1, sha256="", mode="create_only", bad_rows_policy="skip", dry_run=False, within=None, large=True,
        good_rows=0, bad_rows=0, applied=0, created=0, changed=0, skipped=0, refused=[], report=report, result=None, undone_by=None,
        plan_of=None, expected_plan=None, plan_hash=None, plan_counts=None, plan_until=None, plan_applied_by=None,
        code=None, detail="", version=2, created_at=NOW, changed_at=NOW,
    )  # fmt: skip


def rows(first: int, last: int) -> list[SheetRow]:
    return [SheetRow(number, f"u{number}@b.example", SECRET, "") for number in range(first, last + 1)]


def planned(found: list[SheetRow], *, without: int = 0) -> ImportReport:
    good = [row for row in found if row.row != without]
    return ImportReport(
        bad_rows=len(found) - len(good),
        problems=(),
        plan=tuple(PlannedRow(row.row, "create") for row in good),
    )


async def kept(blobs: Blobs) -> str:
    """Keep three segments: rows 2–6 of which 4 is bad, 7 which is bad, 8–9."""
    files = ImportFiles(tools(blobs), job())
    for found, bad in ((rows(2, 6), 4), (rows(7, 7), 7), (rows(8, 9), 0)):
        await files.keep(found, planned(found, without=bad))
    name, manifest = await files.keep_manifest()
    assert (manifest.good_rows, manifest.bad_rows) == (6, 2)
    return name


async def found(blobs: Blobs, report: str, after: int | None = None) -> list[Segment]:
    return [segment async for segment in ImportFiles(tools(blobs), job(report)).segments(after)]


async def test_all_segments_are_given_in_order_with_the_place_of_their_first_good_row(blobs: Blobs) -> None:
    segments = await found(blobs, await kept(blobs))
    assert [(each.first, [row.row for row in each.rows]) for each in segments] == [
        (1, [2, 3, 4, 5, 6]),
        (5, [7]),
        (5, [8, 9]),
    ]


@pytest.mark.parametrize("after", range(7))
async def test_the_good_rows_behind_any_place_are_those_that_are_left(blobs: Blobs, after: int) -> None:
    left = [
        row.row
        for segment in await found(blobs, await kept(blobs), after)
        for _, row in segment.planned(after)
    ]
    assert left == [2, 3, 5, 6, 8, 9][after:]


async def test_a_check_that_is_done_again_replaces_nothing(blobs: Blobs) -> None:
    first, second = await kept(blobs), await kept(blobs)
    assert first != second
    assert len(await found(blobs, first)) == len(await found(blobs, second)) == 3


async def test_no_report_holds_a_password_and_no_blob_is_in_the_clear(blobs: Blobs, tmp_path: Any) -> None:
    await kept(blobs)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content
            if "/rows/" not in str(path):
                assert SECRET.encode() not in SEALER.open(content)


async def test_a_dry_run_keeps_the_plan_of_each_segment_without_passwords(
    blobs: Blobs, tmp_path: Any
) -> None:
    files = ImportFiles(tools(blobs), job())
    for some in (rows(2, 4), rows(5, 6)):
        report = planned(some)
        await files.keep(some, report, plan_rows(some, report))
    (tmp_path / "plan").write_bytes(b"a workbook")
    _, manifest = await files.keep_manifest(await files.keep_plan_file(tmp_path / "plan"))
    plans = [segment.plan for segment in manifest.segments if segment.plan is not None]
    assert [plan.counts.create for plan in plans] == [3, 2]
    opened = [SEALER.open(await blobs.get(plan.blob)) for plan in plans]
    assert [[row.row for row in decode_plan(content)] for content in opened] == [[2, 3, 4], [5, 6]]
    assert all(SECRET.encode() not in content for content in opened)
    assert manifest.plan_file is not None
    assert SEALER.open(await blobs.get(manifest.plan_file)) == b"a workbook"


async def test_rows_that_are_gone_are_told_as_a_missing_file(blobs: Blobs) -> None:
    report = await kept(blobs)
    await blobs.delete_all(f"imports/{an_id('job')}/rows")
    with pytest.raises(UnreadableError) as told:
        await found(blobs, report)
    assert told.value.reason.code == "file_missing"


async def test_a_job_from_before_files_had_segments_is_one_segment_of_its_uploaded_file(blobs: Blobs) -> None:
    report = planned(rows(2, 4), without=3)
    content = "Email,Password,Note\n" + "".join(f"{row.email},{row.password},\n" for row in rows(2, 4))
    await blobs.put("old/report", SEALER.seal(msgspec.json.encode(report)))
    await blobs.put("old/source", SEALER.seal(content.encode()))
    files = ImportFiles(tools(blobs), job("old/report", "old/source"))
    segments = [segment async for segment in files.segments(after=1)]
    assert segments == [Segment(1, tuple(rows(2, 4)), report)]
    assert [row.row for _, row in segments[0].planned(1)] == [4]
    assert decode_report(msgspec.json.encode(report)) == report
