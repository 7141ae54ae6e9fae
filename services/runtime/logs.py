"""JSON logs: a constant sentence plus fields. Secrets and personal data never go into either."""

import logging
import sys
from typing import Any

import msgspec
import structlog


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
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)


class _ToStructlog(logging.Handler):
    """Lets the standard library's loggers, which the drivers use, speak through ours."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(module=record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    return structlog.get_logger(module=name)
