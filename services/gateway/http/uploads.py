"""Uploads: a workbook or csv file as the whole body or as a part of a form, read to a bound and no further."""

import hashlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request
from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.gateway.http.bodies import read_bounded
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.sealed_files import CSV

FILE_NAME_LENGTH_MAX: Final = 255
FORM_OVERHEAD_BYTES_MAX: Final = 16 * 1024
FORM_FIELDS_MAX: Final = 8

_ZIP: Final = b"PK\x03\x04"
_LOOKED_AT_BYTES: Final = 4 * 1024


class Upload(Struct, frozen=True):
    """A file that may be a workbook or csv, and the form's other fields."""

    content: bytes
    file_name: str
    media_type: str
    fields: dict[str, str]

    @property
    def is_csv(self) -> bool:
        """Whether the file is called csv, by its type or its name, and is not a workbook all the same."""
        called_csv = self.media_type == CSV or self.file_name.lower().endswith(".csv")
        return called_csv and not self.content.startswith(_ZIP)

    @property
    def sha256(self) -> str:
        """The digest of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


async def _upload(request: Request) -> Upload:
    bytes_max: int = request.app.state.gateway.settings.gateway_upload_bytes_max
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file_too_large", f"the file has more than {bytes_max} bytes"
    )
    media_type = _plain(request.headers.get("content-type"))
    is_form = media_type == "multipart/form-data"
    body_max = bytes_max + (FORM_OVERHEAD_BYTES_MAX if is_form else 0)
    if int(request.headers.get("content-length", "0")) > body_max:
        raise too_large
    body = await read_bounded(request.stream(), body_max, too_large)
    if is_form:
        upload = await _form(request, body)
    else:
        upload = Upload(body, request.query_params.get("file_name", ""), media_type, {})
    if len(upload.content) > bytes_max:
        raise too_large
    if not upload.content.startswith(_ZIP):
        if not upload.is_csv:
            detail = "the file is no .xlsx workbook, and neither its type nor its name says csv"
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_xlsx", detail)
        if b"\0" in upload.content[:_LOOKED_AT_BYTES]:
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_csv", "the file is not text in UTF-8")
    return upload


Uploaded = Annotated[Upload, Depends(_upload)]


async def _form(request: Request, body: bytes) -> Upload:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    parser = MultiPartParser(request.headers, chunks(), max_files=1, max_fields=FORM_FIELDS_MAX)  # type: ignore[arg-type]
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
        return Upload(await file.read(), file.filename or "", _plain(file.content_type), fields)
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
