"""New identities."""

import os
import time
from uuid import UUID


def new_id() -> str:
    """Give a new UUIDv7 (RFC 9562, section 5.7): ids made later sort later, to the millisecond."""
    value = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return str(UUID(bytes=bytes(value)))
