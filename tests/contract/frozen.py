"""Where the frozen examples and the frozen listing lie, and how they are added to: never changed, only added to.

`python -m tests.contract.frozen` writes what is missing: an example for a new message, an entry for a new message or
for a new field with a default. It refuses to touch what is there. What was said once in a topic is in logs for ever;
the way out of a wrong message is a new one beside it.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Struct, inspect

import contracts
from contracts.codec import decode_outcome, encode
from contracts.dead_letter import DeadLetter
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.message import members, personal_fields, tag_of
from contracts.outcome import Outcome
from contracts.progress import JobProgress, decode_progress
from contracts.topics import BULKIO_PROGRESS, DEAD_LETTERS, FAMILIES
from tests.contract.samples import OTHER_SAMPLES, sample_command, sample_event

EXAMPLES: Final = Path(contracts.__file__).parent / "examples"
LISTING: Final = Path(__file__).parent / "frozen_fields.json"

Decoder = Callable[[bytes], Any]
Fields = dict[str, dict[str, str]]

decode_dead_letter: Final = msgspec.json.Decoder(DeadLetter).decode


def decoders() -> dict[str, Decoder]:
    """Give each topic's decoder, as its readers use it."""
    found: dict[str, Decoder] = {
        DEAD_LETTERS.name: decode_dead_letter,
        BULKIO_PROGRESS.name: decode_progress,
    }
    for family in FAMILIES:
        found[family.commands.name] = family.codec.decode_command
        found[family.events.name] = family.codec.decode_event
        found[family.outcomes.name] = decode_outcome
    return found


def expected_examples() -> Iterator[tuple[str, str]]:
    """Give topic and name of each example that must exist."""
    for family in FAMILIES:
        yield from ((family.commands.name, tag_of(each)) for each in members(family.command_types))
        yield from ((family.events.name, tag_of(each)) for each in members(family.event_types))
    yield from OTHER_SAMPLES


def example_path(topic: str, name: str) -> Path:
    """Give the file of an example."""
    return EXAMPLES / topic / "v1" / f"{name}.json"


def listed_classes() -> dict[str, type[Struct]]:
    """Give every class that is written to a topic, by the name under which the listing keeps it."""
    classes: dict[str, type[Struct]] = {
        "command envelope": CommandEnvelope,
        "event envelope": EventEnvelope,
        "outcome": Outcome,
        "dead letter": DeadLetter,
        "job progress": JobProgress,
    }
    for family in FAMILIES:
        for kind in (family.command_types, family.event_types):
            topic = family.commands if kind is family.command_types else family.events
            classes |= {f"{topic.name} {tag_of(each)}": each for each in members(kind)}
    return classes


def fields_of(message: type[Struct]) -> dict[str, str]:
    """Give each field of a class as one line: type, bounds, whether it is personal, and its default.

    Each value of a choice is a line of its own, so that a choice may get a further value and never lose one.
    """
    info = inspect.type_info(message)
    assert isinstance(info, inspect.StructType)
    personal = set(personal_fields(message))
    lines: dict[str, str] = {}
    for field in info.fields:
        words = [_in_words(field.type)]
        if field.name in personal:
            words.append("personal")
        if field.default is not NODEFAULT:
            words.append(f"= {field.default!r}")
        lines[field.encode_name] = " ".join(words)
        lines |= {f"{field.encode_name} {choice}": "choice = may grow" for choice in _choices(field.type)}
    return lines


def _choices(kind: inspect.Type) -> list[str]:
    match kind:
        case inspect.Metadata():
            return _choices(kind.type)
        case inspect.UnionType():
            return [choice for each in kind.types for choice in _choices(each)]
        case inspect.VarTupleType():
            return _choices(kind.item_type)
        case inspect.LiteralType():
            return [str(each) for each in kind.values]
        case inspect.EnumType():
            return [each.value for each in kind.cls]
        case inspect.StructType():
            return [f"{each.encode_name} {choice}" for each in kind.fields for choice in _choices(each.type)]
        case _:
            return []


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _in_words(kind.type)
        case inspect.UnionType():
            return " | ".join(_in_words(each) for each in kind.types)
        case inspect.LiteralType() | inspect.EnumType():
            return "choice"
        case inspect.VarTupleType():
            return f"[{_in_words(kind.item_type)}]"
        case inspect.DictType():
            return f"{{{_in_words(kind.key_type)}: {_in_words(kind.value_type)}}}"
        case inspect.StructType():
            # Its choices have lines of their own, for they may grow.
            fields = {name: line for name, line in fields_of(kind.cls).items() if " " not in name}
            return "{" + ", ".join(f"{name}: {line}" for name, line in fields.items()) + "}"
        case _:
            bounds = [
                f"{name}={value}"
                for name in ("ge", "le", "min_length", "max_length", "pattern")
                if (value := getattr(kind, name, None)) is not None
            ]
            return " ".join([type(kind).__name__.removesuffix("Type").lower(), *bounds])


def classes_as_they_are() -> Fields:
    """Give the listing of the classes as they are now."""
    return {name: fields_of(message) for name, message in listed_classes().items()}


def frozen_listing() -> Fields:
    """Give the listing as it was frozen."""
    return msgspec.json.decode(LISTING.read_bytes(), type=Fields)


def broken_promises(frozen: Fields, now: Fields) -> list[str]:
    """Give what a reader of old bytes, or an old reader, would trip over: the changes that are never allowed."""
    broken: list[str] = []
    for message, fields in frozen.items():
        if message not in now:
            broken.append(f"{message} is gone")
            continue
        for field, line in fields.items():
            if field not in now[message]:
                broken.append(f"{message}: {field} is gone")
            elif now[message][field] != line:
                broken.append(f"{message}: {field} was {line!r} and is {now[message][field]!r}")
        broken.extend(
            f"{message}: {field} is new and has no default"
            for field, line in now[message].items()
            if field not in fields and " = " not in line
        )
    return broken


def not_listed(frozen: Fields, now: Fields) -> list[str]:
    """Give the new messages and fields that were not added to the listing yet."""
    return [
        f"{message}: {field}"
        for message, fields in now.items()
        for field in fields
        if field not in frozen.get(message, {})
    ]


def main() -> int:
    """Add what is missing. Gives 1 when something frozen was changed."""
    now = classes_as_they_are()
    frozen = frozen_listing() if LISTING.exists() else {}
    if broken := broken_promises(frozen, now):
        print("\n".join(broken), file=sys.stderr)
        return 1
    LISTING.write_bytes(msgspec.json.format(encode(now), indent=2) + b"\n")
    for topic, name in expected_examples():
        path = example_path(topic, name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(_sample(topic, name)))
            print(f"{topic} {name}")
    return 0


def _sample(topic: str, name: str) -> Struct:
    for family in FAMILIES:
        if topic == family.commands.name:
            return sample_command(
                next(each for each in members(family.command_types) if tag_of(each) == name)
            )
        if topic == family.events.name:
            return sample_event(next(each for each in members(family.event_types) if tag_of(each) == name))
    return OTHER_SAMPLES[topic, name]


if __name__ == "__main__":
    sys.exit(main())
