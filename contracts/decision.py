"""What a decider is told besides the command, and what it may answer."""

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

from contracts.ids import ActorName, CommandId, TenantId
from contracts.outcome import RefusalCode

E = TypeVar("E")


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """Who orders, and when. `now` is the writer's clock, in UTC, and never goes backwards within a key."""

    command: CommandId
    tenant: TenantId
    actor: ActorName
    now: datetime


class Accepted(Struct, Generic[E], frozen=True, gc=False):
    """The events that a command causes, all about one subject. None means: the goal was already reached."""

    subject: str
    events: tuple[E, ...] = ()


class Refused(Struct, frozen=True, gc=False):
    """A command that must not be obeyed. `detail` is for people; it never holds personal data."""

    subject: str
    code: RefusalCode
    detail: str = ""
