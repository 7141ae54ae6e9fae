"""What the API shows of people, keys, sessions and paid groups. A secret is in a body once, when it is made."""

from datetime import datetime

from contracts.permissions import Permission, Role
from contracts.views.access import KeyRow, PaidGroupRow, UserRow, UserStatus
from services.gateway.access_queries import HandedOut
from services.gateway.access_tokens import SessionRow
from services.gateway.http.principal import PrincipalKind
from services.gateway.http.views import Page, View


class UserView(View, frozen=True, kw_only=True):
    """A person. One who is invited has no password yet; `totp` tells whether one-time codes are asked for."""

    user_id: str
    email: str
    display_name: str
    role: Role
    permissions: list[Permission]
    status: UserStatus
    invitation_expires_at: datetime | None
    totp: bool
    signed_in_at: datetime | None
    version: int
    created_at: datetime
    changed_at: datetime


class Invited(View, frozen=True, kw_only=True):
    """An invitation. `secret` is shown this once; a replay under the same Idempotency-Key has null there."""

    user_id: str
    secret: str | None
    version: int
    position: str


class KeyView(View, frozen=True, kw_only=True):
    """An API key. Without networks it works from everywhere."""

    key_id: str
    title: str
    role: Role
    permissions: list[Permission]
    networks: list[str]
    expires_at: datetime | None
    revoked: bool
    created_by: str
    version: int
    created_at: datetime
    changed_at: datetime


class KeyMade(View, frozen=True, kw_only=True):
    """A new API key. `secret` is shown this once; a replay under the same Idempotency-Key has null there."""

    key_id: str
    secret: str | None
    version: int
    position: str


class SessionView(View, frozen=True, kw_only=True):
    """A session of a person: from where it was begun, and when it was used last, to the minute."""

    session_id: str
    client_address: str
    client: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class Sessions(View, frozen=True, kw_only=True):
    """The newest hundred sessions of a person that have not ended."""

    sessions: list[SessionView]


class SessionBegun(View, frozen=True, kw_only=True):
    """Who signed in, and until when the session lasts at most. Its secret is in the cookie alone."""

    session_id: str
    user_id: str
    tenant: str
    role: Role
    expires_at: datetime


class Me(View, frozen=True, kw_only=True):
    """Who is asking, and what they may do. A person has a mail address, a key has none."""

    kind: PrincipalKind
    actor: str
    tenant: str
    tenant_title: str | None
    role: Role
    permissions: list[Permission]
    session_id: str | None
    email: str | None
    display_name: str | None
    totp: bool


class TotpBegun(View, frozen=True, kw_only=True):
    """A second factor that waits for its first code. Both are shown this once."""

    secret: str | None
    uri: str | None


class PaidGroupView(View, frozen=True, kw_only=True):
    """A plan that the tenant has bought, and how much of it is handed out to domains."""

    group_id: str
    title: str
    plan: str
    domains_max: int
    mailboxes_max: int
    domains: int
    mailboxes_handed_out: int
    removed: bool
    version: int
    created_at: datetime
    changed_at: datetime


class UserPage(Page, frozen=True, kw_only=True):
    """A page of people."""

    users: list[UserView]


class KeyPage(Page, frozen=True, kw_only=True):
    """A page of API keys."""

    keys: list[KeyView]


class PaidGroupPage(Page, frozen=True, kw_only=True):
    """A page of paid groups."""

    paid_groups: list[PaidGroupView]


def user_view(row: UserRow) -> UserView:
    """Show a person."""
    return UserView(
        user_id=row.user_id,
        email=row.email,
        display_name=row.display_name,
        role=row.role,
        permissions=row.permissions,
        status=row.status,
        invitation_expires_at=row.invitation_expires_at,
        totp=row.totp_id is not None,
        signed_in_at=row.signed_in_at,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def key_view(row: KeyRow) -> KeyView:
    """Show an API key."""
    return KeyView(
        key_id=row.key_id,
        title=row.title,
        role=row.role,
        permissions=row.permissions,
        networks=row.networks,
        expires_at=row.expires_at,
        revoked=row.revoked,
        created_by=row.created_by,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def sessions_view(rows: list[SessionRow], current: str | None) -> Sessions:
    """Show sessions; `current` is the one that asks."""
    return Sessions(
        sessions=[
            SessionView(
                session_id=row.session_id,
                client_address=row.client_address,
                client=row.client,
                current=row.session_id == current,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ]
    )


def paid_group_view(row: PaidGroupRow, handed_out: HandedOut) -> PaidGroupView:
    """Show a paid group."""
    return PaidGroupView(
        group_id=row.group_id,
        title=row.title,
        plan=row.plan,
        domains_max=row.domains_max,
        mailboxes_max=row.mailboxes_max,
        domains=handed_out.domains,
        mailboxes_handed_out=handed_out.mailboxes,
        removed=row.removed,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
