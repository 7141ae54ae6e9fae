"""What every reaction works with."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from services.mailbox.settings import MailboxSettings
from services.mailbox.voice import Voice
from services.runtime.postgres import Pool

T = TypeVar("T")


class Tools(Struct, frozen=True, kw_only=True):
    """Everything from outside, opened and closed by `wiring`."""

    settings: MailboxSettings
    pool: Pool
    voice: Voice

    @property
    def at_once(self) -> int:
        """How many commands of one reaction wait for their outcome."""
        return self.settings.reaction_commands_in_flight


async def all_at_once(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do things at the same time and give what each gave, in their order. The first fault ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]
