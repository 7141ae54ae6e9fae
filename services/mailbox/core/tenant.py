"""What the writer knows of one tenant, whose id is the stream key: its people, keys, paid groups and placements."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, field

from contracts.access import (
    AccessCommand,
    AccessEvent,
    ChangePlan,
    CloseTenant,
    CreateKey,
    CreatePaidGroup,
    FinishClosing,
    OnboardTenant,
    PlaceDomain,
    RemovePaidGroup,
    RenamePaidGroup,
    RenameTenant,
    ResumeTenant,
    RevokeKey,
    SuspendTenant,
    WithdrawDomain,
)
from contracts.decision import Accepted, Refused
from contracts.ids import PROVIDER_TENANT, TenantId
from contracts.permissions import Permission, Role
from contracts.views.access import (
    KeyRow,
    PaidGroupRow,
    PlacementRow,
    TenantRow,
    TenantStatus,
    UserRow,
    UserStatus,
)

Decision = Accepted[AccessEvent] | Refused


class User(Struct, kw_only=True):
    """A person, also after removal. Who has a credential has joined; `invitation_id` is the one that still counts."""

    user_id: str
    email: str
    display_name: str
    role: Role
    permissions: tuple[Permission, ...]
    status: UserStatus = "invited"
    credential_id: str | None = None
    invitation_id: str | None = None
    invitation_expires_at: datetime | None = None
    totp_id: str | None = None
    version: int = 1


class Key(Struct, kw_only=True):
    """An API key, also after it was revoked."""

    key_id: str
    title: str
    role: Role
    permissions: tuple[Permission, ...]
    networks: tuple[str, ...]
    expires_at: datetime | None
    revoked: bool = False
    version: int = 1


class PaidGroup(Struct, kw_only=True):
    """A plan, also after its end. `domains` are placed in it, and `allotted` of its mailboxes handed to them."""

    group_id: str
    title: str
    plan: str
    domains_max: int
    mailboxes_max: int
    removed: bool = False
    domains: int = 0
    allotted: int = 0
    version: int = 1


class Placement(Struct, kw_only=True):
    """Where a mail domain is; without a group it was withdrawn."""

    domain: str
    group_id: str | None
    mailbox_limit: int | None
    version: int = 1


class Tenant(Struct, kw_only=True):
    """One customer; without a status it was never onboarded.

    `by_email` has only people that are not removed: the others' addresses are free again.
    """

    tenant: TenantId
    title: str = ""
    status: TenantStatus | None = None
    version: int = 0
    users: dict[str, User] = field(default_factory=dict[str, User])
    by_email: dict[str, User] = field(default_factory=dict[str, User])
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    paid_groups: dict[str, PaidGroup] = field(default_factory=dict[str, PaidGroup])
    placements: dict[str, Placement] = field(default_factory=dict[str, Placement])

    @classmethod
    def unknown(cls, stream: str) -> "Tenant":
        """Give the state of a tenant before its first event."""
        return cls(tenant=TenantId(stream))

    @classmethod
    def from_rows(
        cls,
        row: TenantRow,
        users: Iterable[UserRow] = (),
        keys: Iterable[KeyRow] = (),
        paid_groups: Iterable[PaidGroupRow] = (),
        placements: Iterable[PlacementRow] = (),
    ) -> "Tenant":
        """Give the state that the read model tells of: the same as folding the events it has seen."""
        tenant = cls(tenant=TenantId(row.tenant), title=row.title, status=row.status, version=row.version)
        for user in users:
            tenant.adopt_user(user)
        for key in keys:
            tenant.adopt_key(key)
        for group in paid_groups:
            tenant.adopt_paid_group(group)
        for placement in placements:
            tenant.adopt_placement(placement)
        return tenant

    def adopt_user(self, row: UserRow) -> None:
        """Take in a person from the read model."""
        user = User(
            user_id=row.user_id,
            email=row.email,
            display_name=row.display_name,
            role=row.role,
            permissions=tuple(row.permissions),
            status=row.status,
            credential_id=row.credential_id,
            invitation_id=row.invitation_id,
            invitation_expires_at=row.invitation_expires_at,
            totp_id=row.totp_id,
            version=row.version,
        )
        self.users[user.user_id] = user
        if user.status != "removed":
            self.by_email[user.email] = user

    def adopt_key(self, row: KeyRow) -> None:
        """Take in an API key from the read model."""
        self.keys[row.key_id] = Key(
            key_id=row.key_id,
            title=row.title,
            role=row.role,
            permissions=tuple(row.permissions),
            networks=tuple(row.networks),
            expires_at=row.expires_at,
            revoked=row.revoked,
            version=row.version,
        )

    def adopt_paid_group(self, row: PaidGroupRow) -> None:
        """Take in a paid group from the read model; called for all of them before the first placement."""
        self.paid_groups[row.group_id] = PaidGroup(
            group_id=row.group_id,
            title=row.title,
            plan=row.plan,
            domains_max=row.domains_max,
            mailboxes_max=row.mailboxes_max,
            removed=row.removed,
            version=row.version,
        )

    def adopt_placement(self, row: PlacementRow) -> None:
        """Take in the place of a domain from the read model."""
        self.place(row.domain, row.group_id, row.mailbox_limit, row.version)

    def place(self, domain: str, group_id: str | None, mailbox_limit: int | None, version: int) -> None:
        """Let the domain be there from now on, and count it in the group that it is in, no longer in the former."""
        former = self.placements.get(domain)
        if former is not None and former.group_id is not None:
            group = self.paid_groups[former.group_id]
            group.domains -= 1
            group.allotted -= former.mailbox_limit or 0
        if group_id is not None:
            group = self.paid_groups[group_id]
            group.domains += 1
            group.allotted += mailbox_limit or 0
        self.placements[domain] = Placement(
            domain=domain, group_id=group_id, mailbox_limit=mailbox_limit, version=version
        )

    @property
    def is_provider(self) -> bool:
        """Whether this is the provider's own tenant, whose people and keys are the operators."""
        return self.tenant == PROVIDER_TENANT

    def version_of(self, subject: str) -> int:
        """Give the version of the tenant itself, or of whatever else the subject is; 0 when it does not exist."""
        if subject == self.tenant:
            return self.version
        found = (
            self.users.get(subject)
            or self.keys.get(subject)
            or self.paid_groups.get(subject)
            or self.placements.get(subject)
        )
        return 0 if found is None else found.version


def subject_of(command: AccessCommand, tenant: Tenant) -> str:
    """Give what the command is about: the tenant itself, an id, or the domain that is placed."""
    match command:
        case (
            OnboardTenant()
            | RenameTenant()
            | SuspendTenant()
            | ResumeTenant()
            | CloseTenant()
            | FinishClosing()
        ):
            return tenant.tenant
        case CreateKey() | RevokeKey():
            return command.key_id
        case CreatePaidGroup() | RenamePaidGroup() | ChangePlan() | RemovePaidGroup():
            return command.group_id
        case PlaceDomain() | WithdrawDomain():
            return command.domain
        case _:
            return command.user_id
