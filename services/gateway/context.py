"""What every request may use, opened once in wiring."""

import asyncio

import asyncpg
from msgspec import Struct

from contracts.retrieval import Price
from services.gateway.dns import Dns
from services.gateway.http.bootstrap_keys import KeyRing
from services.gateway.job_progress import ProgressTable
from services.gateway.rate_limits import RateLimits
from services.gateway.settings import GatewaySettings
from services.gateway.stream_places import StreamPlaces
from services.runtime.blobs import Blobs
from services.runtime.health import Health
from services.runtime.house_clock import HouseClock
from services.runtime.kafka.commands import CommandClient
from services.runtime.passwords import Hasher
from services.runtime.vault import Vault


class Gateway(Struct, frozen=True, kw_only=True):
    """The gateway's connections and settings.

    `retrieval_price` is that of a single archive; `payment_secret` is what the payment provider signs with, if there is
    one. `fingerprint_key` makes request fingerprints useless to guess from. Once `stopping` is set, whatever is still being
    answered has to come to its end.
    """

    settings: GatewaySettings
    pool: asyncpg.Pool
    vault: Vault
    hasher: Hasher
    blobs: Blobs
    commands: CommandClient
    keys: KeyRing
    limits: RateLimits
    progress: ProgressTable
    streams: StreamPlaces
    dns: Dns
    health: Health
    clock: HouseClock
    retrieval_price: Price
    payment_secret: bytes | None
    fingerprint_key: bytes
    stopping: asyncio.Event
