"""Broker and database restarted under load; aborted transactions and poison in every topic."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from contracts.codec import encode
from contracts.dead_letter import DeadLetter
from contracts.topics import DEAD_LETTERS, FAMILIES, MAILBOX, TOPICS, Family
from deploy.local.roles import PARTITIONS
from deploy.local.stack import Stack
from services.runtime.kafka.clients import open_producer, partition_of
from tests.faults.house import (
    a_creation,
    an_order,
    answers,
    created_so_far,
    creations,
    encoded,
    records,
    settings_of,
)
from tests.faults.test_killed_during_an_import import assert_finishes
from tests.faults.test_writers import until_decided
from tests.kit import workbooks
from tests.kit.bulk_api import Customer
from tests.kit.room import plant_aborted
from tests.kit.waiting import eventually

ROWS = 3_000


@pytest.mark.parametrize("server", ["kafka", "postgres"])
@pytest.mark.parametrize("kill", [False, True], ids=["restarted", "killed"])
def test_an_import_survives_that_the_server_is(
    stack: Stack, customer: Customer, server: str, kill: bool
) -> None:
    job = customer.upload(workbooks.mailboxes(ROWS, customer.domain))
    eventually(lambda: created_so_far(stack, customer.domain) >= ROWS // 10, 60)
    if kill:
        stack.kill(server)
    elif server == "kafka":
        stack.restart_kafka()
    else:
        stack.restart_postgres()
    assert_finishes(stack, customer, job, ROWS)


def test_commands_that_are_sent_while_the_broker_restarts_are_answered(
    stack: Stack, customer: Customer
) -> None:
    names = [f"n{number}" for number in range(3_000)]
    orders = [an_order(customer, a_creation(name)) for name in names]

    async def load() -> None:
        ordering = asyncio.create_task(answers(stack, orders, 90))
        await until_decided(stack, [customer.domain], 10)
        await asyncio.to_thread(stack.restart_kafka)
        assert {outcome.status for outcome in await ordering} == {"accepted"}

    asyncio.run(load())
    assert asyncio.run(creations(stack, customer.domain)) == Counter(dict.fromkeys(names, 1))


def test_aborted_transactions_in_every_topic_are_seen_by_nobody(stack: Stack, customer: Customer) -> None:
    key = customer.domain.encode()
    ghost = an_order(customer, a_creation("ghost"))
    letters_before = len(asyncio.run(records(stack, DEAD_LETTERS.name)))

    async def plant() -> None:
        for topic in TOPICS:
            pairs = [(key, b"never committed"), (key, encode(ghost))]
            await plant_aborted(stack.bootstrap, topic.name, pairs, PARTITIONS)

    asyncio.run(plant())
    job = customer.upload(workbooks.mailboxes(50, customer.domain))
    assert_finishes(stack, customer, job, 50)
    asyncio.run(plant())
    (outcome,) = asyncio.run(answers(stack, [an_order(customer, a_creation("real"))]))
    assert (outcome.status, outcome.streamseq) == ("accepted", 53)
    found = eventually(
        lambda: customer.get("/v1/mailboxes", filter=f"domain = {customer.domain}", page_size=500)
    )
    assert not any(each["address"].startswith("ghost@") for each in found["mailboxes"])
    assert "ghost" not in asyncio.run(creations(stack, customer.domain))
    assert len(asyncio.run(records(stack, DEAD_LETTERS.name))) == letters_before
    for role in ("bulkio-reactor", "mailbox-projector", "bulkio-projector", "gateway-projector"):
        stack.wait_ready(role)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_poison_among_commands_is_put_aside_and_the_line_goes_on(
    stack: Stack, customer: Customer, family: Family[Any, Any]
) -> None:
    key = (customer.domain if family.name == MAILBOX.name else customer.tenant).encode()
    name = family.commands.name
    future = msgspec.to_builtins(an_order(customer, a_creation("x"))) | {"data": {"type": "from_the_future"}}
    poison = [b"\xff\xfe", b"", b"{}", b"[" * 10_000, msgspec.json.encode(future | {"stream": key.decode()})]

    async def plant() -> list[int]:
        async with open_producer(settings_of(stack).kafka_bootstrap) as producer:
            partition = partition_of(key.decode(), PARTITIONS)
            sent = [await producer.send_and_wait(name, value, key, partition) for value in poison]
        return [each.offset for each in sent]

    offsets = asyncio.run(plant())
    assert eventually(lambda: letters_of(stack, name, offsets) == poison, 30)
    job = customer.imported(workbooks.mailboxes(5, customer.domain))
    assert (job["state"], job["created"]) == ("finished", 5)
    assert asyncio.run(answers(stack, [an_order(customer, a_creation("after"))]))[0].status == "accepted"


def letters_of(stack: Stack, topic: str, offsets: list[int]) -> list[bytes]:
    """Give what the dead letters say was at these offsets of a topic's partition."""
    decode = msgspec.json.Decoder(DeadLetter).decode
    found = [decode(record.value or b"") for record in asyncio.run(records(stack, DEAD_LETTERS.name))]
    return [each.value for each in found if each.topic == topic and each.offset in offsets]


def test_a_tombstone_among_commands_is_passed_over(stack: Stack, customer: Customer) -> None:
    key, value = encoded(an_order(customer, a_creation("after")))

    async def plant() -> None:
        async with open_producer(stack.bootstrap) as producer:
            partition = partition_of(key.decode(), PARTITIONS)
            await producer.send_and_wait(MAILBOX.commands.name, None, key, partition)
            await producer.send_and_wait(MAILBOX.commands.name, value, key, partition)

    asyncio.run(plant())
    eventually(lambda: asyncio.run(creations(stack, customer.domain)) == {"after": 1}, 30)
