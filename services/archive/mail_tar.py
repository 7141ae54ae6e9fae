"""Mail as a tar, and back: what is written is noted in a manifest, and what is read must be what its manifest says."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import DecodeError, json, structs

from services.archive.content import (
    ArchiveBroken,
    Entry,
    FolderName,
    MailName,
    Manifest,
    MessageName,
    PackedMessage,
    PackedSideFile,
    SideFileName,
)
from services.archive.mail_names import parse_path
from services.archive.tar_stream import Member, Read, end, header, members, padding

SIDE_FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A list of UIDs is this long at more than a million messages. A longer one is left out: mail comes before UIDs."""

_MANIFEST: Final = "manifest.json"
_FOLDERS_MAX: Final = 100_000
_ROW_BYTES_MAX: Final = 4 * 1024
_SECOND_NS: Final = 1_000_000_000

_decode_manifest: Final = json.Decoder(Manifest).decode


class Noted:
    """What has gone by, as a manifest tells it."""

    def __init__(self) -> None:
        self.messages: list[PackedMessage] = []
        self.size_bytes = 0
        self._folders: list[FolderName] = []
        self._side_files: list[PackedSideFile] = []

    def add(self, name: MailName, date_ns: int, size_bytes: int, sha256: str) -> None:
        """Note an entry. The bytes that are counted are those of messages."""
        match name:
            case MessageName(folder, place, base, info):
                self.messages.append(PackedMessage(folder, place, base, info, date_ns, size_bytes, sha256))
                self.size_bytes += size_bytes
            case SideFileName(folder, file):
                self._side_files.append(PackedSideFile(folder, file, size_bytes, sha256))
            case FolderName():
                self._folders.append(name)

    def manifest(self) -> Manifest:
        """Give what was noted."""
        return Manifest(
            messages=tuple(self.messages),
            folders=tuple(self._folders),
            side_files=tuple(self._side_files),
        )


def written(entries: Iterable[Entry], noted: Noted) -> Iterator[bytes]:
    """Give the tar of these entries; it ends with the manifest of what was noted."""
    for entry in entries:
        name, size_bytes = entry.name, entry.size_bytes
        if isinstance(name, SideFileName) and size_bytes > SIDE_FILE_BYTES_MAX:
            continue
        digest = hashlib.sha256()
        mtime_s = entry.date_ns // _SECOND_NS
        yield header(name.path, size_bytes, mtime_s, is_folder=isinstance(name, FolderName))
        yield from _hashed(entry.chunks, digest.update)
        yield padding(size_bytes)
        noted.add(name, entry.date_ns, size_bytes, digest.hexdigest())
    manifest = json.encode(noted.manifest())
    yield header(_MANIFEST, len(manifest), 0)
    yield manifest
    yield padding(len(manifest))
    yield end()


class Reading:
    """Reads a tar, and gives no more mail than was reported, whatever the tar would hold."""

    def __init__(self, read: Read, messages: int, size_bytes: int) -> None:
        self._members = members(read)
        self._messages = messages
        self._size_bytes = size_bytes
        self._noted = Noted()
        self._paths: set[str] = set()
        self._keys: set[tuple[str, str]] = set()
        self._manifest: Manifest | None = None

    def entries(self) -> Iterator[Entry]:
        """Give everything but the manifest. Raises ArchiveBroken; the dates are in whole seconds."""
        for member in self._members:
            if self._manifest is not None:
                raise ArchiveBroken("the packed file has something behind its manifest")
            if member.path == _MANIFEST:
                self._manifest = self._decoded(member)
                continue
            name = self._admitted(member)
            digest = hashlib.sha256()
            chunks = _hashed(member.chunks, digest.update)
            date_ns = member.mtime_s * _SECOND_NS
            yield Entry(name, date_ns, member.size_bytes, chunks)
            for _ in chunks:
                pass
            self._noted.add(name, date_ns, member.size_bytes, digest.hexdigest())

    def checked(self) -> Manifest:
        """Give the manifest when all was read and is what was reported. Raises ArchiveBroken."""
        manifest, noted = self._manifest, self._noted
        if manifest is None:
            raise ArchiveBroken("the packed file has no manifest")
        if structs.replace(manifest, messages=tuple(map(_in_seconds, manifest.messages))) != noted.manifest():
            raise ArchiveBroken("the packed file does not hold what its manifest says")
        if (len(noted.messages), noted.size_bytes) != (self._messages, self._size_bytes):
            raise ArchiveBroken("the packed file does not hold what was reported of it")
        return manifest

    def _admitted(self, member: Member) -> MailName:
        try:
            name = parse_path(member.path)
        except ValueError as error:
            raise ArchiveBroken("the packed file has a name that no mail has") from error
        match name:
            case MessageName():
                known = name.key in self._keys
                self._keys.add(name.key)
                too_much = (
                    len(self._noted.messages) >= self._messages
                    or self._noted.size_bytes + member.size_bytes > self._size_bytes
                )
            case _:
                known = name.path in self._paths
                self._paths.add(name.path)
                too_much = len(self._paths) > _FOLDERS_MAX or member.size_bytes > SIDE_FILE_BYTES_MAX
        if known or too_much or isinstance(name, FolderName) != member.is_folder:
            raise ArchiveBroken("the packed file holds more than was reported, or a thing twice")
        return name

    def _decoded(self, member: Member) -> Manifest:
        entries = len(self._noted.messages) + len(self._paths) + 1
        if member.is_folder or member.size_bytes > entries * _ROW_BYTES_MAX:
            raise ArchiveBroken("the packed file has a manifest of an impossible size")
        try:
            return _decode_manifest(b"".join(member.chunks))
        except DecodeError as error:
            raise ArchiveBroken("the packed file has a manifest that is none") from error


def _hashed(chunks: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk


def _in_seconds(message: PackedMessage) -> PackedMessage:
    date_ns = message.internal_date_ns // _SECOND_NS * _SECOND_NS
    return structs.replace(message, internal_date_ns=date_ns)
