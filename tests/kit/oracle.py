"""The oracle at the end of a test: the log, the read models and the files of a stack hold every invariant."""

import asyncio
from collections.abc import Collection

from deploy.local.stack import Stack
from tests.oracle.checking import Where, check


async def assert_sound(stack: Stack, *, canaries: Collection[str] = (), allow_pending: bool = False) -> None:
    """Fail with the oracle's report when anything was lost, doubled, altered or leaked.

    Call it when the work of the test is done: a command without an outcome is a finding.
    """
    where = Where(stack.bootstrap, stack.dsn, stack.site.folder)
    findings = await check(where, canaries=canaries, allow_pending=allow_pending)
    assert findings.content, "\n" + findings.report()


def ask_the_oracle(stack: Stack, *, canaries: Collection[str] = (), allow_pending: bool = False) -> None:
    """The same for a test without an event loop."""
    asyncio.run(assert_sound(stack, canaries=canaries, allow_pending=allow_pending))
