"""Who may import whom: the import linter's rules hold, and each of them catches what it forbids."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.rules import RULES
from tests.architecture.source import PROJECT, deployables

CONFIGURED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

NAMES = {rule["id"]: rule["name"] for rule in CONFIGURED}

PLANTED = {
    "contracts": [("contracts/ids.py", "services.runtime.clock"), ("contracts/ids.py", "asyncpg")],
    "runtime": [("services/runtime/clock.py", "services.mailbox.settings")],
    "core": [
        ("services/bulkio/core/jobs.py", "services.runtime.clock"),
        *(
            ("services/mailbox/core/expiry.py", driver)
            for driver in ("asyncio", "os", "random", "logging", "time", "asyncpg", "aiokafka")
        ),
    ],
    "core-stays-core": [("services/mailbox/core/expiry.py", "services.mailbox.queries")],
    "independence": [("services/bulkio/queries.py", "services.mailbox.queries")],
    "deploy": [("deploy/prepare.py", "services.gateway.settings")],
    "nobody-imports-deploy": [("services/gateway/settings.py", "deploy.prepare")],
}


def lint(root: Path) -> "subprocess.CompletedProcess[str]":
    """Run the import linter as `make imports` does, in another tree."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def broken(output: str) -> set[str]:
    """The names of the rules that the import linter calls broken."""
    return set(re.findall(r"^(.+) BROKEN$", output, re.MULTILINE))


def test_every_import_rule_holds() -> None:
    result = lint(PROJECT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_import_rule_is_proven_by_a_planted_violation() -> None:
    assert set(PLANTED) == set(NAMES)


@pytest.mark.parametrize(
    ("rule", "path", "imported"),
    [
        pytest.param(rule, path, imported, id=f"{rule}: {path} imports {imported}")
        for rule, cases in PLANTED.items()
        for path, imported in cases
    ],
)
def test_a_planted_import_breaks_its_rule(rule: str, path: str, imported: str, plant: Plant) -> None:
    result = lint(plant(path, f"import {imported}"))
    assert result.returncode == 1, result.stdout + result.stderr
    assert NAMES[rule] in broken(result.stdout)


def test_the_linter_knows_every_service() -> None:
    rules = {rule["id"]: rule for rule in CONFIGURED}
    services = {f"services.{name}" for name in deployables()}
    assert set(rules["independence"]["modules"]) == services
    assert set(rules["core-stays-core"]["containers"]) == services
    assert set(rules["deploy"]["forbidden_modules"]) == services
    assert set(rules["runtime"]["forbidden_modules"]) == {*services, "deploy"}


def test_the_documentation_names_every_rule() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## Who may import whom")[1].split("\n## ")[0]
    assert set(re.findall(r"“([^”]+)”", section)) == set(NAMES.values())
    assert set(re.findall(r"`(\w+)`", section)) >= {rule.__name__ for rule in RULES}
