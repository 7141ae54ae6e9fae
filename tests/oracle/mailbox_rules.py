"""The rules of mail domains and mailboxes once more, as plainly as they can be said."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from contracts import mailbox as m
from contracts.addresses import AddressError, parse_local_part
from contracts.envelope import EventEnvelope

Event = EventEnvelope[Any]


class MailboxFacts(Struct, gc=False):
    """What the rules need to know of a mailbox."""

    tenant: str
    local_part: str
    credential_id: str | None
    note: str
    archive_id: str | None = None
    generation: int = 1
    suspended: bool = False
    self_service: bool = False


class DomainFacts(Struct):
    """What the rules need to know of a domain. `addresses` holds those in quarantine too."""

    tenant: str = ""
    status: str = "unknown"
    limit: int | None = None
    in_use: int = 0
    mailboxes: dict[str, MailboxFacts] = field(default_factory=dict[str, MailboxFacts])
    addresses: set[str] = field(default_factory=set[str])


# The statuses in which each event of a domain may happen, and the status after it.
_DOMAIN_STEPS: Final = {
    m.DomainRegistered: ({"unknown", "removed"}, "pending"),
    m.DomainActivated: ({"pending"}, "active"),
    m.DomainSuspended: ({"active"}, "suspended"),
    m.DomainResumed: ({"suspended"}, "active"),
    m.DomainRemoved: ({"pending", "active"}, "removed"),
}


class MailboxRules:
    """Domains and mailboxes (semantics: Domain, Mailbox, The archive year)."""

    def __init__(self) -> None:
        self._domains: dict[str, DomainFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        domain = self._domains.setdefault(event.stream, DomainFacts())
        data = event.data
        if not isinstance(data, m.DomainRegistered) and event.tenant != domain.tenant:
            yield "done by a tenant that does not hold the domain"
        if type(data) in _DOMAIN_STEPS:
            yield from self._domain_step(domain, event)
        elif isinstance(data, m.MailboxLimitSet):
            if domain.status in ("unknown", "removed"):
                yield f"a limit set in a domain that is {domain.status}"
            domain.limit = data.mailbox_limit
        else:
            if domain.status != "active":
                yield f"{event.type} in a domain that is {domain.status}"
            yield from self._mailbox_step(domain, event)

    def _domain_step(self, domain: DomainFacts, event: Event) -> Iterator[str]:
        allowed, status_after = _DOMAIN_STEPS[type(event.data)]
        if event.subject != event.stream:
            yield f"{event.type} about something that is not the domain"
        if domain.status not in allowed:
            yield f"{event.type} in a domain that is {domain.status}"
        if isinstance(event.data, m.DomainRegistered):
            domain.tenant, domain.limit = event.tenant, event.data.mailbox_limit
        if isinstance(event.data, m.DomainRemoved) and domain.in_use:
            yield f"removed with {domain.in_use} mailboxes in use"
        domain.status = status_after

    def _mailbox_step(self, domain: DomainFacts, event: Event) -> Iterator[str]:
        data = event.data
        mailbox = domain.mailboxes.get(event.subject)
        if isinstance(data, m.MailboxCreated):
            yield from self._created(domain, event, data)
        elif mailbox is None:
            yield f"{event.type} of a mailbox that was never created"
        elif event.tenant != mailbox.tenant:
            yield f"{event.type} of a mailbox of an earlier holder of the domain"
        elif isinstance(data, m.MailboxRestored):
            yield from self._restored(domain, mailbox, data)
        elif mailbox.archive_id is not None:
            yield f"{event.type} of a deleted mailbox"
        elif isinstance(data, m.MailboxCleaned | m.MailboxDeleted):
            yield from self._put_away(domain, mailbox, event)
        else:
            yield from self._changed(mailbox, data)

    def _created(self, domain: DomainFacts, event: Event, data: m.MailboxCreated) -> Iterator[str]:
        if data.mailbox_id != event.subject:
            yield "a mailbox created under another id than its subject"
        if event.subject in domain.mailboxes:
            yield "a mailbox created twice"
        if data.local_part in domain.addresses:
            yield "an address given twice"
        if not _in_one_form(data.local_part):
            yield "an address not in its one form"
        if domain.limit is not None and domain.in_use >= domain.limit:
            yield f"a mailbox beyond the limit of {domain.limit}"
        domain.mailboxes[event.subject] = MailboxFacts(
            event.tenant, data.local_part, data.credential_id, data.note
        )
        domain.addresses.add(data.local_part)
        domain.in_use += 1

    def _restored(self, domain: DomainFacts, mailbox: MailboxFacts, data: m.MailboxRestored) -> Iterator[str]:
        if mailbox.archive_id is None:
            yield "a mailbox restored that was not deleted"
        if domain.limit is not None and domain.in_use >= domain.limit:
            yield f"a mailbox restored beyond the limit of {domain.limit}"
        told = MailboxFacts(
            mailbox.tenant,
            data.local_part,
            data.credential_id,
            data.note,
            data.archive_id,
            data.generation,
            data.suspended,
            data.self_service,
        )
        if told != mailbox:
            yield "a mailbox restored with something else than it had"
        mailbox.archive_id = None
        domain.in_use += 1

    def _put_away(self, domain: DomainFacts, mailbox: MailboxFacts, event: Event) -> Iterator[str]:
        data = event.data
        if data.generation != mailbox.generation + 1:
            yield f"generation {data.generation} after {mailbox.generation}"
        if data.expires_at != years_later(event.time, data.retention_years):
            yield f"expires_at is not {data.retention_years} years after the event"
        if data.retention_years < 1:
            yield "put away for less than a year"
        mailbox.generation = data.generation
        if isinstance(data, m.MailboxDeleted):
            mailbox.archive_id = data.archive_id
            domain.in_use -= 1

    def _changed(self, mailbox: MailboxFacts, data: Any) -> Iterator[str]:
        match data:
            case m.NoteChanged(note=note):
                if note == mailbox.note:
                    yield "a note changed to what it was"
                mailbox.note = note
            case m.PasswordSet(credential_id=credential_id):
                mailbox.credential_id = credential_id
            case m.SelfServiceAllowed() | m.SelfServiceForbidden():
                allowed = isinstance(data, m.SelfServiceAllowed)
                if allowed == mailbox.self_service:
                    yield "self-service changed to what it was"
                mailbox.self_service = allowed
            case m.MailboxSuspended() | m.MailboxResumed():
                suspended = isinstance(data, m.MailboxSuspended)
                if suspended == mailbox.suspended:
                    yield "a suspension changed to what it was"
                mailbox.suspended = suspended
            case _:
                yield "an event that the oracle has no rule for"


def years_later(time: datetime, years: int) -> datetime:
    """Give the same month and day so many years later, 29 February becoming 28 February."""
    if (time.month, time.day) == (2, 29):
        return time.replace(year=time.year + years, day=28)
    return time.replace(year=time.year + years)


def _in_one_form(local_part: str) -> bool:
    try:
        return parse_local_part(local_part) == local_part
    except AddressError:
        return False
