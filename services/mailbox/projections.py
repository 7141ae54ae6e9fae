"""The directory's tables and the events each of them follows."""

from typing import Final

from contracts.topics import ACCESS, MAILBOX
from contracts.views.access import TenantRow, fold_tenant
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of, stream_of
from services.runtime.kafka.projection import Projection, RowTable

DIRECTORY: Final = Projection(
    name="directory",
    family=MAILBOX,
    tables=(
        RowTable(name="domains", row=DomainRow, key="domain", key_of=stream_of, fold=fold_domain),
        RowTable(name="mailboxes", row=MailboxRow, key="mailbox_id", key_of=mailbox_of, fold=fold_mailbox),
    ),
)
TENANTS: Final = Projection(
    name="tenants",
    family=ACCESS,
    tables=(RowTable(name="tenants", row=TenantRow, key="tenant", key_of=stream_of, fold=fold_tenant),),
)
