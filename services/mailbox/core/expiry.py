"""When a put-away archive expires: the one place that counts years."""

from datetime import datetime
from typing import Final

RETENTION_YEARS: Final = 1
"""How long an archive is kept. It is recorded in each event together with the date, so a change never reaches back."""


def expires_at(put_away_at: datetime, years: int = RETENTION_YEARS) -> datetime:
    """Give the same instant of the same month and day `years` later; 29 February becomes 28 February.

    `put_away_at` is in UTC, so no change of a local clock can shorten a year.
    """
    year = put_away_at.year + years
    if (put_away_at.month, put_away_at.day) == (2, 29):
        return put_away_at.replace(year=year, day=28)
    return put_away_at.replace(year=year)
