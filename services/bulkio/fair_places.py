"""A bounded number of places that owners share evenly, whoever asks more often."""

import asyncio
from collections import deque


class FairPlaces:
    """The places of one process. While nobody else wants any, an owner may have all of them.

    Whoever has to wait gets a place before everybody who holds more. So a newcomer has its share as soon as enough
    was given back, however many others wait; among equals the one that waits first, and an owner's own in their order.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, owner: str) -> None:
        """Wait for a place, which must be given back. Nobody waits while a place is free."""
        if self._free:
            self._free -= 1
            self._held[owner] = self._held.get(owner, 0) + 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # It was given a place just before it was told to end.
                self.give_back(owner)
            raise

    def give_back(self, owner: str) -> None:
        """Give a place back, and it to whoever waits and holds the fewest."""
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        while self._waiting:
            next_owner = min(self._waiting, key=lambda each: self._held.get(each, 0))
            queue = self._waiting[next_owner]
            place = queue.popleft()
            if not queue:
                del self._waiting[next_owner]
            # Whoever was told to end while waiting is still in the queue.
            if not place.cancelled():
                self._held[next_owner] = self._held.get(next_owner, 0) + 1
                place.set_result(None)
                return
        self._free += 1
