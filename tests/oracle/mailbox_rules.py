"""The rules of mail domains and mailboxes once more, as plainly as they can be said."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts import mailbox as m
from tests.oracle.domain_facts import DomainFacts, Event, MailboxFacts, by_the_provider, in_one_form
from tests.oracle.domain_rules import DOMAIN_STEPS, domain_step
from tests.oracle.routing_rules import ROUTING_STEPS, is_known, left_leading, routing_step


class MailboxRules:
    """Domains, mailboxes and where mail goes (semantics: Domain, Mailbox, The archive year)."""

    def __init__(self) -> None:
        self._domains: dict[str, DomainFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        domain = self._domains.setdefault(event.stream, DomainFacts())
        data = event.data
        if not isinstance(data, m.DomainRegistered) and event.tenant != domain.tenant:
            yield "done by a tenant that does not hold the domain"
        yield from left_leading(domain, event)
        if type(data) in DOMAIN_STEPS:
            yield from domain_step(domain, event)
        elif isinstance(data, ROUTING_STEPS):
            yield from routing_step(domain, event)
        else:
            emptying = domain.status == "closing" and isinstance(data, m.MailboxDeleted)
            if domain.status != "active" and not (emptying and by_the_provider(event)):
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
