"""Starts one role of the mailbox service: `python -m services.mailbox writer|projector|reactor`."""

import sys
from functools import partial

from services.mailbox.settings import MailboxSettings
from services.mailbox.wiring import SERVICE, run_projectors, run_reactor, run_writers
from services.runtime.lifecycle import run_role
from services.runtime.settings import SettingsError, read_settings


def main() -> int:
    """Give the exit code: 0 when stopped, 1 after a fault, 2 when started wrongly."""
    try:
        settings = read_settings(MailboxSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    roles = {
        "writer": partial(run_writers, settings),
        "projector": partial(run_projectors, settings),
        "reactor": partial(run_reactor, settings),
    }
    return run_role(SERVICE, settings, roles, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
