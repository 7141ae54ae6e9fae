"""What every reaction works with."""

from msgspec import Struct

from services.mailbox.settings import MailboxSettings
from services.runtime.kafka.voice import Voice
from services.runtime.postgres import Pool


class Tools(Struct, frozen=True, kw_only=True):
    """Everything from outside, opened and closed by `wiring`."""

    settings: MailboxSettings
    pool: Pool
    voice: Voice

    @property
    def at_once(self) -> int:
        """How many commands of one reaction wait for their outcome."""
        return self.settings.reaction_commands_in_flight
