"""API keys: made with an end and a place, revoked once."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from contracts import access as a
from tests.kit.given import NOON, refused
from tests.kit.given_tenant import (
    a_key,
    a_tenant,
    create_key,
    given_tenant,
    key_created,
    key_id,
    may,
    the_key_revoked,
    user_id,
)

TOMORROW = NOON + timedelta(days=1)


def test_a_key_is_made_with_all_that_bounds_it() -> None:
    bounds: dict[str, Any] = {"networks": ("192.0.2.0/24", "2001:db8::1"), "expires_at": TOMORROW}
    given_tenant(a_tenant()).when(create_key("robot", permissions=may("export", "change"), **bounds)).then(
        key_created("robot", permissions=may("export", "change"), **bounds)
    )


def test_the_same_key_again_changes_nothing() -> None:
    keys = given_tenant(a_tenant(), a_key("robot", expires_at=TOMORROW))
    keys.when(create_key("robot", expires_at=TOMORROW)).then_nothing()
    keys.when(create_key("robot", expires_at=TOMORROW), now=NOON + timedelta(days=2)).then_nothing()


def test_a_known_id_is_no_other_key() -> None:
    keys = given_tenant(a_tenant(), a_key("robot"))
    keys.when(create_key("robot", title="other")).then(refused("malformed"))
    keys.when(create_key("robot", permissions=may("export"))).then(refused("malformed"))


def test_a_revoked_key_is_not_made_again() -> None:
    keys = given_tenant(a_tenant(), a_key("robot"), the_key_revoked("robot"))
    keys.when(create_key("robot")).then(refused("key_revoked"))


@pytest.mark.parametrize(
    "network", ["192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "300.0.0.1", "1.2.3", ":::", "..", "//"]
)
def test_what_is_no_network_is_refused_by_name(network: str) -> None:
    answer = given_tenant(a_tenant()).when(create_key("robot", networks=("192.0.2.0/24", network)))
    answer.then(refused("malformed"))
    assert network in answer.decision.detail  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "expires_at",
    [
        NOON,
        NOON - timedelta(seconds=1),
        datetime(2031, 1, 1),  # noqa: DTZ001
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=12))),
    ],
)
def test_a_key_ends_in_the_future_at_a_moment_that_can_be_told(expires_at: datetime) -> None:
    given_tenant(a_tenant()).when(create_key("robot", expires_at=expires_at)).then(refused("malformed"))


def test_a_key_is_revoked_once() -> None:
    given_tenant(a_tenant(), a_key("robot")).when(a.RevokeKey(key_id=key_id("robot"))).then(a.KeyRevoked())
    revoked = given_tenant(a_tenant(), a_key("robot"), the_key_revoked("robot"))
    revoked.when(a.RevokeKey(key_id=key_id("robot"))).then_nothing()
    given_tenant(a_tenant()).when(a.RevokeKey(key_id=user_id("ina"))).then(refused("key_unknown"))
