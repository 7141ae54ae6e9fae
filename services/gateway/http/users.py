"""The people of a tenant: what they may do, and how they are shut out. Operators are people of the provider."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.access import (
    AccessReason,
    DisableTotp,
    DisableUser,
    DisplayName,
    EnableUser,
    GrantAccess,
    RemoveUser,
    RenameUser,
    RevokeSessions,
    SetUserPassword,
)
from contracts.ids import TenantId
from contracts.listing import FILTER_LENGTH_MAX, USER_FILTER_FIELDS
from contracts.permissions import Permissions, Role
from contracts.topics import ACCESS
from contracts.views.access import UserRow
from services.gateway import access_queries, access_tokens
from services.gateway.context import Gateway
from services.gateway.http.access_views import (
    Sessions,
    UserPage,
    UserView,
    sessions_view,
    user_view,
)
from services.gateway.http.access_writes import (
    change,
    order_user_password,
)
from services.gateway.http.acting import Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.new_passwords import PasswordText, check_new_password
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    PageSize,
    PageToken,
    cut,
    decode_token,
    list_name,
    page_size,
)
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Connections, Fresh, Text, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, content_of, written
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/users", tags=["users"], dependencies=[Fresh])


_WRITTEN = documented({200: WriteResult, 202: Operation})


class NameChange(RequestBody, frozen=True, kw_only=True):
    """The name that the person is shown by."""

    display_name: DisplayName


class Grant(RequestBody, frozen=True, kw_only=True):
    """What the person may do from now on, and nothing else."""

    role: Role
    permissions: Permissions = ()


class NewUserPassword(RequestBody, frozen=True, kw_only=True):
    """A password: 8 to 128 characters, not the mail address, not a common one."""

    password: PasswordText


class AccessReasonGiven(RequestBody, frozen=True, kw_only=True):
    """Why somebody is shut out."""

    reason: AccessReason = ""


@router.get("", summary="List people", **documented({200: UserPage}))
async def list_(
    gateway: Connections,
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the people of the tenant by mail address, also those who were removed."""
    try:
        filtered = compile_filter(filter_, USER_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    name, size = list_name("users", acting.tenant, filter_), page_size(size)
    after = None if token is None else decode_token(token, tuple[Text, Text], name).after
    found = await access_queries.list_users(gateway.pool, acting.tenant, filtered, after, size + 1)
    page = cut(found, size, name, ("email", "user_id"))
    return answer(
        UserPage(
            users=[user_view(row) for row in page.rows],
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{user_id}", summary="Get a person", **documented({200: UserView}))
async def get(gateway: Connections, acting: Acting, user_id: str) -> Response:
    """Give a person."""
    row = await find_user(gateway, acting.tenant, user_id)
    return answer(user_view(row), headers={"ETag": f'"{row.version}"'})


@router.get("/{user_id}/sessions", summary="List a person's sessions", **documented({200: Sessions}))
async def list_sessions(gateway: Connections, acting: Acting, user_id: str) -> Response:
    """Give the sessions of a person that have not ended."""
    row = await find_user(gateway, acting.tenant, user_id)
    idle_s = gateway.settings.gateway_session_idle_minutes * 60
    rows = await access_tokens.sessions_of(gateway.pool, row.user_id, idle_s)
    return answer(sessions_view(rows, acting.principal.session_id))


@router.patch(
    "/{user_id}", summary="Rename a person", **documented({200: WriteResult, 202: Operation}, body=NameChange)
)
async def rename(
    write: AnyWrite, acting: Acting, user_id: str, body: Annotated[NameChange, body_of(NameChange)]
) -> Response:
    """Change the name that the person is shown by."""
    row = await find_user(write.gateway, acting.tenant, user_id)
    command = RenameUser(user_id=row.user_id, display_name=body.display_name)
    return await change(write, acting.tenant, command, body)


@router.post(
    "/{user_id}:grant",
    summary="Grant access",
    **documented({200: WriteResult, 202: Operation}, body=Grant),
)
async def grant(
    write: AnyWrite, acting: Acting, user_id: str, body: Annotated[Grant, body_of(Grant)]
) -> Response:
    """Replace what the person may do."""
    row = await find_user(write.gateway, acting.tenant, user_id)
    command = GrantAccess(user_id=row.user_id, role=body.role, permissions=body.permissions)
    return await change(write, acting.tenant, command, body)


@router.post(
    "/{user_id}:setPassword",
    summary="Set a person's password",
    **documented({200: WriteResult, 202: Operation}, body=NewUserPassword),
)
async def set_password(
    write: AnyWrite,
    acting: Acting,
    user_id: str,
    body: Annotated[NewUserPassword, body_of(NewUserPassword)],
) -> Response:
    """Give somebody who has joined another password, and end every session."""
    row = await find_user(write.gateway, acting.tenant, user_id)
    check_new_password(body.password, row.email)

    async def act(attempt: Act) -> Response:
        credential_id = attempt.part_id("credential")
        command = SetUserPassword(user_id=row.user_id, credential_id=credential_id)

        async def after() -> None:
            await access_tokens.drop_sessions(write.gateway.pool, row.user_id)

        outcome = await order_user_password(
            attempt, command, body.password, former=row.credential_id, after=after
        )
        return written(ACCESS, outcome)

    return await write.once(acting.tenant, content_of(body), act)


@router.post(
    "/{user_id}:disable",
    summary="Disable a person",
    **documented({200: WriteResult, 202: Operation}, body=AccessReasonGiven),
)
async def disable(
    write: AnyWrite,
    acting: Acting,
    user_id: str,
    body: Annotated[AccessReasonGiven, body_of(AccessReasonGiven)],
) -> Response:
    """Shut the person out and end every session."""
    row = await find_user(write.gateway, acting.tenant, user_id)

    async def after() -> None:
        await access_tokens.drop_sessions(write.gateway.pool, row.user_id)

    command = DisableUser(user_id=row.user_id, reason=body.reason)
    return await change(write, acting.tenant, command, body, after=after)


@router.post("/{user_id}:enable", summary="Enable a person", **_WRITTEN)
async def enable(write: AnyWrite, acting: Acting, user_id: str) -> Response:
    """Let the person in again."""
    row = await find_user(write.gateway, acting.tenant, user_id)
    return await change(write, acting.tenant, EnableUser(user_id=row.user_id))


@router.post("/{user_id}:remove", summary="Remove a person", **_WRITTEN)
async def remove(write: AnyWrite, acting: Acting, user_id: str) -> Response:
    """Remove the person for good, with every session; the mail address can be invited again."""
    gateway = write.gateway
    row = await find_user(gateway, acting.tenant, user_id)

    async def after() -> None:
        await access_tokens.drop_all_of(gateway.pool, row.user_id)
        if row.credential_id is not None:
            await gateway.vault.drop_credentials([row.credential_id])
        if row.totp_id is not None:
            await gateway.vault.drop_one_time_secret(row.totp_id)

    return await change(write, acting.tenant, RemoveUser(user_id=row.user_id), after=after)


@router.post("/{user_id}:resetTotp", summary="Reset a person's second factor", **_WRITTEN)
async def reset_totp(write: AnyWrite, acting: Acting, user_id: str) -> Response:
    """No longer ask the person for a one-time code, as when their device is lost."""
    gateway = write.gateway
    row = await find_user(gateway, acting.tenant, user_id)

    async def after() -> None:
        if row.totp_id is not None:
            await gateway.vault.drop_one_time_secret(row.totp_id)

    return await change(write, acting.tenant, DisableTotp(user_id=row.user_id), after=after)


@router.post("/{user_id}:revokeSessions", summary="End a person's sessions", **_WRITTEN)
async def revoke_sessions(write: AnyWrite, acting: Acting, user_id: str) -> Response:
    """End every session of the person."""
    row = await find_user(write.gateway, acting.tenant, user_id)

    async def after() -> None:
        await access_tokens.drop_sessions(write.gateway.pool, row.user_id)

    return await change(write, acting.tenant, RevokeSessions(user_id=row.user_id), after=after)


async def find_user(gateway: Gateway, tenant: TenantId, user_id: str) -> UserRow:
    """Give a person of the tenant. Raises Problem."""
    row = await access_queries.get_user(gateway.pool, tenant, thing_id(user_id, "user_unknown"))
    if row is None:
        raise not_found("user_unknown")
    return row
