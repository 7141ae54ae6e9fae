"""What a bulk action would be about, and what would become of each mailbox: counted from the read models.

The mailboxes are those that bulkio will select (the same filter, the same order), so a count and a digest can be
compared. What becomes of them is foreseen from the rows; the writer decides, later.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections import Counter
from datetime import datetime, timedelta
from typing import Final, Literal

import asyncpg
from msgspec import Struct

from contracts.bulk_actions import BulkStep, statuses_meant
from contracts.mailbox import FREE_RESTORE_DAYS
from contracts.outcome import RefusalCode
from contracts.views.mailbox import DomainStatus, MailboxStatus
from services.runtime.filtering import CompiledFilter

Foreseen = Literal["change", "already"] | RefusalCode


class Selection(Struct, frozen=True, kw_only=True):
    """Mailboxes by id, or by a filter compiled from `$2` on; and the domains that they may be in, None for all."""

    ids: list[str] | None
    filter: CompiledFilter
    within: list[str] | None


class Group(Struct, frozen=True):
    """Mailboxes that a bulk action finds in the same state. `target`: a rule or the catch-all leads to them.

    `late` ones were deleted so long ago that they have to be retrieved.
    """

    status: MailboxStatus
    suspended: bool
    self_service: bool
    same_note: bool
    domain_status: DomainStatus
    target: bool
    mailboxes: int
    late: bool = False


class Survey(Struct, frozen=True, kw_only=True):
    """How many mailboxes there are, the digest of their ids, and what is foreseen of them."""

    count: int
    digest: str
    change: int
    already: int
    refusals: dict[str, int]


# The digest is that of the ids in the order of a list, each with a line's end, as bulkio computes it.
_COUNTED: Final = """
    SELECT count(*) AS count,
        encode(sha256(convert_to(coalesce(string_agg(m.mailbox_id || E'\\n', '' ORDER BY m.domain, m.local_part,
            m.mailbox_id), ''), 'UTF8')), 'hex') AS digest
    FROM ({chosen}) AS m
"""

_GROUPED: Final = """
    SELECT m.status, m.suspended, m.self_service, m.note = {note} AS same_note, d.status AS domain_status,
        m.mailbox_id = d.catch_all_id OR m.mailbox_id IN (
            SELECT target_id FROM rules WHERE tenant = $1 AND status = 'active'
        ) AS target, count(*) AS mailboxes, coalesce(m.status = 'deleted' AND m.changed_at < {free_since}, false) AS late
    FROM ({chosen}) AS m JOIN domains AS d ON d.domain = m.domain
    GROUP BY 1, 2, 3, 4, 5, 6, 8
"""


async def survey(
    pool: asyncpg.Pool,
    tenant: str,
    step: BulkStep,
    selection: Selection,
    *,
    free_since: datetime | None,
    note: str = "",
    drop_targets: bool = False,
) -> Survey:
    """Count the mailboxes of a selection, and what a step would do to them; for `free_since` see `restored_free_since`."""
    chosen, arguments = _chosen(tenant, step, selection)
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        counted = await connection.fetchrow(_COUNTED.format(chosen=chosen), *arguments)
        assert counted is not None
        places = {
            "note": f"${len(arguments) + 1}",
            "free_since": f"${len(arguments) + 2}::timestamptz",
        }
        sql = _GROUPED.format(chosen=chosen, **places)
        records = await connection.fetch(sql, *arguments, note, free_since)
        groups = [Group(*record.values()) for record in records]
    found: Counter[Foreseen] = Counter()
    for group in groups:
        found[foreseen(step, group, drop_targets=drop_targets)] += group.mailboxes
    refusals = {str(code): count for code, count in found.items() if isinstance(code, RefusalCode)}
    return Survey(
        count=counted["count"],
        digest=counted["digest"],
        change=found["change"],
        already=found["already"],
        refusals=refusals,
    )


def restored_free_since(now: datetime, *, by_provider: bool) -> datetime | None:
    """Give since when a mailbox must have been deleted to come back for nothing; for the provider all of them do."""
    return None if by_provider else now - timedelta(days=FREE_RESTORE_DAYS)


def foreseen(step: BulkStep, group: Group, *, drop_targets: bool = False) -> Foreseen:
    """Say what the writer would do with a step to one of these mailboxes, but for a limit that may be reached."""
    if group.domain_status == "removed":
        return RefusalCode.DOMAIN_REMOVED
    if group.domain_status != "active":
        return RefusalCode.DOMAIN_NOT_ACTIVE
    deleted = group.status == "deleted"
    if step == "restore":
        if not deleted:
            return "already"
        return RefusalCode.RETRIEVAL_NEEDED if group.late else "change"
    if deleted:
        return "already" if step == "delete" else RefusalCode.MAILBOX_DELETED
    match step:
        case "delete":
            return RefusalCode.MAILBOX_IS_TARGET if group.target and not drop_targets else "change"
        case "clean" | "set_password":
            return "change"
        case "change_note":
            already = group.same_note
        case "allow_self_service":
            already = group.self_service
        case "forbid_self_service":
            already = not group.self_service
        case "suspend":
            already = group.suspended
        case "resume":
            already = not group.suspended
    return "already" if already else "change"


def _chosen(tenant: str, step: BulkStep, selection: Selection) -> tuple[str, list[object]]:
    arguments: list[object] = [tenant, *selection.filter.arguments]
    conditions = ["tenant = $1", "status <> 'purged'", selection.filter.sql]

    def also(sql: str, argument: object) -> None:
        arguments.append(argument)
        conditions.append(sql.format(f"${len(arguments)}::text[]"))

    if selection.ids is not None:
        also("mailbox_id = ANY({})", selection.ids)
    elif not selection.filter.mentions("status"):
        also("status = ANY({})", list(statuses_meant(step)))
    if selection.within is not None:
        also("domain = ANY({})", selection.within)
    return f"SELECT * FROM mailboxes WHERE {' AND '.join(conditions)}", arguments  # noqa: S608 - values are arguments


_PLACES: Final = """
    SELECT mailbox_id, domain FROM mailboxes
    WHERE tenant = $1 AND mailbox_id = ANY($2::text[]) AND status <> 'purged'
"""


async def domains_of(pool: asyncpg.Pool, tenant: str, ids: list[str]) -> dict[str, str]:
    """Give the domain of each of the tenant's mailboxes among these ids."""
    records = await pool.fetch(_PLACES, tenant, ids)
    return {record["mailbox_id"]: record["domain"] for record in records}
