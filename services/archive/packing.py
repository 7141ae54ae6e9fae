"""One archive is one object: a tar of a Maildir, compressed with zstd, sealed with the archive's own key.

Opened and decompressed, it can be unpacked by any `tar`, and what comes out is a Maildir again that any mail server
reads: flags are in the files' names, internal dates in their times. What a tar can't tell (the SHA-256 of each message,
fractions of a second) is in its last member, `manifest.json`, which is also the list of what may be dropped from the
mailbox. Pax headers appear only where a name is too long or not ASCII.

Memory grows with the number of messages, by about a kilobyte for each, and not with their size.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import IO, Final, cast

import zstandard
from msgspec import Struct

from services.archive.content import ArchiveBroken, Entry, Manifest
from services.archive.mail_tar import Noted, Reading, written
from services.runtime.blobs import BlobMissing, Blobs
from services.runtime.sealing import SealBroken, Sealer

_LEVEL: Final = 3
_WINDOW_BYTES_MAX: Final = 8 * 1024 * 1024


class Packed(Struct, frozen=True):
    """What is reported of a packed file; unpacking holds it to every number. The SHA-256 is that of the sealed object."""

    messages: int
    size_bytes: int
    packed_bytes: int
    sha256: str


async def pack(blobs: Blobs, blob: str, sealer: Sealer, entries: Iterator[Entry]) -> Packed:
    """Put everything under a new name, where it appears when it is whole. The entries are read in threads."""
    noted = Noted()
    digest = hashlib.sha256()
    packed_bytes = 0

    async def sealed() -> AsyncIterator[bytes]:
        nonlocal packed_bytes
        frames = sealer.seal_stream(_compressed(written(entries, noted)))
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            digest.update(frame)
            packed_bytes += len(frame)
            yield frame

    await blobs.put(blob, sealed())
    return Packed(len(noted.messages), noted.size_bytes, packed_bytes, digest.hexdigest())


class PackedArchive:
    """A packed file, of which it is known what it must be."""

    def __init__(self, blobs: Blobs, blob: str, sealer: Sealer, packed: Packed) -> None:
        self._blobs = blobs
        self._blob = blob
        self._sealer = sealer
        self._packed = packed

    async def verify(self) -> Manifest:
        """Read everything back, compare it with what was reported, and give the manifest. Raises ArchiveBroken."""
        return await self.unpack(_pass_over)

    async def unpack(self, keep: Callable[[Iterator[Entry]], None]) -> Manifest:
        """Run `keep` in a thread with everything in the archive, and give the manifest. Raises ArchiveBroken.

        What `keep` did counts only once this has returned: the end of an archive may be what is broken of it. No more
        mail than was reported is ever given to it, whatever the archive would expand to.
        """
        digest = hashlib.sha256()
        arriving = _Arriving(self._sealer.open_stream(self._stream(digest.update)))
        try:
            manifest = await asyncio.to_thread(self._read, arriving, keep)
        except (SealBroken, BlobMissing, zstandard.ZstdError) as error:
            raise ArchiveBroken("the packed file is missing, altered, or sealed with another key") from error
        finally:
            arriving.stop()
        if digest.hexdigest() != self._packed.sha256:
            raise ArchiveBroken("the packed file is not the one that was reported")
        return manifest

    def _read(self, arriving: "_Arriving", keep: Callable[[Iterator[Entry]], None]) -> Manifest:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX)
        # Of a file it uses `read` alone.
        file = cast(IO[bytes], arriving)
        reading = Reading(
            decompressor.stream_reader(file).read, self._packed.messages, self._packed.size_bytes
        )
        entries = reading.entries()
        keep(entries)
        _pass_over(entries)
        return reading.checked()

    async def _stream(self, update: Callable[[bytes], None]) -> AsyncIterator[bytes]:
        async for chunk in self._blobs.stream(self._blob):
            update(chunk)
            yield chunk


class _Arriving:
    """What arrives in the event loop, as a file that a thread reads."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._stopped = False

    def read(self, size: int = -1) -> bytes:
        """Give the next chunk, of whatever size; nothing at the end. Raises ArchiveBroken once it is stopped."""
        if self._stopped:
            raise ArchiveBroken("nobody waits for the packed file any more")
        return asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()

    def stop(self) -> None:
        """End the reading thread at its next read: a task that is cancelled does not end its thread."""
        self._stopped = True

    async def _next(self) -> bytes:
        return await anext(self._chunks, b"")


def _compressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    for chunk in chunks:
        if compressed := compressor.compress(chunk):
            yield compressed
    yield compressor.flush()


def _pass_over(entries: Iterator[Entry]) -> None:
    for _ in entries:
        pass
