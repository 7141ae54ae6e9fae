"""Any message of any topic, made from the types themselves, so that a new field is tried without anybody's doing."""

import functools
import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from msgspec import Raw, inspect, json

from contracts.access import OnboardTenant
from contracts.ids import UUID_PATTERN
from contracts.message import STORABLE

# JSON has no lone surrogates; everything else that a text can hold is tried.
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@functools.cache
def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Give the strategy for a message class, an envelope of a union, or any other type of the contracts.

    Made once: to make the one of an envelope anew for each example took longer than the example.
    """
    return _of(inspect.type_info(kind))


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata():
            return _of(kind.type)
        case inspect.StructType():
            # Not st.builds: the class of a generic envelope is plain, its fields' types are not.
            fields = {field.name: _of(field.type) for field in kind.fields}
            return st.fixed_dictionaries(fields).map(lambda values: kind.cls(**values))
        case inspect.UnionType():
            return st.one_of([_of(each) for each in kind.types])
        case inspect.StrType():
            return _texts(kind)
        case inspect.IntType():
            least = -(2**53) if kind.ge is None else kind.ge
            return st.integers(least, 2**53 if kind.le is None else kind.le)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.BytesType():
            return st.binary()
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
        case inspect.DateTimeType():
            return st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
                lambda each: each.replace(tzinfo=UTC)
            )
        case inspect.VarTupleType():
            return st.lists(_of(kind.item_type), min_size=kind.min_length or 0, max_size=4).map(tuple)
        case inspect.DictType():
            return st.dictionaries(_of(kind.key_type), _of(kind.value_type), max_size=4)
        case inspect.RawType():
            return messages(OnboardTenant).map(lambda each: Raw(json.encode(each)))
        case _:
            raise AssertionError(f"a message has a field of a kind that is not tried yet: {kind}")


def _texts(kind: inspect.StrType) -> st.SearchStrategy[str]:
    length = {"min_size": kind.min_length or 0, "max_size": min(kind.max_length or 40, 40)}
    if kind.pattern is None or kind.pattern == STORABLE:
        # What matches STORABLE needs no search: the characters tried have no zero among them.
        return st.text(_CHARACTERS, **length)
    if kind.pattern == UUID_PATTERN:
        return st.uuids().map(str)
    if alphabet := re.fullmatch(r"\^(\[[^]]+\])[*+]\$", kind.pattern):
        allowed = [chr(code) for code in range(128) if re.fullmatch(alphabet[1], chr(code))]
        return st.text(allowed, **length)
    return st.from_regex(kind.pattern.removesuffix("$"), fullmatch=True)
