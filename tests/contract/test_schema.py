"""Tags, names and types never change; what is new has a default and is listed."""

from collections import Counter
from typing import Any

import pytest
from msgspec import Struct

from contracts.envelope import EventEnvelope
from contracts.message import Event, members, tag_of
from contracts.topics import FAMILIES
from tests.contract.frozen import (
    broken_promises,
    classes_as_they_are,
    fields_of,
    frozen_listing,
    listed_classes,
    not_listed,
)

MESSAGES = [message for family in FAMILIES for message in members(family.command_types | family.event_types)]
PERSONAL_FIELDS = {
    "invite_user": {"email", "display_name"},
    "user_invited": {"email", "display_name"},
    "rename_user": {"display_name"},
    "user_renamed": {"display_name"},
    "record_sign_in": {"client_address"},
    "user_signed_in": {"client_address"},
    "create_mailbox": {"local_part", "note"},
    "change_note": {"note"},
    "mailbox_created": {"local_part", "note"},
    "note_changed": {"note"},
    "mailbox_restored": {"local_part", "note"},
    "add_alias": {"local_part"},
    "alias_added": {"local_part"},
    "start_import": {"file_name"},
    "import_uploaded": {"file_name"},
    "start_export": {"filter"},
    "export_requested": {"filter"},
    "start_bulk_action": {"filter", "note"},
    "bulk_action_requested": {"filter", "note"},
}
ALWAYS_PERSONAL = {"local_part", "note", "email", "display_name", "client_address", "file_name", "filter"}


def test_nothing_that_was_promised_is_changed() -> None:
    assert broken_promises(frozen_listing(), classes_as_they_are()) == []


def test_everything_new_is_listed() -> None:
    missing = not_listed(frozen_listing(), classes_as_they_are())
    assert missing == [], "python -m tests.contract.frozen adds it"


@pytest.mark.parametrize(
    ("then", "now", "complaint"),
    [
        ({"a": {"x": "int"}}, {}, "a is gone"),
        ({"a": {"x": "int"}}, {"a": {}}, "a: x is gone"),
        ({"a": {"x": "int"}}, {"a": {"x": "str"}}, "a: x was 'int' and is 'str'"),
        ({"a": {}}, {"a": {"x": "int"}}, "a: x is new and has no default"),
    ],
)
def test_a_broken_promise_is_named(then: Any, now: Any, complaint: str) -> None:
    assert broken_promises(then, now) == [complaint]


def test_a_new_field_with_a_default_breaks_nothing_once_it_is_listed() -> None:
    then, now = {"a": {"x": "int"}}, {"a": {"x": "int", "y": "int = 0"}, "b": {"z": "int"}}
    assert broken_promises({"a": then["a"]}, {"a": now["a"]}) == []
    assert not_listed(then, now) == ["a: y", "b: z"]
    assert not_listed(now, now) == []


def test_a_listing_sees_types_bounds_personal_data_and_defaults() -> None:
    class Seen(Event, frozen=True, kw_only=True, tag="seen"):
        count: int
        name: str | None = None

    assert fields_of(Seen) == {"count": "int", "name": "str | none = None"}
    listing = frozen_listing()
    assert (
        listing["mailbox.commands create_mailbox"]["local_part"] == "str min_length=1 max_length=64 personal"
    )
    assert listing["mailbox.commands set_mailbox_limit"]["mailbox_limit"] == "int ge=0 le=10000000 | none"


def test_a_choice_inside_a_field_may_grow_and_never_lose_a_value() -> None:
    listing = frozen_listing()["access.events user_invited"]
    assert "choice = may grow" not in listing["permissions"]
    assert listing["permissions page mailboxes"] == "choice = may grow"


def test_a_tag_means_one_message() -> None:
    assert [tag for tag, uses in Counter(tag_of(each) for each in MESSAGES).items() if uses > 1] == []


@pytest.mark.parametrize("message", MESSAGES, ids=tag_of)
def test_a_tag_is_written_out_in_plain_words(message: type[Struct]) -> None:
    assert tag_of(message).replace("_", "").islower()
    assert message.__struct_config__.tag_field == "type"


def test_the_attributes_of_an_event_are_named_as_cloudevents_asks() -> None:
    # CloudEvents 1.0.2, "Naming conventions": lower-case letters and digits, at most 20 of them by advice.
    for name in EventEnvelope.__struct_fields__:
        assert name.isascii()
        assert name.isalnum()
        assert name == name.lower()
        assert len(name) <= 20
    required = {"id", "source", "specversion", "type"}
    assert required <= set(EventEnvelope.__struct_fields__)


def test_personal_fields_are_those_listed_here() -> None:
    found = {tag_of(each): _personal(fields_of(each)) for each in MESSAGES}
    assert {tag: fields for tag, fields in found.items() if fields} == PERSONAL_FIELDS


def test_a_field_that_names_a_person_is_marked_wherever_it_is() -> None:
    for name, message in listed_classes().items():
        for field, line in fields_of(message).items():
            assert field not in ALWAYS_PERSONAL or "personal" in line.split(), f"{name}: {field}"


def _personal(fields: dict[str, str]) -> set[str]:
    return {field for field, line in fields.items() if "personal" in line.split()}
