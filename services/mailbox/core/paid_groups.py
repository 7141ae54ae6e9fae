"""Decisions about the paid groups of a tenant, and which of its domains are in which of them."""

from contracts.access import (
    ChangePlan,
    CreatePaidGroup,
    DomainPlaced,
    DomainWithdrawn,
    PaidGroupCreated,
    PaidGroupRemoved,
    PaidGroupRenamed,
    PlaceDomain,
    PlanChanged,
    RemovePaidGroup,
    RenamePaidGroup,
    WithdrawDomain,
)
from contracts.addresses import is_domain_name
from contracts.decision import Accepted, Refused
from contracts.outcome import RefusalCode
from services.mailbox.core.tenant import Decision, PaidGroup, Tenant


def create(command: CreatePaidGroup, tenant: Tenant) -> Decision:
    """Let the tenant have a plan."""
    subject = command.group_id
    known = tenant.paid_groups.get(subject)
    if known is not None and not known.removed and _content(known) == _content(command):
        return Accepted(subject)
    if tenant.version_of(subject):
        return Refused(subject, RefusalCode.MALFORMED, "the id belongs to something else")
    created = PaidGroupCreated(
        group_id=subject,
        title=command.title,
        plan=command.plan,
        domains_max=command.domains_max,
        mailboxes_max=command.mailboxes_max,
    )
    return Accepted(subject, (created,))


def rename(command: RenamePaidGroup, tenant: Tenant) -> Decision:
    """Give the group another title."""
    group = _present(command.group_id, command.group_id, tenant)
    if isinstance(group, Refused):
        return group
    same = group.title == command.title
    return Accepted(group.group_id, () if same else (PaidGroupRenamed(title=command.title),))


def change_plan(command: ChangePlan, tenant: Tenant) -> Decision:
    """Let the group hold another number of domains and mailboxes."""
    group = _present(command.group_id, command.group_id, tenant)
    if isinstance(group, Refused):
        return group
    wanted = (command.plan, command.domains_max, command.mailboxes_max)
    if (group.plan, group.domains_max, group.mailboxes_max) == wanted:
        return Accepted(group.group_id)
    if group.domains > command.domains_max or group.allotted > command.mailboxes_max:
        detail = f"{group.domains} domains have {group.allotted} mailboxes of the group"
        return Refused(group.group_id, RefusalCode.PLAN_EXCEEDED, detail)
    changed = PlanChanged(
        plan=command.plan, domains_max=command.domains_max, mailboxes_max=command.mailboxes_max
    )
    return Accepted(group.group_id, (changed,))


def remove(command: RemovePaidGroup, tenant: Tenant) -> Decision:
    """End the group."""
    group = tenant.paid_groups.get(command.group_id)
    if group is None:
        return Refused(command.group_id, RefusalCode.PAID_GROUP_UNKNOWN)
    if group.removed:
        return Accepted(group.group_id)
    if group.domains:
        return Refused(group.group_id, RefusalCode.PAID_GROUP_NOT_EMPTY, f"it has {group.domains} domains")
    return Accepted(group.group_id, (PaidGroupRemoved(),))


def place(command: PlaceDomain, tenant: Tenant) -> Decision:
    """Put the domain into the group with a number of its mailboxes, which are then no other domain's."""
    domain = command.domain
    if not is_domain_name(domain):
        return Refused(domain, RefusalCode.ADDRESS_INVALID, "this is no name of a mail domain")
    group = _present(domain, command.group_id, tenant)
    if isinstance(group, Refused):
        return group
    former = tenant.placements.get(domain)
    former_group_id = None if former is None else former.group_id
    domains, allotted = group.domains, group.allotted
    if former is not None and former_group_id == group.group_id:
        if former.mailbox_limit == command.mailbox_limit:
            return Accepted(domain)
        domains, allotted = domains - 1, allotted - (former.mailbox_limit or 0)
    if domains + 1 > group.domains_max:
        return Refused(domain, RefusalCode.PLAN_EXCEEDED, f"the plan has {group.domains_max} domains")
    if allotted + command.mailbox_limit > group.mailboxes_max:
        free = group.mailboxes_max - allotted
        return Refused(domain, RefusalCode.PLAN_EXCEEDED, f"{free} mailboxes of the plan are free")
    placed = DomainPlaced(
        domain=domain,
        group_id=group.group_id,
        mailbox_limit=command.mailbox_limit,
        former_group_id=former_group_id,
    )
    return Accepted(domain, (placed,))


def withdraw(command: WithdrawDomain, tenant: Tenant) -> Decision:
    """Take the domain out of its group."""
    if not is_domain_name(command.domain):
        return Refused(command.domain, RefusalCode.ADDRESS_INVALID, "this is no name of a mail domain")
    former = tenant.placements.get(command.domain)
    if former is None or former.group_id is None:
        return Accepted(command.domain)
    withdrawn = DomainWithdrawn(domain=command.domain, former_group_id=former.group_id)
    return Accepted(command.domain, (withdrawn,))


def _present(subject: str, group_id: str, tenant: Tenant) -> PaidGroup | Refused:
    group = tenant.paid_groups.get(group_id)
    if group is None or group.removed:
        return Refused(subject, RefusalCode.PAID_GROUP_UNKNOWN)
    return group


def _content(group: PaidGroup | CreatePaidGroup) -> tuple[object, ...]:
    return group.title, group.plan, group.domains_max, group.mailboxes_max
