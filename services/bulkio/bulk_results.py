"""The files that a bulk action leaves: what happened to each mailbox, and the passwords that were generated."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from contracts.bulk_action_files import (
    DoneMailbox,
    ResultFormat,
    SelectedMailbox,
    decode_done,
    decode_selection,
    done_blob,
    parts,
    passwords_blob,
    result_blob,
    selection_blob,
)
from contracts.ids import DomainName
from contracts.views.bulk_actions import BulkActionRow
from services.bulkio.export_files import ExportFile, open_table
from services.bulkio.generated_passwords import password_of
from services.bulkio.sealed_file import seal_file
from services.bulkio.tools import Tools
from services.runtime.domain_names import to_u_label
from services.runtime.sealing import Sealer

_HEADINGS: Final = ("Email", "Action", "Result", "Code")
_PASSWORD_HEADINGS: Final = ("Email", "Password")

Decided = list[tuple[SelectedMailbox, DoneMailbox]]


async def write_results(tools: Tools, job: BulkActionRow, sealer: Sealer) -> None:
    """Write what happened as a workbook and as csv, with little memory. Raises BlobMissing, SealBroken."""
    formats: tuple[ResultFormat, ...] = ("xlsx", "csv")
    with tempfile.TemporaryDirectory(dir=tools.settings.scratch_folder or None) as name:
        folder = Path(name)
        files: dict[ResultFormat, ExportFile] = {
            each: open_table(folder / each, each, _HEADINGS) for each in formats
        }
        async for decided in decided_parts(tools, job, sealer):
            rows = [
                (_address(mailbox), mailbox.step, result.result, result.code) for mailbox, result in decided
            ]
            for file in files.values():
                await asyncio.to_thread(file.write, rows)
        for file_format, file in files.items():
            await asyncio.to_thread(file.close)
            sealed = folder / f"{file_format}.sealed"
            await asyncio.to_thread(seal_file, sealer, folder / file_format, sealed)
            await tools.blobs.put(result_blob(job.job_id, file_format), sealed)


async def write_passwords(tools: Tools, job: BulkActionRow, sealer: Sealer, passwords: Sealer) -> None:
    """Write the passwords that mailboxes have now, sealed with their own key; they are never plain on a disk."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_PASSWORD_HEADINGS)
    async for decided in decided_parts(tools, job, sealer):
        writer.writerows(
            (_address(mailbox), password_of(passwords.derived(mailbox.mailbox_id)))
            for mailbox, result in decided
            if result.result != "refused"
        )
    await tools.blobs.put(passwords_blob(job.job_id), passwords.seal(text.getvalue().encode("utf-8-sig")))


async def decided_parts(tools: Tools, job: BulkActionRow, sealer: Sealer) -> AsyncIterator[Decided]:
    """Give what was selected and what became of it, part by part. Raises BlobMissing, SealBroken."""
    for part in parts(job.applied):
        selection = decode_selection(sealer.open(await tools.blobs.get(selection_blob(job.job_id, part))))
        done = decode_done(sealer.open(await tools.blobs.get(done_blob(job.job_id, part))))
        yield list(zip(selection, done, strict=True))


def _address(mailbox: SelectedMailbox) -> str:
    return f"{mailbox.local_part}@{to_u_label(DomainName(mailbox.domain))}"
