"""The vault: password hashes and sealing keys by id, in a schema that nothing else reads."""

import base64
import os
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.postgres import Pool, open_pool
from services.runtime.sealing import Sealer
from services.runtime.settings import RuntimeSettings, SettingsError

KEY_BYTES: Final = 32


class KeyDestroyed(Exception):
    """The key was dropped, or never existed; what it sealed can't be read any more."""


class Vault:
    """Secrets by id. What leaves it is a verdict or a sealer, never a hash or a key."""

    def __init__(self, pool: Pool, master_key: bytes) -> None:
        self._pool = pool
        self._master = AESGCM(master_key)

    async def store_credentials(self, hashes: Mapping[str, str]) -> None:
        """Keep password hashes by credential id. An id that is known keeps its first hash."""
        await self._pool.execute(
            """
            INSERT INTO credentials (credential_id, hash)
            SELECT * FROM unnest($1::text[], $2::text[])
            ON CONFLICT (credential_id) DO NOTHING
            """,
            list(hashes),
            list(hashes.values()),
        )

    async def missing_credentials(self, ids: Collection[str]) -> set[str]:
        """Give those of the ids that the vault does not know."""
        rows = await self._pool.fetch(
            "SELECT credential_id FROM credentials WHERE credential_id = ANY($1::text[])", list(ids)
        )
        return set(ids) - {row["credential_id"] for row in rows}

    async def drop_credentials(self, ids: Collection[str]) -> None:
        """Forget credentials; unknown ids are fine."""
        await self._pool.execute("DELETE FROM credentials WHERE credential_id = ANY($1::text[])", list(ids))

    async def create_key(self, key_id: str) -> None:
        """Make a sealing key; one that exists stays as it is."""
        nonce = os.urandom(12)
        wrapped = nonce + self._master.encrypt(nonce, os.urandom(KEY_BYTES), key_id.encode())
        await self._pool.execute(
            "INSERT INTO seal_keys (key_id, wrapped) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING",
            key_id,
            wrapped,
        )

    async def drop_key(self, key_id: str) -> None:
        """Destroy a sealing key for good; an unknown one is fine."""
        await self._pool.execute("DELETE FROM seal_keys WHERE key_id = $1", key_id)

    async def sealer(self, key_id: str) -> Sealer:
        """Give what seals and opens with a key. Raises KeyDestroyed."""
        wrapped: bytes | None = await self._pool.fetchval(
            "SELECT wrapped FROM seal_keys WHERE key_id = $1", key_id
        )
        if wrapped is None:
            raise KeyDestroyed(key_id)
        return Sealer(self._master.decrypt(wrapped[:12], wrapped[12:], key_id.encode()))


@asynccontextmanager
async def open_vault(settings: RuntimeSettings) -> AsyncGenerator[Vault]:
    """Open the vault. Raises SettingsError when the master key's file does not hold one."""
    master_key = _read_master_key(Path(settings.vault_key_file))
    async with open_pool(settings.postgres_dsn, schema="vault", max_size=4) as pool:
        yield Vault(pool, master_key)


def _read_master_key(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, ValueError) as error:
        raise SettingsError("POSTFACH_VAULT_KEY_FILE can't be read as base64") from error
    if len(key) != KEY_BYTES:
        raise SettingsError(f"POSTFACH_VAULT_KEY_FILE must hold {KEY_BYTES} bytes in base64")
    return key
