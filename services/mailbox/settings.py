"""What the roles of this service are told by the environment."""

from services.runtime.settings import RuntimeSettings


class MailboxSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Bounds of what is done at the same time, and how often tenants that nobody gives up are looked for.

    `restore_connections_max` bounds how many partitions are restored from the read model at the same time,
    `reactions_at_once` how many events of a family are reacted to at the same time, `reaction_commands_in_flight` how
    many commands of one reaction wait for their outcome.
    """

    restore_connections_max: int = 4
    reactions_at_once: int = 50
    reaction_commands_in_flight: int = 100
    closings_at_once: int = 2
    closing_sweep_interval_s: float = 5.0
