"""The gateway's questions about archives, asked of a real database whose rows the projection made from events."""

from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from contracts.archive import HoldPlaced, HoldReleased
from contracts.ids import ArchiveId
from contracts.listing import ARCHIVE_FILTER_FIELDS, HOLD_FILTER_FIELDS, RETRIEVAL_FILTER_FIELDS
from contracts.retrieval import RetrievalDeclined, RetrievalRequested
from deploy.local.stack import Stack
from services.gateway.archive_queries import (
    OrderColumn,
    archives_of,
    get_archive,
    get_hold,
    is_domain_with_archives,
    list_archives,
    list_holds,
    list_retrievals,
    matching_archives,
)
from services.gateway.projections import ARCHIVES
from services.gateway.wiring import MIGRATIONS
from services.runtime.filtering import compile_filter
from services.runtime.ids import new_id
from services.runtime.kafka.projection import Projector
from services.runtime.postgres import connect, migrate, open_pool, role_of
from tests.kit.archive_log import NOON, ArchiveLog

TENANT, OTHER = new_id(), new_id()


class Desk:
    """A schema of its own with the gateway's tables, and the log of each domain that its rows are made from."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self._projector = Projector(ARCHIVES)
        self._applied: dict[str, int] = {}

    def log(self, domain: str, tenant: str = TENANT) -> ArchiveLog:
        return ArchiveLog(tenant, domain)

    async def apply(self, *logs: ArchiveLog) -> None:
        """Bring the read model up with the logs."""
        records: list[Any] = []
        for log in logs:
            done = self._applied.get(log.domain, 0)
            records += [
                SimpleNamespace(value=value, topic="archive.events", partition=0, offset=number)
                for number, value in enumerate(log.values[done:], start=done)
            ]
            self._applied[log.domain] = len(log.values)
        async with self.pool.acquire() as connection:
            claims = await self._projector.claim(connection, [0])
            epochs = {number: epoch for number, (_, epoch) in claims.items()}
            await self._projector.apply(connection, records, {0: claims[0][0] + len(records)}, epochs)

    async def found(
        self, text: str = "", within: list[str] | None = None, order: OrderColumn = "expires_at"
    ) -> list[str]:
        """The ids of the archives that a list finds, which is as long as it says."""
        filtered = compile_filter(text, ARCHIVE_FILTER_FIELDS, first_argument=2)
        listed = await list_archives(
            self.pool, TENANT, filtered, within, order=order, after=None, limit=100, descending=False
        )
        assert listed.counted == len(listed.rows)
        return [row.archive_id for row in listed.rows]


@pytest.fixture
async def desk(stack: Stack) -> AsyncGenerator[Desk]:
    schema = f"gateway_{uuid4().hex[:12]}"
    dsn = stack.env()["POSTFACH_POSTGRES_DSN"]
    await migrate(dsn, schema, MIGRATIONS)
    try:
        async with open_pool(dsn, schema=schema, max_size=2) as pool:
            yield Desk(pool)
    finally:
        async with connect(dsn, search_path="pg_catalog") as connection:
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
            await connection.execute(f"DROP ROLE {role_of(schema)}")


def a_hold(scope: Any, *ids: str) -> HoldPlaced:
    return HoldPlaced(scope=scope, ids=ids, reason="a lawsuit", authority="a court", by_provider=False)


async def test_an_archive_is_held_while_a_hold_on_it_its_mailbox_or_its_domain_is_not_released(
    desk: Desk,
) -> None:
    log, mailbox = desk.log("a.example"), new_id()
    by_id, by_mailbox, free = log.stored(), log.stored(mailbox), log.stored()
    first, second = new_id(), new_id()
    log.add(first, a_hold("archives", by_id))
    log.add(second, a_hold("mailboxes", mailbox))
    await desk.apply(log)
    assert set(await desk.found("state = held")) == {by_id, by_mailbox}
    assert await desk.found("state = stored") == [free]
    row = await get_archive(desk.pool, TENANT, by_mailbox)
    assert row is not None
    assert (row.shown_state, row.hold_ids) == ("held", [second])
    whole = new_id()
    log.add(whole, a_hold("domain"))
    log.add(first, HoldReleased())
    await desk.apply(log)
    assert len(await desk.found("state = held")) == 3
    row = (await archives_of(desk.pool, TENANT, [by_id]))[by_id]
    assert row.hold_ids == [whole]
    log.add(whole, HoldReleased())
    log.add(second, HoldReleased())
    await desk.apply(log)
    assert await desk.found("state = held") == []


async def test_a_hold_of_another_domain_or_tenant_holds_nothing_here(desk: Desk) -> None:
    log, beside, elsewhere = desk.log("a.example"), desk.log("b.example"), desk.log("c.example", OTHER)
    archive_id = log.stored()
    beside.add(new_id(), a_hold("archives", archive_id))
    elsewhere.add(new_id(), a_hold("domain"))
    await desk.apply(log, beside, elsewhere)
    assert await desk.found("state = held") == []
    assert await desk.found() == [archive_id]


async def test_a_list_finds_by_size_kind_domain_and_time_in_either_order(desk: Desk) -> None:
    a, b, mailbox = desk.log("a.example"), desk.log("b.example"), new_id()
    late = a.stored(size=5_000, days=400)
    early = a.stored(mailbox, kind="cleaned", size=10, days=100)
    other = b.stored(days=200)
    await desk.apply(a, b)
    assert await desk.found() == [early, other, late]
    assert await desk.found(within=["a.example"], order="created_at") == [late, early]
    assert await desk.found("size >= 1000 AND domain = a.example") == [late]
    assert await desk.found(f"kind = cleaned AND mailbox_id = {mailbox}") == [early]
    assert await desk.found("expires_at < 2028-12-01T00:00:00Z") == [early, other]
    assert await desk.found(within=[]) == []


async def test_pages_follow_one_another_through_archives_of_one_instant(desk: Desk) -> None:
    log = desk.log("a.example")
    ids = [log.stored() for _ in range(3)]
    await desk.apply(log)
    seen: list[str] = []
    after: tuple[object, str] | None = None
    for _ in ids:
        page = await list_archives(
            desk.pool,
            TENANT,
            compile_filter("", ARCHIVE_FILTER_FIELDS, 2),
            None,
            order="expires_at",
            after=after,
            limit=1,
            descending=True,
        )
        (row,) = page.rows
        seen.append(row.archive_id)
        after = (row.expires_at, row.archive_id)
    assert seen == sorted(ids, reverse=True)


async def test_an_address_is_known_as_long_as_its_mailbox_has_one(desk: Desk) -> None:
    log, mailbox = desk.log("a.example"), new_id()
    archive_id = log.stored(mailbox)
    await desk.apply(log)
    assert (await desk.found("address = ina@a.example"), await desk.found("address != ina@a.example")) == (
        [],
        [archive_id],
    )
    await desk.pool.execute(
        """
        INSERT INTO mailboxes (mailbox_id, tenant, domain, local_part, note, status, suspended, self_service,
            generation, version, created_at, changed_at)
        VALUES ($1, $2, 'a.example', 'ina', '', 'deleted', false, false, 1, 1, $3, $3)
        """,
        mailbox,
        TENANT,
        NOON,
    )
    assert await desk.found("address = ina@a.example") == [archive_id]
    assert await desk.found("address = i*") == [archive_id]
    await desk.pool.execute("UPDATE mailboxes SET local_part = '' WHERE mailbox_id = $1", mailbox)
    row = await get_archive(desk.pool, TENANT, archive_id)
    assert row is not None
    assert row.local_part is None


async def test_an_archive_names_the_retrieval_that_is_open_and_no_ended_one(desk: Desk) -> None:
    log, retrieval_id = desk.log("a.example"), new_id()
    asked, other = log.stored(), log.stored()
    log.add(retrieval_id, RetrievalRequested(archive_ids=(ArchiveId(asked),), valid_until=NOON), "user:ina")
    await desk.apply(log)
    rows = await archives_of(desk.pool, TENANT, [asked, other])
    assert (rows[asked].retrieval_id, rows[other].retrieval_id) == (retrieval_id, None)
    open_ones = compile_filter("state = requested", RETRIEVAL_FILTER_FIELDS, 2)
    assert (await list_retrievals(desk.pool, TENANT, open_ones, ["a.example"], None, 10)).counted == 1
    log.add(retrieval_id, RetrievalDeclined(), "user:ina")
    await desk.apply(log)
    assert (await archives_of(desk.pool, TENANT, [asked]))[asked].retrieval_id is None
    assert (await list_retrievals(desk.pool, TENANT, open_ones, None, None, 10)).counted == 0


async def test_a_hold_by_filter_takes_what_is_not_over_and_stops_at_its_limit(desk: Desk) -> None:
    log, beside, mailbox = desk.log("a.example"), desk.log("b.example"), new_id()
    ids, over = [log.stored() for _ in range(3)], log.stored(mailbox)
    log.purged(over, mailbox)
    beside.stored()
    await desk.apply(log, beside)
    everything = compile_filter("", ARCHIVE_FILTER_FIELDS, 2)
    assert await matching_archives(desk.pool, TENANT, "a.example", everything, 10) == sorted(ids)
    assert len(await matching_archives(desk.pool, TENANT, "a.example", everything, 2)) == 2


async def test_nothing_of_another_tenant_is_found(desk: Desk) -> None:
    log, hold_id = desk.log("a.example", OTHER), new_id()
    archive_id = log.stored()
    log.add(hold_id, a_hold("domain"))
    await desk.apply(log)
    assert await desk.found() == []
    assert await get_archive(desk.pool, TENANT, archive_id) is None
    assert await archives_of(desk.pool, TENANT, [archive_id]) == {}
    assert await get_hold(desk.pool, TENANT, hold_id) is None
    every = compile_filter("released = false", HOLD_FILTER_FIELDS, 2)
    assert (await list_holds(desk.pool, TENANT, every, None, None, 10)).rows == []
    assert not await is_domain_with_archives(desk.pool, TENANT, "a.example")
    assert await is_domain_with_archives(desk.pool, OTHER, "a.example")
