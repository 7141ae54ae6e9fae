"""Secrets in every form in which bytes may show them."""

import hashlib
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


KEY = "pf_" + "aB3-_x" * 7 + "Q"
CODES = "JBSWY3DPEHPK3PXP" * 2


@pytest.mark.parametrize(
    "data",
    [
        KEY.encode(),
        b'{"secret":"' + KEY.encode() + b'"}',
        KEY.encode().hex().encode(),
        CODES.encode(),
        b'{"secret":"' + CODES.encode() + b'"}',
        b"otpauth://totp/Postfach:ina?issuer=Postfach",
    ],
)
def test_what_the_system_gives_out_once_is_found_by_its_look(data: bytes) -> None:
    assert Canaries([]).in_bytes(b"before " + data + b" after")


@pytest.mark.parametrize(
    "data",
    [
        b"pf_unknown",
        KEY[:-1].encode() + b"!",
        hashlib.sha256(KEY.encode()).hexdigest().encode(),
        CODES[:-1].encode(),
        CODES.encode() + b"A",
        CODES.lower().encode(),
        b"eyJ" + CODES.encode() + b"==",
    ],
)
def test_what_only_begins_like_a_secret_is_none(data: bytes) -> None:
    assert not Canaries([]).in_bytes(b"before " + data + b" after")


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
