"""The reference page: the OpenAPI document as one plain page, with no script and nothing from elsewhere."""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from services.gateway.http.problems import STATUS_OF_REFUSAL, title_of

router = APIRouter(include_in_schema=False)

_ASSETS: Final = Path(__file__).parent / "assets"
_POLICY: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'self'"}


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Give the reference page."""
    return HTMLResponse(_page(request.app.openapi()), headers=_POLICY)


@router.get("/docs/problems")
async def problems() -> Response:
    """Give what the `type` of a problem leads to."""
    return HTMLResponse(_problems_page(), headers=_POLICY)


@router.get("/docs/reference.css")
async def style() -> Response:
    """Give the page's style."""
    return Response((_ASSETS / "reference.css").read_bytes(), media_type="text/css")


def _page(document: dict[str, Any]) -> str:
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<li><a href="#{_anchor(method, path)}"><code>{method} {escape(path)}</code></a> {escape(operation["summary"])}</li>'
        for method, path, operation in operations
    )
    sections = "".join(_section(method, path, operation) for method, path, operation in operations)
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())
    )
    title = f"{document['info']['title']} API"
    return _html(
        title,
        f"<p>{escape(document['info']['description'])} "
        'The document itself: <a href="/openapi.json">openapi.json</a>. '
        'What is in the topics: <a href="/asyncapi.json">asyncapi.json</a>.</p>'
        f"<nav><h2>Routes</h2><ul>{contents}</ul></nav>{sections}<h2>Bodies</h2>{schemas}",
    )


def _problems_page() -> str:
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{escape(title_of(code, status))}</td></tr>'
        for code, status in STATUS_OF_REFUSAL.items()
    )
    return _html(
        "Problems",
        "<p>What the writer refuses, by the stable <code>code</code> of the answer. Any other code speaks of the request "
        "itself; its <code>detail</code> and <code>errors</code> say what is wrong, and where.</p>"
        f"<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>",
    )


def _html(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/reference.css"></head><body><main>'
        f"<h1>{escape(title)}</h1>{content}</main></body></html>"
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}{', required' if each.get('required') else ''}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", [])
    )
    table = f"<table><thead><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr></thead><tbody>{parameters}</tbody></table>"
    body = operation.get("requestBody")
    sent = f"<p>Body: {_content(body['content'])}</p>{_examples(body['content'])}" if body else ""
    answers = "".join(
        f"<li><b>{escape(status)}</b> {escape(each['description'])} {_content(each.get('content', {}))}, "
        f"with {_names(each['headers'])}{_examples(each.get('content', {})) if status != 'default' else ''}</li>"
        for status, each in operation["responses"].items()
    )
    return (
        f'<section id="{_anchor(method, path)}"><h3>{escape(operation["summary"])}</h3>'
        f"<p><code>{method} {escape(path)}</code></p><p>{escape(operation.get('description', ''))}</p>"
        f"{table if parameters else ''}{sent}<ul>{answers}</ul></section>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", []))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}</td><td>{_kind(kind)}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    return (
        f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        f"<table><thead><tr><th>Field (* always there)</th><th>Kind</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _content(content: dict[str, Any]) -> str:
    return ", ".join(
        f"<code>{escape(media)}</code> {_kind(each['schema'])}" for media, each in content.items()
    )


def _examples(content: dict[str, Any]) -> str:
    return "".join(
        f"<pre>{escape(json.dumps(media['example'], indent=2, ensure_ascii=False))}</pre>"
        for media in content.values()
        if "example" in media
    )


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return _names(map(str, schema["enum"]))
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return f"list of {_kind(schema['items'])}"
    return escape(" ".join(str(schema[key]) for key in ("type", "format") if key in schema) or "anything")


def _anchor(method: str, path: str) -> str:
    return f"{method}-{path}".lower().translate({ord(sign): "-" for sign in "/{}:"})
