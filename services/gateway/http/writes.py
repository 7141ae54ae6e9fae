"""How every write goes: claim its Idempotency-Key, order it from the writer, answer with the outcome.

The answer is made from the request and the outcome, never from a read model: nobody waits for a projection.
"""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Header, Request
from msgspec import Struct
from starlette.responses import Response

from contracts.codec import encode
from contracts.envelope import CommandEnvelope
from contracts.ids import CommandId, TenantId, derived_id
from contracts.message import Command, Event
from contracts.outcome import Outcome
from contracts.topics import Family
from services.gateway import queries
from services.gateway.context import Gateway
from services.gateway.http import idempotency
from services.gateway.http.acting import SignedIn
from services.gateway.http.bodies import answer
from services.gateway.http.principal import Principal
from services.gateway.http.problems import Problem, invalid, problem_response, refused
from services.gateway.http.request import POSITION_HEADER, Connections, position_of, trace_id
from services.gateway.http.views import Operation, OperationMetadata, WriteResult
from services.runtime.ids import new_id
from services.runtime.kafka.commands import OutcomePending

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

KEY_HEADER: Final = "Idempotency-Key"
VERSION_HEADER: Final = "If-Match"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)


class Pending(Exception):
    """A command's outcome did not come in time; it has been noted, and can be asked for by the command's id."""

    def __init__(self, command_id: CommandId) -> None:
        super().__init__(command_id)
        self.command_id = command_id


class Write(Struct, frozen=True, kw_only=True):
    """One request that changes something: who, for whom, under which key, and against which version."""

    gateway: Gateway
    principal: Principal
    target: str
    trace_id: str
    key: str | None
    if_match: str | None

    @property
    def expected_version(self) -> int | None:
        """The version that `If-Match` names. Raises Problem."""
        if self.if_match is None or self.if_match.strip() == "*":
            return None
        found = _ETAG.fullmatch(self.if_match.strip())
        if found is None:
            raise invalid(
                VERSION_HEADER,
                "invalid_header",
                "expected one ETag that an answer gave",
                HTTPStatus.BAD_REQUEST,
            )
        return int(found[1])

    async def once(
        self, tenant: TenantId, content: bytes, act: Callable[["Act"], Awaitable[Response]]
    ) -> Response:
        """Do `act` unless the same request was done before. `content` is what the request is known again by."""
        if self.key is None:
            return await self._attempt(Act(write=self, tenant=tenant, thing_id=new_id()), act)
        request_hash = idempotency.fingerprint(
            self.gateway.fingerprint_key, [self.target.encode(), (self.if_match or "").encode(), content]
        )
        pool = self.gateway.pool
        claimed = await idempotency.claim(pool, f"{self.principal.actor} {tenant}", self.key, request_hash)
        if isinstance(claimed, idempotency.Answer):
            return claimed.response(replayed=True)
        final = False
        try:
            response = await self._attempt(Act(write=self, tenant=tenant, thing_id=claimed.thing_id), act)
            final = response.status_code != HTTPStatus.ACCEPTED or "postfach-position" in response.headers
            if final:
                await idempotency.keep(pool, claimed, idempotency.Answer.of(response))
            return response
        finally:
            if not final:
                await idempotency.release(pool, claimed)

    async def _attempt(self, act: "Act", do: Callable[["Act"], Awaitable[Response]]) -> Response:
        try:
            return await do(act)
        except Pending as pending:
            operation = Operation(
                name=f"operations/{pending.command_id}",
                done=False,
                metadata=OperationMetadata(kind="command"),
            )
            location = {"Location": f"/v1/operations/{pending.command_id}", "Retry-After": "1"}
            return answer(operation, HTTPStatus.ACCEPTED, location)
        except Problem as problem:
            if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return problem_response(problem, self.target.partition(" ")[2].partition("?")[0], self.trace_id)


