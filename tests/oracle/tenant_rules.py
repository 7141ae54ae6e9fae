"""The rules of a tenant's life once more, as plainly as they can be said, and of who may change anything in it."""

from collections.abc import Iterator
from typing import Final

from contracts import access as a
from contracts.ids import PROVIDER_TENANT
from contracts.views.access import KeyEvent, PaidGroupEvent, PlacementEvent, UserEvent
from tests.oracle.people_rules import broken_by_key_event, broken_by_person_event
from tests.oracle.plan_rules import broken_by_placement, broken_by_plan_event
from tests.oracle.tenant_facts import Event, TenantFacts, is_of_the_provider, rights_of_actor

# The statuses in which each event of a tenant may happen, and the status after it.
_STEPS: Final = {
    a.TenantOnboarded: ({"unknown"}, "active"),
    a.TenantSuspended: ({"active"}, "suspended"),
    a.TenantResumed: ({"suspended"}, "active"),
    a.TenantClosing: ({"active", "suspended"}, "closing"),
    a.TenantClosed: ({"closing"}, "closed"),
}
_WHILE_SUSPENDED: Final = (a.UserSignedIn, a.SessionsRevoked)
_AT_THE_END: Final = (
    a.TenantClosed,
    a.UserDisabled,
    a.UserRemoved,
    a.TotpDisabled,
    a.SessionsRevoked,
    a.KeyRevoked,
    a.PaidGroupRemoved,
    a.DomainWithdrawn,
)


class TenantRules:
    """Tenants, their people, keys and paid groups (semantics: Access)."""

    def __init__(self) -> None:
        self._tenants: dict[str, TenantFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        """Take one event and give the rules that it breaks."""
        if event.tenant != event.stream:
            yield "an event of a tenant in another one's stream"
        tenant = self._tenants.setdefault(event.stream, TenantFacts())
        yield from _by_whom_and_when(tenant, event)
        data = event.data
        if isinstance(data, UserEvent):
            yield from broken_by_person_event(tenant, event, data)
        elif isinstance(data, KeyEvent):
            yield from broken_by_key_event(tenant, event, data)
        elif isinstance(data, PaidGroupEvent):
            yield from broken_by_plan_event(tenant, event, data)
        elif isinstance(data, PlacementEvent):
            yield from broken_by_placement(tenant, event, data)
        else:
            yield from _step(tenant, event)


def _by_whom_and_when(tenant: TenantFacts, event: Event) -> Iterator[str]:
    if not isinstance(event.data, a.UserJoined) and rights_of_actor(tenant, event) is None:
        yield f"{event.type} by somebody who could order nothing"
    if tenant.status == "unknown" and not isinstance(event.data, a.TenantOnboarded):
        yield f"{event.type} of a tenant that is unknown"
    if (
        tenant.status == "suspended"
        and not is_of_the_provider(event)
        and not isinstance(event.data, _WHILE_SUSPENDED)
    ):
        yield f"{event.type} while the tenant is suspended"
    if tenant.status in ("closing", "closed") and not (
        is_of_the_provider(event) and isinstance(event.data, _AT_THE_END)
    ):
        yield f"{event.type} while the tenant is {tenant.status}"


def _step(tenant: TenantFacts, event: Event) -> Iterator[str]:
    data = event.data
    if event.subject != event.stream:
        yield f"{event.type} about something that is not the tenant"
    if isinstance(data, a.TenantRenamed):
        if tenant.title == data.title:
            yield "a title changed to what it was"
        tenant.title = data.title
        return
    allowed, status_after = _STEPS[type(data)]
    if tenant.status not in allowed:
        yield f"{event.type} of a tenant that is {tenant.status}"
    if not is_of_the_provider(event):
        yield f"{event.type} by somebody else than the provider"
    if isinstance(data, a.TenantClosed) and not event.actor.startswith("system:"):
        yield "closed by somebody else than the system"
    if isinstance(data, a.TenantSuspended | a.TenantClosing) and event.tenant == PROVIDER_TENANT:
        yield "the provider shut itself out"
    if isinstance(data, a.TenantOnboarded):
        tenant.title = data.title
    tenant.status = status_after
