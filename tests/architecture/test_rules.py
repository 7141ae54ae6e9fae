"""The rules of tests/architecture/rules.py hold, and each of them catches what it forbids."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.conftest import Plant
from tests.architecture.source import PROJECT

Rule = Callable[[Path], Iterator[str]]

PLANTED: dict[Rule, list[tuple[str, str, str]]] = {
    rules.contracts_are_pure: [
        ("contracts/ids.py", "import asyncpg", "imports asyncpg"),
        ("contracts/ids.py", "import os", "imports os"),
        ("contracts/ids.py", "import random", "imports random"),
        ("contracts/ids.py", "from uuid import uuid4", "imports uuid.uuid4"),
        ("contracts/ids.py", "import services.runtime.ids", "imports services.runtime.ids"),
        ("contracts/ids.py", "x = open('/etc/hostname')", "calls open"),
    ],
    rules.cores_are_pure: [
        ("services/mailbox/core/expiry.py", "import asyncio", "imports asyncio"),
        ("services/mailbox/core/expiry.py", "import logging", "imports logging"),
        ("services/mailbox/core/expiry.py", "import time", "imports time"),
        ("services/mailbox/core/expiry.py", "def f(): return datetime.now(UTC)", "calls datetime.now"),
        (
            "services/mailbox/core/expiry.py",
            "import services.mailbox.queries",
            "imports services.mailbox.queries",
        ),
        (
            "services/bulkio/core/jobs.py",
            "import services.mailbox.core.domain",
            "imports services.mailbox.core.domain",
        ),
        ("services/bulkio/core/jobs.py", "from services.runtime import clock", "imports services.runtime"),
    ],
    rules.the_clock_is_a_port: [
        ("services/mailbox/queries.py", "def f(): return datetime.now(UTC)", "calls datetime.now"),
        (
            "services/runtime/ids.py",
            "def f(): return datetime.datetime.utcnow()",
            "calls datetime.datetime.utcnow",
        ),
        ("services/bulkio/tools.py", "def f(): return date.today()", "calls date.today"),
        ("services/bulkio/tools.py", "def f(): return time.time()", "calls time.time"),
        (
            "services/gateway/wiring.py",
            "from services.runtime.clock import utc_now",
            "passes the clock of the house by",
        ),
    ],
    rules.wiring_opens: [
        (
            "services/mailbox/queries.py",
            "def f(): return open_pool('', schema='mailbox')",
            "opens something: open_pool",
        ),
        (
            "services/bulkio/tools.py",
            "def f(): return asyncpg.create_pool('')",
            "opens something: asyncpg.create_pool",
        ),
        (
            "services/mailbox/wiring.py",
            "BLOBS = open_blobs('file:///x')",
            "opens something when it is imported",
        ),
    ],
    rules.sql_stays_in_its_schema: [
        (
            "services/bulkio/queries.py",
            "SQL = 'SELECT count(*) FROM mailbox.mailboxes'",
            "names the schema mailbox",
        ),
        (
            "services/bulkio/queries.py",
            "SQL = f'UPDATE gateway.mailboxes SET note = {1}'",
            "names the schema gateway",
        ),
        (
            "services/mailbox/migrations/0099_planted.sql",
            "CREATE VIEW x AS SELECT 1 FROM vault.credentials;",
            "vault",
        ),
        ("services/mailbox/queries.py", "SQL = 'SET search_path = gateway'", "names the schema gateway"),
        (
            "services/bulkio/wiring.py",
            "def f(): return open_pool('', schema='mailbox')",
            "whose schema is not bulkio",
        ),
    ],
    rules.the_runtime_knows_no_mail: [
        ("services/runtime/rows.py", "def load_mailbox_row() -> None: ...", "speaks of 'mailbox'"),
        ("services/runtime/rows.py", "SQL = 'SELECT note FROM rows'", "speaks of 'note'"),
        ("services/runtime/rows.py", "from contracts import mailbox", "speaks of 'mailbox'"),
        (
            "services/runtime/migrations/vault/0099_planted.sql",
            "CREATE TABLE archives (x int);",
            "speaks of 'archives'",
        ),
    ],
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    assert list(rule(PROJECT)) == []


def test_every_rule_is_proven() -> None:
    assert set(PLANTED) == set(rules.RULES)


@pytest.mark.parametrize(
    ("rule", "path", "text", "expected"),
    [
        pytest.param(rule, path, text, expected, id=f"{rule.__name__}: {text}")
        for rule, cases in PLANTED.items()
        for path, text, expected in cases
    ],
)
def test_a_planted_violation_is_named(rule: Rule, path: str, text: str, expected: str, plant: Plant) -> None:
    found = list(rule(plant(path, text)))
    assert found
    assert all(path in each and expected in each for each in found), found
