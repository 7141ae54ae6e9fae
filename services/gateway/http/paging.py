"""Pages: how many, from where, and the token for the next. Tokens are checked, not trusted: a forged one gets a 400."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from fastapi import Query
from msgspec import UNSET, Meta, Struct, UnsetType

from services.gateway.http.problems import invalid
from services.gateway.http.request import Text
from services.gateway.http.tokens import read_token, write_token
from services.gateway.read_models import TOTAL_MAX, Found

PAGE_SIZE_MAX: Final = 500
PAGE_SIZE_DEFAULT: Final = 50
TOKEN_LENGTH_MAX: Final = 2_000

K = TypeVar("K", bound=tuple[Any, ...])
R = TypeVar("R", bound=Struct)

Instant = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=TOTAL_MAX)]

PageSize = Annotated[
    int,
    Query(alias="page_size", ge=1, le=2**31, description=f"At most {PAGE_SIZE_MAX}; more is taken as that."),
]
PageToken = Annotated[
    str | None,
    Query(alias="page_token", max_length=TOKEN_LENGTH_MAX, description="The next_page_token of a page."),
]


class Token(Struct, Generic[K], frozen=True, array_like=True):
    """Where a page starts: behind which keys, in which list, and how many that list was counted to have."""

    list_name: Text
    after: K
    total: Count
    exact: bool


def list_name(*parts: str) -> str:
    """Name a list by all that makes it that list, so a token of one is refused by another."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def decode_token(text: str, keys: type[K], name: str) -> Token[K]:
    """Give what a token says. Raises Problem for any that this list did not give, whatever is in it."""
    try:
        token = read_token(text, Token[keys])
    except ValueError:
        raise _bad_token() from None
    if token.list_name != name or not all(_is_clean(value) for value in token.after):
        raise _bad_token()
    return token


def _is_clean(value: object) -> bool:
    # Another offset than UTC could lie outside of the years there are, once it is in UTC.
    return not isinstance(value, datetime) or value.utcoffset() == timedelta(0)


def _bad_token() -> Exception:
    return invalid(
        "page_token",
        "invalid_page_token",
        "expected the next_page_token of this same list",
        HTTPStatus.BAD_REQUEST,
    )


def page_size(asked: int) -> int:
    """Give the page size that is used for the one asked for."""
    return min(asked, PAGE_SIZE_MAX)


class Cut(Struct, Generic[R], frozen=True):
    """A list cut to its page, with the fields that every page has."""

    rows: Sequence[R]
    next_page_token: str | UnsetType
    total_size: int
    total_size_is: Literal["exact", "at_least"]


def total_is(exact: bool) -> Literal["exact", "at_least"]:
    """Say what a total is."""
    return "exact" if exact else "at_least"


def cut(found: Found[R], size: int, name: str, keys: Sequence[str]) -> Cut[R]:
    """Cut what was found, one row more than the page at most, to the page."""
    total, exact = min(found.counted, TOTAL_MAX), found.counted <= TOTAL_MAX
    rows = found.rows[:size]
    if len(found.rows) <= size:
        return Cut(rows, UNSET, total, total_is(exact))
    after = tuple(getattr(rows[-1], key) for key in keys)
    return Cut(rows, write_token(Token(name, after, total, exact)), total, total_is(exact))
