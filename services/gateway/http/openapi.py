"""The OpenAPI document: FastAPI's own, completed with what it can't know.

Bodies are msgspec Structs, so their schemas and examples come from there. Headers are told for each answer that has
them. Links say which answer leads to which operation, so that a tool can walk the API as a client does.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from services.gateway.http.bodies import component_schemas, documented_kinds
from services.gateway.http.examples import example_of
from services.gateway.http.permission_table import TABLE
from services.gateway.http.request import AFTER_HEADER, CORRELATION_HEADER, POSITION_HEADER
from services.gateway.http.writes import KEY_HEADER, demand_key

Document = dict[str, Any]

_HEADERS: Final[Document] = {
    CORRELATION_HEADER: {
        "description": "The id that the request, its commands and its events share.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    },
    "ETag": {
        "description": "The version of the thing, for If-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    POSITION_HEADER: {
        "description": "How far the log has come with this write; for Postfach-After.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
    },
    "Idempotent-Replayed": {
        "description": "This is the answer that the same request was given before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {
        "description": "Where the thing, or the operation that makes it, is.",
        "schema": {"type": "string", "pattern": "^/v1/"},
    },
    "Retry-After": {
        "description": "After how many seconds to ask again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "RateLimit": {
        "description": "How many requests are left, and in how many seconds there are more again.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "How many requests are granted in a window of so many seconds.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "How to sign in.",
        "schema": {"type": "string"},
    },
}

_PATH_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def operation_id(route: APIRoute) -> str:
    """Name an operation by its subject and its function: `mailboxes_create`. It is part of the API."""
    return "_".join([*map(str, route.tags), route.name.rstrip("_")])


def complete(app: FastAPI) -> Callable[[], Document]:
    """Give what replaces `app.openapi`: the document, made once."""
    generate = app.openapi

    def openapi() -> Document:
        if app.openapi_schema is None:
            document = generate()
            components: Document = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(component_schemas())
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            components["headers"] = _HEADERS
            keyed = set(_keyed_operations(app))
            for method, path, operation in operations(document):
                _complete_operation(operation, keyed=operation["operationId"] in keyed)
                if TABLE[method.upper(), path].who == "anyone":
                    operation["security"] = []
            _link(document)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Give the method, path and definition of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _keyed_operations(app: FastAPI) -> Iterator[str]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and demand_key in _calls(route.dependant):
            yield route.unique_id


def _calls(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def _complete_operation(operation: Document, *, keyed: bool) -> None:
    # FastAPI's own form of a bad parameter is never answered here; `default` says what is.
    operation["responses"].pop("422", None)
    for parameter in operation.get("parameters", ()):
        _plain(parameter)
        if parameter["name"] == KEY_HEADER:
            parameter["required"] = keyed
    writes = any(each["name"] == KEY_HEADER for each in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        response["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in _headers(status, response, writes=writes)
        }
        _show(response.get("content", {}))
    _show(operation.get("requestBody", {}).get("content", {}))


def _show(content: Document) -> None:
    kinds = documented_kinds()
    for media in content.values():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        if name in kinds:
            media["example"] = example_of(kinds[name])


def _plain(parameter: Document) -> None:
    # A parameter that may be left out is not one that may be null: nothing in a request line is null.
    schema = parameter["schema"]
    if "anyOf" in schema:
        (kind,) = [each for each in schema.pop("anyOf") if each != {"type": "null"}]
        schema |= kind
    if parameter["in"] == "path" and (parameter["name"] == "tenant" or parameter["name"].endswith("_id")):
        schema["format"] = "uuid"
    for told_already in ("title", "description"):
        schema.pop(told_already, None)


def _headers(status: str, response: Document, *, writes: bool) -> Iterator[str]:
    yield from (CORRELATION_HEADER, "RateLimit", "RateLimit-Policy")
    if status == "default":
        yield from ("Retry-After", "WWW-Authenticate", "Idempotent-Replayed")
    elif writes:
        yield from ("ETag", POSITION_HEADER, "Idempotent-Replayed")
    elif _body_of(response).endswith("View"):
        yield "ETag"
    if status in ("201", "202"):
        yield "Location"
    if status == "202":
        yield "Retry-After"


def _body_of(answer: Document) -> str:
    """The name of the Struct that is in an answer; empty for a file."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return schema.get("$ref", "").rpartition("/")[2]


def _link(document: Document) -> None:
    """Say of each answer that makes or shows a thing which operations are about that thing, and how they get its id."""
    everything = list(operations(document))
    schemas = document["components"]["schemas"]
    for method, path, operation in everything:
        for status, response in operation["responses"].items():
            body = schemas.get(_body_of(response), {})
            if method != "post" or not status.startswith("2") or ":" in path:
                continue
            links = {}
            for _, other_path, other in everything:
                found = re.fullmatch(re.escape(path) + r"/\{(\w+)\}[^{]*", other_path)
                if found is not None and (field := _id_in(body, found[1])) is not None:
                    links[other["operationId"]] = _link_to(other, path, found[1], field)
            if links:
                response["links"] = links


def _id_in(body: Document, parameter: str) -> str | None:
    return next((name for name in (parameter, "id") if name in body.get("properties", {})), None)


def _link_to(other: Document, path: str, parameter: str, field: str) -> Document:
    parameters = {f"path.{name}": f"$request.path.{name}" for name in _PATH_PARAMETER.findall(path)}
    parameters[f"path.{parameter}"] = f"$response.body#/{field}"
    if any(each["name"] == AFTER_HEADER for each in other.get("parameters", ())):
        parameters[f"header.{AFTER_HEADER}"] = f"$response.header.{POSITION_HEADER}"
    return {"operationId": other["operationId"], "parameters": parameters}
