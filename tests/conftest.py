"""What every test can use: the session's stack; and the rule that CI skips nothing."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack

# In CI everything that a test needs is there, so a test that did not run is a fault of the set-up that nobody would
# see. The way out is to delete the test or to mend what it lacks.
_SKIPS_ARE_FAILURES = os.environ.get("CI") == "true"

_skipped: list[str] = []


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole house, up for the session and shared: use domains and tenants of your own, leave every part running.

    `make test` starts it from scratch and names it; pytest by hand starts it when it is down and stops it again.
    """
    if name := os.environ.get("POSTFACH_TEST_STACK"):
        yield Stack.running(name)
        return
    own = Stack("test")
    found_up = own.is_up()
    own.up()
    yield own
    if not found_up:
        own.down()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _SKIPS_ARE_FAILURES and _skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _SKIPS_ARE_FAILURES and _skipped:
        terminalreporter.write_line(
            f"failed: in CI no test may be skipped or expected to fail: {_skipped}", red=True
        )
