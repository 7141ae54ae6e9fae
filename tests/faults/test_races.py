"""Two who want the same thing at the same moment, a thousand times: one has it each time, the other is told."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

import httpx2

from deploy.local.stack import Stack
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

RACES: Final = 1_000
AT_ONCE: Final = 32

Ask = Callable[[httpx2.AsyncClient, str], Awaitable[httpx2.Response]]


def an_owner_s_key(customer: Customer) -> dict[str, str]:
    """Make a key of the customer's own, so that nobody else's requests count, and give the headers to act with it."""
    made = customer.post("/v1/keys", json={"title": "A racer", "role": "owner"})
    return {"Authorization": f"Bearer {made['secret']}"}


async def raced(stack: Stack, racers: tuple[Customer, Customer], ask: Ask) -> list[Counter[str]]:
    """Let both ask for the same thing at once, for each of a thousand things, and count how each was answered."""
    places = asyncio.Semaphore(AT_ONCE)

    async def race(clients: list[httpx2.AsyncClient], number: int) -> Counter[str]:
        async with places:
            answers = await asyncio.gather(*(ask(client, f"r{number}") for client in clients))
        return Counter("has it" if answer.status_code == 201 else answer.json()["code"] for answer in answers)

    first, second = (
        httpx2.AsyncClient(base_url=stack.url, headers=an_owner_s_key(each), timeout=30.0) for each in racers
    )
    async with first, second:
        return await asyncio.gather(*(race([first, second], number) for number in range(RACES)))


def test_of_two_tenants_that_register_a_domain_at_once_one_has_it(stack: Stack, customer: Customer) -> None:
    suffix = f"{uuid4().hex[:12]}.example"

    async def register(client: httpx2.AsyncClient, name: str) -> httpx2.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        return await client.post("/v1/domains", json={"domain": f"{name}.{suffix}"}, headers=headers)

    with a_customer(stack) as other:
        told = asyncio.run(raced(stack, (customer, other), register))
    assert Counter(map(frozenset, told)) == {frozenset({"has it", "domain_taken"}): RACES}


def test_of_two_clients_that_create_an_address_at_once_one_has_it(stack: Stack, customer: Customer) -> None:
    async def create(client: httpx2.AsyncClient, name: str) -> httpx2.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        address = f"{name}@{customer.domain}"
        return await client.post("/v1/mailboxes", json={"address": address}, headers=headers)

    told = asyncio.run(raced(stack, (customer, customer), create))
    assert Counter(map(frozenset, told)) == {frozenset({"has it", "address_taken"}): RACES}
    assert eventually(lambda: customer.count() == RACES)
