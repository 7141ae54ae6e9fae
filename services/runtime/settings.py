"""Settings come from the environment, named `POSTFACH_<FIELD>`, and are read once, when a role starts."""

import os
from collections.abc import Mapping
from typing import TypeVar

import msgspec


class SettingsError(Exception):
    """The environment does not make valid settings; the message names the variable."""


class RuntimeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every role needs. A service's own settings are a subclass.

    `postgres_dsn` names a login that may act as each service's role. `blobs_url` is `file:///folder` or
    `s3://bucket/prefix`. `vault_key_file` holds 32 random bytes in base64. `health_port` 0 means any free port.
    `results_kept_days` is how long what a job made is kept after its end. `clock_file` may hold seconds by which the clock is
    ahead, for demonstration only; empty, nothing can shift it.
    """

    kafka_bootstrap: str
    postgres_dsn: str
    blobs_url: str
    vault_key_file: str
    health_host: str = "127.0.0.1"
    health_port: int = 0
    log_level: str = "info"
    partitions: int = 8
    results_kept_days: int = 30
    clock_file: str = ""


T = TypeVar("T", bound=RuntimeSettings)


def read_settings(kind: type[T], environment: Mapping[str, str] = os.environ) -> T:
    """Give the settings of `kind` from the environment. Raises SettingsError."""
    found = {
        field: environment[variable]
        for field in kind.__struct_fields__
        if (variable := f"POSTFACH_{field.upper()}") in environment
    }
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"the environment variables POSTFACH_* are not complete or not valid: {error}"
        ) from error
