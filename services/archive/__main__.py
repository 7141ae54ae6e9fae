"""`python -m services.archive writer|projector|reactor`, and `rebuild archives`."""

import asyncio
import sys

from services.archive.projections import ARCHIVES
from services.archive.settings import ArchiveSettings
from services.archive.wiring import SERVICE, rebuild_archives, roles
from services.runtime.lifecycle import run_role
from services.runtime.logs import configure_logs
from services.runtime.settings import SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """Run one role, or rebuild the read model. Gives the exit code: 0, 1 after a fault, 2 when started wrongly."""
    try:
        settings = read_settings(ArchiveSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments[:1] == ["rebuild"]:
        if arguments[1:] != [ARCHIVES.name]:
            print(f"usage: python -m services.archive rebuild {ARCHIVES.name}", file=sys.stderr)
            return 2
        configure_logs(SERVICE, "rebuild", settings.log_level)
        asyncio.run(rebuild_archives(settings))
        return 0
    return run_role(SERVICE, settings, roles(settings), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
