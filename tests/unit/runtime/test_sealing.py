"""Sealed content can be opened whole, by its own key, or not at all."""

import os
import struct
from collections.abc import AsyncIterator

import pytest

from services.runtime.sealing import FRAME_BYTES, SealBroken, Sealer

KEY = os.urandom(32)
SIZES = (0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES + 5)


def frames(sealed: bytes) -> list[bytes]:
    found: list[bytes] = []
    while sealed:
        (length,) = struct.unpack_from(">I", sealed)
        end = 4 + 12 + length
        found.append(sealed[:end])
        sealed = sealed[end:]
    return found


async def in_pieces(sealed: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(sealed), size):
        yield sealed[start : start + size]


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_sealed_is_opened_in_one_piece_or_many(size: int) -> None:
    data = os.urandom(size)
    sealer = Sealer(KEY)
    sealed = sealer.seal(data)
    assert sealer.open(sealed) == data
    opened = [piece async for piece in Sealer(KEY).open_stream(in_pieces(sealed, 300_001))]
    assert b"".join(opened) == data


def test_a_stream_of_odd_chunks_is_sealed_like_its_whole() -> None:
    chunks = [os.urandom(700_000) for _ in range(5)]
    sealed = b"".join(Sealer(KEY).seal_stream(chunks))
    assert Sealer(KEY).open(sealed) == b"".join(chunks)
    assert max(len(frame) for frame in frames(sealed)) == FRAME_BYTES + 4 + 12 + 16


async def test_a_stream_that_arrives_is_sealed_like_its_whole() -> None:
    content = bytes(range(256)) * 12_000
    sealed = b"".join([frame async for frame in Sealer(KEY).seal_arriving(in_pieces(content, 70_001))])
    assert Sealer(KEY).open(sealed) == content
    assert max(len(frame) for frame in frames(sealed)) == FRAME_BYTES + 4 + 12 + 16


def test_the_same_content_is_never_sealed_to_the_same_bytes() -> None:
    assert Sealer(KEY).seal(b"x") != Sealer(KEY).seal(b"x")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        Sealer(os.urandom(32)).open(Sealer(KEY).seal(b"x"))


THREE = b"".join(Sealer(KEY).seal_stream([os.urandom(2 * FRAME_BYTES + 5)]))
FIRST, SECOND, LAST = frames(THREE)


@pytest.mark.parametrize(
    "spoilt",
    [
        SECOND + FIRST + LAST,
        FIRST + LAST,
        FIRST + SECOND,
        FIRST,
        FIRST + FIRST + SECOND + LAST,
        THREE + LAST,
        THREE[:-1],
        THREE[:3],
        THREE + b"x",
        b"",
        b"\xff\xff\xff\xff" + THREE,
        THREE[:500] + bytes([THREE[500] ^ 1]) + THREE[501:],
        THREE[:5] + bytes([THREE[5] ^ 1]) + THREE[6:],
    ],
    ids=[
        "reordered",
        "the middle cut out",
        "the end cut off",
        "two thirds cut off",
        "a frame doubled",
        "the last frame doubled",
        "the last byte cut off",
        "less than a length",
        "a byte added",
        "nothing",
        "an impossible length",
        "a bit of the content flipped",
        "a bit of the nonce flipped",
    ],
)
async def test_sealed_content_that_was_tampered_with_is_refused(spoilt: bytes) -> None:
    with pytest.raises(SealBroken):
        Sealer(KEY).open(spoilt)
    with pytest.raises(SealBroken):
        async for _ in Sealer(KEY).open_stream(in_pieces(spoilt, 100_000)):
            pass


async def test_an_impossible_length_is_refused_before_so_much_is_read() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100:
            read += 1
            yield b"\x7f" * 1024

    with pytest.raises(SealBroken, match="impossible length"):
        async for _ in Sealer(KEY).open_stream(endless()):
            pass
    assert read == 1
