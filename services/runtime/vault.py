"""The vault: password hashes, secrets for one-time codes and sealing keys by id, in a schema that nothing else reads."""

import base64
import os
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyotp import random_base32
from pyotp.exceptions import OTPVerificationError
from pyotp.totp import TOTP

from services.runtime.passwords import Hasher
from services.runtime.postgres import Pool, open_pool
from services.runtime.sealing import Sealer
from services.runtime.settings import RuntimeSettings, SettingsError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class KeyDestroyed(Exception):
    """The key was dropped, or never existed; what it sealed can't be read any more."""


class Vault:
    """Secrets by id. What leaves it is a verdict or a sealer, never a hash or a key; a code's secret does once, at its making."""

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

    async def verify(self, credential_id: str | None, password: str, hasher: Hasher) -> bool:
        """Say whether a password is that of a credential. An unknown one, or none, takes as long and is a no."""
        encoded: str | None = await self._pool.fetchval(
            "SELECT hash FROM credentials WHERE credential_id = $1", credential_id
        )
        return await hasher.verify(encoded, password)

    async def create_one_time_secret(self, secret_id: str) -> str:
        """Make a secret for one-time codes (RFC 6238) and give it in base32; it is never given again."""
        secret = random_base32()
        await self._pool.execute(
            "INSERT INTO one_time_secrets (secret_id, wrapped) VALUES ($1, $2)",
            secret_id,
            self._wrap(secret_id, secret.encode()),
        )
        return secret

    async def use_code(self, secret_id: str, code: str, now: datetime) -> bool:
        """Say whether a one-time code is right now, or was or will be one step of 30 s away; no step is used twice."""
        wrapped: bytes | None = await self._pool.fetchval(
            "SELECT wrapped FROM one_time_secrets WHERE secret_id = $1", secret_id
        )
        if wrapped is None:
            return False
        codes = TOTP(self._unwrap(secret_id, wrapped).decode())
        try:
            step = codes.verify_and_get_timecode(code, for_time=now, valid_window=1)
        except OTPVerificationError:
            return False
        used = await self._pool.fetchval(
            """
            UPDATE one_time_secrets SET used_step = $2 WHERE secret_id = $1 AND used_step < $2
            RETURNING used_step
            """,
            secret_id,
            step,
        )
        return used is not None

    async def drop_one_time_secret(self, secret_id: str) -> None:
        """Forget a secret for one-time codes; an unknown one is fine."""
        await self._pool.execute("DELETE FROM one_time_secrets WHERE secret_id = $1", secret_id)

    async def create_key(self, key_id: str) -> None:
        """Make a sealing key; one that exists stays as it is."""
        await self._pool.execute(
            "INSERT INTO seal_keys (key_id, wrapped) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING",
            key_id,
            self._wrap(key_id, os.urandom(KEY_BYTES)),
        )

    async def drop_key(self, key_id: str) -> None:
        """Destroy a sealing key for good; an unknown one is fine."""
        await self._pool.execute("DELETE FROM seal_keys WHERE key_id = $1", key_id)

    async def sealer(self, key_id: str) -> Sealer:
        """Give what seals and opens with a key. Raises KeyDestroyed."""
        wrapped: bytes | None = await self._pool.fetchval(
            "SELECT wrapped FROM seal_keys WHERE key_id = $1", key_id
        )
        return self._unwrapped(key_id, wrapped)

    async def last_sealer(self, key_id: str) -> Sealer:
        """Destroy a sealing key and give what opens with it for the last time. Raises KeyDestroyed to all but one."""
        wrapped: bytes | None = await self._pool.fetchval(
            "DELETE FROM seal_keys WHERE key_id = $1 RETURNING wrapped", key_id
        )
        return self._unwrapped(key_id, wrapped)

    def _unwrapped(self, key_id: str, wrapped: bytes | None) -> Sealer:
        if wrapped is None:
            raise KeyDestroyed(key_id)
        return Sealer(self._unwrap(key_id, wrapped))

    def _wrap(self, id_: str, secret: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, secret, id_.encode())

    def _unwrap(self, id_: str, wrapped: bytes) -> bytes:
        return self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], id_.encode())


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
