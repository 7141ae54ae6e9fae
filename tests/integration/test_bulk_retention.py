"""What a bulk action leaves goes in its time: passwords after a day, everything else after thirty."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from contracts.topics import BULKIO, BULKIO_PROGRESS, MAILBOX
from deploy.local.stack import Stack
from services.bulkio.fair_places import FairPlaces
from services.bulkio.progress import ProgressBoard
from services.bulkio.projections import SCHEMA
from services.bulkio.reactions import JobRunner
from services.bulkio.settings import BulkioSettings
from services.bulkio.tools import Tools
from services.runtime.blobs import open_blobs
from services.runtime.claimed_work import ClaimedWork
from services.runtime.clock import utc_now
from services.runtime.kafka.commands import open_command_client
from services.runtime.kafka.news import open_news_sender
from services.runtime.passwords import open_hasher
from services.runtime.postgres import open_pool
from services.runtime.settings import read_settings
from services.runtime.vault import open_vault
from tests.integration.gateway_house import problem
from tests.kit import workbooks
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import Customer, a_customer

EVERYTHING = {"filter": ""}


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(3, customer.domain))
        yield customer


async def sweep(stack: Stack, later: timedelta) -> None:
    """Let a reactor whose clock is ahead look after the jobs of the stack."""
    settings = read_settings(BulkioSettings, stack.env())
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings.postgres_dsn, schema=SCHEMA))
        tools = Tools(
            settings=settings,
            pool=pool,
            commands=await opened.enter_async_context(open_command_client(settings, [MAILBOX, BULKIO])),
            places=FairPlaces(settings.bulkio_commands_in_flight),
            vault=await opened.enter_async_context(open_vault(settings)),
            blobs=open_blobs(settings.blobs_url),
            hasher=opened.enter_context(open_hasher()),
            progress=ProgressBoard(
                await opened.enter_async_context(open_news_sender(settings, BULKIO_PROGRESS)), utc_now
            ),
            clock=lambda: utc_now() + later,
        )
        work = await opened.enter_async_context(ClaimedWork(pool, 1))
        await JobRunner(tools, work).sweep()


def test_passwords_that_nobody_took_are_destroyed_after_a_day(stack: Stack, customer: Customer) -> None:
    job = BulkActions(customer).done("set_password", EVERYTHING)
    asyncio.run(sweep(stack, timedelta(hours=25)))
    problem(customer.try_post(f"/v1/bulk-actions/{job['job_id']}:takePasswords"), 410, "passwords_gone")
    assert customer.count("has_password = true") == 3


def test_passwords_are_there_until_their_day_is_over(stack: Stack, customer: Customer) -> None:
    job = BulkActions(customer).done("set_password", EVERYTHING)
    asyncio.run(sweep(stack, timedelta(hours=23)))
    assert customer.try_post(f"/v1/bulk-actions/{job['job_id']}:takePasswords").status_code == 200


def test_results_go_after_thirty_days_and_with_them_the_undo(stack: Stack, customer: Customer) -> None:
    job = BulkActions(customer).done("suspend", EVERYTHING)
    asyncio.run(sweep(stack, timedelta(days=29)))
    assert customer.http.get(f"/v1/bulk-actions/{job['job_id']}/result").status_code == 200
    asyncio.run(sweep(stack, timedelta(days=31)))
    problem(customer.http.get(f"/v1/bulk-actions/{job['job_id']}/result"), 410, "file_gone")
    problem(customer.try_post(f"/v1/bulk-actions/{job['job_id']}:previewUndo"), 410, "file_gone")


def test_a_job_that_nobody_decides_about_is_not_given_up_before_its_time(
    stack: Stack, customer: Customer
) -> None:
    """The reactor's clock may be wrong: the writer is the judge."""
    bulk = BulkActions(customer)
    job_id = bulk.begin("suspend", EVERYTHING, needs_approval=True)
    bulk.in_state(job_id, "awaiting_approval")
    asyncio.run(sweep(stack, timedelta(days=8)))
    assert customer.get(f"/v1/bulk-actions/{job_id}")["state"] == "awaiting_approval"
    customer.post(f"/v1/bulk-actions/{job_id}:cancel")
