"""The rules of the house that no import linter can hold, and the proof that each rule catches what it forbids."""
