"""The wrappers that carry commands and events: who, when, why, and in which order.

An event value is one CloudEvents 1.0 event in structured JSON mode (CloudEvents core 1.0.2, JSON format 1.0.2) with
the extension attributes `tenant` … `prevhash`, so the ordinary Kafka and CloudEvents tools can read the log.
"""

from datetime import datetime
from typing import Final, Generic, Literal, TypeVar

from msgspec import Raw, Struct

from contracts.ids import ActorName, CommandId, EventId, TenantId
from contracts.message import Command

C = TypeVar("C", bound=Command)
E = TypeVar("E")

FIRST_PREVHASH: Final = "0" * 64
"""The `prevhash` of the first event of a key."""


class CommandEnvelope(Struct, Generic[C], frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One order on its way to the writer of its key.

    `stream` is the record's key. `expected_version` is the version of the subject that the sender saw; the writer
    refuses with `version_mismatch` when it is no longer true. `causation` is the id of whatever led to this order:
    a request, an event, or the command itself.
    """

    id: CommandId
    tenant: TenantId
    stream: str
    actor: ActorName
    correlation: str
    causation: str
    sent_at: datetime
    data: C
    expected_version: int | None = None


class EventEnvelope(Struct, Generic[E], frozen=True, kw_only=True, gc=False):
    """One fact of the log.

    `streamseq` counts 1, 2, 3 … within the key, `version` within the subject; `part` is "1/2" for the first of two
    events of one command; `writer` is the producer epoch of the writer that decided; `prevhash` is the SHA-256, in
    hex, of the previous event value of the same key.
    """

    id: EventId
    source: str
    type: str
    subject: str
    time: datetime
    tenant: TenantId
    stream: str
    streamseq: int
    version: int
    command: CommandId
    part: str
    correlation: str
    causation: str
    actor: ActorName
    writer: int
    prevhash: str
    data: E
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"


class EventHeader(Struct, frozen=True, gc=False):
    """As much of an event as a reader needs to know whether it is one of those that it reads for."""

    type: str


class CommandHeader(Struct, frozen=True, kw_only=True, gc=False):
    """As much of a command as is needed to refuse one whose `data` can't be understood."""

    id: CommandId
    tenant: TenantId
    stream: str
    correlation: str
    data: Raw = Raw(b"null")
