"""Sealed content: AES-256-GCM in frames, so that a file of any size is sealed and opened with little memory.

A sealed stream is a sequence of frames, each a 4-byte big-endian length, a 12-byte nonce and the ciphertext. The
additional data of a frame is its index and whether it is the last, so frames can't be reordered, dropped or cut off.
"""

import hmac
import os
import struct
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FRAME_BYTES: Final = 1024 * 1024
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class SealBroken(Exception):
    """The sealed content was altered, cut off, or sealed with another key."""


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._root = hmac.digest(key, b"postfach derived secrets", "sha256")

    def derived(self, name: str) -> bytes:
        """Give 32 bytes that only the key's holder can know: the same for the same name, and gone with the key."""
        return hmac.digest(self._root, name.encode(), "sha256")

    def seal(self, data: bytes) -> bytes:
        """Give the sealed form of content that fits in memory."""
        return b"".join(self.seal_stream([data]))

    def open(self, sealed: bytes) -> bytes:
        """Give back what was sealed. Raises SealBroken."""
        opened: list[bytes] = []
        reader = _FrameReader(self._cipher)
        opened.extend(reader.feed(sealed))
        opened.extend(reader.end())
        return b"".join(opened)

    def seal_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Give the frames of a stream of chunks of any size."""
        writer = _FrameWriter(self._cipher)
        for chunk in chunks:
            yield from writer.feed(chunk)
        yield writer.end()

    async def seal_arriving(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Give the frames of a stream of chunks that arrive one by one."""
        writer = _FrameWriter(self._cipher)
        async for chunk in chunks:
            for frame in writer.feed(chunk):
                yield frame
        yield writer.end()

    async def open_stream(self, sealed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give back the content of a sealed stream, frame by frame. Raises SealBroken, also at its very end."""
        reader = _FrameReader(self._cipher)
        async for chunk in sealed:
            for opened in reader.feed(chunk):
                yield opened
        for opened in reader.end():
            yield opened


class _FrameWriter:
    """Makes frames of chunks. A frame is held back until there is more: it may be the last one."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher
        self._buffer = bytearray()
        self._index = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._buffer += chunk
        while len(self._buffer) > FRAME_BYTES:
            yield self._frame(bytes(self._buffer[:FRAME_BYTES]), last=False)
            del self._buffer[:FRAME_BYTES]
            self._index += 1

    def end(self) -> bytes:
        return self._frame(bytes(self._buffer), last=True)

    def _frame(self, data: bytes, *, last: bool) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._cipher.encrypt(nonce, data, _additional(self._index, last=last))
        return struct.pack(">I", len(ciphertext)) + nonce + ciphertext


class _FrameReader:
    """Cuts a sealed stream into frames. The newest whole frame is held back: it may be the last one."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher
        self._buffer = bytearray()
        self._index = 0
        self._held: tuple[bytes, bytes] | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._buffer += chunk
        while (frame := self._next_frame()) is not None:
            if self._held is not None:
                yield self._open(self._held, last=False)
            self._held = frame

    def end(self) -> Iterator[bytes]:
        if self._buffer or self._held is None:
            raise SealBroken("the sealed content is cut off")
        yield self._open(self._held, last=True)

    def _next_frame(self) -> tuple[bytes, bytes] | None:
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._buffer)
        if not _TAG_BYTES <= length <= FRAME_BYTES + _TAG_BYTES:
            raise SealBroken("the sealed content has a frame of an impossible length")
        end = 4 + _NONCE_BYTES + length
        if len(self._buffer) < end:
            return None
        frame = bytes(self._buffer[4 : 4 + _NONCE_BYTES]), bytes(self._buffer[4 + _NONCE_BYTES : end])
        del self._buffer[:end]
        return frame

    def _open(self, frame: tuple[bytes, bytes], *, last: bool) -> bytes:
        nonce, ciphertext = frame
        try:
            opened = self._cipher.decrypt(nonce, ciphertext, _additional(self._index, last=last))
        except InvalidTag as error:
            raise SealBroken("the sealed content was altered, cut off, or sealed with another key") from error
        self._index += 1
        return opened


def _additional(index: int, *, last: bool) -> bytes:
    return struct.pack(">Q?", index, last)
