"""Killed before any single change of the file system, each order is given again and ends as if it had never been killed."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from services.archive.content import Manifest
from services.archive.maildir import Maildirs
from services.archive.packing import PackedArchive
from tests.kit.maildirs import ARCHIVE, Home, a_home, a_shelf

CHANGES = ("rename", "unlink", "rmdir", "mkdir", "utime", "fsync")
KILLS_MIN = 5

Order = Callable[[Maildirs, Home], Coroutine[object, object, object]]


class Killed(Exception):
    """The process ended here."""


class Kills:
    """Ends the process before its n-th change of the file system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._before: int | None = None
        for name in CHANGES:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def after(self, changes: int | None) -> None:
        self._before = changes

    def _counted(self, change: Callable[..., object]) -> Callable[..., object]:
        def changed(*args: object, **options: object) -> object:
            if self._before is not None:
                if self._before == 0:
                    raise Killed
                self._before -= 1
            return change(*args, **options)

        return changed


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Kills:
    return Kills(monkeypatch)


class Scene:
    """A mailbox, its archive, and the same mailbox again for each way to be killed."""

    def __init__(self, folder: Path, kills: Kills) -> None:
        self._folder = folder
        self._kills = kills
        self.home = a_home(folder / "mail")
        self.home.deliver("cur/1.mx:2,FS", b"one")
        self.home.deliver("new/2.mx", b"two")
        self.home.deliver(".Sent/cur/3.mx:2,S", b"three")
        self.home.write("dovecot-uidlist", b"3 V1 N4\n")
        self.archive, self.manifest = a_shelf(folder / "blobs").put_away(self.home)

    def killed_everywhere(self, order: Order) -> list[Home]:
        """Give the homes after the order was killed at each step and given again; the last was not killed."""
        homes: list[Home] = []
        killed = True
        while killed:
            home = Home(self._folder / str(len(homes)), self.home.name)
            shutil.copytree(self.home.root, home.root)
            content = Maildirs(home.root)
            self._kills.after(len(homes))
            try:
                asyncio.run(order(content, home))
                killed = False
            except Killed:
                self._kills.after(None)
                asyncio.run(order(content, home))
            self._kills.after(None)
            homes.append(home)
        assert len(homes) > KILLS_MIN
        return homes


@pytest.fixture
def scene(tmp_path: Path, kills: Kills) -> Scene:
    return Scene(tmp_path, kills)


def test_dropping(scene: Scene) -> None:
    scene.home.deliver("new/late", b"late")

    async def drop(content: Maildirs, home: Home) -> None:
        await content.drop(home.name, scene.manifest.messages)

    for home in scene.killed_everywhere(drop):
        assert home.messages() == [b"late"]


def test_removing_a_home(scene: Scene) -> None:
    for path in ("cur/1.mx:2,FS", "new/2.mx", ".Sent/cur/3.mx:2,S"):
        (scene.home.maildir / path).unlink()

    async def remove(content: Maildirs, home: Home) -> None:
        assert await content.remove_home(home.name)

    for home in scene.killed_everywhere(remove):
        assert home.beside() == []


def test_a_home_that_keeps_a_late_message(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def remove(content: Maildirs, home: Home) -> None:
        assert not await content.remove_home(home.name)

    # It is not seen before the folders are taken away, as if it came just then.
    monkeypatch.setattr("services.archive.maildir_dropping.listing", lambda _: {})
    for home in scene.killed_everywhere(remove):
        assert home.mail() == scene.home.mail()


def test_restoring_a_deleted_mailbox(scene: Scene) -> None:
    before = scene.home.mail()
    shutil.rmtree(scene.home.path)

    for home in scene.killed_everywhere(_restore(scene.archive)):
        assert home.mail() == before
        assert home.beside() == [home.name.mailbox_id]


def test_restoring_where_mail_came_before(scene: Scene) -> None:
    before = scene.home.mail()
    shutil.rmtree(scene.home.maildir)
    scene.home.deliver("new/late", b"late")

    for home in scene.killed_everywhere(_restore(scene.archive)):
        assert {path: found for path, found in home.mail().items() if path != "new/late"} == before
        assert b"late" in home.messages()
        assert home.beside() == [home.name.mailbox_id]


def test_merging(scene: Scene) -> None:
    asyncio.run(_dropped(scene.home, scene.manifest))
    scene.home.deliver("new/late", b"late")

    async def merge(content: Maildirs, home: Home) -> None:
        await content.merge(home.name, ARCHIVE, ".Archive 2026-11-24", scene.archive)

    homes = scene.killed_everywhere(merge)
    assert homes[-1].messages() == [b"late", b"one", b"three", b"two"]
    for home in homes:
        assert home.mail() == homes[-1].mail()
        assert home.beside() == [home.name.mailbox_id]


def _restore(archive: PackedArchive) -> Order:
    async def restore(content: Maildirs, home: Home) -> None:
        await content.restore(home.name, ARCHIVE, archive)

    return restore


async def _dropped(home: Home, manifest: Manifest) -> None:
    await Maildirs(home.root).drop(home.name, manifest.messages)
