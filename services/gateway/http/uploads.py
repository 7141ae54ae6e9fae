"""Uploads: a workbook or csv file as the whole body or as a part of a form, sealed while it arrives, to a bound."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request
from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from services.gateway.context import Gateway
from services.gateway.http.acting import Acting
from services.gateway.http.bodies import read_bounded
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.sealed_files import CSV
from services.runtime.ids import new_id

FILE_NAME_LENGTH_MAX: Final = 255
FORM_OVERHEAD_BYTES_MAX: Final = 16 * 1024
FORM_FIELDS_MAX: Final = 8

_ZIP: Final = b"PK\x03\x04"
_LOOKED_AT_BYTES: Final = 4 * 1024


class Upload(Struct, kw_only=True):
    """A file, already sealed as `blob` with the key `key_id`, and the form's other fields.

    It is removed with its key when the request ends, unless an order refers to it: then `kept` is set.
    """

    blob: str
    key_id: str
    head: bytes
    size_bytes: int
    sha256: str
    large: bool
    file_name: str
    media_type: str
    fields: dict[str, str]
    kept: bool = False

    @property
    def is_csv(self) -> bool:
        """Whether the file is called csv, by its type or its name, and is not a workbook all the same."""
        called_csv = self.media_type == CSV or self.file_name.lower().endswith(".csv")
        return called_csv and not self.head.startswith(_ZIP)


async def _upload(request: Request, acting: Acting) -> AsyncIterator[Upload]:
    settings = acting.gateway.settings
    large = settings.may_import_large(acting.tenant)
    media_type = _plain(request.headers.get("content-type"))
    is_form = media_type == "multipart/form-data"
    # A form's file would lie in the open on the disk while the form is taken apart, so a large one comes as the body.
    bytes_max = (
        settings.gateway_upload_bytes_large_max
        if large and not is_form
        else settings.gateway_upload_bytes_max
    )
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file_too_large", f"the file has more than {bytes_max} bytes"
    )
    body_max = bytes_max + (FORM_OVERHEAD_BYTES_MAX if is_form else 0)
    if int(request.headers.get("content-length", "0")) > body_max:
        raise too_large
    if is_form:
        form = await _form(request, await read_bounded(request.stream(), body_max, too_large))
        arriving = _Arriving(_whole(form.content), bytes_max, too_large)
    else:
        form = _Form(b"", request.query_params.get("file_name", ""), media_type, {})
        arriving = _Arriving(request.stream(), bytes_max, too_large)
    key_id = new_id()
    upload = Upload(
        blob=f"uploads/{key_id}", key_id=key_id, head=b"", size_bytes=0, sha256="", large=large,
        file_name=form.file_name, media_type=form.media_type, fields=form.fields,
    )  # fmt: skip
    async with sealed(acting.gateway, upload, arriving.chunks()):
        arriving.settle(upload)
        yield upload


@asynccontextmanager
async def sealed(gateway: Gateway, upload: Upload, content: AsyncIterator[bytes]) -> AsyncGenerator[None]:
    """Seal a file while it arrives, for as long as the block lasts, or for good when the block lets it be kept."""
    await gateway.vault.create_key(upload.key_id)
    try:
        sealer = await gateway.vault.sealer(upload.key_id)
        await gateway.blobs.put(upload.blob, sealer.seal_arriving(content))
        yield
    finally:
        if not upload.kept:
            await gateway.blobs.delete(upload.blob)
            await gateway.vault.drop_key(upload.key_id)


class _Arriving:
    """A file on its way to the blobs: measured, and let through to a bound and no further."""

    def __init__(self, chunks: AsyncIterator[bytes], bytes_max: int, too_large: Problem) -> None:
        self._chunks = chunks
        self._bytes_max = bytes_max
        self._too_large = too_large
        self._digest = hashlib.sha256()
        self._head = bytearray()
        self._size = 0
        self._error: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the chunks. An error ends them and is kept for `settle`: the store would make another one of it."""
        try:
            async for chunk in self._chunks:
                self._size += len(chunk)
                if self._size > self._bytes_max:
                    raise self._too_large
                self._digest.update(chunk)
                self._head += chunk[: _LOOKED_AT_BYTES - len(self._head)]
                yield chunk
        except (Problem, ClientDisconnect) as error:
            self._error = error

    def settle(self, upload: Upload) -> None:
        """Note what the file turned out to be. Raises Problem when it is too large or of the wrong kind."""
        if self._error is not None:
            raise self._error
        upload.head, upload.size_bytes, upload.sha256 = (
            bytes(self._head),
            self._size,
            self._digest.hexdigest(),
        )
        if upload.head.startswith(_ZIP):
            return
        if not upload.is_csv:
            detail = "the file is no .xlsx workbook, and neither its type nor its name says csv"
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_xlsx", detail)
        if b"\0" in upload.head:
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_csv", "the file is not text in UTF-8")


class _Form(Struct, frozen=True):
    content: bytes
    file_name: str
    media_type: str
    fields: dict[str, str]


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


Uploaded = Annotated[Upload, Depends(_upload)]


async def _form(request: Request, body: bytes) -> _Form:
    parser = MultiPartParser(request.headers, _whole(body), max_files=1, max_fields=FORM_FIELDS_MAX)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeDecodeError, KeyError) as error:
        detail = error.message if isinstance(error, MultiPartException) else "the form can't be read"
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_form", detail) from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("file", "file_missing", "send the workbook as the form's field “file”")
        texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        fields = dict(texts)
        for name in fields:
            if [known for known, _ in texts].count(name) > 1:
                raise invalid(name, "duplicate_field", "the field is given twice", HTTPStatus.BAD_REQUEST)
        return _Form(await file.read(), file.filename or "", _plain(file.content_type), fields)
    finally:
        await form.close()


def _plain(content_type: str | None) -> str:
    """Give a media type without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


def shown_name(file_name: str) -> str:
    """Give the name under which a file is kept: its last part, without what can't be shown, shortened."""
    last = file_name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(character for character in last if character.isprintable())
    return shown[:FILE_NAME_LENGTH_MAX]
