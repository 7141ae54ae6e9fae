"""How many streams somebody may hold open. Counted in the memory of the process, as requests are."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from services.runtime import metrics


class StreamsFull(Exception):
    """Whoever asks holds as many streams open as one may."""


class StreamPlaces:
    """The open streams of one process, by who opened them."""

    def __init__(self, each_max: int) -> None:
        self._each_max = each_max
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, whom: str) -> Generator[None]:
        """Hold a place for as long as the block runs. Raises StreamsFull."""
        if self._open[whom] >= self._each_max:
            raise StreamsFull
        self._open[whom] += 1
        try:
            with metrics.streams_open.track_inprogress():
                yield
        finally:
            self._open[whom] -= 1
            if not self._open[whom]:
                del self._open[whom]
