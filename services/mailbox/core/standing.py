"""Who may have a say in a domain at all: judged first, and in the same words whoever asks."""

from contracts.addresses import AddressError, is_domain_name, join_address, parse_local_part
from contracts.decision import Accepted, Order, Refused
from contracts.ids import LocalPart
from contracts.mailbox import MailboxEvent
from contracts.outcome import RefusalCode
from services.mailbox.core.domain import Domain
from services.mailbox.core.routing import Destination

Decision = Accepted[MailboxEvent] | Refused


def not_held(subject: str, domain: Domain, order: Order) -> Refused | None:
    """Refuse whoever does not hold the domain, in the same words whether nobody or somebody else does."""
    if domain.status is None or domain.tenant != order.tenant:
        return Refused(subject, RefusalCode.DOMAIN_UNKNOWN)
    if domain.status == "removed":
        return Refused(subject, RefusalCode.DOMAIN_REMOVED)
    return None


def not_kept(subject: str, domain: Domain, order: Order) -> Refused | None:
    """Refuse also when the domain is only being emptied."""
    if refused := not_held(subject, domain, order):
        return refused
    if domain.status == "closing":
        return Refused(subject, RefusalCode.DOMAIN_NOT_ACTIVE, "the domain is closing")
    return None


def not_active(subject: str, domain: Domain, order: Order) -> Refused | None:
    """Refuse also when the domain is pending, suspended or closing."""
    if refused := not_held(subject, domain, order):
        return refused
    if domain.status != "active":
        return Refused(subject, RefusalCode.DOMAIN_NOT_ACTIVE, f"the domain is {domain.status}")
    return None


def not_the_system(subject: str, order: Order) -> Refused | None:
    """Refuse people and keys of tenants what only follows from something else."""
    if order.by_provider:
        return None
    return Refused(subject, RefusalCode.PERMISSION_EXCEEDED, "only the system orders this")


def target_unknown(subject: str, target: Destination, domain: Domain) -> Refused | None:
    """Refuse a target that can't be one. In another domain it may be any: whether it is there is seen in routing."""
    mailbox = domain.by_id.get(target.mailbox_id)
    if target.domain != domain.name:
        if mailbox is None and is_domain_name(target.domain):
            return None
        return Refused(subject, RefusalCode.TARGET_UNKNOWN, "the target is not in that domain")
    if mailbox is None or not mailbox.in_use or mailbox.tenant != domain.tenant:
        return Refused(subject, RefusalCode.TARGET_UNKNOWN)
    return None


def address_invalid(subject: str, local_part: LocalPart, domain: Domain) -> Refused | None:
    """Refuse what can't be an address of the domain, or is not in its one form."""
    try:
        parsed = parse_local_part(local_part)
        join_address(parsed, domain.name)
    except AddressError as error:
        return Refused(subject, RefusalCode.ADDRESS_INVALID, str(error))
    if parsed != local_part:
        return Refused(subject, RefusalCode.ADDRESS_INVALID, "the part before @ is not in its one form")
    return None


def address_taken(subject: str, local_part: LocalPart, domain: Domain) -> Refused | None:
    """Refuse an address that is a mailbox, also a deleted one, or an alias: they share one namespace."""
    mailbox = domain.by_local_part.get(local_part)
    if mailbox is not None and mailbox.deleted:
        return Refused(subject, RefusalCode.ADDRESS_QUARANTINED)
    if mailbox is not None or local_part in domain.routing.alias_at:
        return Refused(subject, RefusalCode.ADDRESS_TAKEN)
    return None
