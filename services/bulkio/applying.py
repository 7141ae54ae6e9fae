"""Turns good rows into commands: many at once, each exactly once, reported in the order of the file."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

from msgspec import Struct

from contracts.bulkio import ChangedRow, ReportRowsApplied, RowRefusal
from contracts.ids import LocalPart, derived_id
from contracts.import_report import PlannedRow
from contracts.import_undo import created_mailbox_id
from contracts.mailbox import ChangeNote, CreateMailbox, MailboxCommand, SetPassword
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import MAILBOX
from contracts.views.jobs import ImportRow
from services.bulkio import queries
from services.bulkio.checking import AddressReader
from services.bulkio.progress import Meter
from services.bulkio.sheet import SheetRow
from services.bulkio.tools import JobVoice, Tools
from services.runtime.passwords import Hasher
from services.runtime.vault import Vault

GATHER_S: Final = 1.5


class RowResult(Struct, frozen=True):
    """What became of one row. `unused` are credentials of it that nothing refers to.

    `change` is what it changed of an existing mailbox, even if the rest of it was refused.
    """

    row: int
    kind: Literal["created", "changed", "skipped", "refused"]
    code: str = ""
    unused: tuple[str, ...] = ()
    change: ChangedRow | None = None


class CredentialStore:
    """Hashes passwords and stores them, as many at once as have gathered within `GATHER_S`.

    Hashes come one by one, a few dozen a second. A command sent for each alone would be a transaction of its own in the
    writer and in every read model; measured over all processes, a row then cost 43 ms of processor time instead of 23,
    of which 20 are its hash.
    """

    def __init__(self, vault: Vault, hasher: Hasher, meter: Meter) -> None:
        self._vault = vault
        self._hasher = hasher
        self._meter = meter
        self._missing: set[str] = set()
        self._gathered: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._hashing = 0

    async def expect(self, credential_ids: list[str]) -> None:
        """Find out which of these are not stored yet. Those of before are forgotten: nobody keeps them any more."""
        self._missing = await self._vault.missing_credentials(credential_ids) if credential_ids else set()

    async def keep(self, credential_id: str, password: str) -> None:
        """Let the vault have the password's hash. Returns when it is stored."""
        if credential_id not in self._missing:
            return
        self._hashing += 1
        try:
            self._gathered[credential_id] = await self._hasher.hash(password)
            self._meter.rows_hashed += 1
        finally:
            self._hashing -= 1
        async with self._turn:
            if credential_id in self._gathered:
                if self._hashing:
                    await asyncio.sleep(GATHER_S)
                # Taken out only once they are stored: whoever waits meanwhile must not believe it too early.
                batch = dict(self._gathered)
                await self._vault.store_credentials(batch)
                for stored in batch:
                    del self._gathered[stored]


