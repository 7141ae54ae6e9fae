"""Passwords that people can read out and type: four groups of five, of characters that nobody takes for one another."""

from typing import Final

_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters, so that each byte gives one without bias; without l and o, 0 and 1."""

_GROUPS: Final = 4
_GROUP_LENGTH: Final = 5


def password_of(secret: bytes) -> str:
    """Give the password that follows from at least 20 secret random bytes: 100 bits of them, and always the same.

    It is longer than any common password, and no address: those have an @.
    """
    characters = [_ALPHABET[byte % len(_ALPHABET)] for byte in secret[: _GROUPS * _GROUP_LENGTH]]
    assert len(characters) == _GROUPS * _GROUP_LENGTH, "a password needs that many bytes"
    return "-".join(
        "".join(characters[start : start + _GROUP_LENGTH])
        for start in range(0, len(characters), _GROUP_LENGTH)
    )
