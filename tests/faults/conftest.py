"""Every test of this folder ends with all parts ready again, and every file of tests with the oracle."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.oracle import ask_the_oracle
from tests.kit.waiting import eventually

HEALED_WITHIN_S = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(480))


@pytest.fixture(autouse=True, scope="module")
def sound_afterwards(stack: Stack) -> Iterator[None]:
    """Ask the oracle about everything since the stack began. Each test has a domain of its own, which findings name."""
    yield
    ask_the_oracle(stack)


@pytest.fixture(autouse=True)
def healed_afterwards(stack: Stack) -> Iterator[None]:
    """Wait until the house has healed."""
    yield
    eventually(lambda: all(part.ready for part in stack.status()), HEALED_WITHIN_S)


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as made:
        yield made


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that can be had again: the seed is shown with a failure, `POSTFACH_SEED` sets it."""
    seed = os.environ.get("POSTFACH_SEED") or str(random.randrange(10**9))
    print(f"POSTFACH_SEED={seed}")
    return random.Random(f"{seed} {request.node.name}")
