"""How many requests somebody may send: a sliding minute for each principal, and for each address without a sign-in.

Counts are in the memory of the process, so each gateway grants as much; a limit that all share would cost a question
for each request. The answers' headers follow draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
from datetime import datetime
from typing import Final, Literal

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from msgspec import Struct

Policy = Literal["principal", "address"]

WINDOW_S: Final = 60


class Standing(Struct, frozen=True):
    """What is left of a limit after a request."""

    policy: Policy
    allowed: bool
    quota: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """Give what the answer says about it."""
        found = {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_s}',
        }
        return found if self.allowed else found | {"Retry-After": str(self.reset_s)}


class RateLimits:
    """The counts of one process."""

    def __init__(self, per_principal: int, per_address: int) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._limits: dict[Policy, RateLimitItemPerMinute] = {
            "principal": RateLimitItemPerMinute(per_principal),
            "address": RateLimitItemPerMinute(per_address),
        }

    async def count(self, policy: Policy, whom: str, now: datetime) -> Standing:
        """Count a request and say whether it is within the limit; `now` is only for saying until when."""
        limit = self._limits[policy]
        allowed = await self._limiter.hit(limit, policy, whom)
        reset_at, remaining = await self._limiter.get_window_stats(limit, policy, whom)
        reset_s = max(1, math.ceil(reset_at - now.timestamp()))
        return Standing(policy, allowed, limit.amount, remaining if allowed else 0, reset_s)
