"""The directory's tables and the events each of them follows."""

from typing import Final

from msgspec import Struct

from contracts.access import AccessEvent, TenantClosed, TenantClosing
from contracts.envelope import EventEnvelope
from contracts.topics import ACCESS, MAILBOX
from contracts.views.access import (
    KeyRow,
    PaidGroupRow,
    PlacementRow,
    TenantRow,
    UserRow,
    fold_key,
    fold_paid_group,
    fold_placement,
    fold_tenant,
    fold_user,
    key_of,
    paid_group_of,
    placement_of,
    tenant_of,
    user_of,
)
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of, stream_of
from contracts.views.routing import AliasRow, RuleRow, alias_of, fold_alias, fold_rule, rule_of
from services.runtime.kafka.projection import Projection, RowTable


class ClosingRow(Struct, kw_only=True):
    """A tenant that is given up, and the event that began it, which the commands of the closing refer to."""

    tenant: str
    event_id: str
    correlation: str
    finished: bool


def fold_closing(row: ClosingRow | None, event: EventEnvelope[AccessEvent]) -> ClosingRow | None:
    """The closing after the event."""
    match event.data:
        case TenantClosing():
            return ClosingRow(
                tenant=event.tenant, event_id=event.id, correlation=event.correlation, finished=False
            )
        case TenantClosed():
            assert row is not None
            row.finished = True
        case _:
            pass
    return row


DIRECTORY: Final = Projection(
    name="directory",
    family=MAILBOX,
    tables=(
        RowTable(name="domains", row=DomainRow, key="domain", key_of=stream_of, fold=fold_domain),
        RowTable(name="mailboxes", row=MailboxRow, key="mailbox_id", key_of=mailbox_of, fold=fold_mailbox),
        RowTable(name="rules", row=RuleRow, key="rule_id", key_of=rule_of, fold=fold_rule),
        RowTable(name="aliases", row=AliasRow, key="alias_id", key_of=alias_of, fold=fold_alias),
    ),
)
TENANTS: Final = Projection(
    name="tenants",
    family=ACCESS,
    tables=(
        RowTable(name="tenants", row=TenantRow, key="tenant", key_of=tenant_of, fold=fold_tenant),
        RowTable(name="closings", row=ClosingRow, key="tenant", key_of=tenant_of, fold=fold_closing),
        RowTable(name="users", row=UserRow, key="user_id", key_of=user_of, fold=fold_user),
        RowTable(name="api_keys", row=KeyRow, key="key_id", key_of=key_of, fold=fold_key),
        RowTable(
            name="paid_groups", row=PaidGroupRow, key="group_id", key_of=paid_group_of, fold=fold_paid_group
        ),
        RowTable(
            name="placements", row=PlacementRow, key="placement_id", key_of=placement_of, fold=fold_placement
        ),
    ),
)