def _version_in(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise invalid(
            VERSION_HEADER, "invalid_header", "expected one ETag that an answer gave", HTTPStatus.BAD_REQUEST
        )
    return int(found[1])


class Act(Struct, frozen=True, kw_only=True):
    """One attempt at a write. Every attempt at the same request has the same ids."""

    write: Write
    tenant: TenantId
    thing_id: str

    def for_tenant(self, tenant: TenantId) -> "Act":
        """Give the same attempt for a tenant that the request itself names."""
        return Act(write=self.write, tenant=tenant, thing_id=self.thing_id)

    def part_id(self, name: str) -> str:
        """Give the id of something that belongs to the thing."""
        return derived_id(self.thing_id, name)

    async def order(
        self,
        family: Family[C, E],
        stream: str,
        data: C,
        *,
        step: str = "command",
        expected_version: int | None = None,
    ) -> Outcome:
        """Send the command and give its outcome. Raises Problem when it is refused, Pending when it takes too long.

        A request that takes more than one command gives each further one a `step` of its own. `If-Match` is about the
        first; `expected_version` is for a version that the route itself relies on.
        """
        gateway = self.write.gateway
        if step == "command" and expected_version is None:
            expected_version = self.write.expected_version
        envelope = CommandEnvelope[Any](
            id=CommandId(self.part_id(step)),
            tenant=self.tenant,
            stream=stream,
            actor=self.write.principal.actor,
            correlation=self.write.trace_id,
            causation=self.write.trace_id,
            sent_at=gateway.clock(),
            data=data,
            expected_version=expected_version,
        )
        try:
            outcome = await gateway.commands.send(family, envelope, gateway.settings.gateway_outcome_wait_s)
        except OutcomePending:
            await queries.note_pending(gateway.pool, envelope.id, self.tenant, family.name, encode(envelope))
            raise Pending(envelope.id) from None
        if outcome.status == "refused":
            raise refused(outcome)
        return outcome


def written(
    family: Family[Any, Any],
    outcome: Outcome,
    body: object = None,
    status: HTTPStatus = HTTPStatus.OK,
    location: str = "",
) -> Response:
    """Give the answer to a command that was accepted."""
    position = position_of(family.name, outcome)
    headers = {"ETag": f'"{outcome.version}"', POSITION_HEADER: position}
    if location:
        headers["Location"] = location
    result = WriteResult(
        id=outcome.subject,
        version=outcome.version,
        changed=outcome.events > 0,
        decided_at=outcome.decided_at,
        position=position,
    )
    return answer(result if body is None else body, status, headers)


async def _write(
    request: Request,
    gateway: Connections,
    principal: SignedIn,
    _key: Annotated[
        str | None,
        Header(
            alias=KEY_HEADER,
            description="The same key and request are done once.",
            json_schema_extra={"pattern": "^[!-~]{1,255}$"},
        ),
    ] = None,
    _if_match: Annotated[
        str | None,
        Header(
            alias=VERSION_HEADER,
            description="The ETag that the change is meant for.",
            json_schema_extra={"pattern": '^(\\*|"[0-9]{1,18}")$'},
        ),
    ] = None,
) -> Write:
    # The parameters are for the document: they are None for an empty header too, which is not what its sender meant.
    key, if_match = request.headers.get(KEY_HEADER), request.headers.get(VERSION_HEADER)
    if key is not None and _KEY.fullmatch(key) is None:
        raise invalid(
            KEY_HEADER,
            "invalid_header",
            "expected 1 to 255 visible ASCII characters",
            HTTPStatus.BAD_REQUEST,
        )
    _version_in(if_match)
    query = f"?{request.url.query}" if request.url.query else ""
    return Write(
        gateway=gateway,
        principal=principal,
        target=f"{request.method} {request.url.path}{query}",
        trace_id=trace_id(request),
        key=key,
        if_match=if_match,
    )


AnyWrite = Annotated[Write, Depends(_write)]


async def demand_key(write: AnyWrite) -> Write:
    """Let only a request with an Idempotency-Key through: it makes something. Raises Problem."""
    if write.key is None:
        raise invalid(
            KEY_HEADER,
            "idempotency_key_missing",
            "this request needs an Idempotency-Key",
            HTTPStatus.BAD_REQUEST,
        )
    return write


KeyedWrite = Annotated[Write, Depends(demand_key)]


def content_of(body: Struct | None) -> bytes:
    """Give what a JSON request is known again by, whatever the order of its fields was."""
    return b"" if body is None else msgspec.json.encode(body)
