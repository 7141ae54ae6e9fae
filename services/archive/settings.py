"""The settings of the archive service, all with defaults for two cores."""

from services.runtime.settings import RuntimeSettings


class ArchiveSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Where mail lives, how much is done at the same time, and how often the clock is asked.

    `mail_folder` holds a Maildir++ folder per mailbox. `archive_reactions_at_once` bounds the events of a family that are
    reacted to at the same time, `archive_work_at_once` the mailboxes whose content is moved, and the tenants whose archives are
    ended. A tick ends at most `archive_expiries_per_tick` archives of a tenant, `archive_commands_in_flight` of them at the
    same time.
    """

    mail_folder: str
    archive_reactions_at_once: int = 100
    archive_work_at_once: int = 4
    archive_commands_in_flight: int = 250
    archive_expiries_per_tick: int = 5_000
    archive_tick_interval_s: float = 5.0
    archive_sweep_interval_s: float = 3.0
