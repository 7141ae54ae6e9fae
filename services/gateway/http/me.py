"""What everybody may ask and change of themselves: who they are, their password, their second factor."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from msgspec import Meta
from pyotp.totp import TOTP
from starlette.responses import Response

from contracts.access import DisableTotp, EnableTotp, SetUserPassword
from contracts.topics import ACCESS
from contracts.views.access import UserRow
from services.gateway import access_queries, access_tokens, queries
from services.gateway.context import Gateway
from services.gateway.http.access_views import Me, TotpBegun
from services.gateway.http.access_writes import (
    order,
    order_user_password,
)
from services.gateway.http.acting import SignedIn
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.idempotency import ShownOnce
from services.gateway.http.new_passwords import PasswordText, check_new_password
from services.gateway.http.password_check import demand_password
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.request import Connections, Fresh
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written

router = APIRouter(prefix="/v1/me", tags=["me"], dependencies=[Fresh])

ISSUER = "Postfach"


class PasswordChange(RequestBody, frozen=True, kw_only=True):
    """The present password and the new one: 8 to 128 characters, not the mail address, not a common one."""

    old_password: PasswordText
    password: PasswordText


class Code(RequestBody, frozen=True, kw_only=True):
    """The six digits that the device shows."""

    code: Annotated[str, Meta(pattern="^[0-9]{6}$")]


class PresentPassword(RequestBody, frozen=True, kw_only=True):
    """The present password, to show that it is the person who asks."""

    password: PasswordText


@router.get("", summary="Say who I am", **documented({200: Me}))
async def get(gateway: Connections, principal: SignedIn) -> Response:
    """Give who is asking and what they may do."""
    tenant = await queries.get_tenant(gateway.pool, principal.tenant)
    user = await _person(gateway, principal) if principal.kind == "person" else None
    me = Me(
        kind=principal.kind,
        actor=principal.actor,
        tenant=principal.tenant,
        tenant_title=None if tenant is None else tenant.title,
        role=principal.role,
        permissions=list(principal.permissions),
        session_id=principal.session_id,
        email=None if user is None else user.email,
        display_name=None if user is None else user.display_name,
        totp=user is not None and user.totp_id is not None,
    )
    return answer(me)


@router.post(
    ":changePassword",
    summary="Change my password",
    **documented({200: WriteResult, 202: Operation}, body=PasswordChange),
)
async def change_password(
    request: Request,
    write: AnyWrite,
    principal: SignedIn,
    body: Annotated[PasswordChange, body_of(PasswordChange)],
) -> Response:
    """Replace the caller's password and end the other sessions."""
    gateway = write.gateway
    user = await _person(gateway, principal)
    check_new_password(body.password, user.email)

    async def act(attempt: Act) -> Response:
        await demand_password(request, gateway, user, body.old_password, "#/old_password")
        credential_id = attempt.part_id("credential")
        command = SetUserPassword(user_id=user.user_id, credential_id=credential_id)

        async def after() -> None:
            await access_tokens.drop_sessions(gateway.pool, user.user_id, but=principal.session_id)

        outcome = await order_user_password(
            attempt, command, body.password, former=user.credential_id, after=after
        )
        return written(ACCESS, outcome)

    return await write.once(principal.tenant, content_of(body), act)


@router.post("/totp", summary="Begin a second factor", **documented({201: TotpBegun}))
async def begin_totp(write: KeyedWrite, principal: SignedIn) -> Response:
    """Get a secret for one-time codes, shown this once. Codes are asked for after the first one is confirmed."""
    gateway = write.gateway
    user = await _person(gateway, principal)

    async def act(attempt: Act) -> Response:
        former = await access_queries.begun_totp(gateway.pool, user.user_id)
        if former is not None:
            await gateway.vault.drop_one_time_secret(former)
        secret = await gateway.vault.create_one_time_secret(attempt.thing_id)
        await access_queries.begin_totp(gateway.pool, user.user_id, attempt.thing_id)
        uri = TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
        response = answer(TotpBegun(secret=secret, uri=uri), HTTPStatus.CREATED)
        return ShownOnce(response, bytes(answer(TotpBegun(secret=None, uri=None)).body))

    return await write.once(principal.tenant, b"", act)


@router.post(
    "/totp:confirm",
    summary="Confirm a second factor",
    **documented({200: WriteResult, 202: Operation}, body=Code),
)
async def confirm_totp(
    write: AnyWrite, principal: SignedIn, body: Annotated[Code, body_of(Code)]
) -> Response:
    """Show that the device makes right codes; from now on one is asked for at every sign-in."""
    gateway = write.gateway
    user = await _person(gateway, principal)

    async def after() -> None:
        await access_queries.end_totp(gateway.pool, user.user_id)
        if user.totp_id is not None:
            await gateway.vault.drop_one_time_secret(user.totp_id)

    async def act(attempt: Act) -> Response:
        totp_id = await access_queries.begun_totp(gateway.pool, user.user_id)
        if totp_id is None:
            raise Problem(HTTPStatus.CONFLICT, "totp_not_begun", "begin a second factor first")
        if not await gateway.vault.use_code(totp_id, body.code, gateway.clock.machine()):
            raise invalid("#/code", "code_wrong", "this is not the present code")
        command = EnableTotp(user_id=user.user_id, totp_id=totp_id)
        return written(ACCESS, await order(attempt, command, after=after))

    return await write.once(principal.tenant, content_of(body), act)


@router.post(
    "/totp:disable",
    summary="Disable my second factor",
    **documented({200: WriteResult, 202: Operation}, body=PresentPassword),
)
async def disable_totp(
    request: Request,
    write: AnyWrite,
    principal: SignedIn,
    body: Annotated[PresentPassword, body_of(PresentPassword)],
) -> Response:
    """No longer be asked for a one-time code."""
    gateway = write.gateway
    user = await _person(gateway, principal)

    async def after() -> None:
        if user.totp_id is not None:
            await gateway.vault.drop_one_time_secret(user.totp_id)

    async def act(attempt: Act) -> Response:
        await demand_password(request, gateway, user, body.password, "#/password")
        command = DisableTotp(user_id=user.user_id)
        return written(ACCESS, await order(attempt, command, after=after))

    return await write.once(principal.tenant, content_of(body), act)


async def _person(gateway: Gateway, principal: Principal) -> UserRow:
    user = await access_queries.get_user(gateway.pool, principal.tenant, principal.id)
    assert user is not None, "a session is of a person whom the read model knows"
    return user
