"""The reactor may be killed anywhere in a bulk action: each mailbox is decided once, and the counts add up."""

import asyncio
import random
from collections import Counter

from contracts.mailbox import MailboxDeleted, MailboxEvent, PasswordSet
from deploy.local.stack import Stack
from tests.faults.house import ask_database, happened
from tests.kit import workbooks
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import Customer
from tests.kit.waiting import eventually

MAILBOXES = 1_200
FINISHED_WITHIN_S = 120.0
EVERYTHING = {"filter": ""}


def deleted_so_far(stack: Stack, customer: Customer) -> int:
    query = "SELECT count(*) FROM bulkio.mailboxes WHERE domain = $1 AND status = 'deleted'"
    return ask_database(stack, query, customer.domain)


async def count_of(stack: Stack, customer: Customer, kind: type[MailboxEvent]) -> Counter[str]:
    """Count the events of a kind for each mailbox of the customer's domain."""
    events = [each async for each in happened(stack, customer.domain)]
    return Counter(each.subject for each in events if isinstance(each.data, kind))


def test_a_reactor_killed_among_deletions_deletes_each_mailbox_once(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    customer.imported(workbooks.mailboxes(MAILBOXES, customer.domain), FINISHED_WITHIN_S)
    bulk = BulkActions(customer)
    job_id = bulk.begin("delete", EVERYTHING)
    for at in sorted(chance.sample(range(1, MAILBOXES - 100), 3)):
        eventually(lambda at=at: deleted_so_far(stack, customer) >= at, FINISHED_WITHIN_S)
        eventually(lambda: stack.is_ready("bulkio-reactor"), 30)
        stack.kill("bulkio-reactor")
    job = bulk.ended(job_id, FINISHED_WITHIN_S)
    assert (job["state"], job["changed"], job["unchanged"], job["refused"]) == ("finished", MAILBOXES, 0, 0)
    counted = asyncio.run(count_of(stack, customer, MailboxDeleted))
    assert (len(counted), set(counted.values())) == (MAILBOXES, {1})
    assert {outcome for outcome, _ in bulk.result(job_id).values()} == {"changed"}


def test_a_reactor_killed_while_it_makes_passwords_makes_the_same_again(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    customer.imported(workbooks.mailboxes(600, customer.domain), FINISHED_WITHIN_S)
    bulk = BulkActions(customer)
    job_id = bulk.begin("set_password", EVERYTHING)
    query = "SELECT count(*) FROM bulkio.mailboxes WHERE domain = $1 AND credential_id IS NOT NULL"
    at = chance.randrange(1, 500)
    eventually(lambda: ask_database(stack, query, customer.domain) >= at, FINISHED_WITHIN_S)
    stack.kill("bulkio-reactor")
    job = bulk.ended(job_id, FINISHED_WITHIN_S)
    assert (job["state"], job["changed"]) == ("finished", 600)
    counted = asyncio.run(count_of(stack, customer, PasswordSet))
    assert (len(counted), set(counted.values())) == (600, {1})
