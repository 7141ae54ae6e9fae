"""Bytes to messages and back: the only place that knows how a message looks in the log."""

from typing import Any, Generic, TypeVar

import msgspec

from contracts.envelope import CommandEnvelope, CommandHeader, EventEnvelope, EventHeader
from contracts.message import Command, Event
from contracts.outcome import Outcome, OutcomeHeader

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

encode = msgspec.json.Encoder().encode
"""Give the bytes of any message, envelope or outcome."""

decode_outcome = msgspec.json.Decoder(Outcome).decode
decode_outcome_header = msgspec.json.Decoder(OutcomeHeader).decode
decode_command_header = msgspec.json.Decoder(CommandHeader).decode
decode_event_header = msgspec.json.Decoder(EventHeader).decode
decode_any_event = msgspec.json.Decoder(EventEnvelope[msgspec.Raw]).decode
"""Decode the envelope of an event of any topic; its data stays bytes."""

Malformed = (msgspec.DecodeError, UnicodeDecodeError)
"""What every decoder raises for bytes that are not the message it expects."""


class Codec(Generic[C, E]):
    """The decoders of one family of topics."""

    def __init__(self, commands: Any, events: Any) -> None:
        self.decode_command = msgspec.json.Decoder(CommandEnvelope[commands]).decode
        self.decode_event = msgspec.json.Decoder(EventEnvelope[events]).decode
