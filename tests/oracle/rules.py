"""The rules of the domain once more, as plainly as they can be said, to judge the events that the deciders wrote."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct, field

from contracts import access as a
from contracts import bulkio as b
from contracts import mailbox as m
from contracts.addresses import AddressError, parse_local_part
from contracts.envelope import EventEnvelope
from contracts.topics import ACCESS, BULKIO, MAILBOX, Family

Event = EventEnvelope[Any]


class RuleBook(Protocol):
    """Judges the events of the streams of one family, in their order."""

    def broken_by(self, event: Event) -> Iterator[str]:
        """Take one event and give the rules that it breaks."""
        ...


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


class TenantRules:
    """Tenants are onboarded once, before anything else."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def broken_by(self, event: Event) -> Iterator[str]:
        if not event.stream == event.subject == event.tenant:
            yield "an event of a tenant in another one's stream"
        if isinstance(event.data, a.TenantOnboarded) == (event.stream in self._known):
            yield f"{event.type} of a tenant that is {'known' if event.stream in self._known else 'unknown'}"
        self._known.add(event.stream)


class JobFacts(Struct, gc=False):
    """What the rules need to know of a job."""

    kind: str
    state: str
    good_rows: int = 0
    applied: int = 0


# The states in which each step of a job may happen, and the state after it; None leaves it as it is.
_JOB_STEPS: Final = {
    b.ImportChecked: ({"uploaded", "cancelling"}, "checked"),
    b.ImportPlanned: ({"checked"}, "ended"),
    b.ImportRowsApplied: ({"checked", "applying", "cancelling"}, "applying"),
    b.ImportCancelRequested: ({"uploaded", "checked", "applying"}, "cancelling"),
    b.ImportCancelled: ({"cancelling"}, "ended"),
    b.ImportFinished: ({"checked", "applying", "cancelling"}, "ended"),
    b.ImportFailed: ({"uploaded", "checked", "cancelling"}, "ended"),
    b.ExportFinished: ({"requested"}, "ended"),
    b.ExportFailed: ({"requested"}, "ended"),
    b.ExportCancelled: ({"requested"}, "ended"),
}


class JobRules:
    """Import and export jobs: one step after another, each row once, and nothing after the end."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobFacts] = {}

    def broken_by(self, event: Event) -> Iterator[str]:
        data = event.data
        if event.tenant != event.stream:
            yield "a job in another tenant's stream"
        job = self._jobs.get(event.subject)
        if isinstance(data, b.ImportUploaded | b.ExportRequested):
            if job is not None:
                yield "a job begun twice"
            importing = isinstance(data, b.ImportUploaded)
            self._jobs[event.subject] = JobFacts(
                "import" if importing else "export", "uploaded" if importing else "requested"
            )
        elif job is None:
            yield f"{event.type} of a job that never began"
        else:
            yield from self._step(job, event)

    def _step(self, job: JobFacts, event: Event) -> Iterator[str]:
        allowed, state_after = _JOB_STEPS[type(event.data)]
        if not event.type.startswith(job.kind):
            yield f"{event.type} of an {job.kind}"
        if job.state not in allowed:
            yield f"{event.type} of a job that is {job.state}"
        match event.data:
            case b.ImportChecked(good_rows=good_rows):
                job.good_rows = good_rows
            case b.ImportRowsApplied():
                yield from self._rows_applied(job, event.data)
            case b.ImportFinished() if job.applied != job.good_rows:
                yield f"finished after {job.applied} of {job.good_rows} rows"
            case _:
                pass
        if job.state != "cancelling" or state_after == "ended":
            job.state = state_after

    def _rows_applied(self, job: JobFacts, data: b.ImportRowsApplied) -> Iterator[str]:
        if data.first != job.applied + 1 or data.last < data.first or data.last > job.good_rows:
            yield f"rows {data.first} to {data.last} applied after {job.applied} of {job.good_rows}"
        counted = data.created + data.changed + data.skipped + len(data.refused)
        if counted != data.last - data.first + 1:
            yield f"{counted} rows counted from {data.first} to {data.last}"
        job.applied = data.last


def rules_of(family: Family[Any, Any]) -> RuleBook:
    """Give a fresh rule book for the streams of a family."""
    books: dict[str, type[MailboxRules] | type[TenantRules] | type[JobRules]] = {
        MAILBOX.name: MailboxRules,
        ACCESS.name: TenantRules,
        BULKIO.name: JobRules,
    }
    return books[family.name]()


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
