"""What the roles of this service are told by the environment."""

from services.runtime.settings import RuntimeSettings


class MailboxSettings(RuntimeSettings, frozen=True, kw_only=True):
    """`restore_connections_max` bounds how many partitions are restored from the read model at the same time."""

    restore_connections_max: int = 4
