"""The application: routes, what surrounds each request, and the answers to whatever nobody expected."""

import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.context import Gateway
from services.gateway.http import (
    aliases,
    archives,
    asyncapi,
    bulk_actions,
    bulk_orders,
    bulk_undo,
    domain_dns,
    domain_routing,
    domains,
    exports,
    holds,
    import_plans,
    import_undo,
    imports,
    invitations,
    jobs,
    keys,
    mailboxes,
    me,
    openapi,
    operations,
    paid_groups,
    payments,
    recipients,
    reference,
    retrievals,
    rules,
    sessions,
    tenants,
    users,
)
from services.gateway.http.acting import Gate
from services.gateway.http.authentication import SignInDocumented
from services.gateway.http.permission_table import Route, check_complete
from services.gateway.http.plain_requests import NoUnknownBody, doubt_about
from services.gateway.http.problems import OUTAGES, FieldError, Problem, problem_response, unavailable
from services.gateway.http.request import (
    ANSWER_HEADERS,
    CLOCK_SHIFT_HEADER,
    CORRELATION_HEADER,
    OnlyKnownParameters,
    correlation_of,
    trace_id,
)
from services.runtime import metrics
from services.runtime.health import health_routes
from services.runtime.logs import get_logger

log = get_logger(__name__)

_ROUTERS: Final = (
    tenants,
    users,
    invitations,
    keys,
    sessions,
    me,
    paid_groups,
    domains,
    domain_dns,
    domain_routing,
    rules,
    aliases,
    recipients,
    mailboxes,
    archives,
    holds,
    retrievals,
    payments,
    imports,
    import_plans,
    import_undo,
    exports,
    bulk_orders,
    bulk_actions,
    bulk_undo,
    jobs,
    operations,
)

_TITLE: Final = "Postfach"
_DESCRIPTION: Final = (
    "Administer hosted mailboxes. Every change is decided in the order of its mail domain and kept for ever; "
    "the conventions that all routes share are in docs/api.md."
)


def create_app(gateway: Gateway) -> FastAPI:
    """Give the API over connections that are open."""
    app = FastAPI(
        title=_TITLE,
        description=_DESCRIPTION,
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.gateway = gateway
    check_complete(_gated_routes())
    for module in _ROUTERS:
        app.include_router(
            module.router, dependencies=[Gate, SignInDocumented, OnlyKnownParameters, NoUnknownBody]
        )
    app.include_router(reference.router)
    app.include_router(asyncapi.router)
    app.router.routes.extend(route for route in health_routes(gateway.health) if route.path != "/metrics")
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_bad_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    for passing in OUTAGES:
        app.add_exception_handler(passing, _on_outage)
    app.add_exception_handler(Exception, _on_fault)
    app.add_middleware(_Surroundings, gateway=gateway)
    app.openapi = openapi.complete(app)
    return app


def _gated_routes() -> Iterator[Route]:
    for module in _ROUTERS:
        for route in module.router.routes:
            assert isinstance(route, APIRoute), (
                "a router of routers would hide routes from the permission table"
            )
            for method in route.methods or ():
                yield method, route.path


class _Surroundings:
    """Gives each request its correlation id, answers with it, keeps answers out of caches, warns of a shifted clock, and
    measures.
    """

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(CORRELATION_HEADER.lower().encode())
        correlation = correlation_of(None if given is None else given.decode("latin-1"))
        scope["postfach.correlation"] = correlation
        doubt = doubt_about(scope["raw_path"] + scope["query_string"], scope["headers"])
        scope[ANSWER_HEADERS] = {}
        started = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[CORRELATION_HEADER] = correlation
                if shift_s := self._gateway.clock.shift_s:
                    headers[CLOCK_SHIFT_HEADER] = str(shift_s)
                headers.update(scope[ANSWER_HEADERS])
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        try:
            if doubt is None:
                await self._app(scope, receive, answer)
            else:
                await problem_response(doubt, scope["path"], correlation)(scope, receive, answer)
        finally:
            # Only a route's own template is a label: paths are without number.
            route = getattr(scope.get("route"), "path", "none")
            metrics.requests.labels(method=scope["method"], route=route, status=status).inc()
            metrics.request_seconds.labels(method=scope["method"], route=route).observe(
                time.perf_counter() - started
            )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error, request.url.path, trace_id(request))


async def _on_bad_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(
        FieldError(pointer=str(each["loc"][-1]), code="invalid_parameter", detail=str(each["msg"]))
        for each in error.errors()
    )
    problem = Problem(HTTPStatus.BAD_REQUEST, "invalid_parameter", "a parameter is not valid", errors=errors)
    return problem_response(problem, request.url.path, trace_id(request))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = "route_unknown" if status is HTTPStatus.NOT_FOUND else status.name.lower()
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request.app, request.url.path))
    problem = Problem(status, code, headers=headers)
    return problem_response(problem, request.url.path, trace_id(request))


def _allowed(app: FastAPI, path: str) -> list[str]:
    """Give the methods of a path (RFC 9110, section 15.5.6): the router itself names only those of the first route."""
    found = [
        (len(re.sub(r"{\w+}", "", route.path_format)), route.methods)
        for route in iter_route_contexts(app.routes)
        if route.path_format and route.methods and route.path_regex.match(path)
    ]
    # `{id}` also matches `7:delete`; the path with more text of its own is meant.
    longest = max((text for text, _ in found), default=0)
    return sorted({method for text, methods in found if text == longest for method in methods})


async def _on_disconnect(request: Request, _: Exception) -> Response:
    # Nobody hears this answer; it is for the count of answers, where half a body is the client's fault.
    problem = Problem(HTTPStatus.BAD_REQUEST, "body_incomplete", "the connection ended before the body did")
    return problem_response(problem, request.url.path, trace_id(request))


async def _on_outage(request: Request, error: Exception) -> Response:
    log.warning("a request met an outage", error=repr(error), correlation=trace_id(request))
    problem = unavailable("unavailable", "a part of the system does not answer; try again")
    return problem_response(problem, request.url.path, trace_id(request))


async def _on_fault(request: Request, _: Exception) -> Response:
    # The server's outermost layer answers with this and raises the fault again, so that it is logged.
    problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", "this is our mistake; it has been recorded")
    return problem_response(problem, request.url.path, trace_id(request))
