"""Whether a message comes from who shares a secret with us: signatures of Standard Webhooks 1.0.0.

The signed content is `id.timestamp.body`, the signature HMAC-SHA256 in base64 behind `v1,`. Several signatures, parted by
spaces, are those of several secrets while one replaces another: one that fits is enough.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from services.runtime.settings import SettingsError

TOLERANCE: Final = timedelta(minutes=5)
PREFIX: Final = "whsec_"
SECRET_BYTES_MIN: Final = 24

_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class SignatureInvalid(Exception):
    """The message is not, or not provably, from who shares the secret; or it is too old, or from the future."""


def read_secret(path: str) -> bytes | None:
    """Give the secret of a file that holds `whsec_` and base64; none without a path. Raises SettingsError."""
    if not path:
        return None
    try:
        text = Path(path).read_text(encoding="ascii").strip()
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (OSError, ValueError) as error:
        raise SettingsError("POSTFACH_GATEWAY_PAYMENT_SECRET_FILE holds no secret of webhooks") from error
    if not text.startswith(PREFIX) or len(secret) < SECRET_BYTES_MIN:
        raise SettingsError("POSTFACH_GATEWAY_PAYMENT_SECRET_FILE holds no secret of webhooks")
    return secret


def signature_of(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Give the signature of a message, as its header has it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


def check_signature(
    secret: bytes, message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime
) -> None:
    """Raises SignatureInvalid unless one of the signatures is right and the time within `TOLERANCE` of now."""
    if _ID.fullmatch(message_id) is None or _TIMESTAMP.fullmatch(timestamp) is None:
        raise SignatureInvalid
    expected = signature_of(secret, message_id, timestamp, body)
    # All of them are compared, so that the time tells nothing of which one fits.
    fitting = [hmac.compare_digest(each.encode(), expected.encode()) for each in signatures.split(" ")]
    if not any(fitting) or abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise SignatureInvalid
