"""`python -m services.gateway api | projector | rebuild <projection>`."""

import asyncio
import sys
from functools import partial

from services.gateway.projections import PROJECTIONS
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import run_api, run_projector, run_rebuild
from services.runtime.lifecycle import run_role
from services.runtime.logs import configure_logs
from services.runtime.settings import SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """Run a role, or a rebuild to its end. Gives the exit code."""
    try:
        settings = read_settings(GatewaySettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments[:1] == ["rebuild"]:
        if len(arguments) != 2 or arguments[1] not in PROJECTIONS:
            print(f"usage: python -m services.gateway rebuild {{{'|'.join(PROJECTIONS)}}}", file=sys.stderr)
            return 2
        configure_logs("gateway", "rebuild", settings.log_level)
        print(asyncio.run(run_rebuild(settings, arguments[1])), "events applied")
        return 0
    roles = {"api": partial(run_api, settings), "projector": partial(run_projector, settings)}
    return run_role("gateway", settings, roles, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
