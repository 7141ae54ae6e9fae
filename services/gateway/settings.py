"""What the gateway needs to know besides what every role does."""

from typing import Annotated

from msgspec import Meta

from services.runtime.settings import RuntimeSettings


class GatewaySettings(RuntimeSettings, frozen=True, kw_only=True):
    """`keys_file` maps the SHA-256 of each bearer key, in hex, to the actor and the tenant it is bound to.

    `gateway_export_file_hours` is for how long a finished export can be downloaded.
    """

    keys_file: str
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    gateway_upload_bytes_max: Annotated[int, Meta(ge=1)] = 1024 * 1024
    gateway_body_bytes_max: Annotated[int, Meta(ge=1)] = 64 * 1024
    gateway_outcome_wait_s: Annotated[float, Meta(gt=0)] = 10.0
    gateway_export_file_hours: Annotated[int, Meta(ge=1)] = 7 * 24
