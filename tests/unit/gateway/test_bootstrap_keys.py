"""Keys of the keys file are known by their digest; whoever has none is nobody."""

import hashlib
import json
from pathlib import Path

import pytest

from contracts.ids import PROVIDER_TENANT
from services.gateway.http.bootstrap_keys import KeyRing
from services.runtime.settings import SettingsError

OF_A_TENANT = '{"x": {"actor": "operator:root", "tenant": "01890a5d-ac96-7b7c-8f8e-0123456789ab"}}'


def test_a_key_stands_for_the_operator_that_its_digest_names(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    (tmp_path / "keys.json").write_text(json.dumps({digest: {"actor": "operator:root"}}))
    ring = KeyRing.from_file(str(tmp_path / "keys.json"))
    principal = ring.principal("secret")
    assert principal is not None
    assert (principal.actor, principal.tenant, principal.is_operator) == (
        "operator:root",
        PROVIDER_TENANT,
        True,
    )
    assert ring.principal(digest) is None
    assert ring.principal("") is None


@pytest.mark.parametrize("content", ["", "[]", '{"x": 7}', '{"x": {"actor": "owner:demo"}}', OF_A_TENANT])
def test_a_file_without_keys_is_a_mistake_in_the_settings(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(SettingsError):
        KeyRing.from_file(str(tmp_path / "keys.json"))
