"""Mailboxes of a tenant: the list, one of them, and everything that is done to one."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from msgspec import UNSET
from starlette.responses import Response

from contracts.addresses import AddressError, parse_address
from contracts.listing import FILTER_LENGTH_MAX, MAILBOX_FILTER_FIELDS
from contracts.mailbox import (
    AllowSelfService,
    ChangeNote,
    CleanMailbox,
    CreateMailbox,
    DeleteMailbox,
    ForbidSelfService,
    MailboxCommand,
    Note,
    RestoreMailbox,
    ResumeMailbox,
    SetPassword,
    SuspendMailbox,
)
from contracts.outcome import Outcome
from contracts.topics import MAILBOX
from contracts.views.mailbox import MailboxRow
from services.gateway import mailbox_pages, queries
from services.gateway.http.acting import Access, Acting
from services.gateway.http.bodies import RequestBody, SuspensionReason, answer, body_of, documented
from services.gateway.http.new_passwords import PasswordText, check_new_password, order_with_password
from services.gateway.http.paging import (
    PAGE_SIZE_DEFAULT,
    Instant,
    PageSize,
    PageToken,
    Token,
    decode_token,
    list_name,
    page_size,
    total_is,
)
from services.gateway.http.problems import invalid, not_found
from services.gateway.http.request import Fresh, Text, thing_id
from services.gateway.http.tokens import write_token
from services.gateway.http.views import MailboxPage, MailboxView, Operation, WriteResult, mailbox_view
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, Write, content_of, written
from services.gateway.mailbox_list import OrderColumn, PageAsked, Total
from services.runtime.domain_names import to_a_label
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/mailboxes", tags=["mailboxes"], dependencies=[Fresh])

_WRITTEN = documented({200: WriteResult, 202: Operation})

_KEYS: Final[dict[OrderColumn, Any]] = {
    "address": tuple[Text, Text, Text],
    "created_at": tuple[Instant, Text],
    "changed_at": tuple[Instant, Text],
}

ADDRESS_LENGTH_MAX: Final = 400
"""Characters of an address as people write it; what it may be is for the parser to say."""

AddressText = Annotated[str, msgspec.Meta(max_length=ADDRESS_LENGTH_MAX)]


class NewMailbox(RequestBody, frozen=True, kw_only=True):
    """A mailbox to create. Without a password it receives mail, but nobody can sign in."""

    address: AddressText
    password: PasswordText | None = None
    note: Note = ""


class NoteChange(RequestBody, frozen=True, kw_only=True):
    """A note that replaces the one there is."""

    note: Note


class NewPassword(RequestBody, frozen=True, kw_only=True):
    """A password: 8 to 128 characters, not the address, not a common one."""

    password: PasswordText


@router.get("", summary="List mailboxes", **documented({200: MailboxPage}))
async def list_(
    acting: Acting,
    filter_: Annotated[str, Query(alias="filter", max_length=FILTER_LENGTH_MAX)] = "",
    order_by: Annotated[str, Query(pattern="^(address|created_at|changed_at)( (asc|desc))?$")] = "address",
    size: PageSize = PAGE_SIZE_DEFAULT,
    token: PageToken = None,
) -> Response:
    """Give the mailboxes that match a filter. By address is: by domain, then by local part."""
    try:
        compiled = compile_filter(filter_, MAILBOX_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("filter", "filter_invalid", str(error), HTTPStatus.BAD_REQUEST) from None
    column, _, direction = order_by.partition(" ")
    order = msgspec.convert(column, OrderColumn)
    name = list_name("mailboxes", acting.tenant, filter_, order, direction or "asc")
    start: Token[Any] | None = None if token is None else decode_token(token, _KEYS[order], name)
    asked = PageAsked(
        size=page_size(size),
        order=order,
        descending=direction == "desc",
        after=None if start is None else start.after,
        total=None if start is None else Total(start.total, start.exact),
    )
    page = await mailbox_pages.list_mailboxes(
        acting.gateway.pool, acting.tenant, compiled, asked, await acting.domains()
    )
    following = UNSET
    if page.next_after is not None:
        following = write_token(Token(name, page.next_after, page.total.size, page.total.exact))
    return answer(
        MailboxPage(
            mailboxes=[mailbox_view(row) for row in page.rows],
            next_page_token=following,
            total_size=page.total.size,
            total_size_is=total_is(page.total.exact),
        )
    )


@router.post(
    "", summary="Create a mailbox", **documented({201: MailboxView, 202: Operation}, body=NewMailbox)
)
async def create(
    write: KeyedWrite, acting: Acting, body: Annotated[NewMailbox, body_of(NewMailbox)]
) -> Response:
    """Create a mailbox in an active domain of the tenant."""
    try:
        local_part, domain = parse_address(body.address, to_a_label)
    except AddressError as error:
        raise invalid("#/address", "address_invalid", str(error)) from None
    if body.password is not None:
        check_new_password(body.password, f"{local_part}@{domain}")
    await acting.admit(domain)

    async def act(attempt: Act) -> Response:
        credential_id = None if body.password is None else attempt.part_id("credential")
        command = CreateMailbox(
            mailbox_id=attempt.thing_id, local_part=local_part, credential_id=credential_id, note=body.note
        )

        async def order() -> Outcome:
            return await attempt.order(MAILBOX, domain, command)

        if credential_id is None or body.password is None:
            outcome = await order()
        else:
            outcome = await order_with_password(write.gateway, credential_id, body.password, order)
        created = MailboxView(
            mailbox_id=outcome.subject,
            address=f"{local_part}@{domain}",
            local_part=local_part,
            domain=domain,
            note=body.note,
            status="active",
            suspended=False,
            self_service=False,
            has_password=body.password is not None,
            generation=1,
            archive_id=None,
            expires_at=None,
            version=outcome.version,
            created_at=outcome.decided_at,
            changed_at=outcome.decided_at,
        )
        return written(MAILBOX, outcome, created, HTTPStatus.CREATED, f"/v1/mailboxes/{outcome.subject}")

    return await write.once(acting.tenant, content_of(body), act)


@router.get("/{mailbox_id}", summary="Get a mailbox", **documented({200: MailboxView}))
async def get(acting: Acting, mailbox_id: str) -> Response:
    """Give a mailbox."""
    row = await _find(acting, mailbox_id)
    return answer(mailbox_view(row), headers={"ETag": f'"{row.version}"'})


@router.patch(
    "/{mailbox_id}",
    summary="Change a mailbox's note",
    **documented({200: WriteResult, 202: Operation}, body=NoteChange),
)
async def change_note(
    write: AnyWrite, acting: Acting, mailbox_id: str, body: Annotated[NoteChange, body_of(NoteChange)]
) -> Response:
    """Replace the note."""
    row = await _find(acting, mailbox_id)
    return await _change(write, acting, row, ChangeNote(mailbox_id=row.mailbox_id, note=body.note), body)


@router.post(
    "/{mailbox_id}:setPassword",
    summary="Set a mailbox's password",
    **documented({200: WriteResult, 202: Operation}, body=NewPassword),
)
async def set_password(
    write: AnyWrite, acting: Acting, mailbox_id: str, body: Annotated[NewPassword, body_of(NewPassword)]
) -> Response:
    """Give the mailbox another password. It is kept as an Argon2id hash in the vault and shown nowhere."""
    row = await _find(acting, mailbox_id)
    check_new_password(body.password, f"{row.local_part}@{row.domain}")

    async def act(attempt: Act) -> Response:
        credential_id = attempt.part_id("credential")
        command = SetPassword(mailbox_id=row.mailbox_id, credential_id=credential_id)

        async def order() -> Outcome:
            return await attempt.order(MAILBOX, row.domain, command)

        return written(MAILBOX, await order_with_password(write.gateway, credential_id, body.password, order))

    return await write.once(acting.tenant, content_of(body), act)


@router.post("/{mailbox_id}:allowSelfService", summary="Allow self-service", **_WRITTEN)
async def allow_self_service(write: AnyWrite, acting: Acting, mailbox_id: str) -> Response:
    """Let the mailbox's owner change the password."""
    row = await _find(acting, mailbox_id)
    return await _change(write, acting, row, AllowSelfService(mailbox_id=row.mailbox_id))


