"""Where one stack lives: its folder, its ports, its secrets. Nothing is started here.

Stacks of different names share the project's jars and nothing else, so tests never touch what `make run` keeps.
"""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"

# Off the usual ports of Kafka, PostgreSQL and web servers, and below the range the kernel hands out by itself.
# The last two belong to the tests of the stack itself.
PORT_BASES = {"run": 18000, "test": 19000, "bench": 20000, "stacktest": 24000, "stackguest": 25000}

# The tenant that `make run` opens. Fixed, so that opening it again is the same.
DEMO_TENANT_ID = "01890a5d-ac96-7b7c-8f8e-0123456789ab"

_SECRET_BYTES = 32
_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one stack."""

    base: int

    @property
    def dns(self) -> int:
        """Where the name server of a test listens, when one runs."""
        return self.base + 53

    @property
    def gateway(self) -> int:
        return self.base + 80

    @property
    def kafka(self) -> int:
        return self.base + 92

    @property
    def kafka_controller(self) -> int:
        return self.base + 93

    @property
    def postgres(self) -> int:
        return self.base + 432

    def health(self, index: int) -> int:
        """The health port of the role instance that is `index`-th in the plan, from 0."""
        return self.base + 100 + index


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of one stack and what follows from it."""

    name: str
    folder: Path
    ports: Ports

    @classmethod
    def of(cls, name: str) -> "Site":
        """Raises KeyError for a name without ports; POSTFACH_STACK_PORTS gives the first port of any other stack."""
        base = os.environ.get("POSTFACH_STACK_PORTS")
        return cls(name, PROJECT / ".local" / "stacks" / name, Ports(int(base) if base else PORT_BASES[name]))

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def kafka(self) -> Path:
        return self.folder / "kafka"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor for as long as it lives. Beside the folder, so that a reset can't remove it."""
        return self.folder.with_suffix(".lock")

    @property
    def plan_file(self) -> Path:
        return self.run / "plan.json"

    @property
    def clock_file(self) -> Path:
        """By how many seconds the stack's clock is ahead, once `clock --forward` was asked for."""
        return self.folder / "clock"

    @property
    def blobs_url(self) -> str:
        return self.blobs.as_uri()

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.ports.kafka}"

    @property
    def dsn(self) -> str:
        password = self.secret("postgres.password")
        return f"postgresql://postfach:{password}@{HOST}:{self.ports.postgres}/postfach"

    def pid_file(self, part: str) -> Path:
        return self.run / f"{part}.pid"

    def log_file(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def lay_out(self) -> None:
        """Makes the folders and, once, the secrets. Safe to repeat; what exists is kept."""
        for folder in (self.folder, self.blobs, self.mail, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        _keep(self.secrets / "postgres.password", secrets.token_urlsafe(24))
        _keep(self.secrets / "vault.key", base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())
        _keep(self.secrets / "operator.key", secrets.token_urlsafe(_SECRET_BYTES))
        _keep(self.secrets / "demo.password", secrets.token_urlsafe(_PASSWORD_BYTES))
        webhook = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        _keep(self.secrets / "payments.secret", f"whsec_{webhook}")
        operators = {_sha256(self.secret("operator.key")): {"actor": "operator:root"}}
        _keep(self.secrets / "keys.json", json.dumps(operators, indent=2))
        self._drop_tenants_keys()

    def put_secret(self, name: str, text: str) -> None:
        """Keep a secret in the place of any former one."""
        _write(self.secrets / name, text)

    def _drop_tenants_keys(self) -> None:
        # Stacks of former days have the demo tenant's key in this file, which is for operators alone by now.
        path = self.secrets / "keys.json"
        keys = json.loads(path.read_text())
        operators = {digest: key for digest, key in keys.items() if key.get("tenant") is None}
        if operators != keys:
            _write(path, json.dumps(operators, indent=2))


def _keep(path: Path, text: str) -> None:
    if not path.exists():
        _write(path, text)


def _write(path: Path, text: str) -> None:
    # A secret is never there half-written, nor readable by others for a moment.
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    draft.rename(path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
