"""The rules of a tenant's people and keys once more, as plainly as they can be said."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

from contracts import access as a
from contracts.addresses import AddressError, is_domain_name, parse_local_part
from contracts.ids import PROVIDER_TENANT
from contracts.permissions import Permission
from contracts.views.access import KeyEvent, UserEvent
from tests.oracle.tenant_facts import (
    Event,
    KeyFacts,
    PersonFacts,
    TenantFacts,
    holds,
    is_by_the_person,
    rights_of,
    rights_of_actor,
)


def broken_by_person_event(tenant: TenantFacts, event: Event, data: UserEvent) -> Iterator[str]:
    """Take one event about a person and give the rules that it breaks."""
    if isinstance(data, a.UserInvited):
        yield from _invited(tenant, event, data)
        return
    person = tenant.people.get(event.subject)
    if person is None:
        yield f"{event.type} of a person who was never asked in"
        return
    if person.status == "removed":
        yield f"{event.type} of a removed person"
    if isinstance(data, a.UserJoined | a.UserSignedIn | a.TotpEnabled) and not is_by_the_person(event):
        yield f"{event.type} by somebody else"
    if not isinstance(data, a.UserJoined):
        yield from _out_of_reach(tenant, event, person)
    yield from _step(tenant, event, person, data)


def _invited(tenant: TenantFacts, event: Event, data: a.UserInvited) -> Iterator[str]:
    if data.user_id != event.subject or event.subject in tenant.people:
        yield "a person asked in under an id that is not theirs alone"
    if any(person.email == data.email for person in tenant.people.values() if person.status != "removed"):
        yield "an address of two people"
    if not _is_in_one_form(data.email):
        yield "the address of a person is not in its one form"
    if data.expires_at != event.time + timedelta(days=7):
        yield "an invitation that is not good for a week"
    yield from _beyond_the_giver(tenant, event, data.role, data.permissions)
    tenant.people[event.subject] = PersonFacts(
        data.email, data.role, data.permissions, data.display_name, data.invitation_id, data.expires_at
    )


def _step(tenant: TenantFacts, event: Event, person: PersonFacts, data: UserEvent) -> Iterator[str]:
    match data:
        case a.InvitationRenewed():
            if person.status != "invited" or person.invitation_id == data.invitation_id:
                yield "an invitation renewed that is not waiting, or by itself"
            if data.expires_at != event.time + timedelta(days=7):
                yield "an invitation that is not good for a week"
            person.invitation_id, person.invited_until = data.invitation_id, data.expires_at
        case a.UserJoined(credential_id=credential_id):
            if person.status != "invited" or event.time >= person.invited_until:
                yield "joined without an invitation that counts"
            person.status, person.credential_id = "active", credential_id
        case a.UserPasswordSet(credential_id=credential_id):
            if person.credential_id in (None, credential_id):
                yield "a password changed to what it was, or before joining"
            person.credential_id = credential_id
        case a.UserRenamed(display_name=display_name):
            if person.display_name == display_name:
                yield "a name changed to what it was"
            person.display_name = display_name
        case a.AccessGranted():
            yield from _granted(tenant, event, person, data)
        case a.UserDisabled() | a.UserRemoved():
            after = "disabled" if isinstance(data, a.UserDisabled) else "removed"
            if person.status == after:
                yield f"{after} twice"
            yield from _loses_the_owner(tenant, person)
            person.status = after
        case a.UserEnabled():
            if person.status != "disabled":
                yield "let in again without having been shut out"
            person.status = "invited" if person.credential_id is None else "active"
        case a.TotpEnabled() | a.TotpDisabled():
            after = data.totp_id if isinstance(data, a.TotpEnabled) else None
            if person.totp_id == after:
                yield "one-time codes changed to what they were"
            person.totp_id = after
        case a.UserSignedIn() | a.SessionsRevoked():
            if person.status != "active":
                yield f"{event.type} of a person who is {person.status}"
        case _:
            yield "an event that the oracle has no rule for"


def _granted(tenant: TenantFacts, event: Event, person: PersonFacts, data: a.AccessGranted) -> Iterator[str]:
    if (person.role, person.permissions) == (data.role, data.permissions):
        yield "access changed to what it was"
    yield from _beyond_the_giver(tenant, event, data.role, data.permissions)
    if data.role != "owner":
        yield from _loses_the_owner(tenant, person)
    person.role, person.permissions = data.role, data.permissions


def broken_by_key_event(tenant: TenantFacts, event: Event, data: KeyEvent) -> Iterator[str]:
    """Take one event about a key and give the rules that it breaks."""
    key = tenant.keys.get(event.subject)
    if isinstance(data, a.KeyRevoked):
        if key is None or key.revoked:
            yield "a key revoked that does not work"
        else:
            yield from _out_of_reach(tenant, event, key)
            key.revoked = True
        return
    if data.key_id != event.subject or key is not None:
        yield "a key made under an id that is not its alone"
    if data.expires_at is not None and data.expires_at <= event.time:
        yield "a key that never worked"
    if not all(_is_network(each) for each in data.networks):
        yield "a key bound to what is no network"
    yield from _beyond_the_giver(tenant, event, data.role, data.permissions)
    tenant.keys[event.subject] = KeyFacts(data.role, data.permissions, data.expires_at)


def _beyond_the_giver(
    tenant: TenantFacts, event: Event, role: str, permissions: tuple[Permission, ...]
) -> Iterator[str]:
    if (role == "operator") != (event.tenant == PROVIDER_TENANT):
        yield f"somebody is {role} in the wrong tenant"
    held = rights_of_actor(tenant, event)
    if held is not None and not holds(held, rights_of(role, permissions)):
        yield "more handed out than whoever did it held"


def _out_of_reach(tenant: TenantFacts, event: Event, about: PersonFacts | KeyFacts) -> Iterator[str]:
    held = rights_of_actor(tenant, event)
    if held is not None and not holds(held, rights_of(about.role, about.permissions)):
        yield f"{event.type} by somebody who held less"


def _loses_the_owner(tenant: TenantFacts, person: PersonFacts) -> Iterator[str]:
    owners = [each for each in tenant.people.values() if each.role == "owner" and each.status == "active"]
    if owners == [person]:
        yield "the last owner is gone"


def _is_in_one_form(email: str) -> bool:
    local_part, _, domain = email.rpartition("@")
    try:
        return parse_local_part(local_part) == local_part and is_domain_name(domain)
    except AddressError:
        return False


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
