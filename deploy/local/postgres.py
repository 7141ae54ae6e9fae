"""The embedded PostgreSQL 18: made once, run over TCP on loopback, probed with a real query."""

import asyncio
import os
import signal
import subprocess

import asyncpg

from deploy.local.binaries import BINARIES
from deploy.local.process import Recipe
from deploy.local.roles import environment
from deploy.local.site import HOST, Site
from deploy.local.tenure import MARK

# The user `nobody` is on every Linux; PostgreSQL refuses to be root.
NOBODY = 65534

PROBE_PAUSE_S = 0.05

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "max_wal_size": "4GB",
    "checkpoint_completion_target": "0.9",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    # Queries here are short; compiling them costs more than it saves.
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # The text of a statement and the detail of an error can hold personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def as_unprivileged(command: list[str]) -> list[str]:
    """The command as another user when we are root.

    It keeps the capability to pass over file permissions: a project folder below /root, or below a temporary folder
    of mode 0700, could not be entered otherwise.
    """
    if os.geteuid() != 0:
        return command
    return [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        # Without it access(2), by which initdb looks for its programs, would not count the capability.
        "--securebits=+no_setuid_fixup",
        "--pdeathsig=INT",
        *command,
    ]


def make_cluster(site: Site) -> None:
    """Runs initdb unless it has run to its end before."""
    if (site.postgres / "postfach.conf").exists():
        return
    if site.postgres.exists():
        # An initdb that was interrupted: nothing in it is of use.
        subprocess.run(["rm", "-rf", str(site.postgres)], check=True)
    site.postgres.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(site.postgres, NOBODY, NOBODY)
    command = [
        str(BINARIES / "initdb"),
        f"--pgdata={site.postgres}",
        "--username=postfach",
        f"--pwfile={site.secrets / 'postgres.password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C.UTF-8",
    ]
    with site.log_file("postgres").open("ab") as log:
        subprocess.run(as_unprivileged(command), check=True, stdout=log, stderr=log, cwd=site.postgres)
    (site.postgres / "postfach.conf").touch()


def recipe(site: Site) -> Recipe:
    options = [f"--{name}={value}" for name, value in SETTINGS.items()]
    command = [
        str(BINARIES / "postgres"),
        "-D",
        str(site.postgres),
        f"--port={site.ports.postgres}",
        *options,
    ]
    return Recipe(
        name="postgres",
        command=as_unprivileged(command),
        env=environment({"TZ": "UTC", MARK: str(site.folder)}),
        folder=site.postgres,
        log_file=site.log_file("postgres"),
        pid_file=site.pid_file("postgres"),
        # Fast shutdown, also when the supervisor is gone: sessions are ended, everything is written.
        stop_signal=signal.SIGINT,
        stop_wait_s=30.0,
        orphan_signal=signal.SIGINT,
    )


async def wait_ready(dsn: str) -> None:
    """Returns when a query is answered; makes the database first, if it is our own new cluster."""
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except asyncpg.InvalidCatalogNameError:
            await _create_database(dsn)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, TimeoutError):
            await asyncio.sleep(PROBE_PAUSE_S)
        else:
            try:
                await connection.fetchval("SELECT 1")
            finally:
                await connection.close()
            return


async def _create_database(dsn: str) -> None:
    server, _, database = dsn.rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres", timeout=5)
    try:
        await connection.execute(f"CREATE DATABASE {database}")
    finally:
        await connection.close()
