"""Mail domains and mailboxes as their readers know them."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    DomainActivated,
    DomainAssigned,
    DomainClosing,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainResumedWithTenant,
    DomainSuspended,
    DomainSuspendedWithTenant,
    MailboxCleaned,
    MailboxCreated,
    MailboxDeleted,
    MailboxEvent,
    MailboxLimitSet,
    MailboxPurged,
    MailboxRestored,
    MailboxResumed,
    MailboxSuspended,
    NoteChanged,
    PaidGroupFollowed,
    PasswordSet,
    SelfServiceAllowed,
    SelfServiceForbidden,
)
from contracts.routing import CatchAllDisabled, CatchAllEnabled, ContactSet

DomainStatus = Literal["pending", "active", "suspended", "closing", "removed"]
KnownMailboxStatus = Literal["active", "suspended", "deleted"]
"""What a mailbox can be as far as anybody is told."""
MailboxStatus = Literal["active", "suspended", "deleted", "purged"]
"""Of a purged mailbox only the row is left, so that its id is never given again: no list, look-up or count knows it."""

MailboxOwnEvent = (
    MailboxCreated
    | NoteChanged
    | PasswordSet
    | SelfServiceAllowed
    | SelfServiceForbidden
    | MailboxSuspended
    | MailboxResumed
    | MailboxCleaned
    | MailboxDeleted
    | MailboxRestored
    | MailboxPurged
)


class DomainRow(Struct, kw_only=True):
    """A mail domain. `mailboxes` counts those that are not deleted; `version` is that of the domain itself.

    `suspended` is by an operator, `suspended_with_tenant` because the tenant is; the status follows from both.
    `followed_tenant` and `followed_group` are the positions of the tenant's stream that were followed last.
    `group_id` is the paid group that the limit comes from, `copies` whether the catch-all also gets copies.
    """

    domain: str
    tenant: str
    status: DomainStatus
    suspended: bool
    suspended_with_tenant: bool
    mailbox_limit: int | None
    mailboxes: int
    challenge: str
    assigned_to: str | None
    group_id: str | None
    followed_tenant: int
    followed_group: int
    catch_all_id: str | None
    catch_all_domain: str | None
    copies: bool
    contact_id: str | None
    contact_domain: str | None
    version: int
    created_at: datetime
    changed_at: datetime


class MailboxRow(Struct, kw_only=True):
    """A mailbox, also after it was deleted. `archive_id` and `expires_at` are those of the deletion.

    A deleted one does not change, so `changed_at` is when it was deleted. A purged one has neither address nor note.
    """

    mailbox_id: str
    tenant: str
    domain: str
    local_part: str
    note: str
    status: MailboxStatus
    suspended: bool
    self_service: bool
    credential_id: str | None
    generation: int
    archive_id: str | None
    expires_at: datetime | None
    version: int
    created_at: datetime
    changed_at: datetime


def fold_domain(row: DomainRow | None, event: EventEnvelope[MailboxEvent]) -> DomainRow | None:
    """The domain after the event, which may also be one of a mailbox or a rule in it."""
    data = event.data
    if isinstance(data, DomainRegistered):
        return _registered(row, event, data)
    assert row is not None
    match data:
        case MailboxCreated() | MailboxRestored():
            row.mailboxes += 1
            return row
        case MailboxDeleted():
            row.mailboxes -= 1
            return row
        case DomainActivated():
            row.status = "active"
        case DomainSuspended():
            row.suspended = True
        case DomainResumed():
            row.suspended = False
        case DomainSuspendedWithTenant(as_of=as_of):
            row.suspended_with_tenant, row.followed_tenant = True, as_of
        case DomainResumedWithTenant(as_of=as_of):
            row.suspended_with_tenant, row.followed_tenant = False, as_of
        case DomainClosing():
            row.status = "closing"
        case DomainRemoved():
            row.status = "removed"
            row.catch_all_id, row.catch_all_domain, row.copies = None, None, False
            row.contact_id, row.contact_domain = None, None
        case MailboxLimitSet(mailbox_limit=limit):
            row.mailbox_limit = limit
        case PaidGroupFollowed():
            row.group_id, row.mailbox_limit, row.followed_group = (
                data.group_id,
                data.mailbox_limit,
                data.as_of,
            )
        case DomainAssigned(user_id=user_id):
            row.assigned_to = user_id
        case CatchAllEnabled():
            row.catch_all_id, row.catch_all_domain, row.copies = data.target_id, data.target_domain, data.copy
        case CatchAllDisabled():
            row.catch_all_id, row.catch_all_domain, row.copies = None, None, False
        case ContactSet():
            row.contact_id, row.contact_domain = data.target_id, data.target_domain
        case _:
            return row
    if row.status in ("active", "suspended"):
        row.status = "suspended" if row.suspended or row.suspended_with_tenant else "active"
    row.version = event.version
    row.changed_at = event.time
    return row


def _registered(
    former: DomainRow | None, event: EventEnvelope[MailboxEvent], data: DomainRegistered
) -> DomainRow:
    """The domain anew. A tenant that comes back is still the same tenant: what was followed of it stays."""
    same = former if former is not None and former.tenant == event.tenant else None
    return DomainRow(
        domain=event.stream,
        tenant=event.tenant,
        status="pending",
        suspended=False,
        suspended_with_tenant=same.suspended_with_tenant if same else False,
        mailbox_limit=data.mailbox_limit,
        mailboxes=0,
        challenge=data.challenge,
        assigned_to=data.assigned_to,
        group_id=None,
        followed_tenant=same.followed_tenant if same else 0,
        followed_group=same.followed_group if same else 0,
        catch_all_id=None,
        catch_all_domain=None,
        copies=False,
        contact_id=None,
        contact_domain=None,
        version=event.version,
        created_at=event.time,
        changed_at=event.time,
    )


def fold_mailbox(row: MailboxRow | None, event: EventEnvelope[MailboxEvent]) -> MailboxRow | None:
    """The mailbox after the event; an event of the domain itself changes no mailbox."""
    data = event.data
    if isinstance(data, MailboxCreated):
        return MailboxRow(
            mailbox_id=data.mailbox_id,
            tenant=event.tenant,
            domain=event.stream,
            local_part=data.local_part,
            note=data.note,
            status="active",
            suspended=False,
            self_service=False,
            credential_id=data.credential_id,
            generation=1,
            archive_id=None,
            expires_at=None,
            version=event.version,
            created_at=event.time,
            changed_at=event.time,
        )
    if row is None:
        return None
    match data:
        case NoteChanged(note=note):
            row.note = note
        case PasswordSet(credential_id=credential_id):
            row.credential_id = credential_id
        case SelfServiceAllowed():
            row.self_service = True
        case SelfServiceForbidden():
            row.self_service = False
        case MailboxSuspended():
            row.status, row.suspended = "suspended", True
        case MailboxResumed():
            row.status, row.suspended = "active", False
        case MailboxCleaned(generation=generation):
            row.generation = generation
        case MailboxDeleted(archive_id=archive_id, generation=generation, expires_at=expires_at):
            row.status = "deleted"
            row.archive_id, row.generation, row.expires_at = archive_id, generation, expires_at
        case MailboxRestored():
            row.status = "suspended" if data.suspended else "active"
            row.archive_id, row.expires_at = None, None
            row.credential_id, row.note = data.credential_id, data.note
            row.self_service, row.suspended = data.self_service, data.suspended
            row.generation = data.generation
        case MailboxPurged():
            row.status, row.local_part, row.note = "purged", "", ""
            row.credential_id, row.archive_id, row.expires_at = None, None, None
            row.self_service, row.suspended = False, False
        case _:
            return row
    row.version = event.version
    row.changed_at = event.time
    return row


def stream_of(event: EventEnvelope[Any]) -> str:
    """The key of the row that every event of a stream concerns: a tenant, or a domain with its count of mailboxes."""
    return event.stream


def mailbox_of(event: EventEnvelope[Any]) -> str | None:
    """The mailbox that an event of a domain's stream is about, if it is about one."""
    return event.subject if isinstance(event.data, MailboxOwnEvent) else None
