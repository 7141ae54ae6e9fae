"""`python -m services.bulkio writer|projector|reactor`, and `rebuild PROJECTION`."""

import asyncio
import sys

from services.bulkio.projections import PROJECTIONS
from services.bulkio.settings import BulkioSettings
from services.bulkio.wiring import rebuild_projection, roles
from services.runtime.lifecycle import run_role
from services.runtime.logs import configure_logs
from services.runtime.settings import read_settings


def main(arguments: list[str]) -> int:
    """Run one role, or rebuild one projection."""
    settings = read_settings(BulkioSettings)
    if arguments[:1] == ["rebuild"]:
        if len(arguments) != 2 or arguments[1] not in PROJECTIONS:
            print(f"usage: python -m services.bulkio rebuild {{{'|'.join(PROJECTIONS)}}}", file=sys.stderr)
            return 2
        configure_logs("bulkio", "rebuild", settings.log_level)
        asyncio.run(rebuild_projection(settings, arguments[1]))
        return 0
    return run_role("bulkio", settings, roles(settings), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
