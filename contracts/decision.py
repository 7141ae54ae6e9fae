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

    @property
    def by_provider(self) -> bool:
        """Whether the provider orders: the system itself or an operator."""
        return self.actor.partition(":")[0] in ("system", "operator")


class About(Struct, Generic[E], frozen=True, gc=False):
    """An event about another subject of the stream than the command's."""

    subject: str
    event: E


class Accepted(Struct, Generic[E], frozen=True, gc=False):
    """The events that a command causes. None means: the goal was already reached.

    `events` are about the command's own subject; `also` come after them and are about others that go with it.
    """

    subject: str
    events: tuple[E, ...] = ()
    also: tuple[About[E], ...] = ()


class Refused(Struct, frozen=True, gc=False):
    """A command that must not be obeyed. `detail` is for people; it never holds personal data."""

    subject: str
    code: RefusalCode
    detail: str = ""
