"""How writes to a tenant's own stream go, beyond what all writes have: they answer when they are in force.

Who may sign in and with which permissions is read from the gateway's read model and its tokens, so an answer waits for
both. A secret is kept before its thing is ordered, and nobody gets in with it until the thing is there.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import Request
from starlette.responses import Response

from contracts.access import AcceptInvitation, AccessCommand, OnboardTenant, SetUserPassword
from contracts.ids import PROVIDER_TENANT, TenantId
from contracts.outcome import Outcome
from contracts.topics import ACCESS
from services.gateway import access_tokens, queries
from services.gateway.access_tokens import NewToken
from services.gateway.context import Gateway
from services.gateway.http.authentication import actor_of_person
from services.gateway.http.bodies import RequestBody
from services.gateway.http.idempotency import ShownOnce
from services.gateway.http.new_passwords import order_with_password
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem, unavailable
from services.gateway.http.request import trace_id
from services.gateway.http.views import View
from services.gateway.http.writes import Act, Pending, Write, content_of, written
from services.gateway.projections import TENANTS
from services.runtime.kafka.projection import wait_for_position

SETTLE_WAIT_S: Final = 5.0

After = Callable[[], Awaitable[None]]


def write_of_person(request: Request, gateway: Gateway, tenant: TenantId, user_id: str) -> Write:
    """Give the write of a person who is not signed in yet, and has shown a password or an invitation."""
    is_provider = tenant == PROVIDER_TENANT
    principal = Principal(
        kind="person",
        id=user_id,
        actor=actor_of_person(user_id, operator=is_provider),
        tenant=tenant,
        role="operator" if is_provider else "sub_user",
    )
    return Write(
        gateway=gateway,
        principal=principal,
        target=f"{request.method} {request.url.path}",
        trace_id=trace_id(request),
        key=None,
        if_match=None,
    )


async def change(
    write: Write,
    tenant: TenantId,
    command: AccessCommand,
    body: RequestBody | None = None,
    *,
    after: After | None = None,
) -> Response:
    """Order something, do `after` when it is accepted, and answer once it is in force."""

    async def act(attempt: Act) -> Response:
        return written(ACCESS, await order(attempt, command, after=after))

    return await write.once(tenant, content_of(body), act)


async def order(attempt: Act, command: AccessCommand, *, after: After | None = None) -> Outcome:
    """Order something in the attempt's tenant, and give the outcome once it is in force.

    What has to be done `after` an acceptance can't be left to an operation that nobody may ask for: when the outcome is
    late, the request is to be sent again. Raises Problem.
    """
    try:
        outcome = await attempt.order(ACCESS, attempt.tenant, command)
    except Pending:
        if after is None:
            raise
        raise unavailable("not_decided", "this takes longer than it should; send the same again") from None
    if after is not None:
        await after()
    await settle(attempt.write.gateway, outcome)
    return outcome


async def settle(gateway: Gateway, outcome: Outcome) -> None:
    """Wait until the read model knows; a projector that is down keeps nobody from getting an answer."""
    await wait_for_position(gateway.pool, TENANTS.name, outcome.stream, outcome.streamseq, SETTLE_WAIT_S)


async def order_with_token(attempt: Act, command: AccessCommand, token: NewToken) -> Outcome:
    """Order a thing that a secret stands for. Raises Problem, and then the secret is worth nothing."""
    pool = attempt.write.gateway.pool
    await access_tokens.keep(pool, token)
    try:
        return await order(attempt, command)
    except Problem as problem:
        if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            await access_tokens.drop(pool, token.kind, token.id)
        raise


async def order_user_password(
    attempt: Act,
    command: SetUserPassword | AcceptInvitation,
    password: str,
    *,
    former: str | None,
    after: After,
) -> Outcome:
    """Order a person's new password; the vault forgets the former one afterwards."""
    gateway, credential_id = attempt.write.gateway, command.credential_id
    outcome = await order_with_password(
        gateway, credential_id, password, lambda: order(attempt, command, after=after)
    )
    if former is not None and former != credential_id:
        await gateway.vault.drop_credentials([former])
    return outcome


def shown_once(outcome: Outcome, view: View, without_secret: View, location: str = "") -> ShownOnce:
    """Give the answer with a secret; what is kept for a replay is the view without it."""
    response = written(ACCESS, outcome, view, HTTPStatus.CREATED, location)
    return ShownOnce(response, msgspec.json.encode(without_secret))


async def know_provider(attempt: Act) -> None:
    """Make the provider's own tenant known with the first of its people or keys: nobody else could onboard it."""
    if attempt.tenant == PROVIDER_TENANT:
        pool = attempt.write.gateway.pool
        if await queries.get_tenant(pool, PROVIDER_TENANT) is None:
            first = Act(write=attempt.write, tenant=attempt.tenant, thing_id=attempt.part_id("provider"))
            await order(first, OnboardTenant(title="Provider"))
