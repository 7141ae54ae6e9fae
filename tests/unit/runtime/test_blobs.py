"""Content that was put stays, and is seen whole or not at all."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.runtime.blobs import open_blobs


async def test_content_and_its_name_are_on_the_disk_once_it_was_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    await open_blobs(tmp_path.as_uri()).put("archives/ina/1", b"content")
    for path in ("archives/ina/1", "archives/ina", "archives", "."):
        assert (tmp_path / path).stat().st_ino in synced


async def test_content_that_stops_arriving_is_not_there(tmp_path: Path) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        yield b"half of it"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await open_blobs(tmp_path.as_uri()).put("archives/ina/1", arriving())
    assert _files(tmp_path) == []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
