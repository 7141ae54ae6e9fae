"""Keys are known by their digest; whoever has none is nobody."""

import hashlib
import json
from pathlib import Path

import pytest

from services.gateway.http.problems import Problem
from services.gateway.http.sign_in import KeyRing, Principal, tenant_id
from services.runtime.settings import SettingsError

TENANT = "01890a5d-ac96-7b7c-8f8e-0123456789ab"


def test_a_key_stands_for_the_actor_that_its_digest_names(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    (tmp_path / "keys.json").write_text(json.dumps({digest: {"actor": "owner:demo", "tenant": TENANT}}))
    ring = KeyRing.from_file(str(tmp_path / "keys.json"))
    principal = ring.principal("secret")
    assert principal is not None
    assert (principal.actor, principal.tenant, principal.is_operator) == ("owner:demo", TENANT, False)
    assert ring.principal(digest) is None
    assert ring.principal("") is None


@pytest.mark.parametrize("content", ["", "[]", '{"x": 7}'])
def test_a_file_without_keys_is_a_mistake_in_the_settings(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(SettingsError):
        KeyRing.from_file(str(tmp_path / "keys.json"))


def test_what_is_no_tenant_id_is_no_tenant() -> None:
    assert tenant_id(TENANT.upper()) == TENANT
    with pytest.raises(Problem, match="tenant_unknown"):
        tenant_id("' OR 1=1")


def test_without_a_tenant_it_is_an_operator() -> None:
    assert Principal("operator:root").is_operator  # pyright: ignore[reportArgumentType]
