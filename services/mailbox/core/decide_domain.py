"""What becomes of a command about a domain as a whole: who holds it, in which state, within which limit."""

from datetime import timedelta

from contracts.addresses import is_domain_name
from contracts.decision import About, Accepted, Order, Refused
from contracts.mailbox import (
    PENDING_CLAIM_DAYS,
    ActivateDomain,
    AssignDomain,
    DomainActivated,
    DomainAssigned,
    DomainClosing,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainResumedWithTenant,
    DomainSuspended,
    DomainSuspendedWithTenant,
    FollowPaidGroup,
    FollowTenant,
    MailboxEvent,
    MailboxLimitSet,
    PaidGroupFollowed,
    RegisterDomain,
    SetMailboxLimit,
    SuspendDomain,
)
from contracts.outcome import RefusalCode
from contracts.routing import AliasRemoved, RuleRemoved
from services.mailbox.core.domain import Domain
from services.mailbox.core.standing import Decision, not_held, not_kept, not_the_system


def register_domain(command: RegisterDomain, domain: Domain, order: Order) -> Decision:
    """Refused when somebody else holds the name; nothing when the orderer does."""
    if not is_domain_name(domain.name):
        return Refused(domain.name, RefusalCode.ADDRESS_INVALID, "this is no name of a mail domain")
    if domain.status not in (None, "removed"):
        if domain.tenant == order.tenant:
            return Accepted(domain.name)
        if not _has_lapsed(domain, order):
            return Refused(domain.name, RefusalCode.DOMAIN_TAKEN)
    registered = DomainRegistered(
        mailbox_limit=command.mailbox_limit, challenge=command.challenge, assigned_to=command.assigned_to
    )
    return Accepted(domain.name, (registered,))


def activate_domain(command: ActivateDomain, domain: Domain, order: Order) -> Decision:
    """Nothing when it is active. A claim that has lapsed is still proven, unless another tenant was faster."""
    if refused := not_kept(domain.name, domain, order):
        return refused
    match domain.status:
        case "pending":
            return Accepted(domain.name, (DomainActivated(proof=command.proof, evidence=command.evidence),))
        case "active":
            return Accepted(domain.name)
        case _:
            return Refused(
                domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "a suspended domain is resumed instead"
            )


def suspend_domain(command: SuspendDomain, domain: Domain, order: Order) -> Decision:
    """Nothing when it is so already, whatever the reason; being suspended with the tenant is something else."""
    if refused := not_kept(domain.name, domain, order) or _pending(domain):
        return refused
    return Accepted(domain.name, () if domain.suspended else (DomainSuspended(reason=command.reason),))


def resume_domain(domain: Domain, order: Order) -> Decision:
    """Nothing when it is not suspended for itself; what its tenant's suspension does, stays."""
    if refused := not_kept(domain.name, domain, order) or _pending(domain):
        return refused
    return Accepted(domain.name, (DomainResumed(),) if domain.suspended else ())


def close_domain(domain: Domain, order: Order) -> Decision:
    """Nothing when it is closing or gone."""
    if domain.tenant == order.tenant and domain.status in ("closing", "removed"):
        return Accepted(domain.name)
    if refused := not_held(domain.name, domain, order) or not_the_system(domain.name, order):
        return refused
    return Accepted(domain.name, (DomainClosing(),))


def remove_domain(domain: Domain, order: Order) -> Decision:
    """Refused while it has mailboxes that are not deleted. What is left of its routing goes with it."""
    if domain.status == "removed" and domain.tenant == order.tenant:
        return Accepted(domain.name)
    if refused := not_held(domain.name, domain, order):
        return refused
    if domain.status == "suspended" or (domain.status == "closing" and not order.by_provider):
        # Else a tenant could end a suspension by removing the domain and registering it anew.
        return Refused(domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, f"the domain is {domain.status}")
    if domain.mailboxes:
        return Refused(
            domain.name, RefusalCode.DOMAIN_NOT_EMPTY, f"{domain.mailboxes} mailboxes are not deleted"
        )
    return Accepted(domain.name, (DomainRemoved(),), _routing_left(domain))


def set_mailbox_limit(command: SetMailboxLimit, domain: Domain, order: Order) -> Decision:
    """Allowed in a pending or suspended domain too: a limit is handed out by a plan, and changes no mailbox."""
    if refused := not_kept(domain.name, domain, order):
        return refused
    if domain.group_id is not None:
        return Refused(domain.name, RefusalCode.LIMIT_FROM_PAID_GROUP)
    if domain.mailbox_limit == command.mailbox_limit:
        return Accepted(domain.name)
    return Accepted(domain.name, (MailboxLimitSet(mailbox_limit=command.mailbox_limit),))


def assign_domain(command: AssignDomain, domain: Domain, order: Order) -> Decision:
    """Allowed in a pending or suspended domain too: it changes nothing in it. Nothing when it is so already."""
    if refused := not_kept(domain.name, domain, order):
        return refused
    if domain.assigned_to == command.user_id:
        return Accepted(domain.name)
    return Accepted(domain.name, (DomainAssigned(user_id=command.user_id),))


def follow_tenant(command: FollowTenant, domain: Domain, order: Order) -> Decision:
    """Nothing when something as new was followed; something newer is told even when it changes nothing."""
    if refused := not_kept(domain.name, domain, order) or not_the_system(domain.name, order):
        return refused
    if command.as_of <= domain.followed_tenant:
        return Accepted(domain.name)
    followed = DomainSuspendedWithTenant if command.suspended else DomainResumedWithTenant
    return Accepted(domain.name, (followed(as_of=command.as_of),))


def follow_paid_group(command: FollowPaidGroup, domain: Domain, order: Order) -> Decision:
    """Nothing when something as new was followed; something newer is told even when it changes nothing."""
    if refused := not_kept(domain.name, domain, order) or not_the_system(domain.name, order):
        return refused
    if command.as_of <= domain.followed_group:
        return Accepted(domain.name)
    followed = PaidGroupFollowed(
        as_of=command.as_of, group_id=command.group_id, mailbox_limit=command.mailbox_limit
    )
    return Accepted(domain.name, (followed,))


def _has_lapsed(domain: Domain, order: Order) -> bool:
    """Say whether the claim was left unproven for so long that the name is free for others."""
    return (
        domain.status == "pending"
        and domain.registered_at is not None
        and order.now - domain.registered_at >= timedelta(days=PENDING_CLAIM_DAYS)
    )


def _pending(domain: Domain) -> Refused | None:
    if domain.status != "pending":
        return None
    return Refused(domain.name, RefusalCode.DOMAIN_NOT_ACTIVE, "the domain is pending")


def _routing_left(domain: Domain) -> tuple[About[MailboxEvent], ...]:
    rules = sorted(each.rule_id for each in domain.routing.rules.values() if each.status != "removed")
    aliases = sorted(each.alias_id for each in domain.routing.alias_at.values())
    return (
        *(About[MailboxEvent](rule_id, RuleRemoved()) for rule_id in rules),
        *(About[MailboxEvent](alias_id, AliasRemoved()) for alias_id in aliases),
    )
