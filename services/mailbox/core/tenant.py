"""Tenants: who may own mail domains. State, decisions and fold of one tenant, whose id is the stream key."""

from typing import assert_never

from msgspec import Struct

from contracts.access import (
    AccessCommand,
    AccessEvent,
    OnboardTenant,
    RenameTenant,
    TenantOnboarded,
    TenantRenamed,
)
from contracts.decision import Accepted, Order, Refused
from contracts.envelope import EventEnvelope
from contracts.ids import TenantId
from contracts.outcome import RefusalCode
from contracts.views.access import TenantRow

Decision = Accepted[AccessEvent] | Refused


class Tenant(Struct, kw_only=True):
    """One customer; without a title it was never onboarded."""

    tenant: TenantId
    title: str | None = None
    version: int = 0

    @classmethod
    def unknown(cls, stream: str) -> "Tenant":
        """Give the state of a tenant before its first event."""
        return cls(tenant=TenantId(stream))

    @classmethod
    def from_row(cls, row: TenantRow) -> "Tenant":
        """Give the state that the read model tells of."""
        return cls(tenant=TenantId(row.tenant), title=row.title, version=row.version)

    def version_of(self, subject: str) -> int:
        """Give the tenant's version; 0 when the subject does not exist."""
        return self.version if subject == self.tenant else 0


def subject_of(_command: AccessCommand, tenant: Tenant) -> str:
    """Give what the command is about: always the tenant itself."""
    return tenant.tenant


def decide(command: AccessCommand, tenant: Tenant, order: Order) -> Decision:
    """Judge one command against the tenant as it is. Only reads the state."""
    if order.tenant != tenant.tenant:
        return Refused(tenant.tenant, RefusalCode.TENANT_UNKNOWN)
    match command:
        case OnboardTenant():
            return _onboard(command, tenant)
        case RenameTenant():
            return _rename(command, tenant)
        case _:
            assert_never(command)


def _onboard(command: OnboardTenant, tenant: Tenant) -> Decision:
    # Who is known already stays so, under the present title: a second request is no wish to rename.
    return Accepted(tenant.tenant, (TenantOnboarded(title=command.title),) if tenant.title is None else ())


def _rename(command: RenameTenant, tenant: Tenant) -> Decision:
    if tenant.title is None:
        return Refused(tenant.tenant, RefusalCode.TENANT_UNKNOWN)
    return Accepted(
        tenant.tenant, () if tenant.title == command.title else (TenantRenamed(title=command.title),)
    )


def evolve(tenant: Tenant, event: EventEnvelope[AccessEvent]) -> None:
    """Change the state as the event tells. Never refuses: an event is a fact."""
    data = event.data
    match data:
        case TenantOnboarded(title=title) | TenantRenamed(title=title):
            tenant.title = title
        case _:
            assert_never(data)
    tenant.version = event.version
