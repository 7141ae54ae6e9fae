"""Tenants: who may own mail domains. Stream key: the tenant id."""

from typing import Annotated

from msgspec import Meta

from contracts.message import STORABLE, Command, Event

TenantTitle = Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE)]


class OnboardTenant(Command, frozen=True, kw_only=True, tag="onboard_tenant"):
    """Make a customer known. Sent by operators."""

    title: TenantTitle


class RenameTenant(Command, frozen=True, kw_only=True, tag="rename_tenant"):
    """Give a customer another title."""

    title: TenantTitle


class TenantOnboarded(Event, frozen=True, kw_only=True, tag="tenant_onboarded"):
    """The customer is known from here on."""

    title: str


class TenantRenamed(Event, frozen=True, kw_only=True, tag="tenant_renamed"):
    """The customer has another title."""

    title: str


AccessCommand = OnboardTenant | RenameTenant
AccessEvent = TenantOnboarded | TenantRenamed
