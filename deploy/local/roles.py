"""Which roles a stack runs, as data, and the settings each of them gets."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from deploy.local.site import HOST, Site

PARTITIONS = 8

# Stopped from the edge inwards: nothing new comes in, then nothing is ordered, decided, projected.
STOP_ORDER = ("api", "reactor", "writer", "projector")

LARGE_IMPORT_TENANT = "00000000-0000-7000-8000-00000000001a"
"""The tenant of the tests that may import beyond the page's limits."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role and how often it runs. `command` replaces `python -m services.<service> <role>`."""

    service: str
    role: str
    instances: int = 1
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    command: tuple[str, ...] = ()
    serves_health: bool = True


ROLES: tuple[Role, ...] = (
    Role(service="mailbox", role="writer"),
    Role(service="mailbox", role="projector"),
    Role(service="mailbox", role="reactor"),
    Role(service="bulkio", role="writer"),
    Role(service="bulkio", role="projector"),
    Role(service="bulkio", role="reactor"),
    Role(service="archive", role="writer"),
    Role(service="archive", role="projector"),
    Role(service="archive", role="reactor"),
    Role(service="gateway", role="projector"),
    Role(service="gateway", role="api"),
)


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a role. `number` is 1, 2, … within the role, `index` 0, 1, … within the plan."""

    role: Role
    number: int
    index: int

    @property
    def name(self) -> str:
        base = f"{self.role.service}-{self.role.role}"
        return base if self.role.instances == 1 else f"{base}-{self.number}"

    @property
    def command(self) -> list[str]:
        return list(self.role.command) or [
            sys.executable,
            "-m",
            f"services.{self.role.service}",
            self.role.role,
        ]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a supervisor is told to run. An address of an existing server replaces the embedded one."""

    roles: tuple[Role, ...] = ROLES
    prepares: bool = True
    kafka_bootstrap: str | None = None
    postgres_dsn: str | None = None

    def instances(self) -> Iterator[Instance]:
        index = 0
        for role in self.roles:
            for number in range(1, role.instances + 1):
                yield Instance(role, number, index)
                index += 1

    def instance(self, name: str) -> Instance:
        """Raises KeyError when the plan has no instance of that name."""
        for instance in self.instances():
            if instance.name == name:
                return instance
        raise KeyError(name)

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        return msgspec.json.decode(text, type=cls)

    def settings(self, site: Site) -> dict[str, str]:
        """The settings that all processes of the stack share. The stack must be laid out."""
        return {
            "POSTFACH_KAFKA_BOOTSTRAP": self.kafka_bootstrap or site.bootstrap,
            "POSTFACH_POSTGRES_DSN": self.postgres_dsn or site.dsn,
            "POSTFACH_BLOBS_URL": site.blobs_url,
            "POSTFACH_MAIL_FOLDER": str(site.mail),
            "POSTFACH_VAULT_KEY_FILE": str(site.secrets / "vault.key"),
            "POSTFACH_KEYS_FILE": str(site.secrets / "keys.json"),
            "POSTFACH_GATEWAY_HOST": HOST,
            "POSTFACH_GATEWAY_PORT": str(site.ports.gateway),
            "POSTFACH_LOG_LEVEL": os.environ.get("POSTFACH_LOG_LEVEL", "info"),
            "POSTFACH_PARTITIONS": str(PARTITIONS),
            "POSTFACH_CLOCK_FILE": str(site.clock_file),
        }

    def role_settings(self, site: Site, instance: Instance) -> dict[str, str]:
        settings = self.settings(site)
        if instance.role.role == "api":
            settings |= _dns_settings(site) | _large_import_settings(site)
            settings["POSTFACH_GATEWAY_PORT"] = str(site.ports.gateway + instance.number - 1)
            settings["POSTFACH_GATEWAY_PAYMENT_SECRET_FILE"] = str(site.secrets / "payments.secret")
            # Whoever works, tests and measures on one machine comes from one address, mostly with one key.
            settings["POSTFACH_GATEWAY_REQUESTS_PER_MINUTE"] = "60000"
            settings["POSTFACH_GATEWAY_ANONYMOUS_REQUESTS_PER_MINUTE"] = "60000"
        return {
            **settings,
            "POSTFACH_HEALTH_PORT": str(site.ports.health(instance.index)),
            # glibc keeps an arena per thread otherwise, which costs each role tens of megabytes.
            "MALLOC_ARENA_MAX": "2",
            "PYTHONUNBUFFERED": "1",
            **instance.role.env,
        }


def _large_import_settings(site: Site) -> dict[str, str]:
    """Who may import beyond the page's limits: `make run` as the environment says, elsewhere one tenant of the tests."""
    name = "POSTFACH_GATEWAY_LARGE_IMPORT_TENANTS"
    return {name: os.environ.get(name, "") if site.name == "run" else LARGE_IMPORT_TENANT}


def _dns_settings(site: Site) -> dict[str, str]:
    """Where the gateway asks for records: `make run` as the environment says, every other stack its tests' own server."""
    if site.name == "run":
        return {name: value for name, value in os.environ.items() if name.startswith("POSTFACH_DNS_")}
    return {
        "POSTFACH_DNS_SERVERS": f"{HOST}:{site.ports.dns}",
        "POSTFACH_DNS_TIMEOUT_S": "1.0",
        "POSTFACH_DNS_MX_HOST": "mx.postfach.example",
        "POSTFACH_DNS_SPF_INCLUDE": "spf.postfach.example",
        "POSTFACH_DNS_DKIM_SELECTORS": "postfach",
    }


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a process: this one's, with no setting of ours but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POSTFACH_")}
    return {**inherited, **settings}
