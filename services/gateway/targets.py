"""Mailboxes that mail is led to, as rules, aliases and domains name them: by id, in any domain of the tenant."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Collection
from typing import Final

import asyncpg

from contracts.ids import DomainName, LocalPart
from contracts.views.mailbox import MailboxRow
from services.runtime.rows import RowStore

_MAILBOXES: Final = RowStore("mailboxes", MailboxRow, "mailbox_id")


async def target_rows(pool: asyncpg.Pool, tenant: str, ids: Collection[str]) -> dict[str, MailboxRow]:
    """Give those of the mailboxes that are the tenant's and not gone for good, by id."""
    if not ids:
        return {}
    async with pool.acquire() as connection:
        found = await _MAILBOXES.load(connection, ids)
    return {
        mailbox_id: row
        for mailbox_id, row in found.items()
        if row.tenant == tenant and row.status != "purged"
    }


_AT: Final = """
    SELECT * FROM mailboxes WHERE tenant = $1 AND domain = $2 AND local_part = $3
        AND status IN ('active', 'suspended')
"""


async def mailbox_at(
    pool: asyncpg.Pool, tenant: str, domain: DomainName, local_part: LocalPart
) -> MailboxRow | None:
    """Give the tenant's mailbox at an address, unless it is deleted."""
    record = await pool.fetchrow(_AT, tenant, domain, local_part)
    return None if record is None else _MAILBOXES.row_of(record)
