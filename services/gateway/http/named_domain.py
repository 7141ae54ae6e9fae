"""The domain that a request's path names: found, and whether whoever asks may do this in it."""

from starlette.responses import Response

from contracts.addresses import AddressError
from contracts.ids import DomainName
from contracts.mailbox import MailboxCommand
from contracts.topics import MAILBOX
from contracts.views.mailbox import DomainRow
from services.gateway import queries
from services.gateway.http.acting import Access
from services.gateway.http.bodies import RequestBody
from services.gateway.http.problems import not_found
from services.gateway.http.writes import Act, Write, content_of, written
from services.runtime.domain_names import to_a_label


def domain_name(text: str) -> DomainName:
    """Give a domain's name in its one form; what can't be one names nothing, so it is not found."""
    try:
        return to_a_label(text)
    except AddressError:
        raise not_found("domain_unknown") from None


async def find_domain(access: Access, text: str) -> DomainRow:
    """Give the domain. Raises Problem: not found, or not within reach."""
    row = await queries.get_domain(access.gateway.pool, access.tenant, domain_name(text))
    if row is None:
        raise not_found("domain_unknown")
    await access.admit(row.domain)
    return row


async def change_domain(
    write: Write, access: Access, text: str, command: MailboxCommand, body: RequestBody | None = None
) -> Response:
    """Order something of a domain that needs nothing but its name."""
    name = domain_name(text)
    await access.admit(name)

    async def act(attempt: Act) -> Response:
        return written(MAILBOX, await attempt.order(MAILBOX, name, command))

    return await write.once(access.tenant, content_of(body), act)
