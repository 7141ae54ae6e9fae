"""The keys of the keys file: operators' keys for the time before there is a person or key of the provider to act.

They are opaque bearer tokens that are known by their SHA-256 alone.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from contracts.ids import PROVIDER_TENANT, ActorName
from services.gateway.http.principal import Principal
from services.runtime.settings import SettingsError


class BootstrapKey(Struct, frozen=True):
    """The operator that a key stands for. A file of former days also says, with null, that it is of no tenant."""

    actor: Annotated[ActorName, Meta(pattern="^operator:.+$")]
    tenant: None = None


class KeyRing:
    """The keys that are accepted."""

    def __init__(self, keys: dict[str, BootstrapKey]) -> None:
        self._principals = {digest: _principal(key) for digest, key in keys.items()}

    @classmethod
    def from_file(cls, path: str) -> "KeyRing":
        """Read the keys. Raises SettingsError when the file holds something else."""
        try:
            return cls(msgspec.json.decode(Path(path).read_bytes(), type=dict[str, BootstrapKey]))
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError("POSTFACH_KEYS_FILE does not hold keys of operators") from error

    def principal(self, key: str) -> Principal | None:
        """Give whom the key stands for, after the same time whichever key it is."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        found: Principal | None = None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known.encode(), digest.encode()):
                found = principal
        return found


def _principal(key: BootstrapKey) -> Principal:
    return Principal(
        kind="bootstrap",
        id=key.actor.removeprefix("operator:"),
        actor=key.actor,
        tenant=PROVIDER_TENANT,
        role="operator",
    )
