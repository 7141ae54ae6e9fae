"""A copy of the source in which a violation can be planted."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, PROJECT

Plant = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", root)
    return root


@pytest.fixture
def plant(_copy: Path) -> Iterator[Plant]:
    """Append text to a file of the copy, or make the file; everything is as before after the test."""
    before: dict[Path, str | None] = {}

    def add(path: str, text: str) -> Path:
        target = _copy / path
        before.setdefault(target, target.read_text(encoding="utf-8") if target.exists() else None)
        target.write_text(f"{before[target] or ''}\n{text}\n", encoding="utf-8")
        return _copy

    yield add
    for target, text in before.items():
        if text is None:
            target.unlink()
        else:
            target.write_text(text, encoding="utf-8")
