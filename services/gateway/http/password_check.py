"""A person's present password, asked for at the sign-in and before what only the person may do: always throttled."""

from http import HTTPStatus

from fastapi import Request

from contracts.addresses import AddressError, parse_address
from contracts.views.access import UserRow
from services.gateway import sign_in_throttle
from services.gateway.context import Gateway
from services.gateway.http.authentication import client_address
from services.gateway.http.problems import Problem, invalid
from services.gateway.sign_in_throttle import Attempt, Throttled
from services.runtime.domain_names import to_a_label


def email_in_one_form(text: str) -> str:
    """Give a mail address as people are known by. Raises AddressError."""
    local_part, domain = parse_address(text, to_a_label)
    return f"{local_part}@{domain}"


async def begin_attempt(request: Request, gateway: Gateway, email: str) -> Attempt:
    """Count an attempt at a password. Raises Problem when it comes too early."""
    try:
        account = email_in_one_form(email)
    except AddressError:
        account = email
    attempt = Attempt.of(gateway.fingerprint_key, account, client_address(request))
    try:
        await sign_in_throttle.begin(gateway.pool, attempt)
    except Throttled as throttled:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "sign_in_throttled",
            "wait before the next attempt",
            headers={"Retry-After": str(throttled.retry_after_s)},
        ) from None
    return attempt


async def demand_password(
    request: Request, gateway: Gateway, user: UserRow, password: str, pointer: str
) -> None:
    """Raises Problem unless the password is the person's."""
    attempt = await begin_attempt(request, gateway, user.email)
    if not await gateway.vault.verify(user.credential_id, password, gateway.hasher):
        raise invalid(pointer, "password_wrong", "this is not the present password")
    await sign_in_throttle.succeed(gateway.pool, attempt)
