"""What follows in one stream from what happened in another: domains follow their tenant, and the tenant its domains.

Two streams have two writers, so a tenant may be suspended in the same moment as it gets a domain. Each of the two
events has a reaction, and each reaction does two things in this order: it waits until the directory tells of its own
event, then it reads what the directory tells of the other stream.

    TenantSuspended:   wait for the suspension   then read the tenant's domains
    DomainRegistered:  wait for the domain       then read how the tenant stands

Not both can miss the other's fact. If the first missed the domain, it read before the domain was committed to the
directory, so before the second had waited for it; and before it read, it had waited for the suspension. So the
suspension was committed before the second read, which sees it. The same holds for any two facts written so: a
resumption, the beginning of a closing, the removal of an employee.

Seen twice does no harm, in any order. A domain is told with the position of the tenant's stream that the news is as
of, and follows nothing older than what it followed last. A domain registered under a tenant about which anything was
ever told but its title at the beginning is therefore told the newest, also when that is "not suspended": should an
older order still be on its way, from a process that was believed dead, it comes too late.

Placements in paid groups need no such care. Whether the tenant holds the domain is known to the domain's own writer,
who refuses to follow when not; then the placement is withdrawn, if it is still that one.
"""

from typing import Final

from contracts.access import (
    AccessEvent,
    DomainPlaced,
    DomainWithdrawn,
    TenantClosing,
    TenantResumed,
    TenantSuspended,
    UserRemoved,
    WithdrawDomain,
)
from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    MAILBOX_LIMIT_MAX,
    AssignDomain,
    DomainAssigned,
    DomainRegistered,
    DomainRemoved,
    FollowPaidGroup,
    FollowTenant,
    MailboxCommand,
    MailboxEvent,
)
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import ACCESS, MAILBOX
from services.mailbox import holdings
from services.mailbox.closing import Closings
from services.mailbox.projections import DIRECTORY, TENANTS
from services.mailbox.tools import Tools
from services.runtime.kafka.projection import until_applied
from services.runtime.kafka.voice import Cause
from services.runtime.lifecycle import all_at_once

NOT_HELD = (RefusalCode.DOMAIN_UNKNOWN, RefusalCode.DOMAIN_REMOVED)
HELD_NO_MORE = (*NOT_HELD, RefusalCode.DOMAIN_NOT_ACTIVE)
"""Removed since, or about to be."""

ACCESS_CAUSES: Final = (
    TenantSuspended,
    TenantResumed,
    TenantClosing,
    DomainPlaced,
    DomainWithdrawn,
    UserRemoved,
)
MAILBOX_CAUSES: Final = (DomainRegistered, DomainAssigned, DomainRemoved)
"""What is reacted to. Of the hundreds of events that an import makes in a second, none."""

AccessHappened = EventEnvelope[AccessEvent]
MailboxHappened = EventEnvelope[MailboxEvent]