@router.post("/{mailbox_id}:forbidSelfService", summary="Forbid self-service", **_WRITTEN)
async def forbid_self_service(write: AnyWrite, acting: Acting, mailbox_id: str) -> Response:
    """No longer let the mailbox's owner change the password."""
    row = await _find(acting, mailbox_id)
    return await _change(write, acting, row, ForbidSelfService(mailbox_id=row.mailbox_id))


@router.post(
    "/{mailbox_id}:suspend",
    summary="Suspend a mailbox",
    **documented({200: WriteResult, 202: Operation}, body=SuspensionReason),
)
async def suspend(
    write: AnyWrite,
    acting: Acting,
    mailbox_id: str,
    body: Annotated[SuspensionReason, body_of(SuspensionReason)],
) -> Response:
    """No sign-in while suspended; mail still arrives."""
    row = await _find(acting, mailbox_id)
    command = SuspendMailbox(mailbox_id=row.mailbox_id, reason=body.reason)
    return await _change(write, acting, row, command, body)


@router.post("/{mailbox_id}:resume", summary="Resume a mailbox", **_WRITTEN)
async def resume(write: AnyWrite, acting: Acting, mailbox_id: str) -> Response:
    """End the suspension."""
    row = await _find(acting, mailbox_id)
    return await _change(write, acting, row, ResumeMailbox(mailbox_id=row.mailbox_id))


