"""Small worlds of commands: few names, so that they meet; long enough to go through every state."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from contracts import mailbox as m
from contracts.ids import LocalPart, TenantId
from contracts.views import DomainRow, MailboxRow, fold_domain, fold_mailbox
from services.mailbox.core.domain import Domain
from services.mailbox.projections import mailbox_of
from tests.kit.given import (
    DOMAIN,
    MAILBOX_CORE,
    NOON,
    SOMEBODY_ELSE,
    US,
    History,
    archive_id,
    create_mailbox,
    credential_id,
    delete_mailbox,
    mailbox_id,
)

NAMES = ("ina", "ole", "una")
LOCAL_PARTS = (*NAMES, "Bad Name")

DomainHistory = History[Domain, m.MailboxCommand, m.MailboxEvent]
Step = tuple[m.MailboxCommand, TenantId]

_ids = st.sampled_from([mailbox_id(name) for name in NAMES])
_archives = st.sampled_from([archive_id(name) for name in ("first", "second", "third")])
_credentials = st.sampled_from([credential_id(name) for name in ("first", "second")])
_notes = st.sampled_from(["", "front desk"])

_domain_commands = st.sampled_from(
    [
        m.RegisterDomain(),
        m.RegisterDomain(mailbox_limit=2),
        m.ActivateDomain(proof="operator"),
        m.SuspendDomain(),
        m.ResumeDomain(),
        m.ResumeDomain(),
        m.RemoveDomain(),
        m.SetMailboxLimit(mailbox_limit=None),
        m.SetMailboxLimit(mailbox_limit=1),
        m.SetMailboxLimit(mailbox_limit=2),
    ]
)
_mailbox_commands = st.one_of(
    st.builds(
        m.CreateMailbox,
        mailbox_id=_ids,
        local_part=st.sampled_from(LOCAL_PARTS).map(LocalPart),
        credential_id=st.none() | _credentials,
        note=_notes,
    ),
    st.builds(m.ChangeNote, mailbox_id=_ids, note=_notes),
    st.builds(m.SetPassword, mailbox_id=_ids, credential_id=_credentials),
    st.builds(m.AllowSelfService, mailbox_id=_ids),
    st.builds(m.ForbidSelfService, mailbox_id=_ids),
    st.builds(m.SuspendMailbox, mailbox_id=_ids),
    st.builds(m.ResumeMailbox, mailbox_id=_ids),
    st.builds(m.CleanMailbox, mailbox_id=_ids, archive_id=_archives),
    st.builds(m.DeleteMailbox, mailbox_id=_ids, archive_id=_archives),
    st.builds(m.RestoreMailbox, mailbox_id=_ids),
)
commands = st.one_of(_mailbox_commands, _mailbox_commands, _mailbox_commands, _domain_commands)
steps = st.tuples(commands, st.sampled_from([US] * 9 + [SOMEBODY_ELSE]))

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
