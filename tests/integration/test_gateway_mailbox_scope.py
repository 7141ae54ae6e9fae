"""The mailbox list within a scope: exactly what is in it, in order, whatever the filter, the order and the page size."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.views.mailbox import MailboxRow
from deploy.local.stack import Stack
from services.gateway.mailbox_list import KEYS, MERGED_DOMAINS_MAX, OrderColumn, PageAsked
from services.gateway.mailbox_pages import list_mailboxes
from services.gateway.wiring import MIGRATIONS
from services.runtime.filtering import compile_filter
from services.runtime.postgres import Pool, migrate, open_pool

pytestmark = pytest.mark.integration

TENANT: Final = "00000000-0000-7000-8000-00000000000a"
OTHER: Final = "00000000-0000-7000-8000-00000000000b"
DOMAINS: Final = [f"d{number:02}.example" for number in range(30)]
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
SCOPES: Final = (0, 1, 3, MERGED_DOMAINS_MAX, MERGED_DOMAINS_MAX + 1, 25)


def row(number: int, tenant: str = TENANT) -> MailboxRow:
    status: Any = "deleted" if number % 11 == 0 else "suspended" if number % 7 == 0 else "active"
    return MailboxRow(
        mailbox_id=f"{number:08}-{tenant}", tenant=tenant,
        domain=DOMAINS[number * number % len(DOMAINS)] if tenant == TENANT else f"other{number % 3}.example",
        local_part=f"m{number * 7919 % 9973:05}", note="unicorn" if number % 97 == 0 else "office",
        status=status, suspended=number % 7 == 0, self_service=number % 2 == 0,
        credential_id=None if number % 5 == 0 else "c", generation=1, archive_id=None, expires_at=None, version=1,
        created_at=START + timedelta(seconds=number * 37 % 5000), changed_at=START + timedelta(seconds=number % 900),
    )  # fmt: skip


ROWS: Final = [row(number) for number in range(3_000)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    name = f"scope_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(stack.dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        dsn = urlsplit(stack.dsn)._replace(path=f"/{name}").geturl()
        await migrate(dsn, "gateway", MIGRATIONS)
        async with open_pool(dsn, schema="gateway", max_size=1) as pool:
            columns = MailboxRow.__struct_fields__
            records = [
                tuple(getattr(each, column) for column in columns)
                for each in [*ROWS, *(row(number, OTHER) for number in range(500))]
            ]
            await pool.copy_records_to_table("mailboxes", columns=columns, records=records)
            yield pool
        await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()


def matches(text: str, each: MailboxRow) -> bool:
    match text:
        case "":
            return True
        case "status = active":
            return each.status == "active"
        case "domain = d01.example OR domain = d04.example":
            return each.domain in ("d01.example", "d04.example")
        case "domain != d01.example AND note:unicorn":
            return each.domain != "d01.example" and each.note == "unicorn"
        case _:
            raise AssertionError(text)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "status = active",
        "domain = d01.example OR domain = d04.example",
        "domain != d01.example AND note:unicorn",
    ],
)
@pytest.mark.parametrize("order", ["address", "created_at", "changed_at"])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_list_holds_exactly_what_is_within(
    pool: Pool, scope: int, text: str, order: OrderColumn, descending: bool
) -> None:
    within = DOMAINS[:scope]
    wanted = sorted(
        (each for each in ROWS if each.domain in within and matches(text, each)),
        key=lambda each: tuple(getattr(each, key) for key in KEYS[order]),
        reverse=descending,
    )
    compiled = compile_filter(text, MAILBOX_FILTER_FIELDS, 2)
    found: list[str] = []
    asked = PageAsked(size=170, order=order, descending=descending)
    while True:
        page = await list_mailboxes(pool, TENANT, compiled, asked, within)
        found += [each.mailbox_id for each in page.rows]
        assert page.total.size <= len(wanted)
        assert not page.total.exact or page.total.size == len(wanted)
        if page.next_after is None:
            break
        asked = PageAsked(
            size=170, order=order, descending=descending, after=page.next_after, total=page.total
        )
    assert found == [each.mailbox_id for each in wanted]
