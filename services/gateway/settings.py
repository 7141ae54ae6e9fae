"""What the gateway needs to know besides what every role does."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from services.runtime.settings import RuntimeSettings


class GatewaySettings(RuntimeSettings, frozen=True, kw_only=True):
    """`keys_file` maps the SHA-256 of each bootstrap key, in hex, to the operator's name as an actor.

    `gateway_export_file_hours` is for how long a finished export can be downloaded. `gateway_trusted_proxies` are
    addresses or networks, joined by commas, whose X-Forwarded-For is believed. `gateway_requests_per_minute` is for each
    key or person in each process, `gateway_anonymous_requests_per_minute` for each client address without a sign-in.
    `gateway_streams_max` are the streams that each key or person may hold open in each process.

    `gateway_large_import_tenants` are the ids, joined by commas, of the tenants that may hand in files beyond the page's
    limits, up to `gateway_upload_bytes_large_max`; "all" means every one.

    `gateway_retrieval_price` is what getting a single archive back costs, with its currency (ISO 4217).
    `gateway_payment_secret_file` holds the secret that the payment provider signs its webhook with; without it there is
    no such route.

    `dns_servers` are name servers as `address:port`, joined by commas; without, they are the system's. The other `dns_`
    settings are what a domain's records are compared with; where one is empty, any record will do.

    A bulk action of more mailboxes than `bulk_confirm_above` must be confirmed, one of more than `bulk_approval_above`
    approved by another person (0: only where that was asked for). At most `bulk_passwords_max` passwords are generated
    at once.
    """

    keys_file: str
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    gateway_upload_bytes_max: Annotated[int, Meta(ge=1)] = 1024 * 1024
    gateway_upload_bytes_large_max: Annotated[int, Meta(ge=1)] = 256 * 1024 * 1024
    gateway_large_import_tenants: str = ""
    gateway_body_bytes_max: Annotated[int, Meta(ge=1)] = 64 * 1024
    gateway_outcome_wait_s: Annotated[float, Meta(gt=0)] = 10.0
    gateway_export_file_hours: Annotated[int, Meta(ge=1)] = 7 * 24
    gateway_trusted_proxies: str = ""
    gateway_requests_per_minute: Annotated[int, Meta(ge=1)] = 6_000
    gateway_anonymous_requests_per_minute: Annotated[int, Meta(ge=1)] = 600
    gateway_streams_max: Annotated[int, Meta(ge=1)] = 20
    gateway_retrieval_price: str = "50.00 EUR"
    gateway_payment_secret_file: str = ""
    gateway_session_hours: Annotated[int, Meta(ge=1)] = 12
    gateway_session_idle_minutes: Annotated[int, Meta(ge=2)] = 30
    dns_servers: str = ""
    dns_timeout_s: Annotated[float, Meta(gt=0, le=10)] = 3.0
    dns_mx_host: str = ""
    dns_spf_include: str = ""
    dns_dkim_selectors: str = ""
    bulk_confirm_above: Annotated[int, Meta(ge=0)] = 100
    bulk_approval_above: Annotated[int, Meta(ge=0)] = 0
    bulk_passwords_max: Annotated[int, Meta(ge=1)] = 10_000

    @property
    def export_file_kept(self) -> timedelta:
        """For how long an export's file can be downloaded: no longer than it is there."""
        return min(timedelta(hours=self.gateway_export_file_hours), timedelta(days=self.results_kept_days))

    def may_import_large(self, tenant: str) -> bool:
        """Whether a tenant may hand in a file beyond the page's limits."""
        allowed = {each.strip() for each in self.gateway_large_import_tenants.split(",")}
        return "all" in allowed or tenant in allowed
