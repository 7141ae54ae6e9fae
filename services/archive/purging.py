"""Ends archives whose time has come, and destroys what they held.

A deleted mailbox is purged before its content is destroyed: from that decision on nothing brings it back, so whoever
restores it in the last moment either has the content or is refused. Its credential is known from that event.
"""

import asyncio
import time
from datetime import datetime
from functools import partial
from typing import Final

from contracts.archive import ChainHead, ExpireArchive, ReportArchivePurged
from contracts.envelope import EventEnvelope
from contracts.mailbox import MailboxEvent, MailboxPurged, PurgeMailbox
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import ARCHIVE, MAILBOX
from contracts.views.archive import ArchiveRow
from services.archive import queries
from services.archive.projections import ARCHIVES
from services.archive.tools import ANSWERS, Tools, home_of
from services.runtime import metrics
from services.runtime.claimed_work import ClaimedWork
from services.runtime.kafka.projection import until_all_applied
from services.runtime.kafka.voice import Cause
from services.runtime.lifecycle import all_at_once

PURGED_WITHIN_S: Final = 30.0
"""How long a batch waits for its purges to be told of before the next tick looks again."""


class Purging:
    """The tenants whose archives this process ends."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work

    async def tick(self) -> None:
        """Look what time it is, and what that means. Remembers nothing: two that tick do no harm."""
        now = self._tools.clock()
        oldest = await queries.oldest_due(self._tools.pool, now)
        metrics.overdue_seconds.set(0.0 if oldest is None else (now - oldest).total_seconds())
        if oldest is not None:
            for tenant in await queries.tenants_with_due(self._tools.pool, now):
                self._work.begin(
                    f"expire/{tenant}", partial(expire_due, self._tools, tenant), f"expire/{tenant}"
                )
        for tenant in await queries.tenants_with_expired(self._tools.pool):
            self.begin(tenant)

    def begin(self, tenant: str) -> None:
        """Purge what is over of a tenant, unless some process does already."""
        self._work.begin(f"purge/{tenant}", partial(purge_expired, self._tools, tenant), f"purge/{tenant}")

    async def finish_with_mailbox(self, event: EventEnvelope[MailboxEvent], purged: MailboxPurged) -> None:
        """Destroy what is left of a purged mailbox, and certify it."""
        tools = self._tools
        row = await queries.archive(tools.pool, purged.archive_id)
        assert row is not None, "a mailbox is purged because of an archive that the read model told of"
        if purged.credential_id is not None:
            await tools.vault.drop_credentials([purged.credential_id])
        await tools.content.destroy_home(home_of(row))
        await _certify(
            tools,
            row,
            Cause.of(event),
            ReportArchivePurged(
                archive_id=row.archive_id,
                mailbox_purged=True,
                credential_id=purged.credential_id,
                head=ChainHead(streamseq=event.streamseq - 1, sha256=event.prevhash),
            ),
        )


async def expire_due(tools: Tools, tenant: str) -> None:
    """Order the end of a tenant's archives whose time has come, so many of them. The decider is the judge of the time.

    An order that came too early does nothing and is remembered as done, so each minute's has another id.
    """
    now = tools.clock()
    rows = await queries.due(tools.pool, tenant, now, tools.settings.archive_expiries_per_tick)
    outcomes = await all_at_once(
        (_expire(tools, row, now) for row in rows), tools.settings.archive_commands_in_flight
    )
    positions: dict[str, int] = {}
    for outcome in outcomes:
        positions[outcome.stream] = max(outcome.streamseq, positions.get(outcome.stream, 0))
    await until_all_applied(tools.pool, ARCHIVES.name, positions)


async def purge_expired(tools: Tools, tenant: str) -> None:
    """Purge a tenant's archives that are over, so many of them, and wait until that is told of them."""
    rows = await queries.expired(tools.pool, tenant, tools.settings.archive_expiries_per_tick)
    await all_at_once((_purge(tools, row) for row in rows), tools.settings.archive_commands_in_flight)
    ids = [row.archive_id for row in rows]
    deadline = time.monotonic() + PURGED_WITHIN_S
    while time.monotonic() < deadline:
        if not await queries.still_expired(tools.pool, ids):
            return
        await asyncio.sleep(0.1)


async def _expire(tools: Tools, row: ArchiveRow, now: datetime) -> Outcome:
    minute = int((now - row.expires_at).total_seconds()) // 60
    return await tools.order(row, f"expire/{minute}", ExpireArchive(archive_id=row.archive_id))


async def _purge(tools: Tools, row: ArchiveRow) -> None:
    """Purge the mailbox with its archive, or an archive alone: a cleaned mailbox's, or one that was given back."""
    cause = Cause(row.event_id, row.correlation)
    if row.kind == "deleted" and not row.returned:
        # Refused when the mailbox is in use again: then its content is on the way back, and the archive not over.
        await tools.voice.send(
            MAILBOX,
            cause,
            "purge mailbox",
            PurgeMailbox(mailbox_id=row.mailbox_id, archive_id=row.archive_id, early=row.destroyed_early),
            tenant=row.tenant,
            stream=row.domain,
            may_be=(RefusalCode.MAILBOX_NOT_DELETED,),
        )
        return
    await _certify(tools, row, cause, ReportArchivePurged(archive_id=row.archive_id, mailbox_purged=False))


async def _certify(tools: Tools, row: ArchiveRow, cause: Cause, report: ReportArchivePurged) -> None:
    if not row.empty:
        await tools.destroy_content(row)
    await tools.voice.send(
        ARCHIVE, cause, "purged", report, tenant=row.tenant, stream=row.domain, may_be=ANSWERS
    )
