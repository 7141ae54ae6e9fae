"""How a reactor orders: in its own name, under ids that follow from what it reacts to."""

from collections.abc import Collection
from typing import Any, TypeVar

from msgspec import Struct

from contracts.envelope import CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, TenantId, derived_id
from contracts.message import Command, Event
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import Family
from services.runtime.clock import Clock
from services.runtime.kafka.commands import CommandClient

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class UnexpectedRefusal(Exception):
    """A decider refused what it must not refuse, so the two do not agree. The process ends, and is started again."""


class Cause(Struct, frozen=True):
    """The event that is reacted to."""

    event_id: str
    correlation: str

    @classmethod
    def of(cls, event: EventEnvelope[Any]) -> "Cause":
        """Give the cause that an event is."""
        return cls(event.id, event.correlation)


class Voice:
    """Sends the commands of one actor's reactions, each as often as it takes to get its outcome."""

    def __init__(self, commands: CommandClient, clock: Clock, actor: ActorName) -> None:
        self._actor = actor
        self._commands = commands
        self._clock = clock

    async def send(
        self,
        family: Family[C, E],
        cause: Cause,
        name: str,
        data: C,
        *,
        tenant: str,
        stream: str,
        expected_version: int | None = None,
        may_be: Collection[RefusalCode] = (),
    ) -> Outcome:
        """Send the command that `name` gives its id within the cause, and give its outcome.

        `may_be` are the refusals that are an answer too. Raises UnexpectedRefusal for any other.
        """
        envelope = CommandEnvelope(
            id=CommandId(derived_id(cause.event_id, name)),
            tenant=TenantId(tenant),
            stream=stream,
            actor=self._actor,
            correlation=cause.correlation,
            causation=cause.event_id,
            sent_at=self._clock(),
            data=data,
            expected_version=expected_version,
        )
        outcome = await self._commands.send_until_answered(family, envelope)
        if outcome.status == "refused" and outcome.code not in may_be:
            raise UnexpectedRefusal(
                f"{type(data).__name__} to {family.name}/{stream}: {outcome.code} {outcome.detail}"
            )
        return outcome
