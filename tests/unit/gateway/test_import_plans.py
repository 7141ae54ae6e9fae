"""Pages of a plan that lies in several segments: nothing twice, nothing missing, and no segment opened in vain."""

from typing import Any, Final

import msgspec
import pytest

from contracts.bulkio import PlanCounts
from contracts.import_plan import PlanAction, PlanRow
from contracts.import_report import SegmentPlan
from services.gateway.http.import_plans import planned_rows
from services.runtime.sealing import Sealer

SEALER: Final = Sealer(b"k" * 32)
ACTIONS: Final[tuple[tuple[PlanAction, ...], ...]] = (
    ("create", "refuse", "create"),
    ("refuse",),
    ("create", "change", "create", "skip"),
)


class Kept:
    """A gateway's blobs and its vault, with three segments of a plan, and what was opened of them."""

    def __init__(self) -> None:
        self.vault = self.blobs = self
        self.opened: list[str] = []
        self.plans: list[SegmentPlan] = []
        self._sealed: dict[str, bytes] = {}
        first = 2
        for number, actions in enumerate(ACTIONS):
            rows = [PlanRow(row, f"u{row}@b.example", action) for row, action in enumerate(actions, first)]
            first += len(rows)
            counts = {each: actions.count(each) for each in ("create", "change", "skip", "refuse")}
            self._sealed[str(number)] = SEALER.seal(msgspec.json.encode(rows))
            self.plans.append(SegmentPlan(str(number), msgspec.convert(counts, PlanCounts)))

    async def sealer(self, _key_id: str) -> Sealer:
        return SEALER

    async def get(self, blob: str) -> bytes:
        self.opened.append(blob)
        return self._sealed[blob]

    async def rows(self, action: PlanAction | None, skipped: int, count: int) -> list[int]:
        gateway: Any = self
        return [row.row for row in await planned_rows(gateway, "k", self.plans, action, skipped, count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (None, [2, 3, 4, 5, 6, 7, 8, 9]),
        ("create", [2, 4, 6, 8]),
        ("refuse", [3, 5]),
        ("change", [7]),
    ],
)
async def test_pages_of_any_size_hold_each_row_once(
    action: PlanAction | None, expected: list[int], count: int
) -> None:
    kept = Kept()
    found: list[int] = []
    while some := await kept.rows(action, len(found), count):
        assert len(some) <= count
        assert len(found) < len(expected), "there is no end of it"
        found.extend(some)
    assert found == expected


async def test_a_page_opens_the_segments_that_have_its_rows_alone() -> None:
    kept = Kept()
    assert await kept.rows("skip", 0, 5) == [9]
    assert await kept.rows("create", 0, 2) == [2, 4]
    assert await kept.rows("create", 2, 1) == [6]
    assert kept.opened == ["2", "0", "2"]
