"""The API as its own document tells it: every operation, with what it takes, so that a test can walk all of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    definition: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.definition["operationId"]

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        return self.method in WRITING

    @property
    def path_parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def parameters(self, where: str) -> dict[str, Mapping[str, Any]]:
        """Its parameters in the query or the headers, by name."""
        return {each["name"]: each for each in self.definition.get("parameters", ()) if each["in"] == where}

    @property
    def needs_key(self) -> bool:
        """Whether it is refused without an Idempotency-Key."""
        return bool(self.parameters("header").get("Idempotency-Key", {}).get("required"))

    @property
    def body_types(self) -> list[str]:
        """The media types of its body; none when it takes no body."""
        return list(self.definition.get("requestBody", {}).get("content", {}))

    @property
    def takes_json(self) -> bool:
        return "application/json" in self.body_types

    @property
    def body_example(self) -> Any:
        return self.definition["requestBody"]["content"]["application/json"].get("example")

    def url(self, **values: str) -> str:
        """Its path with the values in place."""
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], self.path)


def operations_of(url: str) -> list[Operation]:
    """The operations that a running gateway tells of."""
    return list(_operations(httpx2.get(f"{url}/openapi.json").json()))


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, definition in methods.items():
            yield Operation(method.upper(), path, definition)
