"""Opaque tokens: a Struct on the inside, URL-safe text on the outside. They are checked, not trusted."""

import base64
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T", bound=Struct)


def write_token(content: Struct) -> str:
    """Give the token that says `content`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


def read_token(text: str, kind: type[T]) -> T:
    """Give what a token says. Raises ValueError, and nothing else, for any text that says no `kind`."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ValueError("no token of this kind") from None