@router.post("/{mailbox_id}:clean", summary="Clean a mailbox", **_WRITTEN)
async def clean(write: AnyWrite, acting: Acting, mailbox_id: str) -> Response:
    """Put all mail away for a year. The mailbox stays."""
    row = await _find(acting, mailbox_id)

    async def act(attempt: Act) -> Response:
        command = CleanMailbox(mailbox_id=row.mailbox_id, archive_id=attempt.thing_id)
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, b"", act)


@router.post("/{mailbox_id}:delete", summary="Delete a mailbox", **_WRITTEN)
async def delete(
    write: AnyWrite,
    acting: Acting,
    mailbox_id: str,
    drop_targets: Annotated[
        bool, Query(description="Let rules and a catch-all of the domain that lead here go with the mailbox.")
    ] = False,
) -> Response:
    """Put the mailbox away for a year. Its address stays taken until then."""
    row = await _find(acting, mailbox_id)

    async def act(attempt: Act) -> Response:
        command = DeleteMailbox(
            mailbox_id=row.mailbox_id, archive_id=attempt.thing_id, drop_targets=drop_targets
        )
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(acting.tenant, b"", act)


@router.post("/{mailbox_id}:restore", summary="Restore a mailbox", **_WRITTEN)
async def restore(write: AnyWrite, acting: Acting, mailbox_id: str) -> Response:
    """Bring a deleted mailbox back with everything it had."""
    row = await _find(acting, mailbox_id)
    return await _change(write, acting, row, RestoreMailbox(mailbox_id=row.mailbox_id))


async def _find(access: Access, mailbox_id: str) -> MailboxRow:
    unknown = "mailbox_unknown"
    row = await queries.get_mailbox(access.gateway.pool, access.tenant, thing_id(mailbox_id, unknown))
    if row is None:
        raise not_found(unknown)
    await access.admit(row.domain, unknown)
    return row


async def _change(
    write: Write, access: Access, row: MailboxRow, command: MailboxCommand, body: RequestBody | None = None
) -> Response:
    async def act(attempt: Act) -> Response:
        return written(MAILBOX, await attempt.order(MAILBOX, row.domain, command))

    return await write.once(access.tenant, content_of(body), act)
