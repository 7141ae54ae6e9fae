"""A packed file that is not what was reported of it says so, gives no bomb a chance, and leaves the mailbox as it is."""

import asyncio
import hashlib
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from msgspec import json, structs

from services.archive.content import ArchiveBroken, Entry, FolderName, Manifest, PackedMessage, PackedSideFile
from services.archive.maildir import Maildirs
from services.archive.packing import Packed
from services.runtime.sealing import Sealer
from tests.kit.maildirs import ARCHIVE, Home, Shelf, a_full_home, a_shelf

BLOB = "archives/ina/1"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return a_shelf(tmp_path / "blobs")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_full_home(tmp_path / "mail")


async def is_broken(shelf: Shelf, home: Home, packed: Packed) -> None:
    """The archive is refused wherever it is used, and the mailbox and what is beside it are untouched."""
    before = home.mail()
    content = Maildirs(home.root)
    archive = shelf.archive(packed)
    with pytest.raises(ArchiveBroken):
        await archive.verify()
    with pytest.raises(ArchiveBroken):
        await content.restore(home.name, ARCHIVE, archive)
    with pytest.raises(ArchiveBroken):
        await content.merge(home.name, ARCHIVE, ".Archive", archive)
    assert home.mail() == before
    assert home.beside() == [home.name.mailbox_id]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda sealed: sealed[:-1],
    "cut in half": lambda sealed: sealed[: len(sealed) // 2],
    "emptied": lambda _: b"",
    "altered": lambda sealed: sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:],
    "made longer": lambda sealed: sealed + b"x",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_sealed_file_that_was_changed(
    shelf: Shelf, home: Home, change: Callable[[bytes], bytes]
) -> None:
    packed = await shelf.pack(home)
    sealed = shelf.folder / BLOB
    sealed.write_bytes(change(sealed.read_bytes()))
    await is_broken(shelf, home, packed)


async def test_a_file_that_is_missing(shelf: Shelf, home: Home) -> None:
    packed = await shelf.pack(home)
    (shelf.folder / BLOB).unlink()
    await is_broken(shelf, home, packed)


async def test_a_file_sealed_with_another_key(shelf: Shelf, home: Home) -> None:
    packed = await shelf.pack(home)
    shelf.sealer = Sealer(bytes(32))
    await is_broken(shelf, home, packed)


async def test_a_sound_file_that_is_not_the_one_reported(shelf: Shelf, home: Home) -> None:
    packed = await shelf.pack(home)
    for other in (
        structs.replace(packed, sha256="0" * 64),
        structs.replace(packed, messages=packed.messages - 1),
        structs.replace(packed, messages=packed.messages + 1),
        structs.replace(packed, size_bytes=packed.size_bytes - 1),
        structs.replace(packed, size_bytes=packed.size_bytes + 1),
    ):
        await is_broken(shelf, home, other)


def sealed_by_a_stranger(
    shelf: Shelf, tar: bytes, messages: int = 1, size_bytes: int = 5, *, compressed: bool = True
) -> Packed:
    """Put a tar of anything as the packed file, sealed with the right key and reported with the right digest."""
    content = zstandard.ZstdCompressor().compress(tar) if compressed else tar
    sealed = shelf.sealer.seal(content)
    (shelf.folder / BLOB).parent.mkdir(parents=True, exist_ok=True)
    (shelf.folder / BLOB).write_bytes(sealed)
    return Packed(messages, size_bytes, len(sealed), hashlib.sha256(sealed).hexdigest())


def a_message(name: str = "1.mx", text: bytes = b"hello", **changed: object) -> PackedMessage:
    message = PackedMessage("", "cur", name, ":2,S", 0, len(text), hashlib.sha256(text).hexdigest())
    return structs.replace(message, **changed)


MESSAGE = ("cur/1.mx:2,S", b"hello", tarfile.REGTYPE)


