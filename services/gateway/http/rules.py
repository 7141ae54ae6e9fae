"""Collection rules of a domain: which patterns lead to which mailboxes, in which order."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from contracts.outcome import Outcome
from contracts.patterns import Pattern, PatternError, parse_pattern
from contracts.routing import RANK_DEFAULT, AddRule, ChangeRule, PatternText, Rank, RemoveRule
from contracts.topics import MAILBOX
from contracts.views.routing import RuleRow
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.named_domain import find_domain
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
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.routing_views import RulePage, RuleView, rule_view
from services.gateway.http.targets import TargetText, targets_of, wanted_target
from services.gateway.http.views import Operation, WriteResult
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.gateway.rules import get_rule, list_rules, remarks_on

router = APIRouter(prefix="/v1/domains/{domain}/rules", tags=["rules"], dependencies=[Fresh])


class NewRule(RequestBody, frozen=True, kw_only=True):
    """A rule: literal text and the placeholders {number}, {word}, {any}, for the whole part before the @.

    Rules are tried by rank, the lowest first, then by longer literal text.
    """

    pattern: PatternText
    target: TargetText
    rank: Rank = RANK_DEFAULT


class RuleChange(RequestBody, frozen=True, kw_only=True):
    """What is to be different; what is left out stays."""

    pattern: PatternText | UnsetType = UNSET
    target: TargetText | UnsetType = UNSET
    rank: Rank | UnsetType = UNSET


@router.post("", summary="Add a rule", **documented({201: RuleView, 202: Operation}, body=NewRule))
async def add(
    write: KeyedWrite, acting: Acting, domain: str, body: Annotated[NewRule, body_of(NewRule)]
) -> Response:
    """Deliver what matches a pattern to a mailbox. What is odd about the rule is told in the answer."""
    row, pattern = await find_domain(acting, domain), _pattern(body.pattern)

    async def act(attempt: Act) -> Response:
        target = await wanted_target(acting, body.target)
        command = AddRule(
            rule_id=attempt.thing_id,
            pattern=pattern.text,
            rank=body.rank,
            target_id=target.mailbox_id,
            target_domain=target.domain,
        )
        outcome = await attempt.order(MAILBOX, row.domain, command)
        rule = _row(acting, row.domain, command, pattern, outcome)
        location = f"/v1/domains/{row.domain}/rules/{outcome.subject}"
        (view,) = await _show(acting, row.domain, [rule])
        return written(MAILBOX, outcome, view, HTTPStatus.CREATED, location)

    return await write.once(acting.tenant, content_of(body), act)


@router.get("", summary="List rules", **documented({200: RulePage}))
async def list_(
    acting: Acting, domain: str, size: PageSize = PAGE_SIZE_DEFAULT, token: PageToken = None
) -> Response:
    """Give the domain's rules in the order of evaluation, with what is odd about each."""
    row = await find_domain(acting, domain)
    name, size = list_name("rules", acting.tenant, row.domain), page_size(size)
    after = None if token is None else decode_token(token, tuple[int, int, Text], name).after
    found = await list_rules(acting.gateway.pool, acting.tenant, row.domain, after, size + 1)
    page = cut(found, size, name, ("rank", "literals", "rule_id"))
    return answer(
        RulePage(
            rules=await _show(acting, row.domain, page.rows),
            next_page_token=page.next_page_token,
            total_size=page.total_size,
            total_size_is=page.total_size_is,
        )
    )


@router.get("/{rule_id}", summary="Get a rule", **documented({200: RuleView}))
async def get(acting: Acting, domain: str, rule_id: str) -> Response:
    """Give a rule, with what is odd about it."""
    row = await _find(acting, domain, rule_id)
    (view,) = await _show(acting, row.domain, [row])
    return answer(view, headers={"ETag": f'"{row.version}"'})


@router.patch(
    "/{rule_id}",
    summary="Change a rule",
    **documented({200: RuleView, 202: Operation}, body=RuleChange),
)
async def change(
    write: AnyWrite,
    acting: Acting,
    domain: str,
    rule_id: str,
    body: Annotated[RuleChange, body_of(RuleChange)],
) -> Response:
    """Replace pattern, rank or target."""
    row = await _find(acting, domain, rule_id)
    pattern = _pattern(row.pattern if body.pattern is UNSET else body.pattern)

    async def act(attempt: Act) -> Response:
        target_id, target_domain = row.target_id, row.target_domain
        if body.target is not UNSET:
            target = await wanted_target(acting, body.target)
            target_id, target_domain = target.mailbox_id, target.domain
        command = ChangeRule(
            rule_id=row.rule_id,
            pattern=pattern.text,
            rank=row.rank if body.rank is UNSET else body.rank,
            target_id=target_id,
            target_domain=target_domain,
        )
        outcome = await attempt.order(MAILBOX, row.domain, command)
        changed = _row(acting, row.domain, command, pattern, outcome, former=row)
        (view,) = await _show(acting, row.domain, [changed])
        return written(MAILBOX, outcome, view)

    return await write.once(acting.tenant, content_of(body), act)


@router.post("/{rule_id}:remove", summary="Remove a rule", **documented({200: WriteResult, 202: Operation}))
async def remove(write: AnyWrite, acting: Acting, domain: str, rule_id: str) -> Response:
    """Remove a rule for good."""

    async def act(attempt: Act) -> Response:
        # Looked for in here, so that a request that is sent again gets its answer although the rule is gone.
        row = await _find(acting, domain, rule_id)
        command = RemoveRule(rule_id=row.rule_id)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, b"", act)


async def _find(access: Access, domain: str, rule_id: str) -> RuleRow:
    holder = await find_domain(access, domain)
    row = await get_rule(access.gateway.pool, access.tenant, holder.domain, thing_id(rule_id, "rule_unknown"))
    if row is None:
        raise not_found("rule_unknown")
    return row


def _pattern(text: str) -> Pattern:
    try:
        return parse_pattern(text)
    except PatternError as error:
        raise invalid("#/pattern", "pattern_invalid", str(error)) from None


def _row(
    access: Access,
    domain: str,
    command: AddRule | ChangeRule,
    pattern: Pattern,
    outcome: Outcome,
    former: RuleRow | None = None,
) -> RuleRow:
    """The rule as it is after the command, whether or not the read model has it yet."""
    unchanged = former is not None and not outcome.events
    return RuleRow(
        rule_id=command.rule_id,
        tenant=access.tenant,
        domain=domain,
        pattern=command.pattern,
        rank=command.rank,
        prefix=pattern.prefix,
        suffix=pattern.suffix,
        literals=pattern.literals,
        regex=pattern.regex,
        target_id=command.target_id,
        target_domain=command.target_domain,
        status="active" if former is None else former.status,
        dropped_with=None,
        version=outcome.version,
        created_at=outcome.decided_at if former is None else former.created_at,
        changed_at=former.changed_at if former is not None and unchanged else outcome.decided_at,
    )


async def _show(access: Access, domain: str, rules: Sequence[RuleRow]) -> list[RuleView]:
    active = [rule for rule in rules if rule.status == "active"]
    remarks = await remarks_on(access.gateway.pool, access.tenant, domain, active) if active else {}
    targets = await targets_of(access, [rule.target_id for rule in rules])
    return [rule_view(rule, targets, remarks.get(rule.rule_id)) for rule in rules]
