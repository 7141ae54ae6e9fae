"""Fixes which mailboxes a bulk action is about: from one snapshot, in parts that are sealed one after another."""

import hashlib
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from contracts.bulk_action_files import (
    PART_MAILBOXES,
    SelectedMailbox,
    decode_done,
    decode_selection,
    decode_wanted,
    done_blob,
    parts,
    reversed_step,
    selection_blob,
)
from contracts.ids import derived_id
from contracts.views.bulk_actions import BulkActionRow
from services.bulkio import queries
from services.bulkio.bulk_action_queries import bulk_action_row, selected_mailboxes
from services.bulkio.import_undoing import steps_back_of
from services.bulkio.projections import MAILBOXES
from services.bulkio.tools import Tools
from services.runtime.postgres import Connection, Record
from services.runtime.sealing import Sealer


class Selected(Struct, frozen=True):
    """What the sealed parts hold together. The digest is that of the ids in the order of a list."""

    count: int
    digest: str
    snapshot: dict[str, int]


class Selecting:
    """Writes the parts of one job's selection. Done again, it replaces what an attempt that was killed left."""

    def __init__(self, tools: Tools, job: BulkActionRow, sealer: Sealer) -> None:
        self._tools = tools
        self._job = job
        self._sealer = sealer
        self._waiting: list[SelectedMailbox] = []
        self._parts = 0
        self._count = 0
        self._digest = hashlib.sha256()

    async def run(self) -> Selected:
        """Write all parts. Raises FilterError, BlobMissing, KeyDestroyed, SealBroken, UnreadableError."""
        wanted = None
        if self._job.wanted is not None:
            wanted = decode_wanted(self._sealer.open(await self._tools.blobs.get(self._job.wanted)))
        async with (
            self._tools.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            snapshot = await queries.positions(connection, MAILBOXES.name)
            if self._job.undo_of is None:
                async for records in selected_mailboxes(connection, self._job, wanted, PART_MAILBOXES):
                    await self._take([self._selected(record) for record in records])
            else:
                async for mailboxes in self._taking_back(connection, self._job.undo_of):
                    await self._take([each for each in mailboxes if self._may_touch(each.domain)])
        if self._waiting:
            await self._put_part()
        return Selected(self._count, self._digest.hexdigest(), snapshot)

    async def _take(self, mailboxes: list[SelectedMailbox]) -> None:
        for mailbox in mailboxes:
            self._digest.update(f"{mailbox.mailbox_id}\n".encode())
            self._count += 1
            self._waiting.append(mailbox)
            if len(self._waiting) == PART_MAILBOXES:
                await self._put_part()

    async def _put_part(self) -> None:
        content = self._sealer.seal(msgspec.json.encode(self._waiting))
        await self._tools.blobs.put(selection_blob(self._job.job_id, self._parts), content)
        self._parts += 1
        self._waiting.clear()

    def _selected(self, record: Record) -> SelectedMailbox:
        job = self._job
        assert job.action != "undo"
        mailbox_id: str = record["mailbox_id"]
        sets_password = job.action == "set_password"
        return SelectedMailbox(
            mailbox_id=mailbox_id,
            domain=record["domain"],
            local_part=record["local_part"],
            step=job.action,
            note=job.note,
            credential_id=derived_id(job.job_id, f"credential/{mailbox_id}") if sets_password else None,
            former_note=record["note"],
            former_credential_id=record["credential_id"],
        )

    async def _taking_back(self, connection: Connection, job_id: str) -> AsyncIterator[list[SelectedMailbox]]:
        imported = await queries.import_row(self._tools.pool, job_id)
        undone = (
            self._changed_by(job_id) if imported is None else steps_back_of(self._tools, connection, imported)
        )
        async for mailboxes in undone:
            yield mailboxes

    async def _changed_by(self, job_id: str) -> AsyncIterator[list[SelectedMailbox]]:
        """Give the opposite of each step that changed something, where there is one."""
        former = await bulk_action_row(self._tools.pool, job_id)
        assert former is not None
        sealer = await self._tools.vault.sealer(former.key_id)
        for part in parts(former.applied):
            selection = decode_selection(
                sealer.open(await self._tools.blobs.get(selection_blob(job_id, part)))
            )
            done = decode_done(sealer.open(await self._tools.blobs.get(done_blob(job_id, part))))
            opposite = [
                reversed_step(mailbox, result)
                for mailbox, result in zip(selection, done, strict=True)
                if result.result == "changed"
            ]
            yield [mailbox for mailbox in opposite if mailbox is not None]

    def _may_touch(self, domain: str) -> bool:
        return self._job.within is None or domain in self._job.within