class Reactions:
    """The handlers of both families: for the events of a kind that is reacted to, in any order, and perhaps again."""

    def __init__(self, tools: Tools, closings: Closings) -> None:
        self._tools = tools
        self._closings = closings

    async def on_access_event(self, event: AccessHappened) -> None:
        """Let domains follow what happened to their tenant, its people and its paid groups."""
        match event.data:
            case TenantSuspended():
                await self._follow_tenant(event, suspended=True)
            case TenantResumed():
                await self._follow_tenant(event, suspended=False)
            case TenantClosing():
                await self._has_happened_to_tenant(event)
                self._closings.begin(event.tenant)
            case DomainPlaced() as placed:
                await self._follow_placement(event, placed)
            case DomainWithdrawn(domain=domain):
                command = FollowPaidGroup(as_of=event.streamseq, group_id=None, mailbox_limit=None)
                await self._order(event, domain, "follow_paid_group", command)
            case UserRemoved():
                await self._has_happened_to_tenant(event)
                for domain in await holdings.domains_assigned(self._tools.pool, event.tenant, event.subject):
                    await self._unassign(event, domain, event.subject)
            case _:
                pass

    async def on_mailbox_event(self, event: MailboxHappened) -> None:
        """Let a domain that is new follow its tenant, and free what a domain that is gone was handed."""
        match event.data:
            case DomainRegistered(assigned_to=user_id):
                await self._has_happened_to_domain(event)
                await self._follow_standing(event)
                await self._withdraw_placements(event, of_others=True)
                await self._unassign_if_removed(event, user_id)
            case DomainAssigned(user_id=user_id):
                await self._has_happened_to_domain(event)
                await self._unassign_if_removed(event, user_id)
            case DomainRemoved():
                await self._withdraw_placements(event, of_others=False)
            case _:
                pass

    async def _follow_tenant(self, event: AccessHappened, *, suspended: bool) -> None:
        await self._has_happened_to_tenant(event)
        command = FollowTenant(as_of=event.streamseq, suspended=suspended)
        async for page in holdings.held_domains(self._tools.pool, event.tenant, self._tools.at_once):
            await all_at_once(self._order(event, each.domain, "follow_tenant", command) for each in page)

    async def _follow_standing(self, event: MailboxHappened) -> None:
        """Tell a new domain how its tenant stands, unless there is nothing to tell."""
        tenant = await holdings.standing(self._tools.pool, event.tenant)
        if tenant is None or tenant.version == 1:
            return
        if tenant.status in ("closing", "closed"):
            self._closings.begin(event.tenant)
            return
        command = FollowTenant(as_of=tenant.streamseq, suspended=tenant.status == "suspended")
        await self._order(event, event.stream, "follow_tenant", command)

    async def _follow_placement(self, event: AccessHappened, placed: DomainPlaced) -> None:
        # A plan may be larger than any one domain.
        limit = min(placed.mailbox_limit, MAILBOX_LIMIT_MAX)
        command = FollowPaidGroup(as_of=event.streamseq, group_id=placed.group_id, mailbox_limit=limit)
        outcome = await self._order(event, placed.domain, "follow_paid_group", command)
        if outcome.code in NOT_HELD:
            await self._withdraw(event, event.tenant, placed.domain, event.version)

    async def _withdraw_placements(self, event: MailboxHappened, *, of_others: bool) -> None:
        """Free what the domain was handed by whoever holds it no more.

        A placement that the directory does not tell of yet has a reaction of its own, which comes to the same.
        """
        for each in await holdings.placements(self._tools.pool, event.stream):
            if (each.tenant != event.tenant) == of_others:
                await self._withdraw(event, each.tenant, event.stream, each.version)

    async def _withdraw(
        self, event: AccessHappened | MailboxHappened, tenant: str, domain: str, version: int
    ) -> None:
        """Withdraw a placement, unless the domain was placed anew since."""
        await self._tools.voice.send(
            ACCESS,
            Cause.of(event),
            f"withdraw/{tenant}/{domain}/{version}",
            WithdrawDomain(domain=domain),
            tenant=tenant,
            stream=tenant,
            expected_version=version,
            may_be=(RefusalCode.VERSION_MISMATCH,),
        )

    async def _unassign_if_removed(self, event: MailboxHappened, user_id: str | None) -> None:
        if user_id is not None and await holdings.user_is_removed(self._tools.pool, user_id):
            await self._unassign(event, event.stream, user_id)

    async def _unassign(self, event: AccessHappened | MailboxHappened, domain: str, user_id: str) -> None:
        """Let the domain be for nobody in particular, unless it is for somebody else by then."""
        while True:
            version = await holdings.version_if_assigned(self._tools.pool, domain, user_id)
            if version is None:
                return
            outcome = await self._order(
                event, domain, f"unassign/{version}", AssignDomain(user_id=None), expected_version=version
            )
            if outcome.code is not RefusalCode.VERSION_MISMATCH:
                return
            await until_applied(self._tools.pool, DIRECTORY.name, domain, outcome.streamseq)

    async def _order(
        self,
        event: AccessHappened | MailboxHappened,
        domain: str,
        name: str,
        command: MailboxCommand,
        expected_version: int | None = None,
    ) -> Outcome:
        return await self._tools.voice.send(
            MAILBOX,
            Cause.of(event),
            f"{name}/{domain}",
            command,
            tenant=event.tenant,
            stream=domain,
            expected_version=expected_version,
            may_be=(*HELD_NO_MORE, RefusalCode.VERSION_MISMATCH),
        )

    async def _has_happened_to_tenant(self, event: AccessHappened) -> None:
        await until_applied(self._tools.pool, TENANTS.name, event.stream, event.streamseq)

    async def _has_happened_to_domain(self, event: MailboxHappened) -> None:
        await until_applied(self._tools.pool, DIRECTORY.name, event.stream, event.streamseq)
