"""Putting a mailbox away and bringing it back, beside the same work on the same files done by bare loops."""

import hashlib
import os
import random
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import zstandard

from deploy.local.stack import Stack
from services.archive.maildir import Maildirs
from tests.bench.report import Figure
from tests.kit.maildirs import ARCHIVE, Home, a_home, a_shelf

MESSAGES = 10_000
MESSAGE_BYTES = 2_500
WORDS = 4_000


async def measure(_: Stack) -> list[Figure]:
    """Put one mailbox away, bring it back, and merge it; all on the disk, and no process of the stack takes part."""
    with tempfile.TemporaryDirectory() as folder:
        return await _measure(Path(folder))


async def _measure(folder: Path) -> list[Figure]:
    home = a_home(folder / "mail")
    _fill(home)
    content, shelf = Maildirs(home.root), a_shelf(folder / "blobs")
    files = [path for path in (home.maildir / "cur").iterdir() if path.is_file()]
    figures: list[Figure] = []

    async def told(name: str, work: Coroutine[object, object, object], bare_s: float, bare: str) -> None:
        started = time.perf_counter()
        await work
        per_s = MESSAGES / (time.perf_counter() - started)
        figures.append(
            Figure(name=name, value=per_s, unit="messages/s", limit=MESSAGES / bare_s, limit_is=bare)
        )

    plain = folder / "plain.zst"
    copies = folder / "copies"
    packing_s = _seconds(lambda: _compress(files, plain))
    _tar(files, folder / "plain.tar.zst")
    reading_s = _seconds(lambda: _read_tar(folder / "plain.tar.zst"))
    writing_s = _seconds(lambda: _write(files, copies))
    removing_s = _seconds(lambda: shutil.rmtree(copies))

    archive = shelf.archive(await shelf.pack(home, "warm"), "warm")
    manifest = await archive.verify()
    await told(
        f"put away {MESSAGES:,} messages, pack", shelf.pack(home), packing_s, "reading and zstd, nothing else"
    )
    await told(
        "  read back and verify", archive.verify(), reading_s, "the standard library's tar, SHA-256 of each"
    )
    await told(
        "  drop", content.drop(home.name, manifest.messages), removing_s, "removing a folder of as many files"
    )
    assert await content.remove_home(home.name)
    bare = "writing the same files, then fsync of each"
    await told("restore a deleted mailbox", content.restore(home.name, ARCHIVE, archive), writing_s, bare)
    await content.drop(home.name, manifest.messages)
    await told("merge a cleaned mailbox", content.merge(home.name, ARCHIVE, ".Old", archive), writing_s, bare)
    assert (await content.count(home.name)).messages == MESSAGES
    return figures


def _fill(home: Home) -> None:
    """Deliver messages of words, so that they are compressed about as well as mail is."""
    chance = random.Random(6)
    words = [chance.randbytes(4).hex() for _ in range(WORDS)]
    (home.maildir / "cur").mkdir(parents=True)
    for number in range(MESSAGES):
        text = f"Subject: number {number}\n\n{' '.join(chance.choices(words, k=MESSAGE_BYTES // 9))}\n"
        (home.maildir / "cur" / f"1700000000.M{number}P1.mx:2,S").write_text(text)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _compress(files: list[Path], target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    with target.open("wb") as compressed:
        for path in files:
            compressed.write(compressor.compress(path.read_bytes()))
        compressed.write(compressor.flush())


def _read_tar(source: Path) -> None:
    with zstandard.open(source, "rb") as file, tarfile.open(mode="r|", fileobj=file) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            hashlib.sha256(content.read())


def _tar(files: list[Path], target: Path) -> None:
    with zstandard.open(target, "wb") as file, tarfile.open(mode="w|", fileobj=file) as tar:
        for path in files:
            tar.add(path, path.name)


def _write(files: list[Path], folder: Path) -> None:
    folder.mkdir()
    written = [(folder / path.name, content) for path, content in _contents(files)]
    for path, content in written:
        path.write_bytes(content)
    for path, _ in written:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _contents(files: list[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in files:
        yield path, path.read_bytes()
