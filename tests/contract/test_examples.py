"""The bytes that were frozen decode for ever, and are written the same way again."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from contracts.codec import decode_any_event, decode_command_header, decode_outcome_header, encode
from contracts.message import members, tag_of
from contracts.outcome import RefusalCode
from contracts.topics import FAMILIES, TOPICS
from tests.contract.frozen import EXAMPLES, decoders, example_path, expected_examples

FILES = sorted(EXAMPLES.glob("*/v*/*.json"))
ENVELOPE_VERSIONS = {"v1"}


def topic_of(path: Path) -> str:
    return path.parent.parent.name


def only_the_frozen_part(now: Any, frozen: Any) -> Any:
    """Leave out fields that were added since, wherever they are: an older writer did not know them."""
    if isinstance(now, dict) and isinstance(frozen, dict):
        return {
            name: only_the_frozen_part(value, frozen[name]) for name, value in now.items() if name in frozen
        }
    return now


def of_kind(kind: str) -> list[Path]:
    return [path for path in FILES if topic_of(path).endswith(kind)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{topic_of(path)}-{path.stem}")
def test_frozen_bytes_decode_and_are_written_the_same_way_again(path: Path) -> None:
    frozen = path.read_bytes()
    message = decoders()[topic_of(path)](frozen)
    again = encode(message)
    assert encode(only_the_frozen_part(json.decode(again), json.decode(frozen))) == frozen
    assert decoders()[topic_of(path)](again) == message


@pytest.mark.parametrize(("topic", "name"), list(expected_examples()))
def test_every_message_has_an_example(topic: str, name: str) -> None:
    assert example_path(topic, name).exists(), "python -m tests.contract.frozen writes it"


def test_every_topic_has_examples() -> None:
    assert {topic_of(path) for path in FILES} == {topic.name for topic in TOPICS}
    assert {path.parent.name for path in FILES} == ENVELOPE_VERSIONS


def test_no_message_that_has_an_example_is_forgotten() -> None:
    known = {example_path(topic, name) for topic, name in expected_examples()}
    assert [path for path in FILES if path not in known] == []


@pytest.mark.parametrize("path", of_kind(".events"), ids=lambda path: path.stem)
def test_the_type_of_an_event_is_the_tag_of_its_data(path: Path) -> None:
    event = decode_any_event(path.read_bytes())
    assert event.type == json.decode(event.data)["type"] == path.stem


@pytest.mark.parametrize("path", of_kind(".commands"), ids=lambda path: path.stem)
def test_the_name_of_a_command_example_is_its_tag(path: Path) -> None:
    header = decode_command_header(path.read_bytes())
    assert json.decode(header.data)["type"] == path.stem


@pytest.mark.parametrize("path", of_kind(".outcomes"), ids=lambda path: f"{topic_of(path)}-{path.stem}")
def test_an_outcome_is_recognised_by_its_command_alone(path: Path) -> None:
    assert decode_outcome_header(path.read_bytes()).command == json.decode(path.read_bytes())["command"]


def test_a_command_with_an_unknown_field_is_not_half_obeyed() -> None:
    for family in FAMILIES:
        for message in members(family.command_types):
            fields = json.decode(example_path(family.commands.name, tag_of(message)).read_bytes())
            fields["data"]["surprise"] = True
            with pytest.raises(Exception, match="unknown field `surprise`"):
                family.codec.decode_command(encode(fields))


def test_an_event_with_an_unknown_field_is_understood_by_an_old_reader() -> None:
    for family in FAMILIES:
        for message in members(family.event_types):
            frozen = example_path(family.events.name, tag_of(message)).read_bytes()
            fields = json.decode(frozen)
            fields["data"]["surprise"] = fields["surprise"] = True
            assert family.codec.decode_event(encode(fields)) == family.codec.decode_event(frozen)


def test_refusal_codes_are_never_renamed() -> None:
    assert {code.name: code.value for code in RefusalCode} == {
        code.name: code.name.lower() for code in RefusalCode
    }
