"""Placing and releasing holds."""

import pytest
from msgspec.structs import replace

from contracts import archive as a
from tests.kit.given import SOMEBODY_ELSE, US, archive_id, mailbox_id, refused
from tests.kit.given_archive import (
    OPERATOR,
    OWNER,
    SYSTEM,
    a_hold,
    a_released_hold,
    a_stored_archive,
    given_archives,
    hold_id,
    hold_placed,
    place_hold,
)

INA = mailbox_id("ina")
RELEASE = a.ReleaseHold(hold_id=hold_id("first"), reason="settled")


@pytest.mark.parametrize(
    ("scope", "ids"), [("domain", ()), ("mailboxes", (INA,)), ("archives", (archive_id("ina"), "ole"))]
)
def test_a_hold_names_what_need_not_be_there_yet(scope: a.HoldScope, ids: tuple[str, ...]) -> None:
    given_archives().when(place_hold("first", scope, *ids), actor=OWNER).then(hold_placed(scope, *ids))


@pytest.mark.parametrize(
    "command",
    [
        place_hold("first", "domain", INA),
        place_hold("first", "mailboxes"),
        place_hold("first", "archives"),
    ],
)
def test_a_hold_names_something_or_is_on_the_domain(command: a.PlaceHold) -> None:
    given_archives().when(command).then(refused("malformed"))


@pytest.mark.parametrize("actor", [OPERATOR, SYSTEM])
def test_a_hold_of_the_provider_is_released_by_the_provider_alone(actor) -> None:
    placed = hold_placed("domain", by_provider=True)
    given_archives().when(place_hold("first", "domain"), actor=actor).then(placed)
    scenario = given_archives(a_hold("first", "domain", by_provider=True))
    scenario.when(RELEASE, actor=OWNER).then(refused("hold_of_provider"))
    scenario.when(RELEASE, actor=actor).then(a.HoldReleased(reason="settled"))


def test_a_tenants_hold_is_released_by_the_tenant_or_the_provider() -> None:
    scenario = given_archives(a_hold("first", "domain"))
    scenario.when(RELEASE, actor=OWNER).then(a.HoldReleased(reason="settled"))
    scenario.when(RELEASE, actor=OPERATOR).then(a.HoldReleased(reason="settled"))


def test_a_hold_that_is_placed_again_changes_nothing() -> None:
    given_archives(a_hold("first", "mailboxes", INA)).when(
        place_hold("first", "mailboxes", INA)
    ).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        place_hold("first", "domain"),
        place_hold("first", "archives", INA),
        place_hold("first", "mailboxes", mailbox_id("ole")),
        place_hold("first", "mailboxes", INA, reason="another"),
        place_hold("first", "mailboxes", INA, authority="another"),
    ],
)
def test_the_id_of_a_hold_is_not_used_for_another(other: a.PlaceHold) -> None:
    given_archives(a_hold("first", "mailboxes", INA)).when(other).then(refused("malformed"))


def test_the_id_of_another_tenants_hold_or_of_an_archive_is_not_used_for_a_hold() -> None:
    place = place_hold("first", "domain")
    given_archives(a_hold("first", "domain")).when(place, by=SOMEBODY_ELSE).then(refused("malformed"))
    same_id = replace(place, hold_id=archive_id("ina"))
    given_archives(a_stored_archive("ina")).when(same_id).then(refused("malformed"))


def test_a_hold_is_released_once_and_does_not_hold_again() -> None:
    scenario = given_archives(a_released_hold("first", "mailboxes", INA), actor=OWNER)
    scenario.when(RELEASE).then_nothing()
    scenario.when(place_hold("first", "mailboxes", INA)).then(refused("malformed"))
    scenario.when(place_hold("second", "mailboxes", INA)).then(hold_placed("mailboxes", INA))


def test_another_tenants_hold_is_as_good_as_absent() -> None:
    given_archives().when(RELEASE).then(refused("hold_unknown"))
    scenario = given_archives(a_hold("first", "domain"))
    scenario.when(RELEASE, by=SOMEBODY_ELSE).then(refused("hold_unknown"))
    scenario.when(RELEASE, by=SOMEBODY_ELSE, actor=OPERATOR).then(refused("hold_unknown"))


def test_the_holds_of_a_tenant_on_a_domain_are_limited() -> None:
    scenario = given_archives(a_hold("first", "mailboxes", INA), actor=OWNER)
    scenario.history.state.active_holds.count[US] = a.HOLDS_MAX - 1
    scenario.when(place_hold("second", "domain")).then(hold_placed("domain"))
    scenario.history.obey(place_hold("second", "domain"))
    scenario.when(place_hold("third", "domain")).then(refused("hold_limit_reached"))
    scenario.when(place_hold("third", "domain"), by=SOMEBODY_ELSE).then(hold_placed("domain"))
    scenario.history.obey(a.ReleaseHold(hold_id=hold_id("second")))
    scenario.when(place_hold("third", "domain")).then(hold_placed("domain"))


def test_nothing_is_looked_up_under_what_a_released_hold_named() -> None:
    scenario = given_archives(
        a_released_hold("first", "mailboxes", INA, INA), a_released_hold("second", "domain")
    )
    active = scenario.history.state.active_holds
    assert (active.on_domain, active.on_mailboxes, active.on_archives) == (set(), {}, {})
