"""What the oracle looked at, and what it found wrong."""

from typing import Final

from msgspec import Struct, field

INVARIANTS: Final = {
    "I0": "every record is readable and stands in the partition of its key",
    "I1": "event ids are unique and follow from command and part",
    "I2": "versions per subject and positions per key have no gap",
    "I3": "the events break no rule of the domain",
    "I4": "every command has exactly one outcome, and every outcome tells the truth",
    "I5": "the events of a command are complete",
    "I6": "the hash chain of every key is unbroken",
    "I7": "every read model equals a fresh fold of the log at its own positions",
    "I8": "checkpoints are within the log and only move forward",
    "I9": "writer epochs never go back within a partition",
    "I11": "no password, hash or token in any topic, table, log or file",
    "I12": "what is put away has its archive, and what is purged was over",
}

PLACES_SHOWN_MAX: Final = 5


class Invariant(Struct):
    """How often one invariant was checked, how often it was broken, and where first."""

    checked: int = 0
    broken: int = 0
    places: list[str] = field(default_factory=list[str])


class Findings:
    """One run's result. Notes tell what is no fault but worth knowing, such as commands still on their way."""

    def __init__(self) -> None:
        self.invariants = {code: Invariant() for code in INVARIANTS}
        self.notes: list[str] = []

    @property
    def content(self) -> bool:
        """Whether nothing at all was found wrong."""
        return not any(invariant.broken for invariant in self.invariants.values())

    def checked(self, code: str, times: int = 1) -> None:
        """Count what was looked at, so that an empty look is not mistaken for a good one."""
        self.invariants[code].checked += times

    def broken(self, code: str, where: str, what: str) -> None:
        """Note one violation. `what` never repeats personal data."""
        invariant = self.invariants[code]
        invariant.broken += 1
        if len(invariant.places) < PLACES_SHOWN_MAX:
            invariant.places.append(f"{where}: {what}")

    def report(self) -> str:
        """Give one line per invariant, the first offending places below it, and the notes."""
        lines: list[str] = []
        for code, invariant in self.invariants.items():
            verdict = f"{invariant.broken} broken" if invariant.broken else "holds"
            lines.append(f"{code:<4}{verdict:<12}{invariant.checked:>10} checked   {INVARIANTS[code]}")
            lines += [f"      {place}" for place in invariant.places]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
