"""Names for identities, so that a mailbox id is never passed where a tenant id belongs.

Every id is a UUID in its canonical lower-case text form, parsed once at the edge. Things get a time-ordered
UUIDv7; whatever follows from something else is derived from it, so that the same work done twice carries the same id.
"""

import hashlib
from typing import Final, NewType
from uuid import UUID

TenantId = NewType("TenantId", str)
MailboxId = NewType("MailboxId", str)
ArchiveId = NewType("ArchiveId", str)
CredentialId = NewType("CredentialId", str)
SealKeyId = NewType("SealKeyId", str)
JobId = NewType("JobId", str)
CommandId = NewType("CommandId", str)
EventId = NewType("EventId", str)

DomainName = NewType("DomainName", str)
"""A mail domain as its A-label, lower case, without a final dot."""

LocalPart = NewType("LocalPart", str)
"""The part of an address left of its last `@`: NFC, lower case."""

ActorName = NewType("ActorName", str)
"""Who ordered something, as `kind:name`: `operator:root`, `user:<id>`, `key:<id>`, `system:bulkio`."""

PROVIDER_TENANT: Final = TenantId("00000000-0000-7000-8000-000000000001")
"""The provider's own tenant: its people and keys are the operators of all the others."""

UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def parse_uuid(text: str) -> str:
    """Give the canonical form of a UUID. Raises ValueError when `text` is none."""
    return str(UUID(text))


def derived_id(parent: str, name: str) -> str:
    """Give the id that follows from `parent` and a name: the same pair always gives the same id."""
    return _version_5(parent, name)


def derived_time_ordered_id(parent: str, name: str) -> str:
    """Give a UUIDv7 that sorts where its UUIDv7 parent does, and is the same for the same pair.

    The 48 bits of time are the parent's (RFC 9562, section 5.7); the other bits are a digest of parent and name.
    """
    digest = bytearray(hashlib.sha256(f"{parent}/{name}".encode()).digest()[:16])
    digest[:6] = _octets(parent)[:6]
    return _as_uuid(digest, version=7)


def event_id(command: CommandId, part: int) -> EventId:
    """Name the `part`-th event of a command (from 1): the same decision taken twice is visible as the same id."""
    return EventId(_version_5(command, str(part)))


def _version_5(namespace: str, name: str) -> str:
    """Give what `uuid.uuid5` gives (RFC 9562, section 5.5), in less than half of its time: a row of an import needs four."""
    digest = hashlib.sha1(_octets(namespace) + name.encode(), usedforsecurity=False).digest()[:16]
    return _as_uuid(bytearray(digest), version=5)


def _octets(uuid: str) -> bytes:
    return bytes.fromhex(uuid.replace("-", ""))


def _as_uuid(octets: bytearray, version: int) -> str:
    """Give the text of 16 octets as a UUID of that version, changing the bits that tell version and variant."""
    octets[6] = version << 4 | (octets[6] & 0x0F)
    octets[8] = 0x80 | (octets[8] & 0x3F)
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
