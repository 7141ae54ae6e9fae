"""A small world of tenants: few people, keys and plans, so that they meet; whoever is in it may order."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from contracts import access as a
from contracts.envelope import EventEnvelope
from contracts.ids import ActorName
from contracts.permissions import Permission, Role
from contracts.views import access as views
from services.mailbox.core.tenant import Tenant
from tests.kit.given import NOON, US, History
from tests.kit.given_tenant import (
    OPERATOR,
    REACTOR,
    TENANT_CORE,
    by_key,
    by_user,
    create_key,
    create_paid_group,
    group_id,
    invitation_id,
    invite,
    key_id,
    may,
    password_id,
    place,
    session_id,
    totp_id,
    user_id,
)

NAMES = ("ina", "ole", "una")
KEYS = ("robot", "old")
GROUPS = ("basic", "big")
DOMAINS = ("a.example", "b.example", "c.example")

TenantHistory = History[Tenant, a.AccessCommand, a.AccessEvent]
Step = tuple[a.AccessCommand, ActorName]

ACTORS = (OPERATOR, REACTOR, *(by_user(name) for name in NAMES), *(by_key(name) for name in KEYS))
_SMALL = may("users", "change")
_LARGE = (*may("users", "change"), *may("mailboxes", "change", scope="domains", names=("a.example",)))
_ROLES: tuple[tuple[Role, tuple[Permission, ...]], ...] = (
    ("owner", ()),
    ("auditor", ()),
    ("sub_user", _SMALL),
)


def _about(name: str) -> tuple[a.AccessCommand, ...]:
    user = user_id(name)
    return (
        invite(name, "owner"),
        invite(name, permissions=_LARGE),
        invite(name, permissions=_SMALL, email="shared@example.org"),
        a.RenewInvitation(user_id=user, invitation_id=invitation_id("second")),
        *(
            a.AcceptInvitation(
                user_id=user, invitation_id=invitation_id(each), credential_id=password_id("first")
            )
            for each in (name, "second")
        ),
        a.SetUserPassword(user_id=user, credential_id=password_id("second")),
        a.RenameUser(user_id=user, display_name="Other"),
        *(a.GrantAccess(user_id=user, role=role, permissions=permissions) for role, permissions in _ROLES),
        a.DisableUser(user_id=user),
        a.EnableUser(user_id=user),
        a.RemoveUser(user_id=user),
        a.EnableTotp(user_id=user, totp_id=totp_id("first")),
        a.DisableTotp(user_id=user),
        a.RecordSignIn(user_id=user, session_id=session_id("first")),
        a.RevokeSessions(user_id=user),
    )


def _of_group(name: str) -> tuple[a.AccessCommand, ...]:
    return (
        create_paid_group(name),
        a.RenamePaidGroup(group_id=group_id(name), title="Shops"),
        a.ChangePlan(group_id=group_id(name), plan="small", domains_max=1, mailboxes_max=5),
        a.ChangePlan(group_id=group_id(name), plan="large", domains_max=3, mailboxes_max=15),
        a.RemovePaidGroup(group_id=group_id(name)),
        *(place(domain, name, mailboxes) for domain in DOMAINS for mailboxes in (5, 10)),
    )


_TENANT: tuple[a.AccessCommand, ...] = (
    a.OnboardTenant(title="Demo"),
    a.RenameTenant(title="Demo GmbH"),
    a.SuspendTenant(),
    a.ResumeTenant(),
    a.ResumeTenant(),
    a.CloseTenant(),
    a.FinishClosing(),
)
_KEYS: tuple[a.AccessCommand, ...] = (
    create_key("robot", permissions=_SMALL),
    create_key("robot", "owner"),
    create_key("old", "owner", expires_at=NOON + timedelta(seconds=20)),
    *(a.RevokeKey(key_id=key_id(name)) for name in KEYS),
)
COMMANDS: tuple[a.AccessCommand, ...] = (
    *_TENANT,
    *_KEYS,
    *(command for name in NAMES for command in _about(name)),
    *(command for name in GROUPS for command in _of_group(name)),
    *(a.WithdrawDomain(domain=domain) for domain in DOMAINS),
)
EVERY_STEP: tuple[Step, ...] = tuple((command, actor) for command in COMMANDS for actor in ACTORS)

# A customer is suspended and given up seldom, else most histories would be over before anything happened.
_often = [each for each in COMMANDS if not isinstance(each, a.CloseTenant | a.SuspendTenant)]
_commands = st.sampled_from([*_often * 5, *COMMANDS])
steps = st.tuples(_commands, st.sampled_from([OPERATOR] * 4 + list(ACTORS)))


def _joined(name: str, *how: a.AccessCommand) -> list[Step]:
    accept = a.AcceptInvitation(
        user_id=user_id(name), invitation_id=invitation_id(name), credential_id=password_id("first")
    )
    return [*((command, OPERATOR) for command in how), (accept, by_user(name))]


_onboarded: list[Step] = [(a.OnboardTenant(title="Demo"), OPERATOR)]
_busy: list[Step] = [
    *_onboarded,
    *_joined("ina", invite("ina", "owner")),
    *_joined("ole", invite("ole", permissions=_LARGE)),
    (create_key("robot", permissions=_SMALL), by_user("ole")),
    (create_paid_group("basic"), OPERATOR),
    (create_paid_group("big"), OPERATOR),
    (place("a.example", "basic", 5), by_user("ina")),
]
_gone: list[Step] = [
    *_busy,
    (a.DisableUser(user_id=user_id("ole")), OPERATOR),
    (a.RevokeKey(key_id=key_id("robot")), OPERATOR),
    (a.WithdrawDomain(domain="a.example"), OPERATOR),
]
_starts = st.sampled_from(
    [
        [],
        _onboarded,
        _busy,
        _busy,
        _gone,
        [*_busy, (a.SuspendTenant(), OPERATOR)],
        [*_busy, (a.CloseTenant(), OPERATOR)],
    ]
)


def after(start: list[Step], orders: list[Step]) -> TenantHistory:
    """Give the history in which all of this was ordered, a second apart."""
    history = History(TENANT_CORE, US)
    for second, (command, actor) in enumerate([*start, *orders]):
        history.obey(command, now=NOON + timedelta(seconds=second), actor=actor)
    return history


histories = st.builds(after, _starts, st.lists(steps, max_size=3) | st.lists(steps, min_size=15, max_size=40))


def end_of(history: TenantHistory) -> datetime:
    """Give the moment of the last event, from which time goes on."""
    return history.log[-1].time if history.log else NOON


def continued(history: TenantHistory) -> TenantHistory:
    """Give a copy of the state that can go its own way."""
    copy = History(TENANT_CORE, US)
    copy.state = deepcopy(history.state)
    return copy


class _Table(Struct, frozen=True):
    row: type[Struct]
    key_of: Any
    fold: Any


_TABLES = (
    _Table(views.TenantRow, views.tenant_of, views.fold_tenant),
    _Table(views.UserRow, views.user_of, views.fold_user),
    _Table(views.KeyRow, views.key_of, views.fold_key),
    _Table(views.PaidGroupRow, views.paid_group_of, views.fold_paid_group),
    _Table(views.PlacementRow, views.placement_of, views.fold_placement),
)


class TenantTables:
    """The read model of one tenant, as a projection keeps it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = [{} for _ in _TABLES]

    def fold(self, log: Iterable[EventEnvelope[a.AccessEvent]]) -> None:
        """Apply events to the rows."""
        for event in log:
            for table, rows in zip(_TABLES, self.rows, strict=True):
                key = table.key_of(event)
                if key is not None:
                    rows[key] = table.fold(rows.get(key), event)

    def written_and_read(self) -> None:
        """Let the rows be as they come back from the database."""
        self.rows = [
            {key: msgspec.json.decode(msgspec.json.encode(row), type=table.row) for key, row in rows.items()}
            for table, rows in zip(_TABLES, self.rows, strict=True)
        ]

    def restored(self) -> Tenant:
        """Give the writer's state as a snapshot of this read model gives it."""
        tenants, *others = (list(rows.values()) for rows in self.rows)
        return Tenant.from_rows(tenants[0], *others) if tenants else Tenant.unknown(US)
