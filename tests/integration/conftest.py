"""A small stack for tests that break things; the session's own stack is the fixture `stack` of tests/conftest.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.roles import Role
from deploy.local.stack import Stack
from tests.kit.oracle import ask_the_oracle
from tests.kit.waiting import eventually

SETTLED_WITHIN_S = 60.0

# A role that does nothing but answer /readyz, so that the stack can be tested without any service.
_PLANTED = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["POSTFACH_HEALTH_PORT"])), Ready).serve_forever()
"""

PLANTED_ROLE = Role(service="planted", role="echo", instances=2, command=(sys.executable, "-c", _PLANTED))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def sound_afterwards(stack: Stack) -> Iterator[None]:
    """Ask the oracle, when all is over, about everything that the tests of this folder did."""
    yield
    eventually(lambda: all(part.ready for part in stack.status()), SETTLED_WITHIN_S)
    ask_the_oracle(stack)


@pytest.fixture(scope="module")
def small_stack() -> Iterator[Stack]:
    """Kafka, PostgreSQL and two instances of a planted role, from scratch; may be broken in any way."""
    stack = Stack("stacktest", roles=(PLANTED_ROLE,), prepares=False)
    stack.reset()
    stack.up()
    yield stack
    stack.reset()
