"""The secrets of a stack: made once, never lost, and those of former days brought into today's form."""

import json
from pathlib import Path

import pytest

from deploy.local.site import Ports, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site("unit", tmp_path / "unit", Ports(0))
    made.lay_out()
    return made


def keys_of(site: Site) -> dict[str, dict[str, str | None]]:
    return json.loads((site.secrets / "keys.json").read_text())


def test_the_keys_file_holds_the_operator_alone(site: Site) -> None:
    assert [key["actor"] for key in keys_of(site).values()] == ["operator:root"]


def test_laying_out_again_changes_nothing(site: Site) -> None:
    before = {path.name: path.read_bytes() for path in site.secrets.iterdir()}
    site.lay_out()
    assert {path.name: path.read_bytes() for path in site.secrets.iterdir()} == before


def test_the_key_that_the_demo_tenant_had_in_the_keys_file_is_no_key_any_more(site: Site) -> None:
    """Whatever else somebody put there stays."""
    operators = keys_of(site) | {"b" * 64: {"actor": "operator:second", "tenant": None}}
    former = operators | {"a" * 64: {"actor": "owner:demo", "tenant": "01890a5d-ac96-7b7c-8f8e-0123456789ab"}}
    site.put_secret("keys.json", json.dumps(former))
    site.lay_out()
    assert keys_of(site) == operators


def test_a_secret_that_is_replaced_is_readable_by_its_owner_alone(site: Site) -> None:
    site.put_secret("demo.key", "first")
    site.put_secret("demo.key", "second")
    assert site.secret("demo.key") == "second"
    assert (site.secrets / "demo.key").stat().st_mode & 0o777 == 0o600
    assert not list(site.secrets.glob("*.draft"))
