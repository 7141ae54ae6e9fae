"""What becomes of an order about a hold."""

from contracts.archive import HOLDS_MAX, HoldPlaced, HoldReleased, PlaceHold, ReleaseHold
from contracts.decision import Accepted, Order, Refused
from contracts.outcome import RefusalCode
from services.archive.core.standing import Decision, find_hold, id_of_something_else
from services.archive.core.state import DomainArchives, Hold


def place_hold(command: PlaceHold, state: DomainArchives, order: Order) -> Decision:
    """What it names need not be there yet. Nothing when it holds already; a released one does not hold again."""
    subject = command.hold_id
    if (command.scope == "domain") == bool(command.ids):
        return Refused(
            subject, RefusalCode.MALFORMED, "a hold names mailboxes or archives, or is on the domain"
        )
    known = find_hold(subject, state, order)
    if isinstance(known, Hold) and known.released:
        return Refused(subject, RefusalCode.MALFORMED, "the hold was released; place another one")
    if isinstance(known, Hold) and _is_the_same(command, known):
        return Accepted(subject)
    if state.version_of(subject):
        return id_of_something_else(subject)
    if state.active_holds.count.get(order.tenant, 0) >= HOLDS_MAX:
        return Refused(subject, RefusalCode.HOLD_LIMIT_REACHED, f"the limit is {HOLDS_MAX}")
    placed = HoldPlaced(
        scope=command.scope,
        ids=command.ids,
        reason=command.reason,
        authority=command.authority,
        by_provider=order.by_provider,
    )
    return Accepted(subject, (placed,))


def release_hold(command: ReleaseHold, state: DomainArchives, order: Order) -> Decision:
    """Nothing when it is released, whatever the reason."""
    subject = command.hold_id
    hold = find_hold(subject, state, order)
    if isinstance(hold, Refused):
        return hold
    if hold.by_provider and not order.by_provider:
        return Refused(subject, RefusalCode.HOLD_OF_PROVIDER)
    return Accepted(subject, () if hold.released else (HoldReleased(reason=command.reason),))


def _is_the_same(command: PlaceHold, known: Hold) -> bool:
    asked = (command.scope, command.ids, command.reason, command.authority)
    return asked == (known.scope, known.ids, known.reason, known.authority)
