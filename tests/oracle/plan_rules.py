"""The rules of paid groups once more, as plainly as they can be said: nobody gets more than was sold."""

from collections.abc import Iterator

from contracts import access as a
from contracts.addresses import is_domain_name
from contracts.views.access import PaidGroupEvent, PlacementEvent
from tests.oracle.tenant_facts import Event, PlanFacts, TenantFacts, is_of_the_provider


def broken_by_plan_event(tenant: TenantFacts, event: Event, data: PaidGroupEvent) -> Iterator[str]:
    """Take one event about a paid group and give the rules that it breaks."""
    if isinstance(data, a.PaidGroupCreated | a.PlanChanged) and not is_of_the_provider(event):
        yield "a plan sold by somebody else than the provider"
    plan = tenant.plans.get(event.subject)
    if isinstance(data, a.PaidGroupCreated):
        if data.group_id != event.subject or plan is not None:
            yield "a paid group made under an id that is not its alone"
        sold = (data.plan, data.domains_max, data.mailboxes_max)
        tenant.plans[event.subject] = PlanFacts(sold, data.title)
        return
    if plan is None or plan.removed:
        yield f"{event.type} of a paid group that is not there"
        return
    match data:
        case a.PaidGroupRenamed(title=title):
            if plan.title == title:
                yield "a title changed to what it was"
            plan.title = title
        case a.PlanChanged():
            sold = (data.plan, data.domains_max, data.mailboxes_max)
            if plan.plan == sold:
                yield "a plan changed to what it was"
            plan.plan = sold
            yield from _exceeded(plan)
        case a.PaidGroupRemoved():
            if plan.handed_out:
                yield "a paid group ended that has domains"
            plan.removed = True


def broken_by_placement(tenant: TenantFacts, event: Event, data: PlacementEvent) -> Iterator[str]:
    """Take one event about the place of a domain and give the rules that it breaks."""
    if data.domain != event.subject or not is_domain_name(data.domain):
        yield "a domain placed under another name, or none"
    former = next((name for name, plan in tenant.plans.items() if data.domain in plan.handed_out), None)
    if data.former_group_id != former:
        yield "a domain taken from where it was not"
    mailboxes = tenant.plans[former].handed_out.pop(data.domain) if former is not None else None
    if isinstance(data, a.DomainWithdrawn):
        return
    if (former, mailboxes) == (data.group_id, data.mailbox_limit):
        yield "a domain placed where it was"
    plan = tenant.plans.get(data.group_id)
    if plan is None or plan.removed:
        yield "a domain placed into a paid group that is not there"
    else:
        plan.handed_out[data.domain] = data.mailbox_limit
        yield from _exceeded(plan)


def _exceeded(plan: PlanFacts) -> Iterator[str]:
    _, domains_max, mailboxes_max = plan.plan
    if len(plan.handed_out) > domains_max or sum(plan.handed_out.values()) > mailboxes_max:
        yield "a plan is exceeded"
