"""What every command, event and personal field has in common.

Tags are written out in each class and permanent. Commands forbid unknown fields: a misspelt order must not be half
obeyed. Events tolerate them: an old reader meets newer facts. New fields have defaults.
"""

from collections.abc import Iterator
from typing import Annotated, Final, get_args

import msgspec
from msgspec import Meta, Struct

from contracts.ids import UUID_PATTERN

PERSONAL: Final = {"personal": True}
"""Marks a field as personal data, so that the codec alone decides how such a field is kept in the log."""

STORABLE: Final = "^[^\\u0000]*$"
"""The pattern of text that a database can keep: PostgreSQL has no place for the character zero."""

UuidText = Annotated[str, Meta(pattern=UUID_PATTERN)]


class Command(Struct, frozen=True, kw_only=True, gc=False, tag_field="type", forbid_unknown_fields=True):
    """An order. A decider turns it into events, or refuses it with a code."""


class Event(Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """A fact of the past, in the customer's words. It is never refused and never changed."""


def tag_of(message: type[Struct] | Struct) -> str:
    """Give the permanent tag of a command or event class, or of one of its instances."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str), "every message writes out its tag"
    return tag


def members(union: object) -> tuple[type[Struct], ...]:
    """Give the classes of a message union; a single class is a union of one."""
    return get_args(union) or (union,)  # type: ignore[return-value]


def personal_fields(message: type[Struct]) -> Iterator[str]:
    """Give the names of the fields that hold personal data."""
    info = msgspec.inspect.type_info(message)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        if _is_personal(field.type):
            yield field.name


def _is_personal(kind: msgspec.inspect.Type) -> bool:
    match kind:
        case msgspec.inspect.Metadata():
            return kind.extra == PERSONAL or _is_personal(kind.type)  # pyright: ignore[reportUnknownMemberType]
        case msgspec.inspect.UnionType():
            return any(_is_personal(each) for each in kind.types)
        case _:
            return False
