"""The rules of mail domains and mailboxes once more, as plainly as they can be said."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from contracts import mailbox as m
from tests.oracle.domain_facts import DomainFacts, Event, MailboxFacts, by_the_provider, in_one_form
from tests.oracle.domain_rules import DOMAIN_STEPS, domain_step
from tests.oracle.routing_rules import (
    ROUTING_STEPS,
    is_known,
    left_leading,
    left_waiting,
    routing_step,
)


class MailboxRules:
    """Domains, mailboxes and where mail goes (semantics: Domain, Mailbox, The archive year)."""

    def __init__(self) -> None:
        self._domains: dict[str, DomainFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        domain = self._domains.setdefault(event.stream, DomainFacts())
        data = event.data
        # A year later the domain may be anybody's.
        if not isinstance(data, m.DomainRegistered | m.MailboxPurged) and event.tenant != domain.tenant:
            yield "done by a tenant that does not hold the domain"
        yield from left_leading(domain, event)
        yield from left_waiting(domain, event)
        if type(data) in DOMAIN_STEPS:
            yield from domain_step(domain, event)
        elif isinstance(data, ROUTING_STEPS):
            yield from routing_step(domain, event)
        else:
            emptying = domain.status == "closing" and isinstance(data, m.MailboxDeleted)
            possible = domain.status == "active" or (emptying and by_the_provider(event))
            if not possible and not isinstance(data, m.MailboxPurged):
                yield f"{event.type} in a domain that is {domain.status}"
            yield from self._mailbox_step(domain, event)

    def _mailbox_step(self, domain: DomainFacts, event: Event) -> Iterator[str]:
        data = event.data
        mailbox = domain.mailboxes.get(event.subject)
        if isinstance(data, m.MailboxCreated):
            yield from self._created(domain, event, data)
        elif mailbox is None:
            yield f"{event.type} of a mailbox that was never created"
        elif event.tenant != mailbox.tenant:
            yield f"{event.type} of a mailbox of an earlier holder of the domain"
        elif not mailbox.local_part:
            yield f"{event.type} of a purged mailbox"
        elif isinstance(data, m.MailboxPurged):
            yield from self._purged(domain, mailbox, event)
        elif isinstance(data, m.MailboxRestored):
            yield from self._restored(domain, mailbox, event)
        elif mailbox.archive_id is not None:
            yield f"{event.type} of a deleted mailbox"
        elif isinstance(data, m.MailboxCleaned | m.MailboxDeleted):
            yield from self._put_away(domain, mailbox, event)
        else:
            yield from self._changed(mailbox, data)

    def _created(self, domain: DomainFacts, event: Event, data: m.MailboxCreated) -> Iterator[str]:
        if data.mailbox_id != event.subject:
            yield "a mailbox created under another id than its subject"
        if is_known(domain, event.subject):
            yield "a mailbox created under an id that is known"
        if data.local_part in domain.addresses or data.local_part in domain.aliases.values():
            yield "an address given twice"
        if not in_one_form(data.local_part):
            yield "an address not in its one form"
        if domain.limit is not None and domain.in_use >= domain.limit:
            yield f"a mailbox beyond the limit of {domain.limit}"
        domain.mailboxes[event.subject] = MailboxFacts(
            event.tenant, data.local_part, data.credential_id, data.note
        )
        domain.addresses.add(data.local_part)
        domain.in_use += 1

    def _restored(self, domain: DomainFacts, mailbox: MailboxFacts, event: Event) -> Iterator[str]:
        data = event.data
        if mailbox.archive_id is None:
            yield "a mailbox restored that was not deleted"
        if domain.limit is not None and domain.in_use >= domain.limit:
            yield f"a mailbox restored beyond the limit of {domain.limit}"
        free = timedelta(days=m.FREE_RESTORE_DAYS)
        if (
            mailbox.deleted_at is not None
            and event.time - mailbox.deleted_at > free
            and not by_the_provider(event)
        ):
            yield "a mailbox restored for nothing that has to be retrieved"
        told = structs.replace(
            mailbox,
            local_part=data.local_part,
            credential_id=data.credential_id,
            note=data.note,
            archive_id=data.archive_id,
            generation=data.generation,
            suspended=data.suspended,
            self_service=data.self_service,
        )
        if told != mailbox:
            yield "a mailbox restored with something else than it had"
        mailbox.archive_id = mailbox.deleted_at = mailbox.expires_at = None
        domain.in_use += 1

    def _purged(self, domain: DomainFacts, mailbox: MailboxFacts, event: Event) -> Iterator[str]:
        data = event.data
        if not by_the_provider(event):
            yield "a mailbox purged by a tenant"
        if mailbox.archive_id is None or data.archive_id != mailbox.archive_id:
            yield "a mailbox purged that was not deleted into this archive"
        if data.credential_id != mailbox.credential_id:
            yield "a mailbox purged with a password that it had not"
        if mailbox.expires_at is not None and event.time < mailbox.expires_at and not data.early:
            yield "a mailbox purged before its time"
        domain.addresses.discard(mailbox.local_part)
        domain.purged_by[event.subject] = event.command
        domain.mailboxes[event.subject] = MailboxFacts(mailbox.tenant, "", None, "")

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
            mailbox.deleted_at, mailbox.expires_at = event.time, data.expires_at
            domain.deleted_by[event.subject] = event.command
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
