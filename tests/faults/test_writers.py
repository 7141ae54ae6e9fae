"""The one writer of a partition: killed, hung, come back from the dead, asked the same thing again and again."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
from msgspec import structs

from contracts.codec import decode_any_event
from contracts.topics import MAILBOX
from deploy.local.roles import PARTITIONS, environment
from deploy.local.site import HOST, PROJECT
from deploy.local.stack import Stack
from services.runtime.kafka.clients import partition_of
from tests.faults.house import a_creation, an_order, answers, creations, records
from tests.kit.bulk_api import Customer
from tests.kit.room import until
from tests.kit.waiting import eventually

TAKEOVER_GOAL_S = 15.0
TAKEOVER_MAX_S = 30.0  # the goal, and as much again for a busy machine


def domains_of_every_partition(customer: Customer) -> list[str]:
    """Give the customer one active domain in each partition."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < PARTITIONS:
        domain = f"p{number}-{customer.domain}"
        found.setdefault(partition_of(domain, PARTITIONS), domain)
        number += 1
    for domain in found.values():
        customer.add_domain(domain)
    return list(found.values())


def test_a_killed_writer_is_taken_over_from_in_time(
    stack: Stack, customer: Customer, record_property: Callable[[str, object], None]
) -> None:
    domains = domains_of_every_partition(customer)
    killed_at = time.monotonic()
    stack.kill("mailbox-writer")
    orders = [an_order(customer, a_creation("after"), domain) for domain in domains]
    outcomes = asyncio.run(answers(stack, orders, TAKEOVER_MAX_S))
    took_s = time.monotonic() - killed_at
    record_property("seconds from kill -9 until every partition answers", took_s)
    print(f"taken over after {took_s:.1f} s, the goal is {TAKEOVER_GOAL_S:g} s")
    assert {outcome.status for outcome in outcomes} == {"accepted"}


def test_a_writer_that_comes_back_from_the_dead_writes_nothing(stack: Stack, customer: Customer) -> None:
    """Stopped in the middle of its work beyond its session, taken over from, and then continued."""
    domains = domains_of_every_partition(customer)

    def orders(name: str, each: int) -> list[str]:
        return [f"{name}-{number}" for number in range(each)]

    async def order_all(names: list[str]) -> None:
        sent = [an_order(customer, a_creation(name), domain) for name in names for domain in domains]
        outcomes = await answers(stack, sent)
        assert {outcome.status for outcome in outcomes} == {"accepted"}

    async def hang_in_the_middle() -> None:
        load = asyncio.create_task(order_all(orders("during", 200)))
        await until_some_are_decided(stack, domains[0])
        stopped = stack.kill("mailbox-writer", signal.SIGSTOP)
        try:
            await load
            await order_all(orders("without", 5))
        finally:
            os.kill(stopped, signal.SIGCONT)
        await order_all(orders("with", 20))

    with a_second_writer(stack):
        asyncio.run(hang_in_the_middle())
    expected = Counter(dict.fromkeys([*orders("during", 200), *orders("without", 5), *orders("with", 20)], 1))
    for domain in domains:
        assert asyncio.run(creations(stack, domain)) == expected
    stack.wait_ready("mailbox-writer")


async def until_some_are_decided(stack: Stack, domain: str) -> None:
    await until(lambda: creations(stack, domain))


@contextmanager
def a_second_writer(stack: Stack) -> Iterator[int]:
    """Run one more mailbox writer beside the stack's, ready before the block begins."""
    port = stack.ports.base + 190
    settings = {**stack.env("mailbox-writer"), "POSTFACH_HEALTH_PORT": str(port)}
    command = [*stack.plan.instance("mailbox-writer").command]
    with stack.log_file("second-writer").open("ab") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(settings), stdout=log, stderr=log)
    try:
        eventually(lambda: is_ready(port), 60)
        yield process.pid
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


def is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://{HOST}:{port}/readyz", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


def test_one_command_five_times_and_again_after_a_restart_is_one_event(
    stack: Stack, customer: Customer
) -> None:
    order = an_order(customer, a_creation("once"))
    first = asyncio.run(answers(stack, [order] * 5))
    stack.kill("mailbox-writer")
    after = asyncio.run(answers(stack, [order] * 5))
    told = {structs.replace(outcome, repeated=False) for outcome in [*first, *after]}
    assert len(told) == 1
    assert told.pop().status == "accepted"
    assert all(outcome.repeated for outcome in after)
    assert asyncio.run(creations(stack, customer.domain)) == {"once": 1}


def test_a_writer_killed_again_and_again_loses_and_doubles_nothing(stack: Stack, customer: Customer) -> None:
    domains = domains_of_every_partition(customer)
    names = [f"n{number}" for number in range(250)]

    async def load() -> None:
        sent = [an_order(customer, a_creation(name), domain) for name in names for domain in domains]
        ordering = asyncio.create_task(answers(stack, sent, 120))
        for share in (1, 4):
            await until_decided(stack, domains, len(sent) * share // 10)
            await asyncio.to_thread(eventually, lambda: stack.is_ready("mailbox-writer"), 60)
            stack.kill("mailbox-writer")
        assert {outcome.status for outcome in await ordering} == {"accepted"}

    asyncio.run(load())
    for domain in domains:
        assert asyncio.run(creations(stack, domain)) == Counter(dict.fromkeys(names, 1))
    epochs = {
        decode_any_event(each.value or b"").writer
        for each in asyncio.run(records(stack, MAILBOX.events.name))
        if (each.key or b"").decode() in domains
    }
    assert len(epochs) > 1


async def until_decided(stack: Stack, domains: list[str], count: int) -> None:
    keys = {domain.encode() for domain in domains}

    async def are_decided() -> bool:
        return sum(each.key in keys for each in await records(stack, MAILBOX.events.name)) >= count

    await until(are_decided, within_s=60.0)
