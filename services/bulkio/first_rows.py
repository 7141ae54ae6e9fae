"""Which row of a file had something first, for a million rows in little memory."""

import hashlib
import os
from array import array
from typing import Final

_SMALLEST: Final = 1 << 12


class FirstRows:
    """An open hash table of 64-bit digests and row numbers: 12 bytes a slot, at most two thirds of them taken.

    The digest is keyed anew for each file, so nobody can make two addresses meet on purpose; by chance two of a million
    do in one file of 37 million. That row would be called a duplicate, and nothing worse.
    """

    def __init__(self) -> None:
        self._key = os.urandom(16)
        self._count = 0
        self._resize(_SMALLEST)

    def first(self, text: str, row: int) -> int:
        """Give the row that had `text` first, which is `row` itself when none had."""
        digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=self._key).digest(), "big")
        place = self._place(digest)
        if self._rows[place]:
            return self._rows[place]
        self._digests[place], self._rows[place] = digest, row
        self._count += 1
        if self._count * 3 > len(self._rows) * 2:
            self._grow()
        return row

    def _place(self, digest: int) -> int:
        """Give the slot of a digest: the one that has it, else the free one where it belongs. Rows begin at 1."""
        mask = len(self._rows) - 1
        place = digest & mask
        while self._rows[place] and self._digests[place] != digest:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        digests, rows = self._digests, self._rows
        self._resize(len(rows) * 2)
        for digest, row in zip(digests, rows, strict=True):
            if row:
                place = self._place(digest)
                self._digests[place], self._rows[place] = digest, row

    def _resize(self, slots: int) -> None:
        self._digests = array("Q", bytes(8 * slots))
        self._rows = array("I", bytes(4 * slots))
