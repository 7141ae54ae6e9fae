"""Gives a tenant up in safe order: no mail and nothing new, then no mailboxes, then no domains, then no tenant.

Each step looks at what is left, so whoever looks next takes it up anywhere. The ids of its commands follow from the
event that began the closing and, where an order that is refused now may be right later, from the position of the
stream that it was concluded from.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import Any, Final

from contracts.access import FinishClosing
from contracts.ids import derived_id
from contracts.mailbox import CloseDomain, DeleteMailbox, MailboxCommand, RemoveDomain
from contracts.outcome import Outcome, RefusalCode
from contracts.topics import ACCESS, MAILBOX
from services.mailbox import holdings
from services.mailbox.holdings import HeldDomain
from services.mailbox.projections import DIRECTORY
from services.mailbox.tools import Tools
from services.runtime.claimed_work import ClaimedWork
from services.runtime.kafka.projection import until_applied
from services.runtime.kafka.voice import Cause
from services.runtime.lifecycle import all_at_once
from services.runtime.logs import get_logger

CHANGED_MEANWHILE: Final = (
    RefusalCode.DOMAIN_UNKNOWN,
    RefusalCode.DOMAIN_REMOVED,
    RefusalCode.DOMAIN_NOT_ACTIVE,
    RefusalCode.DOMAIN_NOT_EMPTY,
    RefusalCode.MAILBOX_UNKNOWN,
    RefusalCode.MAILBOX_DELETED,
    RefusalCode.MAILBOX_PURGED,
)
"""Somebody else changed the domain since it was looked at. The next sweep looks again."""

_log = get_logger(__name__)


class Closings:
    """The tenants that this process gives up."""

    def __init__(self, tools: Tools, work: ClaimedWork) -> None:
        self._tools = tools
        self._work = work

    def begin(self, tenant: str) -> None:
        """Give a tenant up, unless some process does already."""
        self._work.begin(tenant, partial(close_tenant, self._tools, tenant), owner=tenant)

    async def sweep(self) -> None:
        """Take up what nobody works on."""
        for tenant in await holdings.tenants_to_close(self._tools.pool):
            self.begin(tenant)


async def close_tenant(tools: Tools, tenant: str) -> None:
    """Do what can be done now towards giving a tenant up."""
    closing = await holdings.closing(tools.pool, tenant)
    if closing is None:
        return
    step = _Step(tools, tenant, closing.cause)
    # All domains are shut before the first mailbox goes: a rule of one may lead to a mailbox in another.
    await step.of_every_domain(_shut)
    async for domains in step.domains():
        for each in domains:
            await _empty(step, each)
    await step.of_every_domain(_remove)
    if not closing.finished and not await holdings.holds_any_domain(tools.pool, tenant):
        await _finish(step)


class _Step:
    """Orders in one tenant's domains."""

    def __init__(self, tools: Tools, tenant: str, cause: Cause) -> None:
        self.tools = tools
        self.tenant = tenant
        self.cause = cause

    def domains(self) -> AsyncGenerator[list[HeldDomain]]:
        """Give the tenant's domains, page by page."""
        return holdings.held_domains(self.tools.pool, self.tenant, self.tools.at_once)

    async def of_every_domain(
        self, order: "Callable[[_Step, HeldDomain], Coroutine[Any, Any, Outcome | None]]"
    ) -> None:
        """Order something in every domain, and wait until the directory tells of it."""
        async for page in self.domains():
            outcomes = await all_at_once(order(self, domain) for domain in page)
            for outcome in outcomes:
                if outcome is not None:
                    await until_applied(self.tools.pool, DIRECTORY.name, outcome.stream, outcome.streamseq)

    async def order(self, domain: str, name: str, data: MailboxCommand) -> Outcome:
        """Send a command to a domain of the tenant."""
        return await self.tools.voice.send(
            MAILBOX, self.cause, name, data, tenant=self.tenant, stream=domain, may_be=CHANGED_MEANWHILE
        )


async def _shut(step: _Step, domain: HeldDomain) -> Outcome | None:
    """End a claim that was never proven; let any other domain take nothing any more."""
    if domain.status == "closing":
        return None
    if domain.status == "pending":
        return await _remove(step, domain)
    return await step.order(domain.domain, f"close/{domain.domain}/{domain.streamseq}", CloseDomain())


async def _empty(step: _Step, domain: HeldDomain) -> None:
    """Put every mailbox of a shut domain away: none can be added, so the pages miss none."""
    if domain.status != "closing":
        return
    async for page in holdings.mailboxes_left(step.tools.pool, domain.domain, step.tools.at_once):
        await all_at_once(_delete(step, domain.domain, mailbox_id) for mailbox_id in page)


async def _delete(step: _Step, domain: str, mailbox_id: str) -> Outcome:
    archive_id = derived_id(step.cause.event_id, f"archive/{mailbox_id}")
    command = DeleteMailbox(mailbox_id=mailbox_id, archive_id=archive_id, drop_targets=True)
    return await step.order(domain, f"delete/{mailbox_id}", command)


async def _remove(step: _Step, domain: HeldDomain) -> Outcome:
    return await step.order(domain.domain, f"remove/{domain.domain}/{domain.streamseq}", RemoveDomain())


async def _finish(step: _Step) -> None:
    """Tell that nothing is left. Refused while a placement still has to be withdrawn: then the next sweep tells."""
    standing = await holdings.standing(step.tools.pool, step.tenant)
    assert standing is not None
    outcome = await step.tools.voice.send(
        ACCESS,
        step.cause,
        f"finish/{standing.streamseq}",
        FinishClosing(),
        tenant=step.tenant,
        stream=step.tenant,
        may_be=(RefusalCode.TENANT_NOT_EMPTY,),
    )
    _log.info("a tenant was given up", tenant=step.tenant, finished=outcome.status == "accepted")
