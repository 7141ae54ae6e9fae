"""Signing in and out: a session is a row that anybody who may can end, and a cookie that no script can read."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from contracts.access import RecordSignIn, RevokeSessions
from contracts.addresses import AddressError
from contracts.ids import TenantId
from contracts.message import UuidText
from contracts.topics import ACCESS
from services.gateway import access_queries, access_tokens, sign_in_throttle
from services.gateway.access_queries import Candidate
from services.gateway.access_tokens import NewToken, new_secret
from services.gateway.context import Gateway
from services.gateway.http.access_views import SessionBegun, Sessions, sessions_view
from services.gateway.http.access_writes import (
    order,
    write_of_person,
)
from services.gateway.http.acting import SignedIn
from services.gateway.http.authentication import SESSION_COOKIE, client_address
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.new_passwords import PasswordText
from services.gateway.http.password_check import begin_attempt, email_in_one_form
from services.gateway.http.problems import Problem, TenantChoice, not_found, unavailable
from services.gateway.http.request import Connections, Fresh, thing_id
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, Pending, Write, written

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], dependencies=[Fresh])

_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


class SignIn(RequestBody, frozen=True, kw_only=True):
    """Who signs in. The tenant is needed only where several know the person under the same address and password.

    `code` is the six digits of a one-time code (RFC 6238), for whoever has set that up.
    """

    email: Annotated[str, Meta(max_length=400)]
    password: PasswordText
    tenant: UuidText | None = None
    code: Annotated[str, Meta(pattern="^[0-9]{6}$")] | None = None


@router.post("", summary="Sign in", **documented({201: SessionBegun}, body=SignIn))
async def begin(request: Request, gateway: Connections, body: Annotated[SignIn, body_of(SignIn)]) -> Response:
    """Begin a session, whose secret is in a cookie alone. Every failure has the same answer and takes as long."""
    attempt = await begin_attempt(request, gateway, body.email)
    candidate = await _meant(gateway, body)
    user = candidate.user
    if user.totp_id is not None and not (
        body.code is not None
        and await gateway.vault.use_code(user.totp_id, body.code, gateway.clock.machine())
    ):
        raise Problem(HTTPStatus.UNAUTHORIZED, "code_needed", "send the present one-time code as well")
    tenant = TenantId(user.tenant)

    async def act(ordered: Act) -> Response:
        session_id = ordered.thing_id
        command = RecordSignIn(
            user_id=user.user_id, session_id=session_id, client_address=client_address(request)
        )
        try:
            outcome = await ordered.order(ACCESS, tenant, command)
        except Pending:
            raise unavailable("not_decided", "this takes longer than it should; try again") from None
        except Problem as problem:
            # What the decider knows better than the read model is nobody's business at a sign-in.
            raise problem if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _failed() from None
        await sign_in_throttle.succeed(gateway.pool, attempt)
        lifetime = timedelta(hours=gateway.settings.gateway_session_hours)
        token = NewToken(
            secret=new_secret(),
            kind="session",
            id=session_id,
            tenant=tenant,
            user_id=user.user_id,
            lifetime_s=lifetime.total_seconds(),
            client_address=client_address(request),
            client=_client(request),
        )
        await access_tokens.keep(gateway.pool, token)
        begun = SessionBegun(
            session_id=session_id,
            user_id=user.user_id,
            tenant=tenant,
            role=user.role,
            expires_at=outcome.decided_at + lifetime,
        )
        cookie = f"{SESSION_COOKIE}={token.secret}; Max-Age={int(lifetime.total_seconds())}; {_ATTRIBUTES}"
        return answer(begun, HTTPStatus.CREATED, {"Set-Cookie": cookie})

    return await write_of_person(request, gateway, tenant, user.user_id).once(tenant, b"", act)


async def _meant(gateway: Gateway, body: SignIn) -> Candidate:
    """Give the person whose password this is. Raises Problem when it is nobody's, or that of several."""
    try:
        email = email_in_one_form(body.email)
    except AddressError:
        email = ""
    candidates = await access_queries.sign_in_candidates(gateway.pool, email, body.tenant)
    if not candidates:
        await gateway.vault.verify(None, body.password, gateway.hasher)
    matching = [
        each
        for each in candidates
        if await gateway.vault.verify(each.user.credential_id, body.password, gateway.hasher)
    ]
    if not matching:
        raise _failed()
    if len(matching) > 1:
        choices = tuple(TenantChoice(each.user.tenant, each.tenant_title) for each in matching)
        raise Problem(HTTPStatus.CONFLICT, "tenant_needed", "say for which tenant", tenants=choices)
    return matching[0]


def _failed() -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "authentication_failed")


def _client(request: Request) -> str:
    shown = request.headers.get("user-agent", "")
    return "".join(character for character in shown if character.isprintable())


@router.get("", summary="List one's own sessions", **documented({200: Sessions}))
async def list_(gateway: Connections, principal: SignedIn) -> Response:
    """Give the caller's sessions that have not ended, newest first."""
    idle_s = gateway.settings.gateway_session_idle_minutes * 60
    rows = await access_tokens.sessions_of(gateway.pool, principal.id, idle_s)
    return answer(sessions_view(rows, principal.session_id))


@router.delete("/current", summary="Sign out", **documented({200: WriteResult, 202: Operation}))
async def end(write: AnyWrite, principal: SignedIn) -> Response:
    """End the session that the caller came with."""
    response = await _end(write, principal.session_id or "")
    response.headers["Set-Cookie"] = f"{SESSION_COOKIE}=; Max-Age=0; {_ATTRIBUTES}"
    return response


@router.post(
    "/{session_id}:revoke",
    summary="End one of one's own sessions",
    **documented({200: WriteResult, 202: Operation}),
)
async def revoke(write: AnyWrite, principal: SignedIn, session_id: str) -> Response:
    """End another session of the caller's. When this answers, no gateway lets it in any more."""
    return await _end(write, thing_id(session_id, "session_unknown"))


async def _end(write: Write, session_id: str) -> Response:
    principal, pool = write.principal, write.gateway.pool

    async def after() -> None:
        await access_tokens.drop(pool, "session", session_id)

    async def act(attempt: Act) -> Response:
        if not await access_tokens.is_session_of(pool, principal.id, session_id):
            raise not_found("session_unknown")
        command = RevokeSessions(user_id=principal.id, session_id=session_id)
        return written(ACCESS, await order(attempt, command, after=after))

    return await write.once(principal.tenant, b"", act)
