"""Blobs: named content in a local folder, or in an S3 bucket by setting."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from services.runtime.clock import utc_now
from services.runtime.disk import sync

_PARTS_AT_ONCE: Final = 3
"""Content that arrives faster than it can be stored waits in memory: so many parts of 5 MiB at most."""


class BlobMissing(Exception):
    """There is no content of this name."""


class Blobs:
    """Content by name. A name that is written again holds the new content from then on, whole."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, name: str, content: bytes | Path | Iterable[bytes] | AsyncIterable[bytes]) -> None:
        """Keep content under a name; it appears there only once it is complete, and then survives a power failure."""
        await obstore.put_async(self._store, name, content, max_concurrency=_PARTS_AT_ONCE)
        if isinstance(self._store, LocalStore) and self._store.prefix is not None:
            await asyncio.to_thread(_sync, Path(self._store.prefix), name)

    async def get(self, name: str) -> bytes:
        """Give content that fits in memory. Raises BlobMissing."""
        try:
            result = await obstore.get_async(self._store, name)
        except FileNotFoundError as error:
            raise BlobMissing(name) from error
        return bytes(await result.bytes_async())

    async def stream(self, name: str) -> AsyncIterator[bytes]:
        """Give content piece by piece. Raises BlobMissing before the first piece."""
        try:
            result = await obstore.get_async(self._store, name)
        except FileNotFoundError as error:
            raise BlobMissing(name) from error
        async for chunk in result.stream(min_chunk_size=1024 * 1024):
            yield bytes(chunk)

    async def delete(self, name: str) -> None:
        """Remove content; a name that holds none is fine."""
        try:
            await obstore.delete_async(self._store, name)
        except FileNotFoundError:
            return

    async def names_older_than(self, folder: str, age: timedelta) -> list[str]:
        """Give the names in a folder whose content was put there so long ago, by the machine's clock."""
        moment = utc_now() - age
        found = obstore.list(self._store, prefix=folder)  # pyright: ignore[reportUnknownMemberType]
        return [entry["path"] for entry in await found.collect_async() if entry["last_modified"] < moment]

    async def delete_all(self, folder: str) -> None:
        """Remove all content whose name begins with `folder` and a slash."""
        found = obstore.list(self._store, prefix=folder)  # pyright: ignore[reportUnknownMemberType]
        for entry in await found.collect_async():
            await self.delete(entry["path"])


def _sync(root: Path, name: str) -> None:
    """The local store itself leaves it to the system when content and its name come to the disk."""
    path = root / name
    # Whoever has removed it since does not need it on the disk.
    with contextlib.suppress(FileNotFoundError):
        for part in (path, *path.parents):
            sync(part)
            if part == root:
                break


def open_blobs(url: str) -> Blobs:
    """Open the store at `file:///folder` (made when missing) or `s3://bucket/prefix` (keys from the environment)."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Blobs(LocalStore(Path(parts.path), mkdir=True, automatic_cleanup=True))
    return Blobs(from_url(url))
