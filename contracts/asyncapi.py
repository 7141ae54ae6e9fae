"""The AsyncAPI 3.0.0 document of all topics: what is in each, under which key, and which role sends and receives it.

It follows from `topics.py` alone; `docs/asyncapi.json` is its published form and is made by `python -m tests.contract.published`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from contracts.dead_letter import DeadLetter
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.message import members, tag_of
from contracts.outcome import Outcome
from contracts.progress import JobProgress
from contracts.schemas import schemas_of
from contracts.topics import BULKIO_PROGRESS, DEAD_LETTERS, FAMILIES, TOPICS, Family, Topic

Examples = Mapping[str, Mapping[str, Any]]
"""Decoded sample values: by topic, then by name. Those of commands and events are named by their tag."""

_KAFKA_BINDING: Final = "0.5.0"

_KEEPS: Final[Mapping[str, str]] = {
    "commands": "Orders to the writer of the key. One that is not understood goes to the dead letters.",
    "outcomes": "One answer for each command, in the partition of the same number.",
    "events": "What happened, in order for each key. Each value is a CloudEvents 1.0 event in structured JSON mode.",
    "progress": "How far work is between two events. It holds no truth and may be lost.",
    "dead letters": "Records that could not be processed, with the reason.",
}
_MARKER: Final = (
    "A record without a value is the marker at offset 0 of each partition; every reader passes over it."
)

_MEDIA_TYPES: Final[Mapping[str, str]] = {"events": "application/cloudevents+json"}

_ENVELOPES: Final[Mapping[str, str]] = {"commands": "CommandEnvelope", "events": "EventEnvelope"}


def asyncapi_document(examples: Examples) -> dict[str, Any]:
    """Give the whole document. Payloads are JSON Schemas; `examples` are shown with the message they are of."""
    messages = {name: _message(topic, tag, kind, examples) for name, topic, tag, kind in _messages()}
    _, schemas = schemas_of(
        CommandEnvelope[Any], EventEnvelope[Any], *(kind for _, _, _, kind in _messages())
    )
    for name in _ENVELOPES.values():
        schemas[name] = schemas.pop(f"{name}_Any_") | {"title": name}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Postfach",
            "version": "1",
            "description": "The topics of Postfach: commands in, outcomes and events out. "
            "Tags, field names and field types never change; new fields have defaults, and readers of events pass over "
            "fields that they don't know.",
        },
        "defaultContentType": "application/json",
        "channels": {_slug(topic.name): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": messages, "schemas": schemas},
    }


def _messages() -> Iterator[tuple[str, Topic, str, type[Struct]]]:
    for family in FAMILIES:
        for topic, union in (
            (family.commands, family.command_types),
            (family.events, family.event_types),
        ):
            yield from ((tag_of(kind), topic, tag_of(kind), kind) for kind in members(union))
        yield _slug(family.outcomes.name), family.outcomes, "outcome", Outcome
    yield _slug(BULKIO_PROGRESS.name), BULKIO_PROGRESS, "job_progress", JobProgress
    yield _slug(DEAD_LETTERS.name), DEAD_LETTERS, "dead_letter", DeadLetter


def _message(topic: Topic, tag: str, kind: type[Struct], examples: Examples) -> dict[str, Any]:
    about = " ".join((kind.__doc__ or "").split())
    own: dict[str, Any] = {"$ref": f"#/components/schemas/{kind.__name__}"}
    if envelope := _ENVELOPES.get(topic.holds):
        properties: dict[str, Any] = {"data": own}
        if topic.holds == "events":
            properties["type"] = {"const": tag}
        own = {"allOf": [{"$ref": f"#/components/schemas/{envelope}"}, {"properties": properties}]}
    shown = examples.get(topic.name, {})
    if topic.holds in _ENVELOPES:
        shown = {name: value for name, value in shown.items() if name == tag}
    message: dict[str, Any] = {
        "name": tag,
        "title": kind.__name__,
        "summary": about.partition(". ")[0].rstrip(".") + ".",
        "description": about,
        "contentType": _MEDIA_TYPES.get(topic.holds, "application/json"),
        "payload": own,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [{"name": name, "payload": value} for name, value in sorted(shown.items())],
    }
    if "correlation" in _fields(topic):
        message["correlationId"] = {"location": "$message.payload#/correlation"}
    return message


def _fields(topic: Topic) -> tuple[str, ...]:
    kinds: dict[str, type[Struct]] = {
        "commands": CommandEnvelope,
        "events": EventEnvelope,
        "outcomes": Outcome,
        "progress": JobProgress,
        "dead letters": DeadLetter,
    }
    return kinds[topic.holds].__struct_fields__


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{_KEEPS[topic.holds]} The key is the {topic.key}. {_MARKER}",
        "messages": {
            tag: {"$ref": f"#/components/messages/{name}"} for name, of, tag, _ in _messages() if of is topic
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    answers: dict[str, Family[Any, Any]] = {family.commands.name: family for family in FAMILIES}
    for topic in TOPICS:
        channel = {"$ref": f"#/channels/{_slug(topic.name)}"}
        for action, roles in (("send", topic.written_by), ("receive", topic.read_by)):
            for role in roles.split(", "):
                operation: dict[str, Any] = {
                    "action": action,
                    "channel": channel,
                    "title": f"{role}: {action} {topic.name}",
                }
                if topic.name in answers:
                    outcomes = _slug(answers[topic.name].outcomes.name)
                    operation["reply"] = {"channel": {"$ref": f"#/channels/{outcomes}"}}
                yield f"{_slug(role)}_{action}_{_slug(topic.name)}", operation


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower())
