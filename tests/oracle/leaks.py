"""Whether a secret has got out: a search of every topic's bytes, every table but the vault, and every file."""

import base64
import io
import re
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from contracts.topics import DEAD_LETTERS
from tests.oracle.findings import Findings
from tests.oracle.log import Log, Record, place

ARGON2: Final = "$argon2"
"""How every encoded Argon2 hash begins."""

SHAPES: Final = (
    # Keys, invitations and sessions, as they are and in hex.
    r"pf_[A-Za-z0-9_-]{43}",
    r"70665f([2-7][0-9a-f]){43}",
    # Secrets of one-time codes (RFC 6238), as a phone takes them up and alone.
    r"otpauth://",
    r"(?<![A-Za-z0-9+/=_-])[A-Z2-7]{32}(?![A-Za-z0-9+/=_-])",
)
"""What secrets look like that the system makes itself, in regular expressions that Python and PostgreSQL share."""

_SHAPE_BYTES_MAX: Final = 100
_CHUNK_BYTES: Final = 1024 * 1024
_NOT_SEARCHED: Final = frozenset({"secrets", "postgres", "kafka"})
"""Folders of a stack that may hold secrets by their purpose, or whose content is searched through their servers."""


class LetterValue(msgspec.Struct):
    """The one field of a dead letter that hides what it holds."""

    value: bytes


class Canaries:
    """Secrets to search for: given ones in the forms in which bytes may show them, and whatever looks like one."""

    def __init__(self, texts: Collection[str]) -> None:
        self.texts = sorted({ARGON2, *texts})
        self.forms = sorted({form for text in self.texts for form in _forms(text)})
        self._pattern = re.compile(
            b"|".join([*(re.escape(form.encode()) for form in self.forms), *map(str.encode, SHAPES)])
        )
        self.longest = max(_SHAPE_BYTES_MAX, *(len(form.encode()) for form in self.forms))

    def in_bytes(self, data: bytes) -> bool:
        """Whether any of them is in the data, a zip archive's members included."""
        if self._pattern.search(data):
            return True
        return any(self._pattern.search(member) for member in _zip_members(data))

    def in_file(self, path: Path) -> bool:
        """Whether any of them is in a file of any size."""
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                file.seek(0)
                return self.in_bytes(file.read())
            file.seek(0)
            tail = b""
            while chunk := file.read(_CHUNK_BYTES):
                if self._pattern.search(tail + chunk):
                    return True
                tail = chunk[-self.longest :]
        return False


def _forms(text: str) -> Iterator[str]:
    yield text
    yield msgspec.json.encode(text).decode()[1:-1]
    yield text.encode().hex()


def _zip_members(data: bytes) -> Iterator[bytes]:
    if not data.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    except zipfile.BadZipFile:
        return


async def search_topics(log: Log, canaries: Canaries, findings: Findings) -> None:
    """Search every record of every topic, aborted ones too: `log` reads uncommitted ones."""
    partitions = [each for topic in sorted(log.topics) for each in log.partitions(topic)]
    ends = await log.ends(partitions)
    for partition in partitions:
        async for records in log.read(partition, ends[partition]):
            findings.checked("I11", len(records))
            for record in records:
                if _leaks(record, canaries):
                    findings.broken("I11", place(record), "a secret in a record")


def _leaks(record: Record, canaries: Canaries) -> bool:
    parts = [record.key or b"", record.value or b"", *(value for _, value in record.headers)]
    if record.topic == DEAD_LETTERS.name and record.value:
        parts.append(_letter_value(record.value))
    return any(canaries.in_bytes(part) for part in parts)


def _letter_value(value: bytes) -> bytes:
    try:
        return msgspec.json.decode(value, type=LetterValue).value
    except (msgspec.DecodeError, base64.binascii.Error):  # pyright: ignore[reportAttributeAccessIssue]
        return b""


async def search_tables(
    connection: "asyncpg.Connection[Any]", canaries: Canaries, findings: Findings
) -> None:
    """Search every row of every table, as text, but for the vault, which is where secrets belong."""
    tables = await connection.fetch(
        """
        SELECT table_schema, table_name FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema', 'vault')
        """
    )
    for schema, table in tables:
        count = await connection.fetchval(f'SELECT count(*) FROM "{schema}"."{table}"')
        findings.checked("I11", count)
        found = await connection.fetch(
            f"""
            SELECT t.ctid::text AS place FROM "{schema}"."{table}" AS t
            WHERE EXISTS (SELECT FROM unnest($1::text[]) AS form WHERE strpos(t::text, form) > 0)
                OR t::text ~ $2
            LIMIT 5
            """,
            canaries.forms,
            "|".join(SHAPES),
        )
        for record in found:
            findings.broken("I11", f"{schema}.{table} at {record['place']}", "a secret in a row")


def search_files(folder: Path, canaries: Canaries, findings: Findings) -> None:
    """Search logs, blobs and whatever else a stack's folder holds."""
    for path in _files(folder):
        findings.checked("I11")
        try:
            leaks = canaries.in_file(path)
        except FileNotFoundError:
            continue  # removed meanwhile, as a finished job's upload is
        if leaks:
            findings.broken("I11", str(path.relative_to(folder)), "a secret in a file")


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name in _NOT_SEARCHED:
            continue
        yield from (
            path for path in ([entry] if entry.is_file() else sorted(entry.rglob("*"))) if path.is_file()
        )
