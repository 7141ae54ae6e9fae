"""Waiting for a condition, so that no test sleeps for a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.05


def eventually(condition: Callable[[], T | None], within_s: float = 30.0) -> T:
    """Asks again and again until the answer is true, and gives it. Fails with the last answer after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            asked = getattr(condition, "__name__", condition)
            raise AssertionError(f"not within {within_s:g} s: {asked}; last answer: {answer!r}")
        time.sleep(_POLL_S)
