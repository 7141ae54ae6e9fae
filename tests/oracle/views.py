"""The read models as data: which tables there may be, and the rows that the log makes for them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from contracts.access import TenantClosed, TenantClosing
from contracts.bulk_actions import BulkActionRequested
from contracts.bulkio import ExportRequested, ImportUploaded
from contracts.message import members, tag_of
from contracts.routing import RoutingEvent
from contracts.topics import ACCESS, ARCHIVE, BULKIO, MAILBOX
from contracts.views import access, archive, bulk_actions, jobs, mailbox, routing
from tests.oracle.events import Event


class JobOrderRow(Struct, kw_only=True):
    """Which event asked for a job, as bulkio keeps it beside the rows of the contracts."""

    job_id: str
    correlation: str
    event_id: str


def fold_job_order(row: JobOrderRow | None, event: Event) -> JobOrderRow | None:
    """The first event of a job stays."""
    if isinstance(event.data, ImportUploaded | ExportRequested | BulkActionRequested):
        return JobOrderRow(job_id=event.subject, correlation=event.correlation, event_id=event.id)
    return row


class ClosingRow(Struct, kw_only=True):
    """Which event began to give a tenant up, and whether that has ended, as the mailbox service keeps it."""

    tenant: str
    event_id: str
    correlation: str
    finished: bool


def closing_of(event: Event) -> str | None:
    """The tenant whose giving up an event begins or ends."""
    return event.tenant if isinstance(event.data, TenantClosing | TenantClosed) else None


def fold_closing(row: ClosingRow | None, event: Event) -> ClosingRow:
    """The giving up after the event."""
    if isinstance(event.data, TenantClosing):
        return ClosingRow(
            tenant=event.tenant, event_id=event.id, correlation=event.correlation, finished=False
        )
    assert row is not None
    row.finished = True
    return row


class RoutingFactRow(Struct, kw_only=True):
    """An event that may change where mail goes, as the gateway keeps it."""

    event_id: str
    tenant: str
    domain: str
    subject: str
    streamseq: int
    version: int
    at: datetime
    kind: str


_ROUTING_FACTS: Final = frozenset(
    {tag_of(each) for each in members(RoutingEvent)}
    | {"domain_registered", "domain_activated", "domain_suspended", "domain_resumed", "domain_closing"}
    | {"domain_suspended_with_tenant", "domain_resumed_with_tenant", "domain_removed"}
    | {"mailbox_deleted", "mailbox_restored"}
)


def fact_of(event: Event) -> str | None:
    """The event's own id, if where mail goes may depend on it."""
    return event.id if event.type in _ROUTING_FACTS else None


def fold_fact(_: RoutingFactRow | None, event: Event) -> RoutingFactRow:
    """The row of an event."""
    return RoutingFactRow(
        event_id=event.id,
        tenant=event.tenant,
        domain=event.stream,
        subject=event.subject,
        streamseq=event.streamseq,
        version=event.version,
        at=event.time,
        kind=event.type,
    )


class View(Struct, frozen=True):
    """A table that any schema may have, and the fold that fills it from the events that `key_of` gives a key for."""

    table: str
    row: type[Struct]
    key: str
    key_of: Callable[[Event], str | None]
    fold: Callable[[Any, Event], Any]


VIEWS: Final[Mapping[str, tuple[View, ...]]] = {
    ACCESS.events.name: (
        View("tenants", access.TenantRow, "tenant", access.tenant_of, access.fold_tenant),
        View("users", access.UserRow, "user_id", access.user_of, access.fold_user),
        View("api_keys", access.KeyRow, "key_id", access.key_of, access.fold_key),
        View("paid_groups", access.PaidGroupRow, "group_id", access.paid_group_of, access.fold_paid_group),
        View("placements", access.PlacementRow, "placement_id", access.placement_of, access.fold_placement),
        View("closings", ClosingRow, "tenant", closing_of, fold_closing),
    ),
    MAILBOX.events.name: (
        View("domains", mailbox.DomainRow, "domain", mailbox.stream_of, mailbox.fold_domain),
        View("mailboxes", mailbox.MailboxRow, "mailbox_id", mailbox.mailbox_of, mailbox.fold_mailbox),
        View("rules", routing.RuleRow, "rule_id", routing.rule_of, routing.fold_rule),
        View("aliases", routing.AliasRow, "alias_id", routing.alias_of, routing.fold_alias),
        View("routing_facts", RoutingFactRow, "event_id", fact_of, fold_fact),
    ),
    BULKIO.events.name: (
        View("imports", jobs.ImportRow, "job_id", jobs.job_of, jobs.fold_import),
        View("exports", jobs.ExportRow, "job_id", jobs.job_of, jobs.fold_export),
        View(
            "bulk_actions", bulk_actions.BulkActionRow, "job_id", jobs.job_of, bulk_actions.fold_bulk_action
        ),
        View("job_orders", JobOrderRow, "job_id", jobs.job_of, fold_job_order),
        View("changed_rows", jobs.ChangedRows, "event_id", jobs.changes_of, jobs.fold_changes),
    ),
    ARCHIVE.events.name: (
        View("archives", archive.ArchiveRow, "archive_id", archive.archive_of, archive.fold_archive),
        View("holds", archive.HoldRow, "hold_id", archive.hold_of, archive.fold_hold),
        View(
            "retrievals", archive.RetrievalRow, "retrieval_id", archive.retrieval_of, archive.fold_retrieval
        ),
    ),
}


class FreshFold:
    """The rows that the events of one partition make, folded as they are read."""

    def __init__(self, topic: str) -> None:
        self._views = VIEWS[topic]
        self.rows: dict[str, dict[str, Struct]] = {view.table: {} for view in self._views}

    def take(self, event: Event) -> str | None:
        """Fold one event; give the name of the table whose fold does not know what to do with it."""
        for view in self._views:
            rows = self.rows[view.table]
            key = view.key_of(event)
            if key is None:
                continue
            try:
                row = view.fold(rows.get(key), event)
            except AssertionError:
                return view.table
            if row is not None:
                rows[key] = row
        return None
