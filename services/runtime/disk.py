"""Seeing to it that what was written is on the disk itself, and not only on its way there."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return once a file's content, or the names in a folder, survive a power failure. Raises FileNotFoundError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
