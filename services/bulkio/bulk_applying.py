"""Orders what a bulk action does: one command for each mailbox of a part, many at once, each exactly once."""

import asyncio
from collections import Counter

from msgspec import structs

from contracts.bulk_action_files import DoneMailbox, SelectedMailbox
from contracts.bulk_actions import GOAL_REACHED
from contracts.ids import derived_id
from contracts.mailbox import (
    AllowSelfService,
    ChangeNote,
    CleanMailbox,
    DeleteMailbox,
    ForbidSelfService,
    MailboxCommand,
    RestoreMailbox,
    ResumeMailbox,
    SetPassword,
    SuspendMailbox,
)
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import MAILBOX
from contracts.views.bulk_actions import BulkActionRow
from services.bulkio.generated_passwords import password_of
from services.bulkio.progress import Meter
from services.bulkio.tools import JobVoice, Tools
from services.runtime.sealing import Sealer

CREDENTIAL_GONE = "credential_gone"
"""The code of a former password that the vault does not have any more."""


class PartApplying:
    """Works on the parts of one job. `passwords` derives the passwords that the job generates."""

    def __init__(
        self, tools: Tools, voice: JobVoice, job: BulkActionRow, passwords: Sealer | None, meter: Meter
    ) -> None:
        self._tools = tools
        self._voice = voice
        self._job = job
        self._passwords = passwords
        self._meter = meter
        self._places = asyncio.Semaphore(tools.settings.bulk_action_commands_in_flight)

    async def run(self, mailboxes: list[SelectedMailbox]) -> list[DoneMailbox]:
        """Give what became of each mailbox. The same part again gives the same, and changes nothing more."""
        missing = await self._missing_credentials(mailboxes)
        if self._passwords is not None and missing:
            await self._keep_passwords(self._passwords, mailboxes, missing)
            missing.clear()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._counted(mailbox, missing)) for mailbox in mailboxes]
        done = [task.result() for task in tasks]
        await self._drop_unused(mailboxes, done)
        return done

    async def _missing_credentials(self, mailboxes: list[SelectedMailbox]) -> set[str]:
        wanted = [each.credential_id for each in mailboxes if each.credential_id and not each.impossible]
        return await self._tools.vault.missing_credentials(wanted) if wanted else set()

    async def _keep_passwords(
        self, passwords: Sealer, mailboxes: list[SelectedMailbox], missing: set[str]
    ) -> None:
        waiting = [each for each in mailboxes if each.credential_id in missing]
        hashes = await asyncio.gather(
            *(self._hash(password_of(passwords.derived(each.mailbox_id))) for each in waiting)
        )
        await self._tools.vault.store_credentials(
            {str(each.credential_id): hashed for each, hashed in zip(waiting, hashes, strict=True)}
        )

    async def _hash(self, password: str) -> str:
        hashed = await self._tools.hasher.hash(password)
        self._meter.rows_hashed += 1
        return hashed

    async def _drop_unused(self, mailboxes: list[SelectedMailbox], done: list[DoneMailbox]) -> None:
        """Forget the generated passwords of mailboxes that did not take them."""
        if self._passwords is None:
            return
        unused = [
            mailbox.credential_id
            for mailbox, result in zip(mailboxes, done, strict=True)
            if result.result == "refused" and mailbox.credential_id is not None
        ]
        if unused:
            await self._tools.vault.drop_credentials(unused)

    async def _counted(self, mailbox: SelectedMailbox, missing: set[str]) -> DoneMailbox:
        done = await self._apply(mailbox, missing)
        self._meter.rows_decided += 1
        return done

    async def _apply(self, mailbox: SelectedMailbox, missing: set[str]) -> DoneMailbox:
        if mailbox.impossible:
            return DoneMailbox("refused", mailbox.impossible, 0)
        if mailbox.step == "set_password" and mailbox.credential_id in missing:
            return DoneMailbox("refused", CREDENTIAL_GONE, 0)
        async with self._places:
            done = _done(mailbox, await self._send(mailbox))
            if mailbox.step == "change_note" and mailbox.credential_id and done.result != "refused":
                return await self._password_too(mailbox, mailbox.credential_id, done, missing)
        return DoneMailbox(done.result, done.code or mailbox.lasting, done.version)

    async def _password_too(
        self, mailbox: SelectedMailbox, credential_id: str, noted: DoneMailbox, missing: set[str]
    ) -> DoneMailbox:
        """Give a password back too, once the note is; where that can't be, the code says why it is left out."""
        if credential_id in missing:
            return DoneMailbox(noted.result, CREDENTIAL_GONE, noted.version)
        password = structs.replace(mailbox, step="set_password", expected_version=noted.version)
        done = _done(password, await self._send(password, "/password"))
        if done.result == "refused":
            return DoneMailbox(noted.result, done.code, noted.version)
        return DoneMailbox("changed", "", done.version)

    async def _send(self, mailbox: SelectedMailbox, name: str = "") -> Outcome:
        return await self._voice.send(
            MAILBOX,
            mailbox.domain,
            f"{mailbox.mailbox_id}{name}",
            self._job.actor,
            self._command(mailbox),
            mailbox.expected_version,
        )

    def _command(self, mailbox: SelectedMailbox) -> MailboxCommand:
        mailbox_id, job = mailbox.mailbox_id, self._job
        match mailbox.step:
            case "delete":
                archive_id = derived_id(job.job_id, f"archive/{mailbox_id}")
                return DeleteMailbox(
                    mailbox_id=mailbox_id, archive_id=archive_id, drop_targets=job.drop_targets
                )
            case "clean":
                archive_id = derived_id(job.job_id, f"archive/{mailbox_id}")
                return CleanMailbox(mailbox_id=mailbox_id, archive_id=archive_id)
            case "restore":
                return RestoreMailbox(mailbox_id=mailbox_id)
            case "change_note":
                return ChangeNote(mailbox_id=mailbox_id, note=mailbox.note)
            case "set_password":
                assert mailbox.credential_id is not None
                return SetPassword(mailbox_id=mailbox_id, credential_id=mailbox.credential_id)
            case "allow_self_service":
                return AllowSelfService(mailbox_id=mailbox_id)
            case "forbid_self_service":
                return ForbidSelfService(mailbox_id=mailbox_id)
            case "suspend":
                return SuspendMailbox(mailbox_id=mailbox_id, reason=job.reason)
            case "resume":
                return ResumeMailbox(mailbox_id=mailbox_id)


def _done(mailbox: SelectedMailbox, outcome: Outcome) -> DoneMailbox:
    if outcome.status == "accepted":
        return DoneMailbox("changed" if outcome.events else "unchanged", "", outcome.version)
    if mailbox.expected_version not in (None, outcome.version):
        # Whatever else keeps the step from being done: somebody has changed the mailbox since, or deleted it.
        gone = outcome.code in (RefusalCode.MAILBOX_DELETED, RefusalCode.MAILBOX_PURGED)
        code = outcome.code if gone and outcome.code is not None else RefusalCode.VERSION_MISMATCH
        return DoneMailbox("refused", code.value, outcome.version)
    if outcome.code is not None and (mailbox.step, outcome.code) in GOAL_REACHED:
        return DoneMailbox("unchanged", "", outcome.version)
    return DoneMailbox("refused", str(outcome.code), outcome.version)


def refusal_counts(done: list[DoneMailbox]) -> dict[str, int]:
    """Give how many mailboxes were refused, by code."""
    return dict(Counter(each.code for each in done if each.result == "refused"))
