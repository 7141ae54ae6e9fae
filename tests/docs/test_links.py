"""Every link within the project leads to something that is there."""

import re
import subprocess
from xml.etree import ElementTree as ET

import pytest

from tests.docs.documents import PROJECT, Document, document, documents, make_targets


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Document) -> None:
    for link in page.links():
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in Document(path).anchors(), f"{page.name} links to {link}"


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    seen: set[str] = set()
    waiting = [document("README.md")]
    while waiting:
        page = waiting.pop()
        if page.name in seen:
            continue
        seen.add(page.name)
        for link in page.links():
            path = (page.path.parent / link.partition("#")[0]).resolve()
            if path.suffix == ".md":
                waiting.append(Document(path))
    assert {
        page.name for page in documents() if page.name.startswith(("docs/", "deploy/", "contracts/"))
    } <= seen


def test_the_decisions_are_listed_by_their_numbers_and_have_all_parts() -> None:
    # A number may be missing for a while: it is given out before its page is written.
    pages = sorted((PROJECT / "docs" / "decisions").glob("0*.md"))
    listed = re.findall(
        r"^\| (\d+) \| \[.+\]\((.+)\) \|$", (pages[0].parent / "README.md").read_text(), re.MULTILINE
    )
    assert listed == [(str(int(page.name[:4])), page.name) for page in pages]
    for (number, _), page in zip(listed, pages, strict=True):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "Refused",
        ]


def test_the_glossary_is_in_order_and_gives_each_word_once() -> None:
    words = [row[0] for row in document("docs/glossary.md").table("Glossary")]
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Document) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.text, re.MULTILINE))
    assert named <= make_targets()


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.name)
def test_every_path_that_is_named_exists(page: Document) -> None:
    roots = "contracts|services|deploy|tests|docs"
    for name in re.findall(rf"`((?:{roots})/[\w./-]+)`", page.text):
        assert (PROJECT / name).exists() or (page.path.parent / name).exists(), f"{page.name} names {name}"


def test_the_picture_is_well_formed_and_shows_in_light_and_dark() -> None:
    picture = PROJECT / "docs" / "pictures" / "house.svg"
    root = ET.parse(picture).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    text = picture.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    classes = set(re.findall(r'class="(\w+)"', text))
    dark = text.split("prefers-color-scheme: dark")[1]
    assert classes - {"name"} == {name for name in classes if f".{name} {{" in dark}


def test_no_machine_and_no_registry_is_named_in_what_is_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.lock", "*.yaml", "*.svg", "deploy/Dockerfile"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split():
        text = (PROJECT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.-])/(?:home|root|work|Users)/", text), name
        if name.endswith(".lock"):
            assert "://" not in text, name
