"""What is asked of a request before anybody is let in: where it comes from, how often, and in which form."""

import asyncio
from datetime import UTC, datetime

import pytest

from contracts.addresses import AddressError
from services.gateway.access_tokens import PREFIX, new_secret
from services.gateway.http.authentication import is_within
from services.gateway.http.bodies import answer
from services.gateway.http.idempotency import Answer, ShownOnce
from services.gateway.http.password_check import email_in_one_form
from services.gateway.rate_limits import Policy, RateLimits, Standing
from services.gateway.sign_in_throttle import (
    ACCOUNT_FREE_FAILURES,
    ADDRESS_FREE_FAILURES,
    DELAY_MAX_S,
    Attempt,
    delay_s,
)


def test_every_failure_beyond_the_free_ones_waits_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    assert [delay_s(failures, 5) for failures in range(1, 10)] == [0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert delay_s(5_000_000, 5) == DELAY_MAX_S == 900
    assert ACCOUNT_FREE_FAILURES < ADDRESS_FREE_FAILURES


def test_an_attempt_names_nobody_and_keeps_accounts_and_addresses_apart() -> None:
    one = Attempt.of(b"key", "ina@example.org", "192.0.2.7")
    assert one == Attempt.of(b"key", "ina@example.org", "192.0.2.7")
    assert one.account != Attempt.of(b"another key", "ina@example.org", "192.0.2.7").account
    assert Attempt.of(b"key", "same", "same").account != Attempt.of(b"key", "same", "same").address
    assert b"ina" not in one.account


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("192.0.2.7", (), True),
        ("", (), True),
        ("192.0.2.7", ("192.0.2.0/24",), True),
        ("192.0.3.7", ("192.0.2.0/24", "198.51.100.1"), False),
        ("198.51.100.1", ("192.0.2.0/24", "198.51.100.1"), True),
        ("::ffff:192.0.2.7", ("192.0.2.0/24",), True),
        ("2001:db8::1", ("2001:db8::/32",), True),
        ("2001:db8::1", ("192.0.2.0/24",), False),
        ("", ("0.0.0.0/0",), False),
        ("nowhere", ("0.0.0.0/0",), False),
    ],
)
def test_an_address_is_within_networks(address: str, networks: tuple[str, ...], *, expected: bool) -> None:
    assert is_within(address, networks) is expected


def test_secrets_look_like_secrets_and_are_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(each.startswith(PREFIX) and len(each) > 40 for each in secrets)


def test_what_is_kept_of_an_answer_with_a_secret_has_none() -> None:
    shown = ShownOnce(answer({"secret": "pf_x"}, headers={"ETag": '"1"'}), b'{"secret":null}')
    assert bytes(shown.body) == b'{"secret":"pf_x"}'
    kept = Answer.of(shown)
    assert kept.body == b'{"secret":null}'
    assert ("etag", '"1"') in kept.headers


def test_a_mail_address_has_one_form() -> None:
    assert email_in_one_form(" Ina@Exämple.example ") == "ina@xn--exmple-cua.example"
    with pytest.raises(AddressError):
        email_in_one_form("no address")


def test_a_limit_is_for_each_of_its_subjects_and_says_what_is_left() -> None:
    async def count() -> list[Standing]:
        limits, now = RateLimits(2, 1), datetime.now(UTC)
        asked: list[tuple[Policy, str]] = [
            ("principal", "a"),
            ("principal", "a"),
            ("principal", "b"),
            ("principal", "a"),
            ("address", "a"),
        ]
        return [await limits.count(policy, whom, now) for policy, whom in asked]

    standings = asyncio.run(count())
    assert [each.allowed for each in standings] == [True, True, True, False, True]
    assert [each.remaining for each in standings] == [1, 0, 1, 0, 0]
    refused = standings[3].headers()
    assert refused["RateLimit-Policy"] == '"principal";q=2;w=60'
    assert refused["RateLimit"] == f'"principal";r=0;t={refused["Retry-After"]}'
    assert "Retry-After" not in standings[0].headers()
