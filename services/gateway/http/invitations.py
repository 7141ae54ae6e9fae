"""Invitations: a person is asked in, and whoever has the secret chooses the password, once."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from contracts.access import (
    INVITATION_DAYS,
    AcceptInvitation,
    DisplayName,
    InviteUser,
    RenewInvitation,
)
from contracts.addresses import AddressError
from contracts.ids import TenantId
from contracts.permissions import Permissions, Role
from contracts.topics import ACCESS
from services.gateway import access_tokens
from services.gateway.access_tokens import SECRET_LENGTH_MAX, NewToken, new_secret
from services.gateway.http.access_views import Invited
from services.gateway.http.access_writes import (
    know_provider,
    order_user_password,
    order_with_token,
    shown_once,
    write_of_person,
)
from services.gateway.http.acting import Acting
from services.gateway.http.bodies import RequestBody, body_of, documented
from services.gateway.http.new_passwords import PasswordText, check_new_password
from services.gateway.http.password_check import email_in_one_form
from services.gateway.http.problems import Problem, invalid
from services.gateway.http.request import Connections, Fresh, position_of
from services.gateway.http.users import find_user
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, KeyedWrite, content_of, written

router = APIRouter(dependencies=[Fresh])

_LIFETIME_S: Final = (INVITATION_DAYS + 1) * 86_400
"""How long a secret is kept: a day longer than the decider lets the invitation live."""

EmailText = Annotated[str, Meta(min_length=3, max_length=400)]


class NewUser(RequestBody, frozen=True, kw_only=True):
    """A person to ask in. Only a sub-user has permissions of their own; nobody hands out more than they hold."""

    email: EmailText
    display_name: DisplayName
    role: Role = "sub_user"
    permissions: Permissions = ()


class Acceptance(RequestBody, frozen=True, kw_only=True):
    """The invitation's secret, and a password: 8 to 128 characters, not the mail address, not a common one."""

    token: Annotated[str, Meta(max_length=SECRET_LENGTH_MAX)]
    password: PasswordText


@router.post(
    "/v1/users",
    tags=["users"],
    summary="Invite a person",
    **documented({201: Invited, 202: Operation}, body=NewUser),
)
async def invite(write: KeyedWrite, acting: Acting, body: Annotated[NewUser, body_of(NewUser)]) -> Response:
    """Ask a person in, and get the invitation's secret this once: whoever has it may choose the password."""
    try:
        email = email_in_one_form(body.email)
    except AddressError as error:
        raise invalid("#/email", "address_invalid", str(error)) from None

    async def act(attempt: Act) -> Response:
        await know_provider(attempt)
        invitation_id = attempt.part_id("invitation")
        command = InviteUser(
            user_id=attempt.thing_id,
            email=email,
            display_name=body.display_name,
            role=body.role,
            permissions=body.permissions,
            invitation_id=invitation_id,
        )
        return await _invite(attempt, command, invitation_id, attempt.thing_id)

    return await write.once(acting.tenant, content_of(body), act)


@router.post(
    "/v1/users/{user_id}:renewInvitation",
    tags=["users"],
    summary="Renew an invitation",
    **documented({201: Invited, 202: Operation}),
)
async def renew_invitation(write: KeyedWrite, acting: Acting, user_id: str) -> Response:
    """Give somebody who has not joined another invitation; the former one ends."""
    row = await find_user(write.gateway, acting.tenant, user_id)

    async def act(attempt: Act) -> Response:
        invitation_id = attempt.part_id("invitation")
        command = RenewInvitation(user_id=row.user_id, invitation_id=invitation_id)
        return await _invite(attempt, command, invitation_id, row.user_id)

    return await write.once(acting.tenant, b"", act)


async def _invite(
    attempt: Act, command: InviteUser | RenewInvitation, invitation_id: str, user_id: str
) -> Response:
    token = NewToken(
        secret=new_secret(),
        kind="invitation",
        id=invitation_id,
        tenant=attempt.tenant,
        user_id=user_id,
        lifetime_s=_LIFETIME_S,
    )
    outcome = await order_with_token(attempt, command, token)

    def view(secret: str | None) -> Invited:
        position = position_of(ACCESS.name, outcome)
        return Invited(user_id=user_id, secret=secret, version=outcome.version, position=position)

    return shown_once(outcome, view(token.secret), view(None), f"/v1/users/{user_id}")


@router.post(
    "/v1/invitations:accept",
    tags=["invitations"],
    summary="Accept an invitation",
    **documented({200: WriteResult}, body=Acceptance),
)
async def accept(
    request: Request, gateway: Connections, body: Annotated[Acceptance, body_of(Acceptance)]
) -> Response:
    """Join with a password of one's own. A secret that is unknown, used or too old has one answer."""
    invitation = await access_tokens.find_invitation(gateway.pool, body.token)
    if invitation is None:
        raise Problem(HTTPStatus.NOT_FOUND, "invitation_invalid")
    check_new_password(body.password, invitation.email)
    tenant = TenantId(invitation.tenant)
    write = write_of_person(request, gateway, tenant, invitation.user_id)

    async def act(attempt: Act) -> Response:
        credential_id = attempt.part_id("credential")
        command = AcceptInvitation(
            user_id=invitation.user_id,
            invitation_id=invitation.invitation_id,
            credential_id=credential_id,
        )

        async def after() -> None:
            await access_tokens.drop(gateway.pool, "invitation", invitation.invitation_id)

        outcome = await order_user_password(attempt, command, body.password, former=None, after=after)
        return written(ACCESS, outcome)

    return await write.once(tenant, b"", act)
