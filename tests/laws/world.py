"""Small worlds of commands: few names, so that they meet; long enough to go through every state."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import mailbox as m
from contracts import routing as r
from contracts.decision import Accepted, Refused
from contracts.ids import ActorName, TenantId
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of
from contracts.views.routing import AliasRow, RuleRow, alias_of, fold_alias, fold_rule, rule_of
from services.mailbox.core.domain import Domain
from tests.kit.given import (
    DOMAIN,
    MAILBOX_CORE,
    NOON,
    SOMEBODY_ELSE,
    US,
    History,
    an_id,
    clean_mailbox,
    create_mailbox,
    credential_id,
    delete_mailbox,
    mailbox_id,
    purge_mailbox,
    restore_mailbox,
)
from tests.kit.given_routing import (
    SYSTEM,
    add_alias,
    add_rule,
    change_rule,
    enable_catch_all,
    remove_alias,
    remove_rule,
    set_contact,
)

NAMES = ("ina", "ole", "una")


class DomainHistory(History[Domain, m.MailboxCommand, m.MailboxEvent]):
    """A domain to which the system orders everything: tenants may order less, as unit tests show."""

    def __init__(self) -> None:
        super().__init__(MAILBOX_CORE, DOMAIN)

    def decide(
        self,
        command: m.MailboxCommand,
        tenant: TenantId = US,
        now: datetime = NOON,
        actor: ActorName = SYSTEM,
    ) -> Accepted[m.MailboxEvent] | Refused:
        """Judge a command of the system without letting it happen."""
        return super().decide(command, tenant, now, actor)

    def obey(
        self,
        command: m.MailboxCommand,
        tenant: TenantId = US,
        now: datetime = NOON,
        actor: ActorName = SYSTEM,
    ) -> Accepted[m.MailboxEvent] | Refused:
        """Judge a command of the system, and let its events happen."""
        return super().obey(command, tenant, now, actor)


Step = tuple[m.MailboxCommand, TenantId]

# One pool of finished commands, so that a draw is cheap and how often each kind comes is seen here.
_DOMAIN_COMMANDS: tuple[m.MailboxCommand, ...] = (
    m.RegisterDomain(),
    m.RegisterDomain(mailbox_limit=2),
    m.ActivateDomain(proof="operator"),
    m.ActivateDomain(proof="operator"),
    m.SuspendDomain(),
    m.ResumeDomain(),
    m.ResumeDomain(),
    m.ResumeDomain(),
    m.RemoveDomain(),
    m.SetMailboxLimit(mailbox_limit=None),
    m.SetMailboxLimit(mailbox_limit=1),
    m.SetMailboxLimit(mailbox_limit=2),
    m.AssignDomain(user_id=an_id("user ole")),
    m.AssignDomain(user_id=None),
    *(m.FollowTenant(as_of=as_of, suspended=as_of == 2) for as_of in (1, 2, 3, 3)),
    m.FollowPaidGroup(as_of=1, group_id=an_id("group gold"), mailbox_limit=2),
    m.FollowPaidGroup(as_of=2, group_id=None, mailbox_limit=None),
    m.CloseDomain(),
)
_ROUTING_COMMANDS: tuple[m.MailboxCommand, ...] = (
    *(add_rule(name, pattern, to=name) for name in NAMES for pattern in ("{any}", "{any}", "a{word}")),
    *(add_rule(f"{name} again", to=name) for name in NAMES),
    *(change_rule(name, "b{word}", to=other) for name in NAMES for other in NAMES[:2]),
    *(remove_rule(name) for name in NAMES),
    *(add_alias(name, to=other) for name in ("info", "una") for other in NAMES),
    add_alias("info", to="ina", alias="second"),
    *(remove_alias(name) for name in ("info", "una")),
    *(enable_catch_all(name, copy=name == "ole") for name in NAMES[:2]),
    r.DisableCatchAll(),
    set_contact("ina"),
    set_contact(None),
)
_CREATIONS = (
    *(create_mailbox(name) for name in NAMES * 2),
    *(create_mailbox(name, note="front desk", password="first") for name in NAMES),
    *(create_mailbox(name, mailbox=other) for name in NAMES for other in NAMES if name != other),
    create_mailbox("Bad Name", mailbox="ina"),
)


def _mailbox_commands(name: str) -> tuple[m.MailboxCommand, ...]:
    mailbox = mailbox_id(name)
    return (
        *(m.ChangeNote(mailbox_id=mailbox, note=note) for note in ("", "front desk")),
        *(
            m.SetPassword(mailbox_id=mailbox, credential_id=credential_id(each))
            for each in ("first", "second")
        ),
        m.AllowSelfService(mailbox_id=mailbox),
        m.ForbidSelfService(mailbox_id=mailbox),
        m.SuspendMailbox(mailbox_id=mailbox),
        m.ResumeMailbox(mailbox_id=mailbox),
        clean_mailbox(name, "first"),
        clean_mailbox(name, "second"),
        *(delete_mailbox(name, archive) for archive in ("first", "second", "third")),
        *(replace(delete_mailbox(name, archive), drop_targets=True) for archive in ("first", "fourth")),
        *(restore_mailbox(name) for _ in range(3)),
        *(purge_mailbox(name, archive) for archive in ("first", "second")),
    )


_POOL = (
    *_CREATIONS,
    *(command for name in NAMES for command in _mailbox_commands(name)),
    *_DOMAIN_COMMANDS,
    *_ROUTING_COMMANDS,
)
EVERY_STEP: tuple[Step, ...] = tuple((command, tenant) for command in _POOL for tenant in (US, SOMEBODY_ELSE))
steps = st.tuples(st.sampled_from(_POOL), st.sampled_from([US] * 9 + [SOMEBODY_ELSE]))

_active = (m.RegisterDomain(), m.ActivateDomain(proof="operator"))
_ina, _ole = create_mailbox("ina", note="front desk"), create_mailbox("ole", password="first")
_given_up = (
    *_active,
    _ina,
    m.SuspendMailbox(mailbox_id=mailbox_id("ina")),
    delete_mailbox("ina", "first"),
    m.RemoveDomain(),
)
_routed = (
    *(*_active, _ina, _ole, add_rule("ina", "{any}"), add_rule("ina again"), add_alias("info")),
    *(enable_catch_all("ina"), set_contact("ina")),
)
_led_to_ole = (
    add_rule("ole", "{any}", to="ole"),
    add_alias("una", to="ole"),
    enable_catch_all("ole", copy=True),
)
_in_a_group = m.FollowPaidGroup(as_of=1, group_id=an_id("group gold"), mailbox_limit=2)
_emptied = [replace(delete_mailbox(name, "fourth"), drop_targets=True) for name in ("ina", "ole")]
_purged = (replace(delete_mailbox("ina", "first"), drop_targets=True), purge_mailbox("ina", "first"))
_starts = st.sampled_from(
    [
        [],
        [(command, US) for command in _active],
        [(command, US) for command in (*_active, _ina, _ole, delete_mailbox("ole", "first"))],
        [(command, US) for command in (*_active, m.SetMailboxLimit(mailbox_limit=2), _ina, _ole)],
        [*((command, US) for command in _given_up), *((command, SOMEBODY_ELSE) for command in _active)],
        [(command, US) for command in (*_given_up, *_active)],
        [(command, US) for command in (*_routed, replace(delete_mailbox("ina"), drop_targets=True))],
        [(command, US) for command in (*_routed, *_purged)],
        [
            *((command, US) for command in (*_given_up, *_purged[1:])),
            *((command, SOMEBODY_ELSE) for command in _active),
        ],
        [(command, US) for command in (*_routed, *_led_to_ole)],
        [(command, US) for command in (*_routed, *_led_to_ole, m.CloseDomain())],
        [(command, US) for command in (*_routed, _in_a_group, *_emptied, m.RemoveDomain())],
        [(command, US) for command in (*_routed, _in_a_group, *_emptied, m.RemoveDomain(), *_active)],
    ]
)


def after(start: list[Step], orders: list[Step], pace: timedelta = timedelta(seconds=1)) -> DomainHistory:
    """Give the history in which all of this was ordered, at this pace."""
    history = DomainHistory()
    for number, (command, tenant) in enumerate([*start, *orders]):
        history.obey(command, tenant, NOON + number * pace)
    return history


_paces = st.sampled_from([timedelta(seconds=1), timedelta(seconds=1), timedelta(days=20)])

# Long ones are preferred: left alone, hypothesis tries five steps or so, which seldom delete and restore anything.
histories = st.builds(
    after, _starts, st.lists(steps, max_size=3) | st.lists(steps, min_size=15, max_size=40), _paces
)


def continued(history: DomainHistory) -> DomainHistory:
    """Give a copy of the state that can go its own way."""
    copy = DomainHistory()
    copy.state = deepcopy(history.state)
    return copy


class Directory:
    """The read model of one domain, as a projection keeps it."""

    def __init__(self) -> None:
        self.domain: DomainRow | None = None
        self.mailboxes: dict[str, MailboxRow] = {}
        self.rules: dict[str, RuleRow] = {}
        self.aliases: dict[str, AliasRow] = {}

    def fold(self, log: list[Any]) -> None:
        """Apply events to the rows."""
        for event in log:
            self.domain = fold_domain(self.domain, event)
            for rows, key, fold in (
                (self.mailboxes, mailbox_of(event), fold_mailbox),
                (self.rules, rule_of(event), fold_rule),
                (self.aliases, alias_of(event), fold_alias),
            ):
                if key is not None:
                    row: Any = fold(rows.get(key), event)  # pyright: ignore[reportArgumentType]
                    assert row is not None
                    rows[key] = row

    def restored(self) -> Domain:
        """Give the writer's state as a snapshot of this read model gives it."""
        if self.domain is None:
            return Domain.unknown(DOMAIN)
        return Domain.from_rows(
            self.domain, self.mailboxes.values(), self.rules.values(), self.aliases.values()
        )
