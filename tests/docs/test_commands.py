"""Every shell block of the documentation is run here, or is made of targets of the Makefile, which exist."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.demo import open_demo
from deploy.local.site import PORT_BASES
from deploy.local.stack import Stack
from tests.docs.documents import PROJECT, Document, document, documents, make_targets

# The first line of each block that a test below runs, so that a new block can't be forgotten.
RUN_HERE = {
    "README.md": ["API=http://127.0.0.1:18080/v1"],
    "docs/operations.md": [
        "curl --silent --fail http://127.0.0.1:18100/healthz",
        ".venv/bin/python - <<'EOF'",
        "settings='from deploy.local.stack import Stack;",
    ],
    "docs/api.md": [
        "API=http://127.0.0.1:18080/v1",
        ".venv/bin/python docs/examples/first_steps.py",
        "KEY=$(cat .local/stacks/run/secrets/demo.key)",
    ],
    "deploy/README.md": ["python3 -c 'from pathlib import Path;"],
}

Shell = Callable[[str], str]


def made_of_targets(block: str) -> bool:
    return all(re.fullmatch(r"make [a-z]+( \w+=\S+)*", line) for line in block.splitlines())


def block_of(page: str, start: str) -> str:
    (found,) = [block for block in document(page).commands() if block.startswith(start)]
    return found


def sh(script: str, folder: Path = PROJECT) -> str:
    """Run a block as somebody would who pastes it, except that the first failure ends it. Gives what it printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.name)
def test_every_block_is_run_here_or_made_of_targets(page: Document) -> None:
    others = [block for block in page.commands() if not made_of_targets(block)]
    starts = RUN_HERE.get(page.name, [])
    assert len(others) == len(starts)
    assert all(block.startswith(start) for block, start in zip(others, starts, strict=True))
    named = {
        line.split()[1] for block in page.commands() if made_of_targets(block) for line in block.splitlines()
    }
    assert named <= make_targets()


def test_the_secrets_for_containers_are_made_once_and_readable_there(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    block = block_of("deploy/README.md", "python3 -c 'from pathlib")
    making = "\n".join(line for line in block.splitlines() if not line.startswith("docker "))
    sh(making, tmp_path)
    folder = tmp_path / ".local" / "stacks" / "compose" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {
        "postgres.password": 0o644,
        "vault.key": 0o644,
        "keys.json": 0o644,
        "operator.key": 0o600,
        "payments.secret": 0o600,
        "demo.password": 0o600,
    }
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    sh(making, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.fixture
def on_stack(stack: Stack) -> Shell:
    """Run a block that is written for the stack of `make run` on the stack of the tests."""

    def run(block: str) -> str:
        offset = stack.ports.base - PORT_BASES["run"]
        moved = re.sub(
            r"(127\.0\.0\.1:)(18\d{3})", lambda found: f"{found[1]}{int(found[2]) + offset}", block
        )
        moved = moved.replace(".local/stacks/run/", f"{stack.site.folder}/").replace(
            '"run"', f'"{stack.name}"'
        )
        return sh(moved)

    return run


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_tour_imports_a_workbook_and_reads_its_own_write(stack: Stack, on_stack: Shell) -> None:
    open_demo(stack)
    told = on_stack(block_of("README.md", "API="))
    assert '"state":"finished"' in told
    assert '"created":5000' in told
    assert told.count('"address":"tour@sample-tenant.example"') == 2


@pytest.mark.integration
def test_health_and_metrics_answer_as_operations_says(on_stack: Shell) -> None:
    told = on_stack(block_of("docs/operations.md", "curl"))
    assert '"alive"' in told
    assert '"ready"' in told
    assert "postfach_outcomes_total" in told


@pytest.mark.integration
def test_the_dead_letters_can_be_listed(on_stack: Shell) -> None:
    on_stack(block_of("docs/operations.md", ".venv/bin/python - <<"))


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_a_read_model_can_be_rebuilt_while_it_is_in_use(on_stack: Shell) -> None:
    on_stack(block_of("docs/operations.md", "settings="))


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_first_steps_by_curl_lead_from_a_domain_to_a_file(stack: Stack, on_stack: Shell) -> None:
    open_demo(stack)
    told = on_stack(block_of("docs/api.md", "API="))
    assert '"address":"order-17@team.sample-tenant.example"' in told
    assert '"step":"rule"' in told
    assert "orders@team.sample-tenant.example,collects the orders" in told
    assert "event: done\n" in told
    assert '"code":"filter_invalid"' in told
    assert "pf_" not in told


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_a_plan_is_read_and_applied_by_curl(stack: Stack, on_stack: Shell) -> None:
    open_demo(stack)
    told = on_stack(block_of("docs/api.md", "KEY="))
    assert '"state":"planned"' in told
    assert '"email":"planned@sample-tenant.example","action":"create"' in told
    assert '"state":"finished"' in told
    assert '"created":1' in told


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_first_steps_in_python_say_who_gets_an_address(stack: Stack, on_stack: Shell) -> None:
    open_demo(stack)
    block = block_of("docs/api.md", ".venv/bin/python docs/examples")
    domain = "python.sample-tenant.example"
    expected = f"order-17@{domain} goes to orders@{domain}, by a rule\n"
    assert on_stack(block) == expected
    assert on_stack(block) == expected
