"""Shows the logs of all parts as one, ordered by time, for a person to read.

The roles, the broker and the supervisor write one JSON document a line, PostgreSQL its own format; a line that is
neither (a traceback, a warning of the interpreter) stays with the line before it.
"""

import heapq
import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deploy.local.site import Site

_POLL_S = 0.25
_TIME_KEYS = ("timestamp", "time", "ts")
_EVENT_KEYS = ("event", "message", "msg")
_POSTGRES = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) UTC \[\d+\] (\w+):\s+(.*)")


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One entry. `at` is ISO 8601 in UTC, so that text order is time order."""

    at: str
    part: str
    text: str

    def __str__(self) -> str:
        return f"{self.at[11:23]:<12} {self.part:<18} {self.text}"


def show_logs(site: Site, *, role: str | None, lines: int, follow: bool) -> None:
    """Prints until the end of the logs, or for ever when following. KeyboardInterrupt ends it quietly."""
    tails: dict[str, Tail] = {}
    try:
        while True:
            for file in sorted(site.logs.glob("*.log")):
                if file.stem not in tails and role in (None, file.stem):
                    tails[file.stem] = Tail(file)
            for line in heapq.merge(*(tail.read(lines) for tail in tails.values())):
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            if not follow:
                return
            time.sleep(_POLL_S)
    except (KeyboardInterrupt, BrokenPipeError):
        return


class Tail:
    """Reads one part's log on from where it last stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._last_at = ""

    def read(self, lines_max: int) -> list[Line]:
        with self._file.open("rb") as file:
            if file.seek(0, 2) < self._offset:
                # It was rolled meanwhile.
                self._offset = 0
            file.seek(self._offset)
            latest: deque[bytes] = deque(maxlen=lines_max)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._offset += len(raw)
                latest.append(raw)
        return list(self._parse(latest))

    def _parse(self, raw_lines: Iterable[bytes]) -> Iterator[Line]:
        for raw in raw_lines:
            text = raw.decode(errors="replace").rstrip("\n")
            line = read_line(self._file.stem, text)
            if line is None:
                yield Line(self._last_at, self._file.stem, f"  {text}")
                continue
            # A part's own order is kept, even where its clock seems to step back by a little.
            self._last_at = max(line.at, self._last_at)
            yield Line(self._last_at, line.part, line.text)


def read_line(part: str, text: str) -> Line | None:
    """None when the line carries no time of its own."""
    if text.startswith("{"):
        try:
            document: Any = json.loads(text)
        except ValueError:
            return None
        return _from_json(part, cast("dict[str, Any]", document))
    if found := _POSTGRES.match(text):
        day, hour, level, message = found.groups()
        return Line(f"{day}T{hour}Z", part, f"{level.lower():<7} {message}")
    return None


def _from_json(part: str, document: dict[str, Any]) -> Line | None:
    at = next((str(document.pop(key)) for key in _TIME_KEYS if key in document), None)
    if at is None:
        return None
    event = next((document.pop(key) for key in _EVENT_KEYS if key in document), "")
    level = str(document.pop("level", "")).lower()
    exception = str(document.pop("exception", "") or "")
    fields = " ".join(f"{name}={value}" for name, value in document.items())
    text = f"{level:<7} {event}  {fields}".rstrip()
    return Line(at, part, f"{text}\n{exception}".rstrip())
