"""The OpenAPI document is complete: every reference leads somewhere, every write says what it takes."""

import json
import re
from collections.abc import Iterator
from html import escape
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.outcome import RefusalCode
from services.gateway.http.app import create_app
from services.gateway.http.openapi import operations
from services.gateway.http.permission_table import TABLE
from services.gateway.http.reference import _page, _problems_page
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
            anyone = TABLE[method.upper(), path].who == "anyone"
            assert bool(operation["security"]) is not anyone, (method, path)


def test_an_operation_has_one_name_for_ever(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert {"mailboxes_create", "mailboxes_list", "mailboxes_set_password", "imports_start"} <= set(names)
    assert all(re.fullmatch(r"[a-z]+_[a-z_]+[a-z]", name) for name in names)


def test_what_makes_something_demands_a_key_and_every_other_write_takes_one(document: dict[str, Any]) -> None:
    required = {
        operation["operationId"]: each["required"]
        for method, _, operation in operations(document)
        for each in operation.get("parameters", ())
        if each["name"] == "Idempotency-Key" and method != "get"
    }
    assert required["mailboxes_create"] is required["exports_start"] is required["imports_start"] is True
    assert required["mailboxes_delete"] is required["domains_suspend"] is False
    assert set(required) == {
        operation["operationId"]
        for method, path, operation in operations(document)
        if method != "get" and TABLE[method.upper(), path].who != "anyone"
    }


def test_no_parameter_is_null_and_each_says_what_it_may_be(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for each in operation.get("parameters", ()):
            assert "anyOf" not in each["schema"], (path, each)
            assert each["schema"]["type"] in ("string", "integer", "boolean"), (path, each)


def test_an_answer_tells_the_headers_that_it_has(document: dict[str, Any]) -> None:
    create = document["paths"]["/v1/mailboxes"]["post"]["responses"]
    assert {"ETag", "Location", "Postfach-Position", "Postfach-Correlation"} <= set(create["201"]["headers"])
    assert {"Location", "Retry-After"} <= set(create["202"]["headers"])
    named = set(re.findall(r'"#/components/headers/([^"]+)"', json.dumps(document)))
    assert named == set(document["components"]["headers"])


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each body of JSON that is taken or given, with the operation's name."""
    for _, _, operation in operations(document):
        for each in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media_type, media in each.get("content", {}).items():
                if "json" in media_type.split("/")[1].split("+"):
                    yield operation["operationId"], media


def test_every_body_has_an_example_that_its_schema_accepts(document: dict[str, Any]) -> None:
    shown = list(bodies(document))
    assert len(shown) > 50
    for name, media in shown:
        schema = {**media["schema"], "components": document["components"]}
        errors = Draft202012Validator(schema).iter_errors(media["example"])
        assert [(error.json_path, error.message) for error in errors] == [], name


def test_every_text_of_an_example_is_said(document: dict[str, Any]) -> None:
    for name, media in bodies(document):
        for field, text in re.findall(r'"(\w+)": \[?"([^"]*)"', json.dumps(media["example"])):
            assert text != field, f"{name}: say an example of {field!r} in examples.py"


def test_no_example_looks_like_a_secret(document: dict[str, Any]) -> None:
    for name, media in bodies(document):
        for text in re.findall(r'"([^"]*)"', json.dumps(media["example"])):
            assert not re.search(r"\$argon2|-----BEGIN|\bpf_[A-Za-z0-9_-]{20}", text), name


def test_what_was_made_leads_to_whatever_can_be_done_with_it(document: dict[str, Any]) -> None:
    links = document["paths"]["/v1/mailboxes"]["post"]["responses"]["201"]["links"]
    about = {
        operation["operationId"]
        for _, path, operation in operations(document)
        if re.fullmatch(r"/v1/mailboxes/\{mailbox_id\}[^{]*", path)
    }
    assert set(links) == about
    assert links["mailboxes_delete"]["parameters"] == {
        "path.mailbox_id": "$response.body#/mailbox_id",
        "header.Postfach-After": "$response.header.Postfach-Position",
    }
    assert links["mailboxes_delete"]["operationId"] == "mailboxes_delete"


def test_bodies_forbid_what_they_do_not_know(document: dict[str, Any]) -> None:
    for name in ("NewMailbox", "NewDomain", "NewExport", "NewTenant"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_the_reference_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    document: dict[str, Any],
) -> None:
    page = _page(document)
    for path in document["paths"]:
        assert path in page
    for name, media in bodies(document):
        if name == "mailboxes_create" and "code" not in media["example"]:
            assert escape(json.dumps(media["example"], indent=2, ensure_ascii=False)) in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_the_type_of_every_refusal_leads_to_a_line_of_its_own() -> None:
    page = _problems_page()
    for code in RefusalCode:
        assert f'id="{code.value}"' in page
