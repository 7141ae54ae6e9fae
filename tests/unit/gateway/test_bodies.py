"""Bodies are read strictly: whatever is wrong is answered with its place, and nothing is guessed."""

import asyncio
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http.bodies import decode_body, read_bounded
from services.gateway.http.mailboxes import NewMailbox
from services.gateway.http.problems import Problem


def wrong(data: bytes) -> tuple[int, str, str]:
    with pytest.raises(Problem) as caught:
        decode_body(data, NewMailbox)
    errors = caught.value.errors
    return caught.value.status, caught.value.code, errors[0].pointer if errors else ""


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", (400, "malformed_json", "")),
        (b"{", (400, "malformed_json", "")),
        (b"[" * 100_000, (422, "invalid_field", "#")),
        (b'{"address": "a@b.example", "note": "\xff"}', (400, "malformed_json", "")),
        (b'{"address": "a@b.example", "note": "\\ud800"}', (400, "malformed_json", "")),
        (b"null", (422, "invalid_field", "#")),
        (b"{}", (422, "invalid_field", "#")),
        (b'{"address": 7}', (422, "invalid_field", "#/address")),
        (b'{"address": "a@b.example", "nota": ""}', (422, "invalid_field", "#")),
        (b'{"address": "a@b.example", "note": {"x": [1]}}', (422, "invalid_field", "#/note")),
        (b'{"address": "a@b.example", "note": "a\\u0000b"}', (422, "invalid_field", "#/note")),
        (b'{"address": "a@b.example", "note": "1", "note": "2"}', (400, "duplicate_field", "#/note")),
    ],
)
def test_a_bad_body_is_answered_with_its_place(data: bytes, answer: tuple[int, str, str]) -> None:
    assert wrong(data) == answer


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_problem(data: bytes) -> None:
    with pytest.raises(Problem):
        decode_body(b"{" + data, NewMailbox)


async def test_a_body_is_read_to_its_bound_and_no_further() -> None:
    read = 0

    async def chunks():
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"x" * 10

    with pytest.raises(Problem, match="body_too_large"):
        await read_bounded(chunks(), 25, Problem(413, "body_too_large"))  # pyright: ignore[reportArgumentType]
    assert read == 3


async def test_a_body_that_never_ends_is_given_up() -> None:
    async def chunks():
        yield b"x"
        await asyncio.Event().wait()

    with pytest.raises(Problem, match="body_too_slow"):
        await read_bounded(
            chunks(), 25, Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large"), wait_s=0.01
        )
