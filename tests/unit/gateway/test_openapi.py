"""The OpenAPI document is complete: every reference leads somewhere, every write says what it takes."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from services.gateway.http.app import create_app
from services.gateway.http.reference import _page
from services.runtime.health import Health


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    gateway: Any = SimpleNamespace(health=Health())
    return create_app(gateway).openapi()


def test_it_is_openapi_3_1_with_no_reference_into_nothing(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])


def test_every_operation_answers_something_and_problems(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            assert "application/problem+json" in responses["default"]["content"], (method, path)
            assert any(status.startswith("2") and each.get("content") for status, each in responses.items())
            assert operation["security"], (method, path)


def test_bodies_forbid_what_they_do_not_know(document: dict[str, Any]) -> None:
    for name in ("NewMailbox", "NewDomain", "NewExport", "NewTenant"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_the_reference_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    document: dict[str, Any],
) -> None:
    page = _page(document)
    for path in document["paths"]:
        assert path in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
