"""The documents of the project as data: their commands, links, headings and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(PROJECT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def commands(self) -> list[str]:
        """The fenced blocks that are shell, in order."""
        return [body for language, body in _FENCE.findall(self.text) if language == "sh"]

    def links(self) -> Iterator[str]:
        """Where it links to, outside of fences."""
        yield from _LINK.findall(_FENCE.sub("", self.text))

    def anchors(self) -> set[str]:
        """The fragments that its headings make."""
        headings = _HEADING.findall(_FENCE.sub("", self.text))
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def table(self, heading: str) -> list[list[str]]:
        """The rows of the first table below a heading, without the header, without the backticks."""
        below = re.split(rf"^#+ {re.escape(heading)}$", self.text, maxsplit=1, flags=re.MULTILINE)[1]
        rows: list[list[str]] = []
        for line in below.splitlines():
            if line.startswith("|"):
                rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
            elif rows:
                break
        return rows[2:]


def documents() -> list[Document]:
    """Every Markdown file of ours."""
    folders = ("contracts", "services", "deploy", "docs", "tests")
    paths = [
        PROJECT / "README.md",
        *(path for folder in folders for path in sorted((PROJECT / folder).rglob("*.md"))),
    ]
    return [Document(path) for path in paths]


def document(name: str) -> Document:
    """The document of this path."""
    return Document(PROJECT / name)


def make_targets() -> set[str]:
    """What `make help` lists."""
    return set(
        re.findall(r"^([a-z]+):.*## ", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
