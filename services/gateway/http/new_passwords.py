"""A new password on its way: judged, hashed, and in the vault before the command that names it is ordered."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final

from msgspec import Meta

from contracts.outcome import Outcome
from services.gateway.context import Gateway
from services.gateway.http.problems import Problem, invalid
from services.runtime import metrics
from services.runtime.passwords import password_problem

PASSWORD_LENGTH_READ_MAX: Final = 1_000
"""Characters that are read at all; how long a password may be is for the policy to say."""

PasswordText = Annotated[str, Meta(max_length=PASSWORD_LENGTH_READ_MAX)]


def check_new_password(password: str, address: str) -> None:
    """Raises Problem for a password that is not acceptable for the address."""
    problem = password_problem(password, address)
    if problem is not None:
        raise invalid("#/password", "password_policy", f"a password must have: {problem}")


async def order_with_password(
    gateway: Gateway, credential_id: str, password: str, order: Callable[[], Awaitable[Outcome]]
) -> Outcome:
    """Order a command whose password is in the vault before, and not for longer than it can be of use."""
    with metrics.hash_queue.track_inprogress():
        hashed = await gateway.hasher.hash(password)
    await gateway.vault.store_credentials({credential_id: hashed})
    try:
        return await order()
    except Problem as problem:
        if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            await gateway.vault.drop_credentials([credential_id])
        raise
