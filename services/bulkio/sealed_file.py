"""Files on the scratch disk, sealed on their way to the blobs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.runtime.sealing import Sealer

_CHUNK_BYTES: Final = 1024 * 1024


def seal_file(sealer: Sealer, plain: Path, sealed: Path) -> None:
    """Write the sealed form of a file of any size."""
    with sealed.open("wb") as target:
        for frame in sealer.seal_stream(_chunks(plain)):
            target.write(frame)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
