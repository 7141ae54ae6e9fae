"""How a figure is told: what was measured, the limit measured beside it, and their ratio."""

from collections.abc import Iterable

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One measurement. `limit` is the same work without us, or the most that is allowed, as `limit_is` says."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_is: str = ""

    @property
    def ratio(self) -> str:
        """The value as a part of the limit, for the eye."""
        return "" if not self.limit else f"{self.value / self.limit:.2f}"


def table(figures: Iterable[Figure]) -> str:
    """Give the figures as aligned text."""
    rows = [("figure", "value", "unit", "limit", "ratio", "the limit is")]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:,.1f}"
        rows.append((figure.name, f"{figure.value:,.1f}", figure.unit, limit, figure.ratio, figure.limit_is))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def percentile(values: list[float], part: float) -> float:
    """Give the value below which `part` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
