"""What each route needs: one table, as data. The application does not start with a route that is not in it.

It is enforced by `acting`, before anything of a body is read; a test walks every route as every kind of actor and
compares what happens with this table.
"""

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

from contracts.permissions import Action, PageName

Who = Literal["anyone", "signed_in", "person", "tenant", "operator"]
Route = tuple[str, str]
"""A method and a path template, as ("GET", "/v1/mailboxes/{mailbox_id}")."""


class Needs(Struct, frozen=True):
    """Who may use a route, and what they must be allowed to do.

    "anyone" needs no sign-in, "signed_in" any, "person" that of a person; "tenant" is whoever acts for a tenant;
    "operator" is operators only. A page, where there is one, is a page of the tenant acted for: the caller must be
    allowed `action` on it somewhere. Where exactly is for the route to check, with `Access.admit` or a list's domains.
    `while_suspended`: a write that a suspended tenant's people may still do.
    """

    who: Who
    page: PageName | None = None
    action: Action = "see"
    while_suspended: bool = False

    @property
    def for_tenant(self) -> bool:
        """Whether the route is about one tenant, which an operator has to name."""
        return self.who == "tenant" or self.page is not None


ANYONE: Final = Needs("anyone")
PERSON: Final = Needs("person")
OPERATORS: Final = Needs("operator")

