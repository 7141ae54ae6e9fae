"""Things that a body names by id: their ids in one form, and the answer where one is not there."""

from collections.abc import Collection, Sequence
from http import HTTPStatus

from contracts.ids import parse_uuid
from services.gateway.http.problems import Problem, invalid


def ids_named(given: Sequence[str], field: str, unknown: str) -> list[str]:
    """Give the ids of a field in their one form, as often as they are there. Raises Problem for what is no id."""
    ids: list[str] = []
    for number, text in enumerate(given):
        try:
            ids.append(parse_uuid(text))
        except ValueError:
            raise _unknown_at(field, number, unknown) from None
    return ids


def demand_all(ids: Sequence[str], known: Collection[str], field: str, unknown: str) -> None:
    """Raises Problem, naming the first of the ids that is not among the known."""
    for number, each in enumerate(ids):
        if each not in known:
            raise _unknown_at(field, number, unknown)


def _unknown_at(field: str, number: int, unknown: str) -> Problem:
    return invalid(f"#/{field}/{number}", unknown, "there is no such thing", HTTPStatus.NOT_FOUND)
