"""The gateway's read models as data: which rows follow which events."""

from typing import Final

from contracts.topics import ACCESS, ARCHIVE, BULKIO, MAILBOX
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
from contracts.views.archive import (
    HoldRow,
    RetrievalRow,
    archive_of,
    fold_hold,
    fold_retrieval,
    hold_of,
    retrieval_of,
)
from contracts.views.bulk_actions import BulkActionRow, fold_bulk_action
from contracts.views.jobs import (
    ChangedRows,
    ExportRow,
    ImportRow,
    JobOrderRow,
    changes_of,
    fold_changes,
    fold_export,
    fold_import,
    fold_job_order,
    job_of,
)
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of, stream_of
from contracts.views.routing import AliasRow, RuleRow, alias_of, fold_alias, fold_rule, rule_of
from services.gateway.archive_rows import EndedArchiveRow, fold_ended_archive
from services.gateway.routing_facts import RoutingFactRow, fact_of, fold_fact
from services.runtime.kafka.projection import Projection, RowTable

SCHEMA: Final = "gateway"

MAILBOXES: Final = Projection(
    name="mailboxes",
    family=MAILBOX,
    tables=(
        RowTable(name="mailboxes", row=MailboxRow, key="mailbox_id", key_of=mailbox_of, fold=fold_mailbox),
        RowTable(name="domains", row=DomainRow, key="domain", key_of=stream_of, fold=fold_domain),
        RowTable(name="rules", row=RuleRow, key="rule_id", key_of=rule_of, fold=fold_rule),
        RowTable(name="aliases", row=AliasRow, key="alias_id", key_of=alias_of, fold=fold_alias),
        RowTable(name="routing_facts", row=RoutingFactRow, key="event_id", key_of=fact_of, fold=fold_fact),
    ),
)
JOBS: Final = Projection(
    name="jobs",
    family=BULKIO,
    tables=(
        RowTable(name="imports", row=ImportRow, key="job_id", key_of=job_of, fold=fold_import),
        RowTable(name="exports", row=ExportRow, key="job_id", key_of=job_of, fold=fold_export),
        RowTable(name="bulk_actions", row=BulkActionRow, key="job_id", key_of=job_of, fold=fold_bulk_action),
        RowTable(name="job_orders", row=JobOrderRow, key="job_id", key_of=job_of, fold=fold_job_order),
        RowTable(name="changed_rows", row=ChangedRows, key="event_id", key_of=changes_of, fold=fold_changes),
    ),
)
TENANTS: Final = Projection(
    name="tenants",
    family=ACCESS,
    tables=(
        RowTable(name="tenants", row=TenantRow, key="tenant", key_of=tenant_of, fold=fold_tenant),
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
ARCHIVES: Final = Projection(
    name="archives",
    family=ARCHIVE,
    tables=(
        RowTable(
            name="archives", row=EndedArchiveRow, key="archive_id", key_of=archive_of, fold=fold_ended_archive
        ),
        RowTable(name="holds", row=HoldRow, key="hold_id", key_of=hold_of, fold=fold_hold),
        RowTable(
            name="retrievals", row=RetrievalRow, key="retrieval_id", key_of=retrieval_of, fold=fold_retrieval
        ),
    ),
)

PROJECTIONS: Final = {each.name: each for each in (MAILBOXES, JOBS, TENANTS, ARCHIVES)}
PROJECTION_OF_FAMILY: Final = {each.family.name: each.name for each in PROJECTIONS.values()}