def a_tar(
    *members: tuple[str, bytes, bytes],
    manifest: bytes | None = json.encode(Manifest(messages=(a_message(),))),
) -> bytes:
    file = io.BytesIO()
    with tarfile.open(mode="w", fileobj=file, format=tarfile.PAX_FORMAT) as tar:
        for name, content, member_type in (*members, *_a_manifest(manifest)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.type = member_type
            info.linkname = "/etc/passwd" if member_type in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            tar.addfile(info, io.BytesIO(content))
        ends = file.tell()
    return file.getvalue()[:ends] + bytes(1024)


def _a_manifest(manifest: bytes | None) -> list[tuple[str, bytes, bytes]]:
    return [] if manifest is None else [("manifest.json", manifest, tarfile.REGTYPE)]


def a_tar_with(path: str, member_type: bytes) -> bytes:
    """A tar with something else that is empty; its manifest agrees with it."""
    empty = hashlib.sha256().hexdigest()
    manifest = (
        Manifest(messages=(a_message(),), folders=(FolderName(path),))
        if path.startswith(".")
        else Manifest(messages=(a_message(),), side_files=(PackedSideFile("", path, 0, empty),))
    )
    return a_tar(MESSAGE, (path, b"", member_type), manifest=json.encode(manifest))


@pytest.mark.parametrize(
    "tar",
    [a_tar(MESSAGE), a_tar_with("subscriptions", tarfile.REGTYPE), a_tar_with(".Sent", tarfile.DIRTYPE)],
)
async def test_a_tar_made_by_others_is_read(shelf: Shelf, tar: bytes) -> None:
    packed = sealed_by_a_stranger(shelf, tar)
    assert (await shelf.archive(packed).verify()).messages == (a_message(),)


HOSTILE = {
    "a path upwards": a_tar(("../../cur/1.mx:2,S", b"hello", tarfile.REGTYPE)),
    "a path through a folder": a_tar((".a/../cur/1.mx:2,S", b"hello", tarfile.REGTYPE)),
    "an absolute path": a_tar(("/cur/1.mx:2,S", b"hello", tarfile.REGTYPE)),
    "a folder named upwards": a_tar(("../cur/1.mx:2,S", b"hello", tarfile.REGTYPE)),
    "a file of a mail server's settings": a_tar((".dovecot.sieve", b"hello", tarfile.REGTYPE)),
    "a path into tmp": a_tar(("tmp/1.mx", b"hello", tarfile.REGTYPE)),
    "a hidden file": a_tar(
        ("cur/.mx", b"hello", tarfile.REGTYPE),
        manifest=json.encode(Manifest(messages=(a_message(".mx", info=""),))),
    ),
    "a file of a mail server's settings beside a folder's messages": a_tar(
        MESSAGE,
        (".Sent/dovecot.conf", b"hello", tarfile.REGTYPE),
        manifest=json.encode(
            Manifest(
                messages=(a_message(),),
                side_files=(PackedSideFile(".Sent", "dovecot.conf", 5, a_message().sha256),),
            )
        ),
    ),
    "a symbolic link": a_tar_with("subscriptions", tarfile.SYMTYPE),
    "a hard link": a_tar_with("subscriptions", tarfile.LNKTYPE),
    "a device": a_tar_with("subscriptions", tarfile.CHRTYPE),
    "a folder as a file": a_tar_with("subscriptions", tarfile.DIRTYPE),
    "a file as a folder": a_tar_with(".Sent", tarfile.REGTYPE),
    "a message twice": a_tar(MESSAGE, MESSAGE),
    "a message twice by flags": a_tar(MESSAGE, ("cur/1.mx:2,", b"hello", tarfile.REGTYPE)),
    "a message more than reported": a_tar(MESSAGE, ("cur/2.mx", b"", tarfile.REGTYPE)),
    "a message larger than reported": a_tar(("cur/1.mx:2,S", b"hello!", tarfile.REGTYPE)),
    "other bytes than in the manifest": a_tar(("cur/1.mx:2,S", b"HELLO", tarfile.REGTYPE)),
    "no manifest": a_tar(MESSAGE, manifest=None),
    "something behind the manifest": a_tar(*_a_manifest(json.encode(Manifest(messages=()))), MESSAGE),
    "a manifest that is none": a_tar(MESSAGE, manifest=b"{"),
    "a manifest of another shape": a_tar(MESSAGE, manifest=b'{"messages": 1}'),
    "a huge manifest": a_tar(MESSAGE, manifest=b" " * 100_000),
    "a manifest that names more": a_tar(
        MESSAGE, manifest=json.encode(Manifest(messages=(a_message(), a_message("2.mx"))))
    ),
    "a manifest that cuts names otherwise": a_tar(
        MESSAGE, manifest=json.encode(Manifest(messages=(a_message("1.mx:2,", info="S"),)))
    ),
    "a manifest with another date": a_tar(
        MESSAGE, manifest=json.encode(Manifest(messages=(a_message(internal_date_ns=10**9),)))
    ),
    "a name that is not UTF-8": a_tar(MESSAGE).replace(b"1.mx", b"\xff.mx"),
    "a header with a wrong sum": a_tar(MESSAGE).replace(b"ustar", b"USTAR", 1),
    "no end": a_tar(MESSAGE)[:-1024],
    "half an end": a_tar(MESSAGE)[:-512],
    "more behind the end": a_tar(MESSAGE) + b"more",
    "nothing": b"",
}


@pytest.mark.parametrize("tar", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_tar(shelf: Shelf, home: Home, tar: bytes) -> None:
    await is_broken(shelf, home, sealed_by_a_stranger(shelf, tar))


async def test_a_message_twice_is_broken_even_where_everybody_says_so(shelf: Shelf, home: Home) -> None:
    again = ("cur/1.mx:2,", b"hello", tarfile.REGTYPE)
    manifest = Manifest(messages=(a_message(), a_message(info=":2,")))
    tar = a_tar(MESSAGE, again, manifest=json.encode(manifest))
    await is_broken(shelf, home, sealed_by_a_stranger(shelf, tar, messages=2, size_bytes=10))


async def test_never_more_messages_than_reported_are_given(shelf: Shelf) -> None:
    given: list[str] = []
    tar = a_tar(*((f"cur/{number}", b"", tarfile.REGTYPE) for number in range(9)))
    archive = shelf.archive(sealed_by_a_stranger(shelf, tar, messages=3, size_bytes=0))
    with pytest.raises(ArchiveBroken):
        await archive.unpack(lambda entries: given.extend(entry.name.path for entry in entries))
    assert given == ["cur/0", "cur/1", "cur/2"]


async def test_what_is_not_compressed(shelf: Shelf, home: Home) -> None:
    await is_broken(shelf, home, sealed_by_a_stranger(shelf, a_tar(MESSAGE), compressed=False))
    cut = zstandard.ZstdCompressor().compress(a_tar(MESSAGE))[:-4]
    await is_broken(shelf, home, sealed_by_a_stranger(shelf, cut, compressed=False))


def raw_header(name: str, size: int, member_type: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = member_type
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "beginning",
    [
        raw_header("cur/1.mx:2,S", 2**36),
        raw_header("dovecot-uidlist", 2**36),
        raw_header("manifest.json", 2**36),
        raw_header("././@PaxHeader", 2**36, tarfile.XHDTYPE),
        raw_header("cur/1.mx:2,S", -1),
        raw_header("././@PaxHeader", -513, tarfile.XHDTYPE),
    ],
    ids=["a message", "a side file", "the manifest", "a header", "less than nothing", "a header of less"],
)
async def test_what_would_expand_without_end_is_not_even_begun(shelf: Shelf, beginning: bytes) -> None:
    """Half a gigabyte of zeros is a few bytes of zstd. It costs no memory, and none of it is given on."""
    compressor = zstandard.ZstdCompressor().compressobj()
    content = compressor.compress(beginning)
    for _ in range(512):
        content += compressor.compress(bytes(2**20))
    content += compressor.flush()
    archive = shelf.archive(sealed_by_a_stranger(shelf, content, compressed=False))
    given: list[int] = []
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveBroken):
            await archive.unpack(
                lambda entries: given.extend(len(chunk) for entry in entries for chunk in entry.chunks)
            )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(given) == 0
    assert peak < 16 * 2**20


@pytest.mark.parametrize(
    "records",
    [
        b"nonsense",
        b"99999 path=cur/1.mx:2,S\n",
        b"9 path=xx\n",
        b"0 path=xx\n",
        b"11 size=-1\n\n",
        b"10 size=x\n",
        b"26 path=../../etc/passwd\n\n",
    ],
)
async def test_an_extended_header_that_is_none_or_lies(shelf: Shelf, home: Home, records: bytes) -> None:
    extended = raw_header("././@PaxHeader", len(records), tarfile.XHDTYPE)
    padded = records + bytes(-len(records) % 512)
    await is_broken(shelf, home, sealed_by_a_stranger(shelf, extended + padded + a_tar(MESSAGE)))


async def test_reading_ends_when_nobody_waits_for_it_any_more(shelf: Shelf, home: Home) -> None:
    for number in range(20):
        home.deliver(f"cur/large-{number}", os.urandom(2**20))
    packed = await shelf.pack(home)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def keep(entries: Iterator[Entry]) -> None:
        try:
            for _ in entries:
                loop.call_soon_threadsafe(task.cancel)
        except ArchiveBroken:
            loop.call_soon_threadsafe(stopped.set)
            raise

    task = asyncio.create_task(shelf.archive(packed).unpack(keep))
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(stopped.wait(), 60)