class _Chunk:
    """The results since the last report."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.results: list[RowResult] = []
        self.since = time.monotonic()

    def command(self, job_id: str) -> ReportRowsApplied:
        counts = {
            kind: sum(result.kind == kind for result in self.results)
            for kind in ("created", "changed", "skipped")
        }
        return ReportRowsApplied(
            job_id=job_id,
            first=self.first,
            last=self.first + len(self.results) - 1,
            created=counts["created"],
            changed=counts["changed"],
            skipped=counts["skipped"],
            refused=tuple(RowRefusal(each.row, each.code) for each in self.results if each.kind == "refused"),
            changed_rows=tuple(each.change for each in self.results if each.change is not None),
        )


class Applying:
    """One run over the good rows of an import that are not applied yet.

    `planned` gives them some thousand at a time; no more than that are held, beside those on their way.
    """

    def __init__(
        self,
        tools: Tools,
        voice: JobVoice,
        job: ImportRow,
        planned: AsyncIterator[Sequence[tuple[PlannedRow, SheetRow]]],
        meter: Meter,
    ) -> None:
        self._tools = tools
        self._voice = voice
        self._job = job
        self._planned = planned
        self._meter = meter
        settings = tools.settings
        # Nobody watches a large import row by row, and each report holds the rows up.
        self._rows_per_report = (
            settings.import_rows_per_report_large if job.large else settings.import_rows_per_report
        )
        self._left: deque[tuple[PlannedRow, SheetRow]] = deque()
        self._window = 0
        self._with_passwords = False
        self._credentials = CredentialStore(tools.vault, tools.hasher, meter)
        self._addresses = AddressReader()
        self._running: deque[asyncio.Task[RowResult]] = deque()
        self._version = job.version
        self._going_on = True
        # The job is further than its row said; what is left is found out by starting from the newer row.
        self._outrun = False

    async def run(self) -> None:
        """Apply until nothing is left, or the job was cancelled or taken further by somebody else."""
        chunk = _Chunk(self._job.applied + 1)
        async with asyncio.TaskGroup() as group:
            while True:
                if self._going_on:
                    await self._start_rows(group)
                if not self._running:
                    break
                await self._take_results(chunk)
                if self._is_due(chunk):
                    await self._report(chunk)
                    chunk = _Chunk(chunk.first + len(chunk.results))
        if chunk.results:
            await self._report(chunk)

    async def _start_rows(self, group: asyncio.TaskGroup) -> None:
        while True:
            while self._left and len(self._running) < self._window:
                planned, row = self._left.popleft()
                self._running.append(group.create_task(self._row(planned, row)))
            if self._left:
                return
            if self._with_passwords and self._running:
                # Which credentials are missing is known for one segment at a time.
                return
            segment = await anext(self._planned, None)
            if segment is None:
                return
            await self._begin(segment)

    async def _begin(self, segment: Sequence[tuple[PlannedRow, SheetRow]]) -> None:
        settings = self._tools.settings
        wanted = [self._credential_id(row.row) for _, row in segment if row.password]
        await self._credentials.expect(wanted)
        self._with_passwords = bool(wanted)
        self._window = settings.import_passwords_in_flight if wanted else settings.import_commands_in_flight
        self._left.extend(segment)

    async def _take_results(self, chunk: _Chunk) -> None:
        """Take what is done, in the order of the file; wait for the first, but no longer than to the next report."""
        due_in_s = chunk.since + self._tools.settings.import_report_interval_s - time.monotonic()
        await asyncio.wait([self._running[0]], timeout=max(0.05, due_in_s))
        room = self._rows_per_report - len(chunk.results)
        while self._running and self._running[0].done() and room > 0:
            chunk.results.append(self._running.popleft().result())
            self._meter.rows_decided += 1
            room -= 1

    def _is_due(self, chunk: _Chunk) -> bool:
        if len(chunk.results) >= self._rows_per_report:
            return True
        interval_s = self._tools.settings.import_report_interval_s
        return bool(chunk.results) and time.monotonic() - chunk.since >= interval_s

    async def _report(self, chunk: _Chunk) -> None:
        """Report a chunk, and find out whether to start further rows."""
        if self._outrun:
            return
        unused = [credential for result in chunk.results for credential in result.unused]
        if unused:
            await self._tools.vault.drop_credentials(unused)
        command = chunk.command(self._job.job_id)
        outcome = await self._voice.report(f"applied/{command.first}-{command.last}", self._version, command)
        self._version = outcome.version
        self._outrun = outcome.status == "refused"
        state = await queries.import_state(self._tools.pool, self._job.job_id)
        self._going_on = state == "applying" and not self._outrun

    def _credential_id(self, row: int) -> str:
        return derived_id(self._job.job_id, f"credential/{row}")

    async def _row(self, planned: PlannedRow, row: SheetRow) -> RowResult:
        if planned.action == "skip":
            return RowResult(planned.row, "skipped")
        credential_id = None
        if row.password:
            credential_id = self._credential_id(row.row)
            await self._credentials.keep(credential_id, row.password)
        if planned.mailbox_id is None:
            return await self._create(row, credential_id)
        return await self._change(row, planned.mailbox_id, credential_id)

    async def _create(self, row: SheetRow, credential_id: str | None) -> RowResult:
        local_part, domain = self._addresses.read(row.email)
        command = CreateMailbox(
            mailbox_id=created_mailbox_id(self._job.job_id, row.row),
            local_part=LocalPart(local_part),
            credential_id=credential_id,
            note=row.note.strip(),
        )
        outcome = await self._send(domain, f"row/{row.row}", command)
        if outcome.status == "accepted":
            return RowResult(row.row, "created")
        unused = (credential_id,) if credential_id else ()
        if outcome.code == RefusalCode.ADDRESS_TAKEN and self._job.mode == "skip_existing":
            # Somebody else created it since the check; then it is an existing one, as the mode foresees.
            return RowResult(row.row, "skipped", unused=unused)
        return RowResult(row.row, "refused", str(outcome.code), unused)

    async def _change(self, row: SheetRow, mailbox_id: str, credential_id: str | None) -> RowResult:
        """Change what the row gives: an empty cell leaves its part as it is."""
        _, domain = self._addresses.read(row.email)
        change: ChangedRow | None = None
        unused = (credential_id,) if credential_id else ()
        if row.note.strip():
            command = ChangeNote(mailbox_id=mailbox_id, note=row.note.strip())
            outcome = await self._send(domain, f"row/{row.row}", command)
            if outcome.status == "refused":
                return RowResult(row.row, "refused", str(outcome.code), unused)
            if outcome.events:
                change = ChangedRow(row.row, outcome.version, note=True, password=False)
        if credential_id is not None:
            password = SetPassword(mailbox_id=mailbox_id, credential_id=credential_id)
            outcome = await self._send(domain, f"row/{row.row}/password", password)
            if outcome.status == "refused":
                return RowResult(row.row, "refused", str(outcome.code), unused, change)
            change = ChangedRow(row.row, outcome.version, note=change is not None, password=True)
        return RowResult(row.row, "skipped" if change is None else "changed", change=change)

    async def _send(self, domain: str, name: str, command: MailboxCommand) -> Outcome:
        return await self._voice.send(MAILBOX, domain, name, self._job.actor, command)
