"""The directory's tables and the events each of them follows."""

from typing import Any, Final

from contracts.envelope import EventEnvelope
from contracts.topics import ACCESS, MAILBOX
from contracts.views import DomainRow, MailboxRow, TenantRow, fold_domain, fold_mailbox, fold_tenant
from services.runtime.kafka.projection import Projection, RowTable


def domain_of(event: EventEnvelope[Any]) -> str:
    """Give the domain, which every event of its stream concerns: those of mailboxes change their number."""
    return event.stream


def mailbox_of(event: EventEnvelope[Any]) -> str | None:
    """Give the mailbox that the event is about, if it is about one."""
    return None if event.subject == event.stream else event.subject


def tenant_of(event: EventEnvelope[Any]) -> str:
    """Give the tenant, which is the stream."""
    return event.stream


DIRECTORY: Final = Projection(
    name="directory",
    family=MAILBOX,
    tables=(
        RowTable(name="domains", row=DomainRow, key="domain", key_of=domain_of, fold=fold_domain),
        RowTable(name="mailboxes", row=MailboxRow, key="mailbox_id", key_of=mailbox_of, fold=fold_mailbox),
    ),
)
TENANTS: Final = Projection(
    name="tenants",
    family=ACCESS,
    tables=(RowTable(name="tenants", row=TenantRow, key="tenant", key_of=tenant_of, fold=fold_tenant),),
)
