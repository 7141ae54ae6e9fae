"""Secrets in every form in which bytes may show them."""

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from tests.oracle.findings import Findings
from tests.oracle.leaks import Canaries, search_files
from tests.unit.oracle.hand_made import broken

SECRET = 'Käfer "17"'


@pytest.mark.parametrize(
    "data",
    [
        SECRET.encode(),
        b"x" * 100 + SECRET.encode() + b"y",
        msgspec.json.encode({"note": SECRET}),
        SECRET.encode().hex().encode(),
        b"$argon2id$v=19$m=19456",
    ],
)
def test_a_secret_is_found_in_every_form(data: bytes) -> None:
    assert Canaries([SECRET]).in_bytes(data)
    assert not Canaries([SECRET]).in_bytes(data[3:-3].replace(b"r", b"").replace(b"6", b""))


def test_a_secret_in_an_archive_is_found(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", "x" * 1000 + SECRET)
    assert Canaries([SECRET]).in_bytes(buffer.getvalue())
    (tmp_path / "result.xlsx").write_bytes(buffer.getvalue())
    assert Canaries([SECRET]).in_file(tmp_path / "result.xlsx")


def test_a_secret_across_two_pieces_of_a_large_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "large.log"
    file.write_bytes(b"x" * (1024 * 1024 - 3) + SECRET.encode() + b"x" * 1024)
    assert Canaries([SECRET]).in_file(file)


def test_only_what_must_hold_no_secret_is_searched(tmp_path: Path) -> None:
    for folder in ("secrets", "postgres", "kafka"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text(SECRET)
    findings = Findings()
    search_files(tmp_path, Canaries([SECRET]), findings)
    assert findings.content
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "gateway.log").write_text(f"signed in with {SECRET}")
    search_files(tmp_path, Canaries([SECRET]), findings)
    assert broken(findings) == ["I11"]
    assert findings.invariants["I11"].places == ["logs/gateway.log: a secret in a file"]
    assert SECRET not in findings.report()
