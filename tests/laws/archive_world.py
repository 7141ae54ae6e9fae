"""A small world of archives: few of them, few holds and retrievals, so that they meet; time goes by in leaps."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from contracts import archive as a
from contracts import retrieval as r
from contracts.envelope import EventEnvelope
from contracts.ids import ActorName, TenantId
from contracts.views import archive as views
from services.archive.core.state import DomainArchives
from tests.kit.given import DOMAIN, NOON, SOMEBODY_ELSE, US, History, archive_id, mailbox_id
from tests.kit.given_archive import (
    ARCHIVE_CORE,
    FIFTY,
    NINETY,
    OPERATOR,
    OWNER,
    SYSTEM,
    hold_id,
    open_archive,
    pay_retrieval,
    place_hold,
    report_packed,
    report_purged,
    report_return_failed,
    request_retrieval,
    retrieval_id,
)

NAMES = ("ina", "ole", "una")
HOLDS = ("first", "second", "third")
RETRIEVALS = ("one", "two")
ACTORS = (SYSTEM, OPERATOR, OWNER)
LIFETIME = timedelta(days=60)
LEAPS = (timedelta(seconds=1), timedelta(days=1), timedelta(days=r.QUOTE_DAYS), LIFETIME)

ArchiveHistory = History[DomainArchives, a.ArchiveCommand, a.ArchiveEvent]


class Step(Struct, frozen=True):
    """One order: what, for whom, by whom, and how long after the one before it."""

    command: a.ArchiveCommand
    tenant: TenantId = US
    actor: ActorName = SYSTEM
    later: timedelta = LEAPS[0]


def _about(name: str) -> tuple[a.ArchiveCommand, ...]:
    this = archive_id(name)
    expires_at = NOON + LIFETIME
    return (
        # The last of them is empty.
        *[replace(open_archive(name, empty=name == NAMES[-1]), expires_at=expires_at)] * 3,
        replace(open_archive(name, generation=3), expires_at=expires_at),
        *(report_packed(name, attempt) for attempt in (1, 2)),
        *[a.ReportArchiveStored(archive_id=this)] * 2,
        *[a.ReturnArchive(archive_id=this)] * 2,
        *[a.ReportArchiveReturned(archive_id=this)] * 2,
        *[report_return_failed(name)] * 2,
        *[a.ExpireArchive(archive_id=this)] * 4,
        a.DestroyArchive(archive_id=this, reason="x"),
        *[report_purged(name)] * 2,
    )


def _of_hold(name: str) -> tuple[a.ArchiveCommand, ...]:
    return (
        place_hold(name, "domain"),
        place_hold(name, "mailboxes", mailbox_id("ina"), mailbox_id("una"), mailbox_id("ina")),
        place_hold(name, "archives", archive_id("ole")),
        place_hold(name, "archives"),
        *[a.ReleaseHold(hold_id=hold_id(name))] * 3,
    )


def _of_retrieval(name: str) -> tuple[a.ArchiveCommand, ...]:
    this = retrieval_id(name)
    return (
        request_retrieval(name, "ina", price=FIFTY),
        request_retrieval(name, "una", price=FIFTY),
        *[request_retrieval(name, *NAMES[:2])] * 2,
        request_retrieval(name, "ina", "una"),
        *(r.QuoteRetrieval(retrieval_id=this, price=price) for price in (FIFTY, NINETY)),
        *(r.AcceptRetrieval(retrieval_id=this, price=price) for price in (FIFTY, FIFTY, NINETY)),
        *(pay_retrieval(name, FIFTY, reference) for reference in ("bank 1", "bank 1", "bank 2")),
        *[r.BeginRetrieval(retrieval_id=this)] * 2,
        r.DeclineRetrieval(retrieval_id=this),
        r.ExpireRetrieval(retrieval_id=this),
    )


COMMANDS: tuple[a.ArchiveCommand, ...] = (
    *(command for name in NAMES for command in _about(name)),
    *(command for name in HOLDS for command in _of_hold(name)),
    *(command for name in RETRIEVALS for command in _of_retrieval(name)),
    replace(place_hold("ina", "domain"), hold_id=archive_id("ina")),
)
EVERY_STEP: tuple[Step, ...] = tuple(
    Step(command, tenant, actor)
    for command in dict.fromkeys(COMMANDS)
    for tenant, actor in ((US, SYSTEM), (US, OWNER), (SOMEBODY_ELSE, SYSTEM))
)
steps = st.builds(
    Step,
    st.sampled_from(COMMANDS),
    st.sampled_from([US] * 9 + [SOMEBODY_ELSE]),
    st.sampled_from([SYSTEM] * 5 + list(ACTORS)),
    st.sampled_from([LEAPS[0]] * 12 + list(LEAPS)),
)


def _stored(name: str) -> list[a.ArchiveCommand]:
    return [
        _about(name)[0],
        report_packed(name),
        a.ReportArchiveStored(archive_id=archive_id(name)),
    ]


def _paid(name: str, *archives: str) -> list[a.ArchiveCommand]:
    this = retrieval_id(name)
    return [
        request_retrieval(name, *archives),
        r.QuoteRetrieval(retrieval_id=this, price=FIFTY),
        r.AcceptRetrieval(retrieval_id=this, price=FIFTY),
        pay_retrieval(name),
    ]


_all_stored = [command for name in NAMES for command in _stored(name)]
_held = [*_all_stored, _of_hold("first")[0], _of_hold("second")[1], _of_hold("third")[2]]
_offered = [*_all_stored, *_paid("one", "ina")[:2], *_paid("two", "ole", "una")[:3]]
_paid_for = [*_all_stored, *_paid("one", "ina", "ole"), *_paid("two", "una")]
_coming_back = [*_paid_for, *(a.ReturnArchive(archive_id=archive_id(name)) for name in NAMES[:2])]
_over = [*_all_stored, *(a.DestroyArchive(archive_id=archive_id(name), reason="x") for name in NAMES)]
_starts = st.sampled_from(
    [
        *(
            [Step(command) for command in start]
            for start in ([], _all_stored, _held, _offered, _paid_for, _coming_back, _over)
        ),
        # All are due.
        [*(Step(command) for command in _offered), Step(_of_hold("third")[2], later=LIFETIME)],
        [*(Step(command) for command in _coming_back), Step(_of_hold("third")[2], later=LIFETIME)],
    ]
)


def after(start: list[Step], orders: list[Step]) -> ArchiveHistory:
    """Give the history in which all of this was ordered, one after another."""
    history, now = History(ARCHIVE_CORE, DOMAIN), NOON
    for step in [*start, *orders]:
        now += step.later
        history.obey(step.command, step.tenant, now, step.actor)
    return history


histories = st.builds(after, _starts, st.lists(steps, max_size=3) | st.lists(steps, min_size=15, max_size=40))


def end_of(history: ArchiveHistory) -> datetime:
    """Give the moment of the last event, from which time goes on."""
    return history.log[-1].time if history.log else NOON


def continued(history: ArchiveHistory) -> ArchiveHistory:
    """Give a copy of the state that can go its own way."""
    copy = History(ARCHIVE_CORE, DOMAIN)
    copy.state = deepcopy(history.state)
    return copy


class ArchiveTables:
    """The read model of one domain's archives, as a projection keeps it."""

    def __init__(self) -> None:
        self.archives: dict[str, views.ArchiveRow] = {}
        self.holds: dict[str, views.HoldRow] = {}
        self.retrievals: dict[str, views.RetrievalRow] = {}

    def fold(self, log: Iterable[EventEnvelope[a.ArchiveEvent]]) -> None:
        """Apply events to the rows."""
        for event in log:
            for rows, key, fold in (
                (self.archives, views.archive_of(event), views.fold_archive),
                (self.holds, views.hold_of(event), views.fold_hold),
                (self.retrievals, views.retrieval_of(event), views.fold_retrieval),
            ):
                if key is not None:
                    row: Any = fold(rows.get(key), event)  # pyright: ignore[reportArgumentType]
                    rows[key] = row

    def written_and_read(self) -> None:
        """Let the rows be as they come back from the database."""
        written = msgspec.json.encode([self.archives, self.holds, self.retrievals])
        self.archives, self.holds, self.retrievals = msgspec.json.decode(
            written,
            type=tuple[dict[str, views.ArchiveRow], dict[str, views.HoldRow], dict[str, views.RetrievalRow]],
        )

    def restored(self) -> DomainArchives:
        """Give the writer's state as a snapshot of this read model gives it."""
        state = DomainArchives.unknown(DOMAIN)
        for archive in self.archives.values():
            state.adopt_archive(archive)
        for hold in self.holds.values():
            state.adopt_hold(hold)
        for retrieval in self.retrievals.values():
            state.adopt_retrieval(retrieval)
        return state
