"""What of a fetched batch a reactor hands on to Faust."""

from typing import Any

from aiokafka import ConsumerRecord

from contracts.codec import encode
from services.runtime.kafka.reactor import worth_handing_on
from tests.kit.toy import a_record


def a_batch(*values: bytes | None) -> list[ConsumerRecord[bytes, bytes]]:
    return [a_record(value, offset=offset) for offset, value in enumerate(values)]


def of_type(kind: str, **data: Any) -> bytes:
    return encode({"id": "1", "type": kind, "data": {"type": kind, **data}})


def offsets(records: list[ConsumerRecord[bytes, bytes]]) -> list[int]:
    return [record.offset for record in records]


def test_only_the_types_that_are_reacted_to_are_handed_on() -> None:
    batch = a_batch(of_type("a"), of_type("b"), of_type("c"), of_type("a"), of_type("b"))
    assert offsets(worth_handing_on(batch, {"b"})) == [1, 4]


def test_the_last_record_is_handed_on_whatever_it_is() -> None:
    """Without it the position would not move while nothing happens that is reacted to."""
    assert offsets(worth_handing_on(a_batch(of_type("a"), of_type("a")), {"b"})) == [1]


def test_a_type_that_stands_in_the_data_alone_is_not_the_type() -> None:
    batch = a_batch(of_type("a", note='"type":"b"'), of_type("b"))
    assert offsets(worth_handing_on(batch, {"b"})) == [1]


def test_the_marker_is_never_handed_on_not_even_as_the_last() -> None:
    assert worth_handing_on(a_batch(None), {"b"}) == []
    assert worth_handing_on(a_batch(None), None) == []
    assert offsets(worth_handing_on(a_batch(None, of_type("a")), None)) == [1]


def test_what_has_no_type_is_handed_on_to_be_put_aside() -> None:
    batch = a_batch(b"no event", b'{"type":3}', b"\xff", of_type("a"))
    assert offsets(worth_handing_on(batch, {"b"})) == [0, 1, 2, 3]


def test_all_is_handed_on_where_everything_is_reacted_to() -> None:
    assert offsets(worth_handing_on(a_batch(of_type("a"), b"no event", of_type("b")), None)) == [0, 1, 2]
