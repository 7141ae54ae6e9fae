"""The AsyncAPI document is valid, is the published one, and is true of every frozen message."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from msgspec import json

from contracts.message import members, tag_of
from contracts.outcome import RefusalCode
from contracts.topics import FAMILIES, TOPICS
from services.gateway.http.asyncapi import asyncapi_json
from tests.contract.published import PUBLISHED
from tests.contract.test_examples import FILES, topic_of

OFFICIAL = Path(__file__).parent / "vendor" / "asyncapi-specs" / "3.0.0.json"

DOCUMENT: dict[str, Any] = json.decode(asyncapi_json())


def payload_validator(message: dict[str, Any]) -> Draft202012Validator:
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def messages_of(topic: str) -> dict[str, dict[str, Any]]:
    """The messages of a channel, with the references followed."""
    (channel,) = [each for each in DOCUMENT["channels"].values() if each["address"] == topic]
    return {name: _followed(reference["$ref"]) for name, reference in channel["messages"].items()}


def _followed(reference: str) -> dict[str, Any]:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def message_of(path: Path) -> dict[str, Any]:
    found = messages_of(topic_of(path))
    return found[path.stem] if path.stem in found else next(iter(found.values()))


def test_the_published_document_is_what_the_contracts_say() -> None:
    assert PUBLISHED.read_bytes() == asyncapi_json(), "python -m tests.contract.published makes it anew"


def test_it_is_valid_by_the_official_schema() -> None:
    official = Draft7Validator(json.decode(OFFICIAL.read_bytes()))
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []
    broken = {**DOCUMENT, "operations": {"x": {"action": "shout", "channel": {"$ref": "#/channels/x"}}}}
    assert not official.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref":\s*"([^"]+)"', asyncapi_json().decode()):
        assert _followed(reference)


def test_every_topic_is_a_channel_with_each_of_its_messages() -> None:
    assert {each["address"] for each in DOCUMENT["channels"].values()} == {topic.name for topic in TOPICS}
    for family in FAMILIES:
        assert set(messages_of(family.commands.name)) == {
            tag_of(each) for each in members(family.command_types)
        }
        assert set(messages_of(family.events.name)) == {tag_of(each) for each in members(family.event_types)}
        assert set(messages_of(family.outcomes.name)) == {"outcome"}


def test_every_role_that_writes_sends_and_every_role_that_reads_receives() -> None:
    said = {(each["action"], each["title"]) for each in DOCUMENT["operations"].values()}
    assert said == {
        (action, f"{role}: {action} {topic.name}")
        for topic in TOPICS
        for action, roles in (("send", topic.written_by), ("receive", topic.read_by))
        for role in roles.split(", ")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{topic_of(path)}-{path.stem}")
def test_a_frozen_message_is_what_its_schema_says_and_is_shown(path: Path) -> None:
    message, frozen = message_of(path), json.decode(path.read_bytes())
    payload_validator(message).validate(frozen)
    assert {"name": path.stem, "payload": frozen} in message["examples"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{topic_of(path)}-{path.stem}")
def test_a_message_that_lacks_something_is_not_what_its_schema_says(path: Path) -> None:
    frozen = json.decode(path.read_bytes())
    validator = payload_validator(message_of(path))
    assert not validator.is_valid(
        {name: value for name, value in frozen.items() if name not in ("stream", "tenant")} | {"offset": "x"}
    )
    if "data" in frozen:
        assert not validator.is_valid({**frozen, "data": {**frozen["data"], "type": "something_else"}})


def test_instants_and_refusals_are_told_as_what_they_are() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["EventEnvelope"]["properties"]["time"]["format"] == "date-time"
    assert schemas["MailboxDeleted"]["properties"]["expires_at"]["format"] == "date-time"
    assert set(schemas["RefusalCode"]["enum"]) == {code.value for code in RefusalCode}
