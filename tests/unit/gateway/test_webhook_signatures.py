"""Signatures of Standard Webhooks: the right ones pass, everything else does not, and the time is part of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.gateway.webhook_signatures import SignatureInvalid, check_signature, read_secret, signature_of
from services.runtime.settings import SettingsError

# The example of the standard's own libraries: its secret, message and signature.
SECRET_TEXT = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

NOW = datetime.fromtimestamp(SENT, UTC)


@pytest.fixture
def secret(tmp_path: Path) -> bytes:
    path = tmp_path / "payments.secret"
    path.write_text(f"{SECRET_TEXT}\n")
    found = read_secret(str(path))
    assert found is not None
    return found


def is_valid(
    secret: bytes,
    signatures: str = SIGNATURE,
    *,
    message_id: str = MESSAGE_ID,
    sent: str = str(SENT),
    body: bytes = BODY,
    now: datetime = NOW,
) -> bool:
    try:
        check_signature(secret, message_id, sent, signatures, body, now)
    except SignatureInvalid:
        return False
    return True


def test_the_standard_s_own_example_is_valid(secret: bytes) -> None:
    assert signature_of(secret, MESSAGE_ID, str(SENT), BODY) == SIGNATURE
    assert is_valid(secret)


def test_of_several_signatures_one_that_fits_is_enough(secret: bytes) -> None:
    other = signature_of(b"another secret of 24 bytes or more", MESSAGE_ID, str(SENT), BODY)
    assert is_valid(secret, f"{other} v1a,whatever {SIGNATURE}")
    assert not is_valid(secret, f"{other} {other}")


@pytest.mark.parametrize(
    "signatures",
    ["", "v1,", SIGNATURE[:-1], SIGNATURE.removeprefix("v1,"), SIGNATURE.replace("v1,", "v2,"), "ü"],
)
def test_what_is_no_signature_of_the_message_is_not_valid(secret: bytes, signatures: str) -> None:
    assert not is_valid(secret, signatures)


def test_each_signed_part_counts(secret: bytes) -> None:
    assert not is_valid(secret, message_id="msg_another")
    assert not is_valid(secret, sent=str(SENT + 1))
    assert not is_valid(secret, body=BODY + b" ")
    # A dot in the id would let its end be read as a timestamp.
    moved = signature_of(secret, "a.1", str(SENT), BODY)
    assert not is_valid(secret, moved, message_id="a.1")


@pytest.mark.parametrize("sent", ["", "soon", "-1", "1.5", "١", "9" * 13])
def test_what_is_no_timestamp_is_not_valid(secret: bytes, sent: str) -> None:
    assert not is_valid(secret, signature_of(secret, MESSAGE_ID, sent, BODY), sent=sent)


def test_a_message_counts_for_five_minutes_before_and_after(secret: bytes) -> None:
    for off in (timedelta(minutes=5), timedelta(minutes=-5)):
        assert is_valid(secret, now=NOW + off)
        assert not is_valid(secret, now=NOW + off * 1.01)


def test_without_a_file_there_is_no_secret() -> None:
    assert read_secret("") is None


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_c2hvcnQ=", SECRET_TEXT.removeprefix("whsec_"), "whsec_ü"]
)
def test_what_is_no_secret_keeps_the_gateway_from_starting(tmp_path: Path, text: str) -> None:
    path = tmp_path / "payments.secret"
    path.write_text(text)
    with pytest.raises(SettingsError, match="PAYMENT_SECRET_FILE"):
        read_secret(str(path))
    with pytest.raises(SettingsError, match="PAYMENT_SECRET_FILE"):
        read_secret(str(tmp_path / "nowhere"))
