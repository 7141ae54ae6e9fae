"""Two who want the same thing at the same moment, a thousand times: one has it each time, the other is told."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

import httpx2

from deploy.local.stack import Stack
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.room import until
from tests.kit.waiting import eventually

RACES: Final = 1_000
AT_ONCE: Final = 32

Ask = Callable[[httpx2.AsyncClient, str], Awaitable[httpx2.Response]]


def an_owner_s_key(customer: Customer) -> dict[str, str]:
    """Make a key of the customer's own, so that nobody else's requests count, and give the headers to act with it."""
    made = customer.post("/v1/keys", json={"title": "A racer", "role": "owner"})
    return {"Authorization": f"Bearer {made['secret']}"}


async def ask_for(client: httpx2.AsyncClient, path: str, body: dict[str, str]) -> httpx2.Response:
    """Order something once, and ask again under the same key until it is decided."""
    headers = {"Idempotency-Key": str(uuid4())}

    async def answered() -> httpx2.Response | None:
        try:
            answer = await client.post(path, json=body, headers=headers)
        except httpx2.TransportError:
            return None
        running = answer.status_code == 409 and answer.json()["code"] == "request_running"
        return None if running or answer.status_code in (202, 503) else answer

    return await until(answered)


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
        return await ask_for(client, "/v1/domains", {"domain": f"{name}.{suffix}"})

    with a_customer(stack) as other:
        told = asyncio.run(raced(stack, (customer, other), register))
    assert Counter(map(frozenset, told)) == {frozenset({"has it", "domain_taken"}): RACES}


def test_of_two_clients_that_create_an_address_at_once_one_has_it(stack: Stack, customer: Customer) -> None:
    async def create(client: httpx2.AsyncClient, name: str) -> httpx2.Response:
        return await ask_for(client, "/v1/mailboxes", {"address": f"{name}@{customer.domain}"})

    told = asyncio.run(raced(stack, (customer, customer), create))
    assert Counter(map(frozenset, told)) == {frozenset({"has it", "address_taken"}): RACES}
    assert eventually(lambda: customer.count() == RACES)
