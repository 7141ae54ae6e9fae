"""Small worlds of commands: few names, so that they meet; long enough to go through every state."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from contracts import mailbox as m
from contracts.ids import TenantId
from contracts.views.mailbox import DomainRow, MailboxRow, fold_domain, fold_mailbox, mailbox_of
from services.mailbox.core.domain import Domain
from tests.kit.given import (
    DOMAIN,
    MAILBOX_CORE,
    NOON,
    SOMEBODY_ELSE,
    US,
    History,
    clean_mailbox,
    create_mailbox,
    credential_id,
    delete_mailbox,
    mailbox_id,
    restore_mailbox,
)

NAMES = ("ina", "ole", "una")

DomainHistory = History[Domain, m.MailboxCommand, m.MailboxEvent]
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
        *(restore_mailbox(name) for _ in range(3)),
    )


_POOL = (*_CREATIONS, *(command for name in NAMES for command in _mailbox_commands(name)), *_DOMAIN_COMMANDS)
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
_starts = st.sampled_from(
    [
        [],
        [(command, US) for command in _active],
        [(command, US) for command in (*_active, _ina, _ole, delete_mailbox("ole", "first"))],
        [(command, US) for command in (*_active, m.SetMailboxLimit(mailbox_limit=2), _ina, _ole)],
        [*((command, US) for command in _given_up), *((command, SOMEBODY_ELSE) for command in _active)],
        [(command, US) for command in (*_given_up, *_active)],
    ]
)


def after(start: list[Step], orders: list[Step]) -> DomainHistory:
    """Give the history in which all of this was ordered, a second apart."""
    history = History(MAILBOX_CORE, DOMAIN)
    for second, (command, tenant) in enumerate([*start, *orders]):
        history.obey(command, tenant, NOON + timedelta(seconds=second))
    return history


# Long ones are preferred: left alone, hypothesis tries five steps or so, which seldom delete and restore anything.
histories = st.builds(after, _starts, st.lists(steps, max_size=3) | st.lists(steps, min_size=15, max_size=40))


def continued(history: DomainHistory) -> DomainHistory:
    """Give a copy of the state that can go its own way."""
    copy = History(MAILBOX_CORE, DOMAIN)
    copy.state = deepcopy(history.state)
    return copy


class Directory:
    """The read model of one domain, as a projection keeps it."""

    def __init__(self) -> None:
        self.domain: DomainRow | None = None
        self.mailboxes: dict[str, MailboxRow] = {}

    def fold(self, log: list[Any]) -> None:
        """Apply events to the rows."""
        for event in log:
            self.domain = fold_domain(self.domain, event)
            mailbox = mailbox_of(event)
            if mailbox is not None:
                row = fold_mailbox(self.mailboxes.get(mailbox), event)
                assert row is not None
                self.mailboxes[mailbox] = row

    def restored(self) -> Domain:
        """Give the writer's state as a snapshot of this read model gives it."""
        if self.domain is None:
            return Domain.unknown(DOMAIN)
        return Domain.from_rows(self.domain, self.mailboxes.values())
