"""The AsyncAPI document of all topics, as it is published and served."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

import contracts
from contracts.asyncapi import asyncapi_document

router = APIRouter(include_in_schema=False)

_EXAMPLES: Final = Path(contracts.__file__).parent / "examples"
"""Frozen values, as `<topic>/v1/<name>.json`."""


@cache
def asyncapi_json() -> bytes:
    """Give the document with the frozen examples, laid out for people."""
    examples: dict[str, dict[str, Any]] = {}
    for path in sorted(_EXAMPLES.glob("*/v1/*.json")):
        examples.setdefault(path.parent.parent.name, {})[path.stem] = msgspec.json.decode(path.read_bytes())
    return msgspec.json.format(msgspec.json.encode(asyncapi_document(examples)), indent=2) + b"\n"


@router.get("/asyncapi.json")
async def serve() -> Response:
    """Give the document."""
    return Response(asyncapi_json(), media_type="application/json")
