"""Good rows into commands: reported in order, bounded in number, stopped when told, and secrets left nowhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Final
from zlib import crc32

import pytest

from contracts.bulkio import ChangedRow, ImportMode, ReportRowsApplied, RowRefusal
from contracts.ids import CommandId, TenantId, derived_id
from contracts.import_report import PlannedRow
from contracts.mailbox import ChangeNote, CreateMailbox, MailboxCommand, SetPassword
from contracts.outcome import Outcome, RefusalCode
from contracts.views.jobs import ImportRow
from services.bulkio import applying
from services.bulkio.applying import Applying
from services.bulkio.progress import Meter
from services.bulkio.settings import BulkioSettings
from services.bulkio.sheet import SheetRow
from services.bulkio.tools import Tools
from tests.kit.given import US, an_id

JOB: Final = an_id("job")
NOW: Final = datetime(2030, 1, 1, tzinfo=UTC)


def outcome(code: RefusalCode | None = None, *, events: int = 1, version: int = 3) -> Outcome:
    return Outcome(
        command=CommandId(an_id("command")),
        tenant=TenantId(US),
        stream=US,
        correlation="c",
        subject=JOB,
        status="refused" if code else "accepted",
        decided_at=NOW,
        streamseq=1,
        version=version,
        events=0 if code else events,
        code=code,
    )


class House:
    """Everything around a run, as fakes that note what they are asked for."""

    def __init__(self, **settings: Any) -> None:
        self.answer: Callable[[str, MailboxCommand], Outcome] = lambda _name, _command: outcome()
        self.report_answer: Callable[[ReportRowsApplied], Outcome] = lambda _command: outcome()
        self.state = "applying"
        self.sent: dict[str, MailboxCommand] = {}
        self.reports: list[ReportRowsApplied] = []
        self.vault: dict[str, str] = {}
        self.hashed: list[str] = []
        self.meter = Meter(JOB, US, "import", "applying")
        self.in_flight = self.most_in_flight = 0
        given = {"kafka_bootstrap": "", "postgres_dsn": "", "blobs_url": "", "vault_key_file": ""}
        everything: Any = self
        self.tools = Tools(
            settings=BulkioSettings(**given, **settings),
            pool=everything,
            commands=everything,
            places=everything,
            vault=everything,
            blobs=everything,
            hasher=everything,
            progress=everything,
            clock=lambda: NOW,
        )

    async def send(
        self, _family: object, _stream: str, name: str, actor: str, data: MailboxCommand
    ) -> Outcome:
        assert actor == "owner:demo"
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for _ in range(crc32(name.encode()) % 5):
            await asyncio.sleep(0)
        self.in_flight -= 1
        for credential in (getattr(data, "credential_id", None),):
            assert credential is None or credential in self.vault, "a credential is stored before it is named"
        self.sent[name] = data
        return self.answer(name, data)

    async def report(self, _name: str, _version: int, data: ReportRowsApplied) -> Outcome:
        self.reports.append(data)
        return self.report_answer(data)

    async def fetchval(self, *_query: object) -> str:
        return self.state

    async def hash(self, password: str) -> str:
        await asyncio.sleep(0)
        self.hashed.append(password)
        return "hash of it"

    async def store_credentials(self, hashes: dict[str, str]) -> None:
        self.vault.update(hashes)

    async def missing_credentials(self, ids: list[str]) -> set[str]:
        return set(ids) - set(self.vault)

    async def drop_credentials(self, ids: list[str]) -> None:
        for each in ids:
            del self.vault[each]

    async def apply(
        self,
        rows: list[SheetRow],
        *,
        mode: ImportMode = "create_only",
        plan: list[PlannedRow] | None = None,
        applied: int = 0,
        segment_rows: int = 10,
    ) -> None:
        everything: Any = self
        planned = plan or [PlannedRow(row.row, "create") for row in rows]
        by_number = {row.row: row for row in rows}
        good = [(each, by_number[each.row]) for each in planned[applied:]]
        planned_rows = in_segments(good, segment_rows)
        run = Applying(self.tools, everything, job(mode, len(rows), applied), planned_rows, self.meter)
        await run.run()


async def in_segments(
    good: list[tuple[PlannedRow, SheetRow]], segment_rows: int
) -> AsyncIterator[list[tuple[PlannedRow, SheetRow]]]:
    for start in range(0, len(good), segment_rows):
        yield good[start : start + segment_rows]


def job(mode: ImportMode, good_rows: int, applied: int) -> ImportRow:
    return ImportRow(
        job_id=JOB, tenant=US, actor="owner:demo", state="checked", file_name="", blob="", key_id="", size_bytes=1,
        sha256="", mode=mode, bad_rows_policy="stop", dry_run=False, within=None, large=False, good_rows=good_rows, bad_rows=0, applied=applied,
        created=applied, changed=0, skipped=0, refused=[], report="r", result=None, undone_by=None,
        plan_of=None, expected_plan=None, plan_hash=None, plan_counts=None, plan_until=None, plan_applied_by=None, code=None, detail="", version=2,
        created_at=NOW, changed_at=NOW,
    )  # fmt: skip


def rows(count: int, password: str = "") -> list[SheetRow]:
    return [SheetRow(n + 1, f"u{n}@b.example", password, f"note {n}") for n in range(1, count + 1)]


@pytest.fixture(autouse=True)
def no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "GATHER_S", 0)


async def test_rows_are_reported_without_gap_in_the_order_of_the_file() -> None:
    house = House(import_rows_per_report=7)
    await house.apply(rows(30))
    spans = [(report.first, report.last) for report in house.reports]
    assert spans == [(1, 7), (8, 14), (15, 21), (22, 28), (29, 30)]
    assert sum(report.created for report in house.reports) == 30


async def test_every_hashed_password_and_every_decided_row_is_counted_for_who_watches() -> None:
    house = House(import_rows_per_report=7)
    await house.apply(
        [*rows(20, "a password"), *(SheetRow(n, f"u{n}@b.example", "", "") for n in range(22, 32))]
    )
    assert (house.meter.rows_hashed, house.meter.rows_decided) == (20, 30)


async def test_no_more_commands_wait_than_allowed() -> None:
    house = House(import_commands_in_flight=5)
    await house.apply(rows(50))
    assert 1 < house.most_in_flight <= 5


async def test_a_resumed_run_starts_behind_what_is_applied_and_repeats_the_same_commands() -> None:
    first, resumed = House(), House()
    await first.apply(rows(10))
    await resumed.apply(rows(10), applied=6)
    assert set(resumed.sent) == {f"row/{n}" for n in range(8, 12)}
    assert all(first.sent[name] == command for name, command in resumed.sent.items())
    assert (resumed.reports[0].first, resumed.reports[-1].last) == (7, 10)


async def test_a_cancelled_import_starts_no_further_rows_but_reports_those_on_their_way() -> None:
    house = House(import_rows_per_report=5, import_commands_in_flight=10)
    house.state = "cancelling"
    await house.apply(rows(100))
    assert len(house.sent) <= 20
    assert sum(report.created for report in house.reports) == len(house.sent)


async def test_a_run_that_was_outrun_reports_nothing_more() -> None:
    house = House(import_rows_per_report=5, import_commands_in_flight=10)
    house.report_answer = lambda _: outcome(RefusalCode.JOB_STATE, version=9)
    await house.apply(rows(100))
    assert len(house.reports) == 1


async def test_a_refused_row_is_told_by_its_number_and_its_credential_is_dropped() -> None:
    house = House()
    house.answer = lambda name, _: outcome(RefusalCode.MAILBOX_LIMIT_REACHED if name == "row/3" else None)
    await house.apply(rows(3, "correct horse"))
    (report,) = house.reports
    assert (report.created, report.refused) == (2, (RowRefusal(3, "mailbox_limit_reached"),))
    assert set(house.vault) == {derived_id(JOB, "credential/2"), derived_id(JOB, "credential/4")}


@pytest.mark.parametrize(
    ("mode", "skipped"), [("create_only", 0), ("update_existing", 0), ("skip_existing", 1)]
)
async def test_an_address_taken_since_the_check_is_skipped_only_when_existing_ones_are(
    mode: ImportMode, skipped: int
) -> None:
    house = House()
    house.answer = lambda *_: outcome(RefusalCode.ADDRESS_TAKEN)
    await house.apply(rows(1, "correct horse"), mode=mode)
    (report,) = house.reports
    assert (report.skipped, len(report.refused)) == (skipped, 1 - skipped)
    assert house.vault == {}


async def test_only_passwords_that_the_vault_lacks_are_hashed() -> None:
    house = House()
    house.vault[derived_id(JOB, "credential/2")] = "hash from before the crash"
    await house.apply(
        [SheetRow(2, "a@b.example", "first word", ""), SheetRow(3, "b@b.example", "second word", "")]
    )
    assert house.hashed == ["second word"]
    assert house.vault[derived_id(JOB, "credential/2")] == "hash from before the crash"


async def test_an_update_changes_what_the_row_gives_and_leaves_what_it_does_not() -> None:
    house = House()
    given = [
        SheetRow(2, "a@b.example", "correct horse", "new"),
        SheetRow(3, "b@b.example", "", "new"),
        SheetRow(4, "c@b.example", "", ""),
    ]
    plan = [PlannedRow(row.row, "change", an_id(row.email)) for row in given]
    await house.apply(given, mode="update_existing", plan=plan)
    assert house.sent == {
        "row/2": ChangeNote(mailbox_id=an_id("a@b.example"), note="new"),
        "row/2/password": SetPassword(
            mailbox_id=an_id("a@b.example"), credential_id=derived_id(JOB, "credential/2")
        ),
        "row/3": ChangeNote(mailbox_id=an_id("b@b.example"), note="new"),
    }
    (report,) = house.reports
    assert (report.changed, report.skipped) == (2, 1)
    assert report.changed_rows == (
        ChangedRow(2, 3, note=True, password=True),
        ChangedRow(3, 3, note=True, password=False),
    )


async def test_a_row_that_is_refused_half_way_tells_what_it_has_changed() -> None:
    house = House()
    refuses = RefusalCode.MAILBOX_DELETED
    house.answer = lambda name, _: outcome(refuses if name.endswith("password") else None, version=7)
    given = [SheetRow(2, "a@b.example", "correct horse", "new")]
    await house.apply(given, mode="update_existing", plan=[PlannedRow(2, "change", an_id("a"))])
    (report,) = house.reports
    assert (report.changed, report.refused) == (0, (RowRefusal(2, "mailbox_deleted"),))
    assert report.changed_rows == (ChangedRow(2, 7, note=True, password=False),)


async def test_a_password_without_another_note_is_told_as_that() -> None:
    house = House()
    house.answer = lambda name, _: outcome(events=1 if name.endswith("password") else 0, version=7)
    given = [SheetRow(2, "a@b.example", "correct horse", "as before")]
    await house.apply(given, mode="update_existing", plan=[PlannedRow(2, "change", an_id("a"))])
    assert house.reports[0].changed_rows == (ChangedRow(2, 7, note=False, password=True),)


async def test_a_note_that_was_so_already_counts_as_skipped() -> None:
    house = House()
    house.answer = lambda *_: outcome(events=0)
    await house.apply(rows(1), mode="update_existing", plan=[PlannedRow(2, "change", an_id("a"))])
    assert house.reports[0].skipped == 1
    assert house.reports[0].changed_rows == ()


async def test_a_planned_skip_orders_nothing() -> None:
    house = House()
    await house.apply(
        rows(2), mode="skip_existing", plan=[PlannedRow(2, "skip", an_id("a")), PlannedRow(3, "create")]
    )
    assert list(house.sent) == ["row/3"]
    assert isinstance(house.sent["row/3"], CreateMailbox)
    assert (house.reports[0].created, house.reports[0].skipped) == (1, 1)


async def test_a_credential_whose_storing_failed_is_never_named() -> None:
    house = House()

    async def broken(hashes: dict[str, str]) -> None:
        raise ConnectionError(len(hashes))

    house.store_credentials = broken
    with pytest.raises(ExceptionGroup) as raised:
        await house.apply(rows(20, "correct horse"))
    # The fake's own look whether a credential is stored is among what the group would hold.
    assert raised.value.subgroup(AssertionError) is None
    assert house.sent == {}
