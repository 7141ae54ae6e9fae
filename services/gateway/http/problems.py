"""Everything that can go wrong with a request, as RFC 9457 problem documents with stable codes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import asyncpg
import msgspec
from aiokafka.errors import KafkaError
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from contracts.outcome import Outcome, RefusalCode

OUTAGES: Final = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, KafkaError, OSError)
"""What is raised when a part of the system does not answer; it passes."""

MEDIA_TYPE: Final = "application/problem+json"

# Refusal code -> HTTP status. 404 hides whether a thing exists, 409 says it is in the wrong state, 422 malformed.
STATUS_OF_REFUSAL: Final[Mapping[RefusalCode, HTTPStatus]] = {
    RefusalCode.MALFORMED: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusalCode.VERSION_MISMATCH: HTTPStatus.PRECONDITION_FAILED,
    RefusalCode.TENANT_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.TENANT_SUSPENDED: HTTPStatus.FORBIDDEN,
    RefusalCode.TENANT_CLOSING: HTTPStatus.CONFLICT,
    RefusalCode.TENANT_NOT_EMPTY: HTTPStatus.CONFLICT,
    RefusalCode.USER_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.USER_EXISTS: HTTPStatus.CONFLICT,
    RefusalCode.USER_STATE: HTTPStatus.CONFLICT,
    RefusalCode.INVITATION_INVALID: HTTPStatus.NOT_FOUND,
    RefusalCode.LAST_OWNER: HTTPStatus.CONFLICT,
    RefusalCode.PERMISSION_EXCEEDED: HTTPStatus.FORBIDDEN,
    RefusalCode.KEY_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.KEY_REVOKED: HTTPStatus.CONFLICT,
    RefusalCode.PAID_GROUP_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.PAID_GROUP_NOT_EMPTY: HTTPStatus.CONFLICT,
    RefusalCode.PLAN_EXCEEDED: HTTPStatus.CONFLICT,
    RefusalCode.LIMIT_FROM_PAID_GROUP: HTTPStatus.CONFLICT,
    RefusalCode.DOMAIN_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.DOMAIN_TAKEN: HTTPStatus.CONFLICT,
    RefusalCode.DOMAIN_NOT_ACTIVE: HTTPStatus.CONFLICT,
    RefusalCode.DOMAIN_REMOVED: HTTPStatus.CONFLICT,
    RefusalCode.DOMAIN_NOT_EMPTY: HTTPStatus.CONFLICT,
    RefusalCode.ADDRESS_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusalCode.ADDRESS_TAKEN: HTTPStatus.CONFLICT,
    RefusalCode.ADDRESS_QUARANTINED: HTTPStatus.CONFLICT,
    RefusalCode.MAILBOX_LIMIT_REACHED: HTTPStatus.CONFLICT,
    RefusalCode.MAILBOX_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.MAILBOX_DELETED: HTTPStatus.CONFLICT,
    RefusalCode.MAILBOX_NOT_DELETED: HTTPStatus.CONFLICT,
    RefusalCode.MAILBOX_PURGED: HTTPStatus.GONE,
    RefusalCode.RETRIEVAL_NEEDED: HTTPStatus.CONFLICT,
    RefusalCode.MAILBOX_IS_TARGET: HTTPStatus.CONFLICT,
    RefusalCode.PATTERN_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusalCode.RULE_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.RULE_LIMIT_REACHED: HTTPStatus.CONFLICT,
    RefusalCode.ALIAS_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.ALIAS_LIMIT_REACHED: HTTPStatus.CONFLICT,
    RefusalCode.TARGET_UNKNOWN: HTTPStatus.CONFLICT,
    RefusalCode.ARCHIVE_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.ARCHIVE_STATE: HTTPStatus.CONFLICT,
    RefusalCode.ARCHIVE_HELD: HTTPStatus.CONFLICT,
    RefusalCode.ARCHIVE_BROKEN: HTTPStatus.CONFLICT,
    RefusalCode.HOLD_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.HOLD_OF_PROVIDER: HTTPStatus.FORBIDDEN,
    RefusalCode.HOLD_LIMIT_REACHED: HTTPStatus.CONFLICT,
    RefusalCode.RETRIEVAL_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.RETRIEVAL_STATE: HTTPStatus.CONFLICT,
    RefusalCode.RETRIEVAL_PENDING: HTTPStatus.CONFLICT,
    RefusalCode.PRICE_MISMATCH: HTTPStatus.CONFLICT,
    RefusalCode.JOB_UNKNOWN: HTTPStatus.NOT_FOUND,
    RefusalCode.JOB_ENDED: HTTPStatus.CONFLICT,
    RefusalCode.JOB_STATE: HTTPStatus.CONFLICT,
    RefusalCode.PLAN_MISMATCH: HTTPStatus.CONFLICT,
    RefusalCode.PLAN_EXPIRED: HTTPStatus.GONE,
    RefusalCode.PLAN_APPLIED: HTTPStatus.CONFLICT,
    RefusalCode.APPROVER_NEEDED: HTTPStatus.FORBIDDEN,
}

_TITLES: Final[Mapping[str, str]] = {
    RefusalCode.VERSION_MISMATCH: "The thing has changed since it was read",
    RefusalCode.TENANT_UNKNOWN: "There is no such tenant",
    RefusalCode.TENANT_SUSPENDED: "The tenant is suspended",
    RefusalCode.TENANT_CLOSING: "The tenant is being given up",
    RefusalCode.TENANT_NOT_EMPTY: "The tenant still has domains",
    RefusalCode.USER_UNKNOWN: "There is no such person",
    RefusalCode.USER_EXISTS: "There is a person with this mail address already",
    RefusalCode.USER_STATE: "The person is not in a state that allows this",
    RefusalCode.INVITATION_INVALID: "The invitation is not, or no longer, valid",
    RefusalCode.LAST_OWNER: "The tenant would have no owner",
    RefusalCode.PERMISSION_EXCEEDED: "Nobody hands out more than they hold",
    RefusalCode.KEY_UNKNOWN: "There is no such key",
    RefusalCode.KEY_REVOKED: "The key is revoked",
    RefusalCode.PAID_GROUP_UNKNOWN: "There is no such paid group",
    RefusalCode.PAID_GROUP_NOT_EMPTY: "The paid group still has domains",
    RefusalCode.PLAN_EXCEEDED: "The plan does not hold that much",
    RefusalCode.LIMIT_FROM_PAID_GROUP: "The domain's limit comes from its paid group",
    RefusalCode.DOMAIN_UNKNOWN: "There is no such domain",
    RefusalCode.DOMAIN_TAKEN: "The domain can't be registered",
    RefusalCode.DOMAIN_NOT_ACTIVE: "The domain is not active",
    RefusalCode.DOMAIN_REMOVED: "The domain was given up",
    RefusalCode.DOMAIN_NOT_EMPTY: "The domain still has mailboxes",
    RefusalCode.ADDRESS_INVALID: "The address is no mail address",
    RefusalCode.ADDRESS_TAKEN: "The address is a mailbox already",
    RefusalCode.ADDRESS_QUARANTINED: "The address belonged to a deleted mailbox that can still be restored",
    RefusalCode.MAILBOX_LIMIT_REACHED: "The domain has as many mailboxes as it may have",
    RefusalCode.MAILBOX_UNKNOWN: "There is no such mailbox",
    RefusalCode.MAILBOX_DELETED: "The mailbox is deleted",
    RefusalCode.MAILBOX_NOT_DELETED: "The mailbox is not deleted",
    RefusalCode.MAILBOX_PURGED: "The mailbox is gone for good",
    RefusalCode.RETRIEVAL_NEEDED: "The mailbox was deleted too long ago: request its retrieval",
    RefusalCode.MAILBOX_IS_TARGET: "Mail is collected into the mailbox",
    RefusalCode.PATTERN_INVALID: "The pattern is not one",
    RefusalCode.RULE_UNKNOWN: "There is no such rule",
    RefusalCode.RULE_LIMIT_REACHED: "The domain has as many rules as it may have",
    RefusalCode.ALIAS_UNKNOWN: "There is no such alias",
    RefusalCode.ALIAS_LIMIT_REACHED: "The domain has as many aliases as it may have",
    RefusalCode.TARGET_UNKNOWN: "The target is no mailbox of the tenant",
    RefusalCode.ARCHIVE_UNKNOWN: "There is no such archive",
    RefusalCode.ARCHIVE_STATE: "The archive is not in a state that allows this",
    RefusalCode.ARCHIVE_HELD: "A hold keeps the archive",
    RefusalCode.ARCHIVE_BROKEN: "The content of the archive can't be read",
    RefusalCode.HOLD_UNKNOWN: "There is no such hold",
    RefusalCode.HOLD_OF_PROVIDER: "Only the provider releases this hold",
    RefusalCode.HOLD_LIMIT_REACHED: "The domain has as many holds as it may have",
    RefusalCode.RETRIEVAL_UNKNOWN: "There is no such retrieval",
    RefusalCode.RETRIEVAL_STATE: "The retrieval is not in a state that allows this",
    RefusalCode.RETRIEVAL_PENDING: "The archive is in another retrieval",
    RefusalCode.PRICE_MISMATCH: "That is not the price of the retrieval",
    RefusalCode.JOB_UNKNOWN: "There is no such job",
    RefusalCode.JOB_ENDED: "The job has ended",
    RefusalCode.JOB_STATE: "The job is not in a state that allows this",
    RefusalCode.PLAN_MISMATCH: "The dry run planned something else",
    RefusalCode.PLAN_EXPIRED: "The plan can't be applied any more",
    RefusalCode.PLAN_APPLIED: "The plan is applied already",
    RefusalCode.APPROVER_NEEDED: "Another person has to decide this",
    "not_signed_in": "Sign in first",
    "page_forbidden": "You may not do this",
    "operators_only": "Only an operator may do this",
    "persons_only": "Only a person with a session may do this",
    "cross_site": "The request comes from another site",
    "authentication_failed": "Authentication failed",
    "code_needed": "A one-time code is needed",
    "tenant_needed": "Say for which tenant",
    "sign_in_throttled": "Too many attempts to sign in",
    "rate_limited": "Too many requests",
    "too_many_streams": "Too many open streams",
    "proof_missing": "The DNS does not show that the domain is yours",
    "dns_unreachable": "The DNS does not answer",
    "past_not_known": "This past moment is not known",
    "scope_too_large": "These are too many domains for one job",
    "certificate_unknown": "There is no certificate before the archive is purged",
    "several_domains": "A retrieval is of archives of one domain",
    "signature_invalid": "The message is not signed by whom we know",
}


def title_of(code: str, status: HTTPStatus) -> str:
    """Give what a code means in a few words."""
    return _TITLES.get(code, status.phrase)


class FieldError(Struct, frozen=True, kw_only=True):
    """One place that is wrong: a JSON pointer into the body (RFC 6901, as `#/note`), a header or a query parameter."""

    pointer: str
    code: str
    detail: str


class TenantChoice(Struct, frozen=True):
    """A tenant that a person may have meant."""

    tenant: str
    title: str


class ProblemDocument(Struct, frozen=True, kw_only=True):
    """RFC 9457, with a stable `code`, the places that are wrong, and the id by which logs and events are found.

    `tenants` is there with the code tenant_needed alone.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    errors: tuple[FieldError, ...] = ()
    tenants: tuple[TenantChoice, ...] | UnsetType = UNSET


