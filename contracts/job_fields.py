"""Fields that the messages of every kind of job share."""

from typing import Annotated

from msgspec import Meta

from contracts.message import PERSONAL, STORABLE

BlobName = Annotated[str, Meta(min_length=1, max_length=300)]
DomainText = Annotated[str, Meta(min_length=3, max_length=253, pattern="^[a-z0-9.-]+$")]
Within = Annotated[tuple[DomainText, ...], Meta(max_length=10_000)] | None
"""The domains (A-labels) that whoever asks may act in, as of the asking; None is all of the tenant's."""

Sha256Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0)]
FilterText = Annotated[str, Meta(max_length=2_000, pattern=STORABLE, extra=PERSONAL)]
