"""What is encoded is decoded to the same, for every message of every topic."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct, json

from contracts.codec import (
    decode_any_event,
    decode_command_header,
    decode_outcome,
    decode_outcome_header,
    encode,
)
from contracts.dead_letter import DeadLetter
from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.message import members
from contracts.outcome import Outcome
from contracts.topics import FAMILIES
from tests.laws.messages import messages

CLASSES = [
    each
    for family in FAMILIES
    for kind in (family.command_types, family.event_types)
    for each in members(kind)
]
decode_dead_letter = json.Decoder(DeadLetter).decode


@pytest.mark.parametrize("message", CLASSES, ids=lambda each: each.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_every_message_comes_back_as_it_went(message: type[Struct], data: st.DataObject) -> None:
    sent = data.draw(messages(message))
    assert json.decode(encode(sent), type=message) == sent


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.name)
@given(data=st.data())
@settings(max_examples=100)
def test_every_command_envelope_comes_back_as_it_went(family: Any, data: st.DataObject) -> None:
    sent = data.draw(messages(CommandEnvelope[family.command_types]))
    assert family.codec.decode_command(encode(sent)) == sent
    header = decode_command_header(encode(sent))
    assert (header.id, header.tenant, header.stream) == (sent.id, sent.tenant, sent.stream)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.name)
@given(data=st.data())
@settings(max_examples=100)
def test_every_event_envelope_comes_back_as_it_went(family: Any, data: st.DataObject) -> None:
    sent = data.draw(messages(EventEnvelope[family.event_types]))
    assert family.codec.decode_event(encode(sent)) == sent
    loose = decode_any_event(encode(sent))
    assert (loose.id, loose.streamseq, loose.data) == (sent.id, sent.streamseq, Raw(encode(sent.data)))


@given(sent=messages(Outcome))
def test_every_outcome_comes_back_as_it_went(sent: Outcome) -> None:
    assert decode_outcome(encode(sent)) == sent
    assert decode_outcome_header(encode(sent)).command == sent.command


@given(sent=messages(DeadLetter))
def test_every_dead_letter_comes_back_as_it_went(sent: DeadLetter) -> None:
    assert decode_dead_letter(encode(sent)) == sent
