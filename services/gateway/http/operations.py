"""Operations: what takes longer than a request, asked for in one way whatever it is."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from msgspec import UNSET
from starlette.responses import Response

from contracts.outcome import Outcome
from contracts.permissions import PageName, role_reach
from contracts.topics import FAMILIES, Family
from services.gateway import queries
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import answer, documented
from services.gateway.http.job_scope import own_jobs_of
from services.gateway.http.operation_stream import Shown, StreamPlace, operation_stream
from services.gateway.http.operation_views import bulk_action_operation, export_operation, import_operation
from services.gateway.http.problems import not_found, refused
from services.gateway.http.request import Fresh, position_of, thing_id
from services.gateway.http.views import Operation, OperationError, OperationMetadata, WriteResult
from services.gateway.jobs import get_bulk_action
from services.runtime.kafka.commands import OutcomePending

router = APIRouter(prefix="/v1/operations", tags=["operations"], dependencies=[Fresh])

ASK_AGAIN_WAIT_S = 2.0


@router.get("/{operation_id}", summary="Get an operation", **documented({200: Operation}))
async def get(acting: Acting, operation_id: str) -> Response:
    """Give how far an import, an export, a bulk action or a slow write is."""
    shown = await _find(acting, thing_id(operation_id, "operation_unknown"))
    return answer(shown())


@router.get("/{operation_id}/stream", summary="Watch an operation", **documented({200: "text/event-stream"}))
async def stream(acting: Acting, request: Request, _place: StreamPlace, operation_id: str) -> Response:
    """Push the operation whenever it changes, as events `progress` and at last `done`."""
    id_ = thing_id(operation_id, "operation_unknown")
    return operation_stream(request, acting, id_, _find, await _find(acting, id_))


async def _find(access: Access, id_: str) -> Shown:
    """Find an operation. Raises Problem when there is none that may be seen."""
    gateway, tenant = access.gateway, access.tenant
    whose = _whose(access, "import")
    if (imported := await queries.get_import(gateway.pool, tenant, whose, id_)) is not None:
        return partial(import_operation, gateway, imported)
    whose = _whose(access, "export")
    if (exported := await queries.get_export(gateway.pool, tenant, whose, id_)) is not None:
        return partial(export_operation, gateway, exported)
    whose = _whose(access, "mailboxes")
    if (bulk_action := await get_bulk_action(gateway.pool, tenant, whose, id_)) is not None:
        return partial(bulk_action_operation, gateway, bulk_action)
    command = await _command_operation(access, id_)
    return lambda: command


def _whose(access: Access, page: PageName) -> str | None:
    """Whose jobs of a page may be seen; None is everybody's. The table names no page for this route."""
    principal = access.principal
    see = role_reach(principal.role, principal.permissions, page, "see")
    return own_jobs_of(see, principal)


async def _command_operation(access: Access, command_id: str) -> Operation:
    gateway, principal = access.gateway, access.principal
    pending = await queries.get_pending(gateway.pool, access.tenant, command_id)
    if pending is None:
        raise not_found("operation_unknown")
    family: Family[Any, Any] = next(family for family in FAMILIES if family.name == pending.family)
    envelope = family.codec.decode_command(pending.envelope)
    if envelope.actor != principal.actor and principal.role not in ("operator", "owner"):
        raise not_found("operation_unknown")
    try:
        # The same command again: either it is decided now, or its outcome is told once more.
        outcome = await gateway.commands.send(family, envelope, ASK_AGAIN_WAIT_S)
    except OutcomePending:
        return Operation(
            name=f"operations/{command_id}", done=False, metadata=OperationMetadata(kind="command")
        )
    return _ended(command_id, family.name, outcome)


def _ended(command_id: str, family: str, outcome: Outcome) -> Operation:
    accepted = outcome.status == "accepted"
    result = WriteResult(
        id=outcome.subject,
        version=outcome.version,
        changed=outcome.events > 0,
        decided_at=outcome.decided_at,
        position=position_of(family, outcome),
    )
    return Operation(
        name=f"operations/{command_id}",
        done=True,
        metadata=OperationMetadata(kind="command", state=outcome.status),
        response=result if accepted else UNSET,
        error=UNSET if accepted else OperationError(code=refused(outcome).code, detail=outcome.detail),
    )
