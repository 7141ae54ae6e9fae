"""A record that could not be processed: where it stood, why it was put aside, and its bytes."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class DeadLetterReason(StrEnum):
    """Why a record can never be processed as it is."""

    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """`value` is the original record's value, as it was; in JSON it is base64."""

    topic: str
    partition: int
    offset: int
    reason: DeadLetterReason
    detail: str
    seen_by: str
    seen_at: datetime
    value: bytes
