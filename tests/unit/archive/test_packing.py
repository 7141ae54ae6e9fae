"""What a packed file is to those who know nothing of us, and that its size costs no memory."""

import io
import os
import shutil
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from msgspec import json

from services.archive import mail_tar
from services.archive.content import Manifest
from services.archive.maildir import Maildirs
from services.archive.tar_stream import header
from tests.kit.maildirs import ARCHIVE, DATE_NS, a_full_home, a_home, a_shelf

MEGABYTE = 1024 * 1024


async def test_any_tar_unpacks_an_archive_into_a_maildir(tmp_path: Path) -> None:
    home = a_full_home(tmp_path / "mail")
    home.deliver(f".{'long' * 40}/cur/{'x' * 120}:2,S", b"Subject: long names\n\n")
    shelf = a_shelf(tmp_path / "blobs")
    await shelf.pack(home)
    sealed = (tmp_path / "blobs/archives/ina/1").read_bytes()
    content = zstandard.ZstdDecompressor().decompressobj().decompress(shelf.sealer.open(sealed))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    found = {
        path.relative_to(tmp_path / "unpacked").as_posix(): path.read_bytes()
        for path in (tmp_path / "unpacked").rglob("*")
        if path.is_file()
    }
    manifest = json.decode(found.pop("manifest.json"), type=Manifest)
    assert found == {path: text for path, (text, _) in home.mail().items() if path in found}
    assert {message.path for message in manifest.messages} < found.keys()
    assert (tmp_path / "unpacked/.Empty").is_dir()
    assert (tmp_path / "unpacked/cur/empty:2,").stat().st_mtime == DATE_NS // 10**9


async def test_a_header_of_any_size_and_a_message_of_every_size_about_a_block_come_back(
    tmp_path: Path,
) -> None:
    home = a_home(tmp_path / "mail")
    home.deliver("cur/headers", b"".join(b"X-Spam-%d: %s\n" % (n, b"y" * 900) for n in range(3000)) + b"\nhi")
    for size in (0, 1, 511, 512, 513, 1024, 262_143, 262_144, 262_145):
        home.deliver(f"cur/size-{size}", os.urandom(size))
    before = home.mail()
    shelf = a_shelf(tmp_path / "blobs")
    archive = shelf.archive(await shelf.pack(home))
    shutil.rmtree(home.path)
    await Maildirs(home.root).restore(home.name, ARCHIVE, archive)
    assert home.mail() == before


async def test_memory_stays_flat_while_fifty_megabytes_are_packed_verified_and_restored(
    tmp_path: Path,
) -> None:
    home = a_home(tmp_path / "mail")
    home.deliver("cur/huge:2,S", os.urandom(30 * MEGABYTE))
    for number in range(40):
        home.deliver(f"cur/{number}:2,S", os.urandom(MEGABYTE // 2))
    shelf = a_shelf(tmp_path / "blobs")
    content = Maildirs(home.root)
    tracemalloc.start()
    try:
        archive = shelf.archive(await shelf.pack(home))
        manifest = await archive.verify()
        await content.drop(home.name, manifest.messages)
        await content.remove_home(home.name)
        await content.restore(home.name, ARCHIVE, archive)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (await content.count(home.name)).size_bytes == 50 * MEGABYTE
    assert peak < 28 * MEGABYTE, "less than the largest message"


async def test_a_list_of_uids_beyond_all_measure_is_left_out_and_the_mail_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_tar, "SIDE_FILE_BYTES_MAX", 20)
    home = a_full_home(tmp_path / "mail")
    shelf = a_shelf(tmp_path / "blobs")
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    assert len(manifest.messages) == 8
    assert [side_file.path for side_file in manifest.side_files] == [
        "subscriptions",
        ".Sent/dovecot-keywords",
    ]


def test_a_size_beyond_eight_gigabytes_and_a_date_before_1970_are_told_in_an_extended_header() -> None:
    told = tarfile.TarInfo.frombuf(header("cur/1", 5, 7), "utf-8", "strict")
    assert (told.name, told.size, told.mtime) == ("cur/1", 5, 7)
    extended = header("cur/1", 9 * 2**30, -5)
    assert b" size=9663676416\n" in extended
    assert b" mtime=-5\n" in extended
