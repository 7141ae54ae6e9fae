"""A cleaned mailbox gets its old mail back in a folder, each message once, however often and however far that goes."""

from pathlib import Path

import pytest

from contracts.ids import ArchiveId
from services.archive.content import Manifest
from services.archive.maildir import Maildirs
from services.archive.packing import PackedArchive
from tests.kit.given import an_id
from tests.kit.maildirs import ARCHIVE, DATE_NS, Home, Shelf, a_full_home, a_shelf

FOLDER = ".Archive 2026-11-24"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_full_home(tmp_path / "mail")


@pytest.fixture
def content(tmp_path: Path) -> Maildirs:
    return Maildirs(tmp_path / "mail")


@pytest.fixture
async def cleaned(tmp_path: Path, home: Home, content: Maildirs) -> tuple[PackedArchive, Manifest]:
    """The archive of what was in the home, which has one new message since."""
    shelf: Shelf = a_shelf(tmp_path / "blobs")
    archive = shelf.archive(await shelf.pack(home))
    manifest = await archive.verify()
    await content.drop(home.name, manifest.messages)
    home.deliver("new/later", b"later")
    return archive, manifest


async def test_messages_come_back_below_a_folder_with_their_flags_dates_and_folders(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    archive, manifest = cleaned
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    mail = home.mail()
    assert len(home.messages()) == 9
    for message in manifest.messages:
        found = {
            path: date
            for path, (text, date) in mail.items()
            if path.startswith(f"{FOLDER}{message.folder}/{message.place}/")
            and len(text) == message.size_bytes
        }
        assert message.internal_date_ns in found.values()
        if message.info == ":2,FS":
            assert [path for path in found if path.endswith(":2,FS")]
    assert home.beside() == [home.name.mailbox_id]


async def test_a_keyword_does_not_come_back_as_another_one(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    await content.merge(home.name, ARCHIVE, FOLDER, cleaned[0])
    (sent,) = (home.maildir / f"{FOLDER}.Sent" / "cur").iterdir()
    assert sent.name.endswith(":2,S")


async def test_merging_again_changes_nothing_even_where_its_owner_has_tidied_up(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    archive, _ = cleaned
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    (sent,) = (home.maildir / f"{FOLDER}.Sent" / "cur").iterdir()
    sent.unlink()
    (new,) = (home.maildir / FOLDER / "new").iterdir()
    new.rename(home.maildir / "cur" / f"{new.name}:2,S")
    before = home.mail()
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    assert home.mail() == before


async def test_a_message_moved_after_half_of_a_merge_is_not_merged_again(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = cleaned
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    complete = home.messages()
    (home.path / f".merged-{ARCHIVE}").unlink()
    (sent,) = (home.maildir / f"{FOLDER}.Sent" / "cur").iterdir()
    sent.rename(home.maildir / "cur" / f"{sent.name}F")
    next((home.maildir / FOLDER / "new").iterdir()).unlink()
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    assert home.messages() == complete


async def test_a_message_whose_very_bytes_are_in_the_mailbox_is_not_added(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    archive, _ = cleaned
    home.deliver(".Kept/cur/copy:2,S", b"Subject: two\n\ntwo", DATE_NS + 1)
    home.deliver(".Kept/cur/same-size:2,S", b"Subject: six\n\nSIX", DATE_NS + 1)
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    assert home.messages().count(b"Subject: two\n\ntwo") == 1
    assert home.messages().count(b"Subject: six\n\nsix") == 1


async def test_copies_within_the_archive_all_come_back(tmp_path: Path, home: Home, content: Maildirs) -> None:
    home.deliver(".Sent/cur/copy-of-two:2,S", b"Subject: two\n\ntwo")
    before = home.messages()
    shelf = a_shelf(tmp_path / "blobs")
    archive = shelf.archive(await shelf.pack(home))
    await content.drop(home.name, (await archive.verify()).messages)
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    assert home.messages() == before


async def test_two_archives_of_one_day_are_merged_into_one_folder(
    tmp_path: Path, home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    shelf = a_shelf(tmp_path / "blobs")
    second = shelf.archive(await shelf.pack(home, "archives/ina/2"), "archives/ina/2")
    await content.drop(home.name, (await second.verify()).messages)
    await content.merge(home.name, ArchiveId(an_id("second")), FOLDER, second)
    await content.merge(home.name, ARCHIVE, FOLDER, cleaned[0])
    assert len(home.messages()) == 9
    assert len(list((home.maildir / FOLDER / "new").iterdir())) == 2


async def test_a_folder_whose_name_would_be_too_long_is_merged_into_the_one_above(
    tmp_path: Path, home: Home, content: Maildirs
) -> None:
    home.deliver(f".{'x' * 250}/cur/long:2,", b"long")
    shelf = a_shelf(tmp_path / "blobs")
    archive = shelf.archive(await shelf.pack(home))
    await content.drop(home.name, (await archive.verify()).messages)
    await content.merge(home.name, ARCHIVE, FOLDER, archive)
    assert b"long" in [path.read_bytes() for path in (home.maildir / FOLDER / "cur").iterdir()]


@pytest.mark.parametrize("folder", ["", "Archive", "..", "../x", ".a/../../b"])
async def test_a_merge_stays_in_a_subfolder(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest], folder: str
) -> None:
    with pytest.raises(ValueError, match="subfolder"):
        await content.merge(home.name, ARCHIVE, folder, cleaned[0])


async def test_a_restore_adds_what_is_missing_where_mail_came_before_it(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    archive, manifest = cleaned
    home.deliver("cur/1700000001.M2P1.mx:2,RS", b"Subject: two\n\ntwo")
    (home.maildir / "dovecot-uidlist").write_bytes(b"3 V1 N2\n")
    await content.restore(home.name, ARCHIVE, archive)
    mail = home.mail()
    assert {message.path for message in manifest.messages if "M2P1" not in message.path} < mail.keys()
    assert "cur/1700000001.M2P1.mx:2,RS" in mail
    assert len(home.messages()) == 9
    assert mail["dovecot-uidlist"][0] == b"3 V1 N2\n"


async def test_restoring_again_brings_nothing_back_that_was_thrown_away_since(
    home: Home, content: Maildirs, cleaned: tuple[PackedArchive, Manifest]
) -> None:
    archive, manifest = cleaned
    (home.maildir / "new/later").unlink()
    assert await content.remove_home(home.name)
    await content.restore(home.name, ARCHIVE, archive)
    (home.maildir / manifest.messages[0].path).unlink()
    await content.restore(home.name, ARCHIVE, archive)
    assert len(home.messages()) == 7
    assert home.beside() == [home.name.mailbox_id]
