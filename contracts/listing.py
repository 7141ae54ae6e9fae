"""Which fields a list can be filtered by; for mailboxes the same in the list and in the export of a list.

The columns are those of the rows in `contracts.views`. The grammar is that of `services.runtime.filtering`.
"""

from typing import Final, Literal, get_args

from msgspec import Struct

from contracts.permissions import Role
from contracts.views.access import TenantStatus, UserStatus
from contracts.views.mailbox import DomainStatus, KnownMailboxStatus

FilterKind = Literal["text", "joined", "word", "choice", "flag", "present", "time"]
FilterSpelling = Literal["exact", "lower", "host"]

FILTER_LENGTH_MAX: Final = 2_000
"""Characters in a filter; the same as in an export's command."""


class FilterField(Struct, frozen=True, kw_only=True):
    """One name that a filter may use.

    `column` holds the value; of a joined field it holds the part before `separator`, and `second` the part after it.
    A "present" field is true when its column is not null; a `nullable` text that is null differs from every text.
    `spelling` brings what people write into the one form that is stored: "lower" is NFC and lower case, "host" is a
    domain name as its A-label.
    """

    column: str
    kind: FilterKind
    choices: tuple[str, ...] = ()
    second: str = ""
    separator: str = ""
    spelling: FilterSpelling = "exact"
    nullable: bool = False


MAILBOX_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "address": FilterField(
        column="local_part", second="domain", separator="@", kind="joined", spelling="lower"
    ),
    "local_part": FilterField(column="local_part", kind="text", spelling="lower"),
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "status": FilterField(column="status", kind="choice", choices=get_args(KnownMailboxStatus)),
    "self_service": FilterField(column="self_service", kind="flag"),
    "has_password": FilterField(column="credential_id", kind="present"),
    "note": FilterField(column="note", kind="word"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}

TENANT_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "tenant": FilterField(column="tenant", kind="text", spelling="lower"),
    "title": FilterField(column="title", kind="text"),
    "status": FilterField(column="status", kind="choice", choices=get_args(TenantStatus)),
    "created_at": FilterField(column="created_at", kind="time"),
}

USER_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "email": FilterField(column="email", kind="text", spelling="lower"),
    "role": FilterField(column="role", kind="choice", choices=get_args(Role)),
    "status": FilterField(column="status", kind="choice", choices=get_args(UserStatus)),
    "created_at": FilterField(column="created_at", kind="time"),
}

DOMAIN_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "domain": FilterField(column="domain", kind="text", spelling="host"),
    "status": FilterField(column="status", kind="choice", choices=get_args(DomainStatus)),
    "group": FilterField(column="group_id", kind="text", spelling="lower", nullable=True),
    "assigned": FilterField(column="assigned_to", kind="text", spelling="lower", nullable=True),
    "in_group": FilterField(column="group_id", kind="present"),
    "is_assigned": FilterField(column="assigned_to", kind="present"),
    "has_catch_all": FilterField(column="catch_all_id", kind="present"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}

JobKind = Literal["import", "export", "bulk_action"]

JOB_FILTER_FIELDS: Final[dict[str, FilterField]] = {
    "kind": FilterField(column="kind", kind="choice", choices=get_args(JobKind)),
    "state": FilterField(column="state", kind="text"),
    "actor": FilterField(column="actor", kind="text"),
    "created_at": FilterField(column="created_at", kind="time"),
    "changed_at": FilterField(column="changed_at", kind="time"),
}
