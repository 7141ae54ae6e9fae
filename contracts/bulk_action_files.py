"""The sealed files of a bulk action: written by bulkio, read by the gateway too.

A selection and what became of it are kept in parts of the same size, so that a million mailboxes need no more memory than
a few hundred. Former values are here and in no topic: an undo needs them. All are sealed with the job's key, the
passwords with a key of their own, and all go when results are no longer kept.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec
from msgspec import Struct

from contracts.bulk_actions import BulkStep

PART_MAILBOXES: Final = 500

ResultFormat = Literal["xlsx", "csv"]
Result = Literal["changed", "unchanged", "refused"]


class SelectedMailbox(Struct, frozen=True, gc=False, array_like=True):
    """One mailbox of a job, what is to be done to it, and what it had before.

    `note` and `credential_id` are what a step sets; an undo may give back both at once. With an `expected_version` the step
    is only for that version. Nothing is sent for what is `impossible`, which is the code why. `lasting` is the code of a
    change that stays although the step is done.
    """

    mailbox_id: str
    domain: str
    local_part: str
    step: BulkStep
    note: str
    credential_id: str | None
    former_note: str
    former_credential_id: str | None
    expected_version: int | None = None
    impossible: str = ""
    lasting: str = ""


class DoneMailbox(Struct, frozen=True, gc=False, array_like=True):
    """What became of one mailbox: the code of a refusal or of what was left out, and the version that the job left it at."""

    result: Result
    code: str
    version: int


decode_wanted = msgspec.json.Decoder(list[str]).decode
"""The ids of a selection by ids, as the gateway put them aside."""

decode_selection = msgspec.json.Decoder(list[SelectedMailbox]).decode
decode_done = msgspec.json.Decoder(list[DoneMailbox]).decode


def wanted_blob(job_id: str) -> str:
    """Name the list of ids that was sent."""
    return f"bulk-actions/{job_id}/wanted"


def selection_blob(job_id: str, part: int) -> str:
    """Name a part of the selection, from 0."""
    return f"bulk-actions/{job_id}/selection-{part}"


def done_blob(job_id: str, part: int) -> str:
    """Name what became of a part of the selection."""
    return f"bulk-actions/{job_id}/done-{part}"


def result_blob(job_id: str, file_format: ResultFormat) -> str:
    """Name the file that tells people what happened."""
    return f"bulk-actions/{job_id}/result.{file_format}"


def passwords_blob(job_id: str) -> str:
    """Name the file of generated passwords."""
    return f"bulk-actions/{job_id}/passwords.csv"


def parts(mailboxes: int) -> range:
    """Give the numbers of the parts that hold so many mailboxes."""
    return range(-(-mailboxes // PART_MAILBOXES))


def all_blobs(job_id: str, total: int) -> Iterator[str]:
    """Name every file that a job of so many mailboxes may have left, but for the passwords."""
    yield wanted_blob(job_id)
    for part in parts(total):
        yield selection_blob(job_id, part)
        yield done_blob(job_id, part)
    yield result_blob(job_id, "xlsx")
    yield result_blob(job_id, "csv")


def reversed_step(mailbox: SelectedMailbox, done: DoneMailbox) -> SelectedMailbox | None:
    """Give what takes a step back, at the version that it left; None where nothing can.

    Mail that was cleaned away comes back from the archive alone, and nobody can have no password again.
    """
    note, credential_id = mailbox.note, mailbox.credential_id
    step: BulkStep
    match mailbox.step:
        case "delete":
            step = "restore"
        case "restore":
            step = "delete"
        case "change_note":
            step, note = "change_note", mailbox.former_note
            credential_id = None if mailbox.credential_id is None else mailbox.former_credential_id
        case "set_password":
            if mailbox.former_credential_id is None:
                return None
            step, credential_id = "set_password", mailbox.former_credential_id
        case "allow_self_service":
            step = "forbid_self_service"
        case "forbid_self_service":
            step = "allow_self_service"
        case "suspend":
            step = "resume"
        case "resume":
            step = "suspend"
        case "clean":
            return None
    return SelectedMailbox(
        mailbox_id=mailbox.mailbox_id,
        domain=mailbox.domain,
        local_part=mailbox.local_part,
        step=step,
        note=note,
        credential_id=credential_id,
        former_note=mailbox.note,
        former_credential_id=mailbox.credential_id,
        expected_version=done.version,
    )
