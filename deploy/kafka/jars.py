"""Fetches the jars that make an Apache Kafka broker, each held to the SHA-256 that jars.lock names.

`install` needs no dependency resolution: the lock names every jar, so it downloads exactly those, in parallel, and
writes a stamp named after the lock's own hash. An interrupted download is found by its hash and fetched again.
`lock` resolves the few coordinates below anew and is the only way jars.lock changes.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jgo
from jgo.maven import Artifact, MavenContext

PROJECT = Path(__file__).resolve().parents[2]
LOCK_FILE = Path(__file__).with_name("jars.lock")
HOME = PROJECT / ".local" / "kafka"
REPOSITORY = HOME / "repository"

# kafka-clients is named though the broker needs it anyway: left to the resolver, another root (kafka-tools, say) can
# pull in an older one, and the broker then fails on a missing class. The last one binds slf4j to log4j2.
ROOTS = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-clients:4.3.1",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)

_DOWNLOADS_AT_ONCE = 8
_DOWNLOAD_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar; its file lies where a Maven repository would keep it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        folder = REPOSITORY.joinpath(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}.jar"

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


class JarsChangedError(Exception):
    """A downloaded jar is not the one that was locked; nothing of it is kept."""


def locked_jars() -> list[Jar]:
    """The jars of the broker in class path order."""
    jars: list[Jar] = []
    for line in LOCK_FILE.read_text().splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def class_path() -> str:
    """What `java -cp` wants. Raises FileNotFoundError when the set-up has not run for the present lock."""
    if not _stamp().exists():
        raise FileNotFoundError("the jars of Kafka are not installed: run `make setup`")
    return os.pathsep.join(str(jar.path) for jar in locked_jars())


def install() -> None:
    """Downloads what is missing and verifies everything; returns at once when the stamp of this lock is there."""
    stamp = _stamp()
    if stamp.exists():
        return
    REPOSITORY.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for _ in pool.map(_fetch, locked_jars()):
            pass
    for old in HOME.glob("*.installed"):
        old.unlink()
    stamp.touch()


def lock() -> None:
    """Resolves the roots and writes jars.lock."""
    lines = ["# Made by `make lock`. Each line: group:artifact:version and the SHA-256 of its jar."]
    for found in jgo.resolve("+".join(ROOTS)):
        artifact = _artifact(found.groupId, found.artifactId, found.version)
        lines.append(f"{found.groupId}:{found.artifactId}:{found.version} {_sha256(artifact.resolve())}")
    LOCK_FILE.write_text("\n".join(lines) + "\n")


def _stamp() -> Path:
    return HOME / f"{hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]}.installed"


def _fetch(jar: Jar) -> None:
    if jar.path.exists() and _sha256(jar.path) != jar.sha256:
        # Left behind by an interrupted download.
        jar.path.unlink()
    if jar.path.exists():
        return
    _artifact(jar.group, jar.artifact, jar.version).resolve()
    found = _sha256(jar.path)
    if found != jar.sha256:
        jar.path.unlink()
        raise JarsChangedError(f"{jar.coordinate}: SHA-256 is {found}, locked is {jar.sha256}")


def _artifact(group: str, artifact: str, version: str) -> Artifact:
    context = MavenContext(repo_cache=REPOSITORY, timeout=_DOWNLOAD_TIMEOUT_S)
    return context.project(group, artifact).at_version(version).artifact()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case ["install"]:
            install()
        case ["lock"]:
            lock()
        case _:
            raise SystemExit("usage: python -m deploy.kafka.jars install|lock")


if __name__ == "__main__":
    main(sys.argv[1:])
