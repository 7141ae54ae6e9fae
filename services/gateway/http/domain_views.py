"""Domains as the API shows them: what they are, how they are proven, and where mail goes that nobody else gets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from contracts.ids import DomainName
from contracts.views.mailbox import DomainRow, DomainStatus
from services.gateway.http.acting import Access
from services.gateway.http.targets import Targets, TargetView, targets_of
from services.gateway.http.views import Page, View
from services.runtime.domain_names import to_u_label

CHALLENGE_LABEL: Final = "_postfach-challenge"
CHALLENGE_TEXT: Final = "postfach-verification="


class ChallengeView(View, frozen=True, kw_only=True):
    """The TXT record by which the tenant proves that the domain is theirs."""

    record_name: str
    record_value: str


class CatchAllView(View, frozen=True, kw_only=True):
    """Who gets what nobody else gets, and whether also copies of what others get."""

    target: TargetView
    copy: bool


class DomainView(View, frozen=True, kw_only=True):
    """A mail domain: as the protocols write it, and as people do. `mailboxes` counts those that are not deleted.

    `suspended` is by an operator, `suspended_with_tenant` because the tenant is. `paid_group` is where the limit comes
    from, `assigned_to` the user id of the employee whom the domain is for.
    """

    domain: str
    display_name: str
    status: DomainStatus
    suspended: bool
    suspended_with_tenant: bool
    challenge: ChallengeView | None
    mailbox_limit: int | None
    mailboxes: int
    paid_group: str | None
    assigned_to: str | None
    catch_all: CatchAllView | None
    contact: TargetView | None
    version: int
    created_at: datetime
    changed_at: datetime


class DomainPage(Page, frozen=True, kw_only=True):
    """A page of domains."""

    domains: list[DomainView]


async def show_domains(access: Access, rows: Sequence[DomainRow]) -> list[DomainView]:
    """Show domains, with what became of the mailboxes that they lead to."""
    named = [mailbox_id for row in rows for mailbox_id in (row.catch_all_id, row.contact_id)]
    targets = await targets_of(access, named)
    return [_view(row, targets) for row in rows]


def _view(row: DomainRow, targets: Targets) -> DomainView:
    catch_all = targets.maybe(row.catch_all_id, row.catch_all_domain)
    return DomainView(
        domain=row.domain,
        display_name=to_u_label(DomainName(row.domain)),
        status=row.status,
        suspended=row.suspended,
        suspended_with_tenant=row.suspended_with_tenant,
        challenge=challenge_of(row),
        mailbox_limit=row.mailbox_limit,
        mailboxes=row.mailboxes,
        paid_group=row.group_id,
        assigned_to=row.assigned_to,
        catch_all=None if catch_all is None else CatchAllView(target=catch_all, copy=row.copies),
        contact=targets.maybe(row.contact_id, row.contact_domain),
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def challenge_of(row: DomainRow) -> ChallengeView | None:
    """Give what has to be published to prove the domain. One from before there were challenges has none."""
    if not row.challenge:
        return None
    return ChallengeView(
        record_name=f"{CHALLENGE_LABEL}.{row.domain}", record_value=f"{CHALLENGE_TEXT}{row.challenge}"
    )
