"""What the rules of tenants need to know, and who holds what: said once more, without the system's own words for it."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from contracts.envelope import EventEnvelope
from contracts.ids import PROVIDER_TENANT
from contracts.permissions import ACTIONS, PAGES, Permission

Event = EventEnvelope[Any]
Right = tuple[str, str, str]
"""Page, action and place, where the place is "everywhere", "assigned", or a domain or group by its name."""


class PersonFacts(Struct):
    """A person."""

    email: str
    role: str
    permissions: tuple[Permission, ...]
    display_name: str
    invitation_id: str
    invited_until: datetime
    status: str = "invited"
    credential_id: str | None = None
    totp_id: str | None = None


class KeyFacts(Struct):
    """An API key."""

    role: str
    permissions: tuple[Permission, ...]
    expires_at: datetime | None
    revoked: bool = False


class PlanFacts(Struct):
    """A paid group, with the mailboxes that each of its domains was handed."""

    plan: tuple[str, int, int]
    title: str
    removed: bool = False
    handed_out: dict[str, int] = field(default_factory=dict[str, int])


class TenantFacts(Struct):
    """A tenant with all it has."""

    status: str = "unknown"
    title: str = ""
    people: dict[str, PersonFacts] = field(default_factory=dict[str, PersonFacts])
    keys: dict[str, KeyFacts] = field(default_factory=dict[str, KeyFacts])
    plans: dict[str, PlanFacts] = field(default_factory=dict[str, PlanFacts])


_EVERYTHING: Final = {(page, action, "everywhere") for page in PAGES for action in ACTIONS}
_READING: Final = {right for right in _EVERYTHING if right[1] == "see"} | {("export", "change", "everywhere")}


def rights_of(role: str, permissions: tuple[Permission, ...]) -> set[Right]:
    """Give each single right (semantics: Access). Whoever may do anything on a page may see it there."""
    if role in ("operator", "owner"):
        return _EVERYTHING
    if role == "auditor":
        return _READING
    rights: set[Right] = set()
    for each in permissions:
        match each.scope:
            case "all":
                places = ["everywhere"]
            case "assigned":
                places = ["assigned"]
            case "domains" | "groups":
                places = [f"{each.scope} {name}" for name in each.names]
        rights.update((each.page, action, place) for action in ("see", *each.actions) for place in places)
    return rights


def holds(held: set[Right], wanted: set[Right]) -> bool:
    """Whether nothing is wanted that is not held, there or everywhere."""
    return all(
        (page, action, place) in held or (page, action, "everywhere") in held
        for page, action, place in wanted
    )


def is_of_the_provider(event: Event) -> bool:
    """Whether an operator or the system ordered it."""
    return event.actor.startswith(("operator:", "system:"))


def is_by_the_person(event: Event) -> bool:
    """Whether the person that it is about ordered it; the provider's people are its operators."""
    own = {f"user:{event.subject}"}
    if event.tenant == PROVIDER_TENANT:
        own.add(f"operator:{event.subject}")
    return event.actor in own


def rights_of_actor(tenant: TenantFacts, event: Event) -> set[Right] | None:
    """Give what whoever ordered it held at that moment; None for those who could order nothing."""
    kind, _, name = event.actor.partition(":")
    if kind in ("operator", "system"):
        return _EVERYTHING
    person, key = tenant.people.get(name), tenant.keys.get(name)
    if kind == "user" and person is not None and person.status == "active":
        return rights_of(person.role, person.permissions)
    if kind == "key" and key is not None and not key.revoked:
        expired = key.expires_at is not None and key.expires_at <= event.time
        return None if expired else rights_of(key.role, key.permissions)
    return None
