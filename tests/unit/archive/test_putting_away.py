"""Mail is packed, read back, dropped and brought back, while readers and a mail server go on working in the mailbox."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.ids import MailboxId, TenantId
from services.archive import maildir_dropping, maildir_reading
from services.archive.content import Entry, MailboxHome, MailContent, MailCount, MessageName, Unpackable
from services.archive.maildir import Maildirs
from services.archive.maildir_files import Listing
from services.archive.packing import PackedArchive, pack
from services.runtime.blobs import open_blobs
from tests.kit.maildirs import ARCHIVE, Home, Shelf, a_full_home, a_home, a_shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return a_shelf(tmp_path / "blobs")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_full_home(tmp_path / "mail")


@pytest.fixture
def content(tmp_path: Path) -> Maildirs:
    return Maildirs(tmp_path / "mail")


async def test_a_deleted_mailbox_comes_back_message_by_message_with_flags_dates_folders_and_uids(
    shelf: Shelf, home: Home, content: Maildirs
) -> None:
    before = home.mail()
    packed = await shelf.pack(home)
    archive = shelf.archive(packed)
    manifest = await archive.verify()
    assert await content.drop(home.name, manifest.messages) == packed.messages == 8
    assert await content.remove_home(home.name)
    assert home.beside() == []

    assert await content.restore(home.name, ARCHIVE, archive) == manifest
    assert home.mail() == before
    assert (home.maildir / ".Empty" / "new").is_dir()
    assert not (home.maildir / "dovecot.index").exists()
    assert home.beside() == [home.name.mailbox_id]


async def test_everything_is_on_the_disk_before_a_restored_home_appears(
    shelf: Shelf, home: Home, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = shelf.archive(await shelf.pack(home))
    shutil.rmtree(home.path)
    synced: set[int] = set()
    rename: Callable[..., Path] = Path.rename

    def rename_after_a_look(path: Path, target: Path) -> Path:
        assert {found.stat().st_ino for found in path.rglob("*")} - synced == {
            found.stat().st_ino for found in path.rglob("*") if found.name in _EMPTY_FILES
        }
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    monkeypatch.setattr(Path, "rename", rename_after_a_look)
    await content.restore(home.name, ARCHIVE, archive)
    assert home.path.parent.stat().st_ino in synced


_EMPTY_FILES = {"maildirfolder", f".restored-{ARCHIVE}"}


async def test_the_count_is_what_is_packed(shelf: Shelf, home: Home, content: Maildirs) -> None:
    packed = await shelf.pack(home)
    assert await content.count(home.name) == MailCount(packed.messages, packed.size_bytes)
    assert packed.size_bytes == sum(map(len, home.messages()))


async def test_a_mailbox_that_never_got_mail_is_empty_and_its_archive_too(
    shelf: Shelf, tmp_path: Path, content: Maildirs
) -> None:
    nobody = a_home(tmp_path / "mail", "nobody")
    assert await content.count(nobody.name) == MailCount(0, 0)
    packed = await shelf.pack(nobody)
    manifest = await shelf.archive(packed).verify()
    assert (packed.messages, manifest.messages) == (0, ())
    assert await content.drop(nobody.name, manifest.messages) == 0
    assert await content.remove_home(nobody.name)
    await content.restore(nobody.name, ARCHIVE, shelf.archive(packed))
    assert nobody.mail() == {}


async def test_mail_that_comes_during_or_after_packing_survives_the_dropping(
    shelf: Shelf, home: Home, content: Maildirs, tmp_path: Path
) -> None:
    def while_packing() -> Iterator[Entry]:
        for number, entry in enumerate(content.entries(home.name)):
            yield entry
            if isinstance(entry.name, MessageName):
                home.deliver(f"new/late-{number}", b"late")

    blobs = open_blobs((tmp_path / "blobs").as_uri())
    packed = await pack(blobs, "archives/ina/1", shelf.sealer, while_packing())
    manifest = await shelf.archive(packed).verify()
    home.deliver("new/last", b"last")
    await content.drop(home.name, manifest.messages)
    assert len(manifest.messages) == 8
    assert set(home.messages()) == {b"late", b"last"}
    assert not await content.remove_home(home.name)
    assert set(home.messages()) == {b"late", b"last"}


RENAMES = {
    "seen": ("new/1700000002.M3P1.mx", "cur/1700000002.M3P1.mx:2,S"),
    "flagged": ("cur/1700000001.M2P1.mx:2,", "cur/1700000001.M2P1.mx:2,F"),
    "moved": ("cur/1700000001.M2P1.mx:2,", ".Sent/cur/1700000001.M2P1.mx:2,"),
}


@pytest.mark.parametrize(("old", "new"), RENAMES.values(), ids=RENAMES.keys())
async def test_a_message_renamed_between_packing_and_dropping_is_dropped(
    shelf: Shelf, home: Home, content: Maildirs, old: str, new: str
) -> None:
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    home.rename(old, new)
    assert await content.drop(home.name, manifest.messages) == 8
    assert home.messages() == []


@pytest.mark.parametrize(("old", "new"), RENAMES.values(), ids=RENAMES.keys())
async def test_a_message_renamed_while_packing_is_packed_once(
    home: Home, content: Maildirs, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = home.messages()
    _when_found(monkeypatch, lambda: home.rename(old, new))
    packed = {
        entry.name.path: b"".join(entry.chunks)
        for entry in content.entries(home.name)
        if isinstance(entry.name, MessageName)
    }
    assert sorted(packed.values()) == before
    assert new in packed


async def test_a_message_removed_while_packing_is_not_packed(
    home: Home, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    _when_found(monkeypatch, (home.maildir / "new/1700000002.M3P1.mx").unlink)
    assert not [entry for entry in content.entries(home.name) if "M3P1" in entry.name.path]


async def test_of_two_copies_one_that_is_removed_while_packing_is_not_packed_and_the_other_is_once(
    home: Home, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.deliver(".Sent/cur/no-colon-at-all", b"Subject: four\n\nfour")
    _when_found(monkeypatch, (home.maildir / "cur/no-colon-at-all").unlink)
    packed = [entry.name.path for entry in content.entries(home.name) if "colon" in entry.name.path]
    assert packed == [".Sent/cur/no-colon-at-all"]


def _when_found(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something as soon as it was looked up which messages there are."""
    look = maildir_reading.listing
    waiting = [act]

    def look_then_act(maildir: Path) -> Listing:
        found = look(maildir)
        while waiting:
            waiting.pop()()
        return found

    monkeypatch.setattr(maildir_reading, "listing", look_then_act)


