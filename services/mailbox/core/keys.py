"""Decisions about the API keys of a tenant."""

from datetime import MAXYEAR
from ipaddress import ip_network

from contracts.access import CreateKey, KeyCreated, KeyRevoked, RevokeKey
from contracts.decision import Accepted, Order, Refused
from contracts.outcome import RefusalCode
from services.mailbox.core.authority import Holder, beyond, role_misplaced
from services.mailbox.core.tenant import Decision, Key, Tenant


def create(command: CreateKey, tenant: Tenant, order: Order) -> Decision:
    """Make a key that can do nothing beyond what whoever orders it holds."""
    subject = command.key_id
    if refused := role_misplaced(subject, command.role, tenant):
        return refused
    if refused := beyond(subject, Holder(command.role, command.permissions), tenant, order):
        return refused
    known = tenant.keys.get(subject)
    if known is not None and _content(known) == _content(command):
        # A revoked key never works again, so its second creation must not look like a success.
        return Refused(subject, RefusalCode.KEY_REVOKED) if known.revoked else Accepted(subject)
    if tenant.version_of(subject):
        return Refused(subject, RefusalCode.MALFORMED, "the id belongs to something else")
    if problem := _network_problem(command) or _expiry_problem(command, order):
        return Refused(subject, RefusalCode.MALFORMED, problem)
    created = KeyCreated(
        key_id=subject,
        title=command.title,
        role=command.role,
        permissions=command.permissions,
        networks=command.networks,
        expires_at=command.expires_at,
    )
    return Accepted(subject, (created,))


def revoke(command: RevokeKey, tenant: Tenant, order: Order) -> Decision:
    """End a key for good."""
    key = tenant.keys.get(command.key_id)
    if key is None:
        return Refused(command.key_id, RefusalCode.KEY_UNKNOWN)
    if refused := beyond(key.key_id, key, tenant, order):
        return refused
    return Accepted(key.key_id, () if key.revoked else (KeyRevoked(),))


def _content(key: Key | CreateKey) -> tuple[object, ...]:
    return key.title, key.role, key.permissions, key.networks, key.expires_at


def _network_problem(command: CreateKey) -> str | None:
    for network in command.networks:
        try:
            ip_network(network)
        except ValueError as error:
            return str(error)
    return None


def _expiry_problem(command: CreateKey, order: Order) -> str | None:
    expires_at = command.expires_at
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        return "the expiry has no time zone"
    if expires_at.year == MAXYEAR:
        # Its moment in UTC may be in a year that nobody can write down.
        return "the expiry is too far away"
    return None if order.now < expires_at else "the expiry is not in the future"