TABLE: Final[dict[Route, Needs]] = {
    ("POST", "/v1/tenants"): OPERATORS,
    ("GET", "/v1/tenants"): OPERATORS,
    ("GET", "/v1/tenants/{tenant}"): OPERATORS,
    ("PATCH", "/v1/tenants/{tenant}"): OPERATORS,
    ("POST", "/v1/tenants/{tenant}:suspend"): OPERATORS,
    ("POST", "/v1/tenants/{tenant}:resume"): OPERATORS,
    ("POST", "/v1/tenants/{tenant}:close"): OPERATORS,
    ("POST", "/v1/sessions"): ANYONE,
    ("GET", "/v1/sessions"): PERSON,
    ("DELETE", "/v1/sessions/current"): Needs("person", while_suspended=True),
    ("POST", "/v1/sessions/{session_id}:revoke"): Needs("person", while_suspended=True),
    ("GET", "/v1/me"): Needs("signed_in"),
    ("POST", "/v1/me:changePassword"): PERSON,
    ("POST", "/v1/me/totp"): PERSON,
    ("POST", "/v1/me/totp:confirm"): PERSON,
    ("POST", "/v1/me/totp:disable"): PERSON,
    ("POST", "/v1/invitations:accept"): ANYONE,
    ("POST", "/v1/users"): Needs("tenant", "users", "change"),
    ("GET", "/v1/users"): Needs("tenant", "users"),
    ("GET", "/v1/users/{user_id}"): Needs("tenant", "users"),
    ("GET", "/v1/users/{user_id}/sessions"): Needs("tenant", "users"),
    ("PATCH", "/v1/users/{user_id}"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:renewInvitation"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:grant"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:setPassword"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:disable"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:enable"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:remove"): Needs("tenant", "users", "destroy"),
    ("POST", "/v1/users/{user_id}:resetTotp"): Needs("tenant", "users", "change"),
    ("POST", "/v1/users/{user_id}:revokeSessions"): Needs("tenant", "users", "change", while_suspended=True),
    ("POST", "/v1/keys"): Needs("tenant", "users", "change"),
    ("GET", "/v1/keys"): Needs("tenant", "users"),
    ("GET", "/v1/keys/{key_id}"): Needs("tenant", "users"),
    ("POST", "/v1/keys/{key_id}:revoke"): Needs("tenant", "users", "change"),
    ("POST", "/v1/paid-groups"): Needs("operator", "groups", "change"),
    ("GET", "/v1/paid-groups"): Needs("tenant", "groups"),
    ("GET", "/v1/paid-groups/{group_id}"): Needs("tenant", "groups"),
    ("PATCH", "/v1/paid-groups/{group_id}"): Needs("tenant", "groups", "change"),
    ("POST", "/v1/paid-groups/{group_id}:changePlan"): Needs("operator", "groups", "change"),
    ("POST", "/v1/paid-groups/{group_id}:remove"): Needs("tenant", "groups", "destroy"),
    ("POST", "/v1/domains/{domain}:place"): Needs("tenant", "groups", "change"),
    ("POST", "/v1/domains/{domain}:withdraw"): Needs("tenant", "groups", "change"),
    ("POST", "/v1/domains"): Needs("tenant", "domains", "change"),
    ("GET", "/v1/domains"): Needs("tenant", "domains"),
    ("GET", "/v1/domains/{domain}"): Needs("tenant", "domains"),
    ("POST", "/v1/domains/{domain}:activate"): Needs("operator", "domains", "change"),
    ("POST", "/v1/domains/{domain}:suspend"): Needs("operator", "domains", "change"),
    ("POST", "/v1/domains/{domain}:resume"): Needs("operator", "domains", "change"),
    ("POST", "/v1/domains/{domain}:setMailboxLimit"): Needs("operator", "domains", "change"),
    ("POST", "/v1/domains/{domain}:verify"): Needs("tenant", "domains", "change"),
    ("GET", "/v1/domains/{domain}/dns"): Needs("tenant", "domains"),
    ("POST", "/v1/domains/{domain}:assign"): Needs("tenant", "domains", "change"),
    ("POST", "/v1/domains/{domain}:remove"): Needs("tenant", "domains", "destroy"),
    ("POST", "/v1/domains/{domain}:enableCatchAll"): Needs("tenant", "rules", "change"),
    ("POST", "/v1/domains/{domain}:disableCatchAll"): Needs("tenant", "rules", "change"),
    ("POST", "/v1/domains/{domain}:setContact"): Needs("tenant", "rules", "change"),
    ("POST", "/v1/domains/{domain}/rules"): Needs("tenant", "rules", "change"),
    ("GET", "/v1/domains/{domain}/rules"): Needs("tenant", "rules"),
    ("GET", "/v1/domains/{domain}/rules/{rule_id}"): Needs("tenant", "rules"),
    ("PATCH", "/v1/domains/{domain}/rules/{rule_id}"): Needs("tenant", "rules", "change"),
    ("POST", "/v1/domains/{domain}/rules/{rule_id}:remove"): Needs("tenant", "rules", "change"),
    ("POST", "/v1/domains/{domain}/aliases"): Needs("tenant", "rules", "change"),
    ("GET", "/v1/domains/{domain}/aliases"): Needs("tenant", "rules"),
    ("GET", "/v1/domains/{domain}/aliases/{alias_id}"): Needs("tenant", "rules"),
    ("POST", "/v1/domains/{domain}/aliases/{alias_id}:remove"): Needs("tenant", "rules", "change"),
    ("GET", "/v1/recipients"): Needs("tenant", "rules"),
    ("GET", "/v1/mailboxes"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/mailboxes"): Needs("tenant", "mailboxes", "change"),
    ("GET", "/v1/mailboxes/{mailbox_id}"): Needs("tenant", "mailboxes"),
    ("PATCH", "/v1/mailboxes/{mailbox_id}"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:setPassword"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:allowSelfService"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:forbidSelfService"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:suspend"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:resume"): Needs("tenant", "mailboxes", "change"),
    ("POST", "/v1/mailboxes/{mailbox_id}:clean"): Needs("tenant", "mailboxes", "destroy"),
    ("POST", "/v1/mailboxes/{mailbox_id}:delete"): Needs("tenant", "mailboxes", "destroy"),
    ("POST", "/v1/mailboxes/{mailbox_id}:restore"): Needs("tenant", "mailboxes", "change"),
    ("GET", "/v1/archives"): Needs("tenant", "archive"),
    ("GET", "/v1/archives/{archive_id}"): Needs("tenant", "archive"),
    ("GET", "/v1/archives/{archive_id}/certificate"): Needs("tenant", "archive"),
    ("POST", "/v1/archives/{archive_id}:destroy"): Needs("tenant", "archive", "destroy"),
    ("POST", "/v1/holds"): Needs("tenant", "archive", "change"),
    ("GET", "/v1/holds"): Needs("tenant", "archive"),
    ("GET", "/v1/holds/{hold_id}"): Needs("tenant", "archive"),
    ("POST", "/v1/holds/{hold_id}:release"): Needs("tenant", "archive", "change"),
    ("POST", "/v1/retrievals"): Needs("tenant", "archive", "change"),
    ("GET", "/v1/retrievals"): Needs("tenant", "archive"),
    ("GET", "/v1/retrievals/{retrieval_id}"): Needs("tenant", "archive"),
    ("POST", "/v1/retrievals/{retrieval_id}:quote"): Needs("operator", "archive", "change"),
    ("POST", "/v1/retrievals/{retrieval_id}:accept"): Needs("tenant", "archive", "change"),
    ("POST", "/v1/retrievals/{retrieval_id}:decline"): Needs("tenant", "archive", "change"),
    ("POST", "/v1/retrievals/{retrieval_id}:markPaid"): Needs("operator", "archive", "change"),
    # A payment provider has no sign-in: its signature is asked for by the route, before anything of the body is believed.
    ("POST", "/v1/payments/webhook"): ANYONE,
    ("GET", "/v1/imports/template"): Needs("tenant", "import"),
    ("POST", "/v1/imports"): Needs("tenant", "import", "change"),
    ("GET", "/v1/imports"): Needs("tenant", "import"),
    ("GET", "/v1/imports/{job_id}"): Needs("tenant", "import"),
    ("POST", "/v1/imports/{job_id}:cancel"): Needs("tenant", "import", "change"),
    ("GET", "/v1/imports/{job_id}/result"): Needs("tenant", "import"),
    ("GET", "/v1/imports/{job_id}/problems"): Needs("tenant", "import"),
    ("GET", "/v1/imports/{job_id}/plan"): Needs("tenant", "import"),
    ("GET", "/v1/imports/{job_id}/plan/file"): Needs("tenant", "import"),
    ("POST", "/v1/imports/{job_id}:apply"): Needs("tenant", "import", "change"),
    # An undo deletes mailboxes and gives back what they had: the routes look for that, too (bulk_permissions).
    ("POST", "/v1/imports/{job_id}:previewUndo"): Needs("tenant", "import"),
    ("POST", "/v1/imports/{job_id}:undo"): Needs("tenant", "import"),
    ("POST", "/v1/exports"): Needs("tenant", "export", "change"),
    ("GET", "/v1/exports"): Needs("tenant", "export"),
    ("GET", "/v1/exports/{job_id}"): Needs("tenant", "export"),
    ("POST", "/v1/exports/{job_id}:cancel"): Needs("tenant", "export", "change"),
    ("GET", "/v1/exports/{job_id}/file"): Needs("tenant", "export"),
    # What a bulk action needs depends on what it does: the routes look (bulk_permissions).
    ("POST", "/v1/bulk-actions:preview"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions"): Needs("tenant", "mailboxes"),
    ("GET", "/v1/bulk-actions"): Needs("tenant", "mailboxes"),
    ("GET", "/v1/bulk-actions/{job_id}"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:cancel"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:approve"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:decline"): Needs("tenant", "mailboxes"),
    ("GET", "/v1/bulk-actions/{job_id}/result"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:takePasswords"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:previewUndo"): Needs("tenant", "mailboxes"),
    ("POST", "/v1/bulk-actions/{job_id}:undo"): Needs("tenant", "mailboxes"),
    # A job, and an operation, belongs to the page of its kind: the routes look.
    ("GET", "/v1/jobs"): Needs("tenant"),
    ("GET", "/v1/jobs/{job_id}"): Needs("tenant"),
    ("GET", "/v1/operations/{operation_id}"): Needs("tenant"),
    ("GET", "/v1/operations/{operation_id}/stream"): Needs("tenant"),
}


class TableIncomplete(Exception):
    """There is a route that the table does not know, or an entry without a route."""


def check_complete(routes: Iterable[Route]) -> None:
    """Raises TableIncomplete unless routes and table name the same."""
    found = set(routes)
    missing, idle = sorted(found - TABLE.keys()), sorted(TABLE.keys() - found)
    if missing or idle:
        raise TableIncomplete(f"routes without an entry: {missing}; entries without a route: {idle}")
