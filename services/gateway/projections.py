"""The gateway's read models as data: which rows follow which events."""

from typing import Any, Final

from contracts.envelope import EventEnvelope
from contracts.mailbox import (
    DomainActivated,
    DomainRegistered,
    DomainRemoved,
    DomainResumed,
    DomainSuspended,
    MailboxLimitSet,
)
from contracts.topics import ACCESS, BULKIO, MAILBOX
from contracts.views import (
    DomainRow,
    ExportRow,
    ImportRow,
    MailboxRow,
    TenantRow,
    fold_domain,
    fold_export,
    fold_import,
    fold_mailbox,
    fold_tenant,
)
from services.runtime.kafka.projection import Projection, RowTable

SCHEMA: Final = "gateway"

_OF_THE_DOMAIN: Final = (
    DomainRegistered,
    DomainActivated,
    DomainSuspended,
    DomainResumed,
    DomainRemoved,
    MailboxLimitSet,
)


def _tenant_of(event: EventEnvelope[Any]) -> str | None:
    return event.stream


def _domain_of(event: EventEnvelope[Any]) -> str | None:
    return event.stream


def _mailbox_of(event: EventEnvelope[Any]) -> str | None:
    return None if isinstance(event.data, _OF_THE_DOMAIN) else event.subject


def _import_of(event: EventEnvelope[Any]) -> str | None:
    return event.subject if event.type.startswith("import_") else None


def _export_of(event: EventEnvelope[Any]) -> str | None:
    return event.subject if event.type.startswith("export_") else None


MAILBOXES: Final = Projection(
    name="mailboxes",
    family=MAILBOX,
    tables=(
        RowTable(name="mailboxes", row=MailboxRow, key="mailbox_id", key_of=_mailbox_of, fold=fold_mailbox),
        RowTable(name="domains", row=DomainRow, key="domain", key_of=_domain_of, fold=fold_domain),
    ),
)
JOBS: Final = Projection(
    name="jobs",
    family=BULKIO,
    tables=(
        RowTable(name="imports", row=ImportRow, key="job_id", key_of=_import_of, fold=fold_import),
        RowTable(name="exports", row=ExportRow, key="job_id", key_of=_export_of, fold=fold_export),
    ),
)
TENANTS: Final = Projection(
    name="tenants",
    family=ACCESS,
    tables=(RowTable(name="tenants", row=TenantRow, key="tenant", key_of=_tenant_of, fold=fold_tenant),),
)

PROJECTIONS: Final = {each.name: each for each in (MAILBOXES, JOBS, TENANTS)}
PROJECTION_OF_FAMILY: Final = {each.family.name: each.name for each in PROJECTIONS.values()}
