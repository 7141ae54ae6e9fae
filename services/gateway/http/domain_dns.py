"""What the DNS says of a domain: the proof that it is the tenant's, and whether it sends the mail here."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.ids import DomainName
from contracts.mailbox import ActivateDomain
from contracts.topics import MAILBOX
from contracts.views.mailbox import DomainRow
from services.gateway.dns import DnsUnreachable
from services.gateway.domain_list import active_parent
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import answer, documented
from services.gateway.http.domain_views import challenge_of
from services.gateway.http.named_domain import find_domain
from services.gateway.http.problems import Problem, invalid, unavailable
from services.gateway.http.request import Fresh
from services.gateway.http.views import Operation, View, WriteResult
from services.gateway.http.writes import Act, AnyWrite, written
from services.gateway.mail_records import SELECTOR, Expected, RecordCheck, check_mail_records

router = APIRouter(prefix="/v1/domains", tags=["domains"], dependencies=[Fresh])

EVIDENCE_LENGTH_MAX = 500


class DomainDnsView(View, frozen=True, kw_only=True):
    """What the DNS answered about a domain's mail at a moment. It is told and decides nothing."""

    domain: str
    checked_at: datetime
    records: list[RecordCheck]


@router.post("/{domain}:verify", summary="Verify a domain", **documented({200: WriteResult, 202: Operation}))
async def verify(write: AnyWrite, acting: Acting, domain: str) -> Response:
    """Look for the proof that the domain is the tenant's, and activate it. What is above an active domain needs none."""
    row = await find_domain(acting, domain)

    async def act(attempt: Act) -> Response:
        if row.status == "pending":
            return written(MAILBOX, await attempt.order(MAILBOX, row.domain, await _proven(acting, row)))
        # Nothing is left to prove in the state that was read. Should it have changed since, the order is refused.
        command = ActivateDomain(proof="txt_record")
        read = row.version if write.expected_version is None else write.expected_version
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command, expected_version=read))

    return await write.once(acting.tenant, b"", act)


async def _proven(access: Access, row: DomainRow) -> ActivateDomain:
    """Find the proof of a domain that is not active yet. Raises Problem."""
    gateway, challenge = access.gateway, challenge_of(row)
    parent = await active_parent(gateway.pool, access.tenant, DomainName(row.domain))
    if parent is not None:
        return ActivateDomain(proof="parent_domain", evidence=parent)
    if challenge is None:
        raise Problem(HTTPStatus.CONFLICT, "proof_missing", "only an operator can activate this domain")
    try:
        found = await gateway.dns.texts(challenge.record_name)
    except DnsUnreachable:
        raise unavailable("dns_unreachable", "no name server gave an answer; try again", 5) from None
    if challenge.record_value not in found.records:
        seen = f"it has: {', '.join(found.records)}" if found.records else "there is none"
        detail = f"expected the TXT record {challenge.record_name} with {challenge.record_value}; {seen}"
        raise Problem(HTTPStatus.CONFLICT, "proof_missing", detail)
    evidence = f"{challenge.record_name} TXT {challenge.record_value}, answered by {found.server}"
    return ActivateDomain(proof="txt_record", evidence=evidence[:EVIDENCE_LENGTH_MAX])


@router.get("/{domain}/dns", summary="Check a domain's mail records", **documented({200: DomainDnsView}))
async def dns(
    acting: Acting,
    domain: str,
    selector: Annotated[str | None, Query(max_length=63, description="A DKIM selector of your own.")] = None,
) -> Response:
    """Compare MX, SPF, DKIM and DMARC with what this installation expects."""
    row, settings = await find_domain(acting, domain), acting.gateway.settings
    if selector is not None and SELECTOR.fullmatch(selector) is None:
        raise invalid("selector", "invalid_parameter", "expected a DKIM selector", HTTPStatus.BAD_REQUEST)
    selectors = (selector,) if selector is not None else tuple(settings.dns_dkim_selectors.split(","))
    expected = Expected(
        mx_host=settings.dns_mx_host,
        spf_include=settings.dns_spf_include,
        dkim_selectors=tuple(each.strip() for each in selectors if each.strip()),
    )
    records = await check_mail_records(acting.gateway.dns, row.domain, expected)
    return answer(DomainDnsView(domain=row.domain, checked_at=acting.gateway.clock(), records=records))
