"""Files of jobs, opened on their way to the client."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import StreamingResponse

from services.gateway.context import Gateway
from services.gateway.http.problems import Problem
from services.runtime.blobs import BlobMissing
from services.runtime.vault import KeyDestroyed

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


async def sealed_file(
    gateway: Gateway, blob: str, key_id: str, media_type: str, headers: dict[str, str]
) -> StreamingResponse:
    """Stream a sealed blob. Raises Problem when it is no longer there, before anything is answered."""
    return StreamingResponse(await open_stream(gateway, blob, key_id), headers=headers, media_type=media_type)


async def open_stream(gateway: Gateway, blob: str, key_id: str) -> AsyncIterator[bytes]:
    """Give a sealed blob piece by piece. Raises Problem when it is no longer there, before the first piece."""
    try:
        sealer = await gateway.vault.sealer(key_id)
        opened = sealer.open_stream(gateway.blobs.stream(blob))
        first = await anext(opened, b"")
    except (BlobMissing, KeyDestroyed):
        raise Problem(HTTPStatus.GONE, "file_gone", "the file is no longer kept") from None
    return _all(first, opened)


async def open_sealed(gateway: Gateway, blob: str, key_id: str) -> bytes:
    """Give a small sealed blob. Raises Problem when it is no longer there."""
    try:
        return (await gateway.vault.sealer(key_id)).open(await gateway.blobs.get(blob))
    except (BlobMissing, KeyDestroyed):
        raise Problem(HTTPStatus.GONE, "file_gone", "the file is no longer kept") from None


def attachment(file_name: str) -> str:
    """Give a Content-Disposition for a name in any script (RFC 6266, RFC 8187)."""
    plain = _PLAIN.sub("_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
