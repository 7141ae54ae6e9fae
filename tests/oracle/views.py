"""The read models as data: which tables there may be, and the rows that the log makes for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from contracts.bulkio import ExportRequested, ImportUploaded
from contracts.topics import ACCESS, BULKIO, MAILBOX
from contracts.views import access, jobs, mailbox, routing
from tests.oracle.events import Event


class JobOrderRow(Struct, kw_only=True):
    """Which event asked for a job, as bulkio keeps it beside the rows of the contracts."""

    job_id: str
    correlation: str
    event_id: str


def fold_job_order(row: JobOrderRow | None, event: Event) -> JobOrderRow | None:
    """The first event of a job stays."""
    if isinstance(event.data, ImportUploaded | ExportRequested):
        return JobOrderRow(job_id=event.subject, correlation=event.correlation, event_id=event.id)
    return row


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
    ),
    MAILBOX.events.name: (
        View("domains", mailbox.DomainRow, "domain", mailbox.stream_of, mailbox.fold_domain),
        View("mailboxes", mailbox.MailboxRow, "mailbox_id", mailbox.mailbox_of, mailbox.fold_mailbox),
        View("rules", routing.RuleRow, "rule_id", routing.rule_of, routing.fold_rule),
        View("aliases", routing.AliasRow, "alias_id", routing.alias_of, routing.fold_alias),
    ),
    BULKIO.events.name: (
        View("imports", jobs.ImportRow, "job_id", jobs.job_of, jobs.fold_import),
        View("exports", jobs.ExportRow, "job_id", jobs.job_of, jobs.fold_export),
        View("job_orders", JobOrderRow, "job_id", jobs.job_of, fold_job_order),
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
