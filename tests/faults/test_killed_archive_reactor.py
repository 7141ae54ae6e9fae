"""The archive reactor killed while it moves mail: every message is in one place in the end, and in no place twice."""

import asyncio
import random

from contracts.ids import MailboxId, TenantId
from contracts.mailbox import CleanMailbox, DeleteMailbox, MailboxCommand, RestoreMailbox
from deploy.local.stack import Stack
from services.archive.content import MailboxHome
from services.runtime.ids import new_id
from tests.faults.house import a_creation, an_order, answers, ask_database
from tests.kit.bulk_api import Customer
from tests.kit.maildirs import Home
from tests.kit.waiting import eventually

REACTOR = "archive-reactor"
MAILBOXES = 60
MESSAGES = 5
IN_STATE = "SELECT count(*) FROM archive.archives WHERE domain = $1 AND state = 'stored'"
RETURNED = "SELECT count(*) FROM archive.archives WHERE domain = $1 AND returned"
MOVED_WITHIN_S = 120.0


def a_home_with_mail(stack: Stack, customer: Customer, mailbox_id: str) -> Home:
    """Deliver some messages, no two of which are equal."""
    home = Home(stack.site.mail, MailboxHome(TenantId(customer.tenant), MailboxId(mailbox_id)))
    for number in range(MESSAGES):
        folder = "" if number % 2 else ".Sent/"
        home.deliver(f"{folder}cur/{number}.{mailbox_id}:2,S", f"Subject: {number}\n\n{mailbox_id}".encode())
    return home


def ordered(stack: Stack, customer: Customer, commands: list[MailboxCommand]) -> None:
    """Order all at once; each must be accepted."""
    outcomes = asyncio.run(answers(stack, [an_order(customer, command) for command in commands]))
    assert {outcome.status for outcome in outcomes} == {"accepted"}


def until_moved(stack: Stack, customer: Customer, query: str, chance: random.Random) -> None:
    """Kill the reactor twice on its way, at any point, and wait until all is done."""
    for low, high in ((1, MAILBOXES // 2), (MAILBOXES // 2, MAILBOXES)):
        count = chance.randrange(low, high)
        eventually(lambda count=count: ask_database(stack, query, customer.domain) >= count, MOVED_WITHIN_S)
        stack.kill(REACTOR)
        stack.wait_ready(REACTOR)
    eventually(lambda: ask_database(stack, query, customer.domain) == MAILBOXES, MOVED_WITHIN_S)


def test_deleted_mail_is_put_away_and_comes_back_as_it_was(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    creations = [a_creation(f"m{number}") for number in range(MAILBOXES)]
    ordered(stack, customer, [*creations])
    homes = [a_home_with_mail(stack, customer, each.mailbox_id) for each in creations]
    before = [home.mail() for home in homes]
    ordered(
        stack,
        customer,
        [DeleteMailbox(mailbox_id=each.mailbox_id, archive_id=new_id()) for each in creations],
    )
    until_moved(stack, customer, IN_STATE, chance)
    assert not any(home.path.exists() for home in homes)
    ordered(stack, customer, [RestoreMailbox(mailbox_id=each.mailbox_id) for each in creations])
    until_moved(stack, customer, RETURNED, chance)
    assert [home.mail() for home in homes] == before


def test_cleaned_mail_is_put_away_once_and_what_comes_later_stays(
    stack: Stack, customer: Customer, chance: random.Random
) -> None:
    creations = [a_creation(f"c{number}") for number in range(MAILBOXES)]
    ordered(stack, customer, [*creations])
    homes = [a_home_with_mail(stack, customer, each.mailbox_id) for each in creations]
    ordered(
        stack,
        customer,
        [CleanMailbox(mailbox_id=each.mailbox_id, archive_id=new_id()) for each in creations],
    )
    until_moved(stack, customer, IN_STATE, chance)
    for home in homes:
        home.deliver(f"new/late.{home.name.mailbox_id}", b"Subject: late")
    kept = "SELECT sum((content->>'messages')::int) FROM archive.archives WHERE domain = $1"
    assert ask_database(stack, kept, customer.domain) == MAILBOXES * MESSAGES
    for home in homes:
        assert home.messages() == [b"Subject: late"]