_SIDE_FILES = {"dovecot-uidlist", ".Sent/dovecot-keywords", "subscriptions"}


async def test_a_message_that_is_renamed_while_it_is_dropped_is_dropped_all_the_same(
    shelf: Shelf, home: Home, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    unlink: Callable[..., None] = Path.unlink
    renamed: list[Path] = []

    def unlink_after_a_reader(path: Path) -> None:
        if not renamed:
            renamed.append(path)
            path.rename(path.with_name(path.name + ("T" if ":" in path.name else ":2,S")))
        unlink(path)

    monkeypatch.setattr(Path, "unlink", unlink_after_a_reader)
    await content.drop(home.name, manifest.messages)
    assert renamed
    assert home.messages() == []


async def test_the_only_message_is_dropped_although_it_is_renamed_meanwhile(
    shelf: Shelf, tmp_path: Path, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = a_home(tmp_path / "mail", "lonely")
    lonely.deliver("new/1.mx")
    manifest = await shelf.archive(await shelf.pack(lonely)).verify()
    look = maildir_dropping.listing
    waiting = [("new/1.mx", "cur/1.mx:2,S")]

    def look_then_read(maildir: Path) -> Listing:
        found = look(maildir)
        while waiting:
            lonely.rename(*waiting.pop())
        return found

    monkeypatch.setattr(maildir_dropping, "listing", look_then_read)
    assert await content.drop(lonely.name, manifest.messages) == 1
    assert lonely.messages() == []


async def test_a_message_that_is_there_under_two_names_is_dropped_under_both(
    shelf: Shelf, home: Home, content: Maildirs
) -> None:
    home.deliver("cur/1700000001.M2P1.mx:2,S", b"Subject: two\n\ntwo")
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    assert await content.drop(home.name, manifest.messages) == 8
    assert home.messages() == []


async def test_dropping_again_drops_nothing_more(shelf: Shelf, home: Home, content: Maildirs) -> None:
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    await content.drop(home.name, manifest.messages)
    home.deliver("new/later", b"later")
    assert await content.drop(home.name, manifest.messages) == 0
    assert home.messages() == [b"later"]


async def test_another_message_under_a_packed_base_name_in_another_folder_stays(
    shelf: Shelf, home: Home, content: Maildirs
) -> None:
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    (home.maildir / "cur/no-colon-at-all").unlink()
    home.deliver(".Sent/cur/no-colon-at-all", b"Subject: four\n\nFOUR")
    await content.drop(home.name, manifest.messages)
    assert home.messages() == [b"Subject: four\n\nFOUR"]


async def test_copies_with_the_same_base_name_in_two_folders_are_two_messages(
    shelf: Shelf, home: Home, content: Maildirs
) -> None:
    home.deliver(".Sent/cur/no-colon-at-all", b"Subject: four\n\nfour")
    before = home.mail()
    archive = shelf.archive(await shelf.pack(home))
    manifest = await archive.verify()
    assert len(manifest.messages) == 9
    assert await content.drop(home.name, manifest.messages) == 9
    assert await content.remove_home(home.name)
    await content.restore(home.name, ARCHIVE, archive)
    assert home.mail() == before


async def test_a_home_is_not_removed_under_a_message_that_comes_at_the_last_moment(
    home: Home, content: Maildirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in [path for path in home.mail() if path not in _SIDE_FILES and "/" in path]:
        (home.maildir / path).unlink()
    looked = maildir_dropping.listing

    def look_then_deliver(maildir: Path) -> object:
        found = looked(maildir)
        home.deliver(".Sent/new/last", b"last")
        return found

    monkeypatch.setattr(maildir_dropping, "listing", look_then_deliver)
    assert not await content.remove_home(home.name)
    assert home.messages() == [b"last"]
    assert all((home.maildir / folder / "new").is_dir() for folder in ("", ".Sent", ".Empty"))


async def test_names_that_are_not_utf_8_are_changed_and_their_mail_is_packed(
    shelf: Shelf, home: Home, content: Maildirs
) -> None:
    home.deliver("cur/caf\udce9:2,F", b"Subject: eight\n\neight")
    home.deliver(".Entw\udcfcrfe/cur/8:2,", b"Subject: nine\n\nnine")
    before = home.messages()
    archive = shelf.archive(await shelf.pack(home))
    manifest = await archive.verify()
    assert len(manifest.messages) == 10
    shutil.rmtree(home.path)
    await content.restore(home.name, ARCHIVE, archive)
    assert home.messages() == before
    assert [path for path in home.mail() if "mended" in path and path.endswith(":2,F")]


async def test_what_is_in_a_maildir_but_no_message_is_neither_packed_nor_in_the_way(
    shelf: Shelf, home: Home, content: Maildirs, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (home.maildir / "cur" / "link").symlink_to(tmp_path / "secret")
    (home.maildir / "cur" / ".hidden").write_bytes(b"hidden")
    (home.maildir / "tmp" / "arriving").write_bytes(b"not here yet")
    manifest = await shelf.archive(await shelf.pack(home)).verify()
    assert len(manifest.messages) == 8
    await content.drop(home.name, manifest.messages)
    assert await content.remove_home(home.name)
    assert (tmp_path / "secret").exists()


@pytest.mark.parametrize("bad", ["..", "../..", "ina", "/etc", ""])
async def test_an_id_that_is_no_uuid_leads_nowhere(content: Maildirs, bad: str) -> None:
    home = a_home(Path("unused")).name
    for name in (
        MailboxHome(TenantId(bad), home.mailbox_id),
        MailboxHome(home.tenant, MailboxId(bad)),
    ):
        with pytest.raises(ValueError, match="badly formed"):
            await content.count(name)
        with pytest.raises(ValueError, match="badly formed"):
            await content.remove_home(name)


async def test_a_packed_file_that_could_not_be_completed_is_not_there(
    shelf: Shelf, home: Home, content: Maildirs, tmp_path: Path
) -> None:
    def failing() -> Iterator[Entry]:
        yield from content.entries(home.name)
        raise OSError("the disk is gone")

    blobs = open_blobs((tmp_path / "blobs").as_uri())
    with pytest.raises(OSError, match="the disk is gone"):
        await pack(blobs, "archives/ina/1", shelf.sealer, failing())
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_archive_types_fit_the_port(tmp_path: Path) -> None:
    port: MailContent = Maildirs(tmp_path)
    unpackable: type[Unpackable] = PackedArchive
    assert port
    assert unpackable