class Problem(Exception):
    """A request that is answered with a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        tenants: tuple[TenantChoice, ...] | UnsetType = UNSET,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.tenants = tenants

    def document(self, instance: str, trace_id: str) -> ProblemDocument:
        """Give what is answered. `instance` is the request's path."""
        return ProblemDocument(
            type=f"/docs/problems#{self.code}",
            title=title_of(self.code, self.status),
            status=self.status,
            detail=self.detail,
            instance=instance,
            code=self.code,
            trace_id=trace_id,
            errors=self.errors,
            tenants=self.tenants,
        )


def refused(outcome: Outcome) -> Problem:
    """Give the problem that says why a command was refused."""
    code = outcome.code or RefusalCode.MALFORMED
    return Problem(STATUS_OF_REFUSAL[code], code.value, outcome.detail)


def invalid(
    pointer: str, code: str, detail: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
) -> Problem:
    """Give the problem of one field, parameter or header."""
    return Problem(status, code, detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))


def not_found(code: str) -> Problem:
    """Give the answer for what is not there, or is another tenant's: nobody can tell which."""
    return Problem(HTTPStatus.NOT_FOUND, code)


def unavailable(code: str, detail: str, retry_after_s: int = 1) -> Problem:
    """Give the answer for what will work later."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers={"Retry-After": str(retry_after_s)})


def problem_response(problem: Problem, instance: str, trace_id: str) -> Response:
    """Give the HTTP answer of a problem."""
    return Response(
        msgspec.json.encode(problem.document(instance, trace_id)),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )
