"""Targets of mail in requests and answers: given as an address or an id, shown with what became of them."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Literal

from msgspec import Meta

from contracts.addresses import AddressError, parse_address
from contracts.ids import parse_uuid
from contracts.outcome import RefusalCode
from contracts.views.mailbox import MailboxRow
from services.gateway.http.acting import Access
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.views import View
from services.gateway.reaching import domains_among
from services.gateway.targets import mailbox_at, target_rows
from services.runtime.domain_names import to_a_label

TargetText = Annotated[
    str, Meta(max_length=400, description="The address or the id of a mailbox of the same tenant.")
]
TargetState = Literal["active", "suspended", "deleted", "unknown"]


class TargetView(View, frozen=True, kw_only=True):
    """A mailbox that mail is led to. A deleted or unknown one gets none; a suspended one does.

    The address is null for whoever may not see the target's domain.
    """

    mailbox_id: str
    domain: str
    address: str | None
    state: TargetState


class Targets:
    """The mailboxes that one answer speaks of, as far as whoever asks may see them."""

    def __init__(self, rows: dict[str, MailboxRow], seen: frozenset[str] | None) -> None:
        self._rows = rows
        self._seen = seen

    def view(self, mailbox_id: str, domain: str) -> TargetView:
        """Show a target that is named by its id and its domain."""
        row = self._rows.get(mailbox_id)
        return TargetView(
            mailbox_id=mailbox_id,
            domain=domain,
            address=None if row is None else self.address(row),
            state="unknown" if row is None or row.status == "purged" else row.status,
        )

    def maybe(self, mailbox_id: str | None, domain: str | None) -> TargetView | None:
        """Show a target, where there is one."""
        return None if mailbox_id is None or domain is None else self.view(mailbox_id, domain)

    def address(self, row: MailboxRow) -> str | None:
        """Give the address of a mailbox, where it may be seen."""
        seen = self._seen is None or row.domain in self._seen
        return f"{row.local_part}@{row.domain}" if seen else None


async def targets_of(access: Access, ids: Iterable[str | None]) -> Targets:
    """Look up the mailboxes of these ids."""
    rows = await target_rows(access.gateway.pool, access.tenant, {each for each in ids if each is not None})
    return await targets_among(access, rows)


async def targets_among(access: Access, rows: dict[str, MailboxRow]) -> Targets:
    """Find out which of these mailboxes may be seen."""
    if access.see.everywhere:
        return Targets(rows, None)
    seen = await domains_among(
        access.gateway.pool,
        access.tenant,
        access.see,
        access.principal.person_id,
        {row.domain for row in rows.values()},
    )
    return Targets(rows, frozenset(seen))


async def wanted_target(access: Access, text: str, pointer: str = "#/target") -> MailboxRow:
    """Give the mailbox that a request names. Raises Problem for one that is not there, or not to be seen."""
    row = await _named(access, text, pointer)
    if row is None or row.status == "deleted":
        raise _unknown(pointer)
    if (await targets_among(access, {row.mailbox_id: row})).address(row) is None:
        raise _unknown(pointer)
    return row


async def _named(access: Access, text: str, pointer: str) -> MailboxRow | None:
    pool, tenant = access.gateway.pool, access.tenant
    if "@" not in text:
        try:
            mailbox_id = parse_uuid(text)
        except ValueError:
            raise invalid(pointer, "target_invalid", "expected an address or the id of a mailbox") from None
        return (await target_rows(pool, tenant, [mailbox_id])).get(mailbox_id)
    try:
        local_part, domain = parse_address(text, to_a_label)
    except AddressError as error:
        raise invalid(pointer, "target_invalid", str(error)) from None
    return await mailbox_at(pool, tenant, domain, local_part)


def _unknown(pointer: str) -> Problem:
    return invalid(
        pointer, RefusalCode.TARGET_UNKNOWN, "there is no such mailbox in the tenant", HTTPStatus.CONFLICT
    )
