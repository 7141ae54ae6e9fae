"""Run the benchmarks on a stack of their own: `make bench`, or `python -m tests.bench deciding exports`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from deploy.local.stack import Stack
from tests.bench import (
    access,
    archiving,
    creating,
    deciding,
    exports,
    imports,
    large_imports,
    list_pages,
    rebuilding,
    restoring,
    routing,
)
from tests.bench.report import Figure, table

Bench = Callable[[Stack], Awaitable[list[Figure]]]

# The last one fills the writer's tables past the log, so nothing may follow it.
BENCHES: Final[dict[str, Bench]] = {
    "creating": creating.measure,
    "imports": imports.measure,
    "large-imports": large_imports.measure,
    "exports": exports.measure,
    "deciding": deciding.measure,
    "rebuilding": rebuilding.measure,
    "lists": list_pages.measure,
    "access": access.measure,
    "routing": routing.measure,
    "archiving": archiving.measure,
    "restoring": restoring.measure,
}


async def _measure(names: list[str]) -> None:
    stack = Stack.running("bench")
    figures: list[Figure] = []
    for name in names:
        print(f"{name} …", flush=True)
        figures += await BENCHES[name](stack)
        print(table(figures), flush=True)


def main() -> int:
    """Give the exit code: 2 for an unknown benchmark."""
    names = sys.argv[1:] or list(BENCHES)
    unknown = set(names) - BENCHES.keys()
    if unknown:
        print(
            f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}",
            file=sys.stderr,
        )
        return 2
    asyncio.run(_measure(names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
