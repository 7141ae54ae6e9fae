"""JSON logs: a constant sentence plus fields. Secrets and personal data never go into either."""

import logging
import sys
import time
from typing import Any, Final

import msgspec
import structlog

SAME_EVERY_S: Final = 1.0
SENTENCES_MAX: Final = 1_000


def _to_json(document: Any, default: Any = None) -> str:
    del default
    return msgspec.json.encode(document, enc_hook=repr).decode()


def configure_logs(service: str, role: str, level: str) -> None:
    """Send this process's log lines, and those of the libraries, to stderr as one JSON document a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, role=role)
    logging.basicConfig(handlers=[LibraryLogs()], level=logging.WARNING, force=True)


class LibraryLogs(logging.Handler):
    """Lets the standard library's loggers, which the drivers use, speak through ours.

    While a broker is away a driver says the same thing hundreds of times a second. So a sentence, whatever its values,
    is written once in `SAME_EVERY_S`, with how often it was left out before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        sentence, now = (record.name, str(record.msg)), time.monotonic()
        said_at, left_out = self._said.get(sentence, (-SAME_EVERY_S, 0))
        if now - said_at < SAME_EVERY_S:
            self._said[sentence] = said_at, left_out + 1
            return
        if len(self._said) >= SENTENCES_MAX:
            self._said.clear()
        self._said[sentence] = now, 0
        fields = {"left_out": left_out} if left_out else {}
        logger = structlog.get_logger(module=record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info, **fields)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    return structlog.get_logger(module=name)
