"""What an undo would meet: each mailbox as the read model has it, against the version that the undone job left.

What is said here is foreseen; the writer decides, later, in the same order of reasons.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from contracts.bulk_action_files import SelectedMailbox
from contracts.outcome import RefusalCode
from services.gateway.bulk_selection import Group, foreseen
from services.runtime.postgres import Connection
from services.runtime.vault import Vault

CREDENTIAL_GONE: Final = "credential_gone"


class Standing(Struct, frozen=True):
    """One mailbox of the tenant, at its version."""

    version: int
    state: Group


_STANDINGS: Final = """
    SELECT m.mailbox_id, m.version, m.status, m.suspended, m.self_service,
        coalesce(d.status, 'removed') AS domain_status,
        coalesce(m.mailbox_id = d.catch_all_id, false) OR m.mailbox_id IN (
            SELECT target_id FROM rules WHERE tenant = $1 AND status = 'active'
        ) AS target,
        coalesce(m.status = 'deleted' AND m.changed_at < $3::timestamptz, false) AS late
    FROM mailboxes AS m LEFT JOIN domains AS d ON d.domain = m.domain AND d.tenant = m.tenant
    WHERE m.tenant = $1 AND m.mailbox_id = ANY($2::text[]) AND m.status <> 'purged'
"""


async def why_refused(
    connection: Connection,
    vault: Vault,
    tenant: str,
    steps: Sequence[SelectedMailbox],
    *,
    free_since: datetime | None,
    drop_targets: bool = False,
) -> list[str]:
    """Give for each step of an undo the code why it can't be done, empty where it can.

    For `free_since` see `restored_free_since`.
    """
    records = await connection.fetch(_STANDINGS, tenant, [each.mailbox_id for each in steps], free_since)
    standings = {
        record["mailbox_id"]: Standing(
            record["version"],
            Group(
                status=record["status"],
                suspended=record["suspended"],
                self_service=record["self_service"],
                same_note=False,
                domain_status=record["domain_status"],
                target=record["target"],
                mailboxes=1,
                late=record["late"],
            ),
        )
        for record in records
    }
    wanted = [each.credential_id for each in steps if each.credential_id and each.step == "set_password"]
    missing = await vault.missing_credentials(wanted) if wanted else set[str]()
    return [
        no_longer(each, standings.get(each.mailbox_id), missing, drop_targets=drop_targets) for each in steps
    ]


def no_longer(
    step: SelectedMailbox, standing: Standing | None, missing: set[str], *, drop_targets: bool = False
) -> str:
    """Give the code why one step can't be done, empty where it can. `missing` are credentials that the vault has not."""
    if step.impossible:
        return step.impossible
    if standing is None:
        return RefusalCode.MAILBOX_PURGED.value
    if step.step == "set_password" and step.credential_id in missing:
        return CREDENTIAL_GONE
    code = foreseen(step.step, standing.state, drop_targets=drop_targets)
    if standing.version != step.expected_version:
        deleted = code == RefusalCode.MAILBOX_DELETED or (step.step == "delete" and code == "already")
        return (RefusalCode.MAILBOX_DELETED if deleted else RefusalCode.VERSION_MISMATCH).value
    return code.value if isinstance(code, RefusalCode) else ""
