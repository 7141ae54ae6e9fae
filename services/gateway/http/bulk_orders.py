"""Bulk actions as they are asked for: what they would do, then the order, confirmed where much is at stake."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.responses import Response

from contracts.bulk_action_files import wanted_blob
from contracts.bulk_actions import DESTROYING, BulkActionKind, BulkStep, StartBulkAction
from contracts.ids import parse_uuid
from contracts.job_fields import Count, FilterText, Sha256Hex
from contracts.listing import MAILBOX_FILTER_FIELDS
from contracts.mailbox import Note
from contracts.message import STORABLE
from contracts.topics import BULKIO
from services.gateway.bulk_selection import Selection, Survey, domains_of, restored_free_since, survey
from services.gateway.context import Gateway
from services.gateway.http.acting import Access, Acting, page_forbidden
from services.gateway.http.bodies import RequestBody, answer, body_of, documented
from services.gateway.http.bulk_permissions import action_needed, domains_reached
from services.gateway.http.bulk_views import BulkPreview, ConfirmationNeeded
from services.gateway.http.job_scope import bounded
from services.gateway.http.problems import FieldError, Problem, invalid
from services.gateway.http.request import Fresh
from services.gateway.http.views import Operation, OperationMetadata
from services.gateway.http.writes import Act, AnyWrite, KeyedWrite, content_of, written
from services.gateway.jobs import get_bulk_action
from services.gateway.reaching import domains_within
from services.runtime.filtering import FilterError, compile_filter

router = APIRouter(prefix="/v1/bulk-actions", tags=["bulk_actions"], dependencies=[Fresh])

IDS_MAX: Final = 10_000
BODY_BYTES_MAX: Final = 512 * 1024
"""Room for that many ids."""

IdText = Annotated[str, Meta(min_length=1, max_length=64)]


class MailboxSelection(RequestBody, frozen=True, kw_only=True):
    """Either mailboxes by id, or all that match a filter of the mailbox list.

    A filter that says nothing of the status leaves deleted mailboxes out; that of a restoration leaves out all others.
    """

    mailbox_ids: Annotated[tuple[IdText, ...], Meta(min_length=1, max_length=IDS_MAX)] | None = None
    filter: FilterText | None = None


class PlannedBulkAction(RequestBody, frozen=True, kw_only=True):
    """What to do to which mailboxes. `note` is for `change_note`; `drop_targets` deletes targets of rules too."""

    action: BulkStep
    selection: MailboxSelection
    note: Note | None = None
    drop_targets: bool = False


class Confirmation(RequestBody, frozen=True, kw_only=True):
    """That somebody means it: the count once more, and for what destroys the word of the action."""

    count: Count
    word: Annotated[str, Meta(max_length=20)] = ""


class ConfirmedOrder(RequestBody, frozen=True, kw_only=True):
    """What every order of a bulk action says besides what to do: why, and to how many as the preview told.

    `needs_approval` lets it wait for another person.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=STORABLE)]
    expected_count: Annotated[int, Meta(ge=1)]
    confirmation: Confirmation | None = None
    needs_approval: bool = False


class NewBulkAction(ConfirmedOrder, frozen=True, kw_only=True):
    """A bulk action to begin, planned as for the preview.

    With `expected_digest` the mailboxes must be the very ones that the preview found.
    """

    action: BulkStep
    selection: MailboxSelection
    note: Note | None = None
    drop_targets: bool = False
    expected_digest: Sha256Hex | None = None

    def planned(self) -> PlannedBulkAction:
        """Give what is to be done, without what confirms it."""
        return PlannedBulkAction(
            action=self.action, selection=self.selection, note=self.note, drop_targets=self.drop_targets
        )


@router.post(
    ":preview",
    summary="Preview a bulk action",
    **documented({200: BulkPreview}, body=PlannedBulkAction),
)
async def preview(
    write: AnyWrite,
    acting: Acting,
    body: Annotated[PlannedBulkAction, body_of(PlannedBulkAction, BODY_BYTES_MAX)],
) -> Response:
    """Count what the action would change, what is so already, and what can't be done. Nothing is changed."""

    async def act(_: Act) -> Response:
        found = await _survey(acting, body, await _selection(acting, body))
        return answer(
            BulkPreview(
                count=found.count,
                would_change=found.change,
                already_so=found.already,
                refused=sum(found.refusals.values()),
                refusals=found.refusals,
                digest=found.digest,
                confirmation=confirmation_needed(acting.gateway, body.action, found.count),
                needs_approval=approval_needed(acting.gateway, found.count),
            )
        )

    return await write.once(acting.tenant, content_of(body), act)


@router.post("", summary="Start a bulk action", **documented({202: Operation}, body=NewBulkAction))
async def start(
    write: KeyedWrite, acting: Acting, body: Annotated[NewBulkAction, body_of(NewBulkAction, BODY_BYTES_MAX)]
) -> Response:
    """Do one thing to many mailboxes, as a job. Which they are is fixed when it begins."""
    plan = body.planned()
    selection = await _selection(acting, plan)
    bulk_passwords_max = acting.gateway.settings.bulk_passwords_max
    if body.action == "set_password" and body.expected_count > bulk_passwords_max:
        raise invalid(
            "#/expected_count",
            "selection_too_large",
            f"at most {bulk_passwords_max} passwords are generated at once",
        )
    demand_confirmation(acting.gateway, body.action, body)

    async def act(attempt: Act) -> Response:
        if not await is_begun(attempt):
            found = await _survey(acting, plan, selection)
            demand_unchanged(found.count, body.expected_count)
            if body.expected_digest not in (None, found.digest):
                raise selection_changed("as many mailboxes as expected, but others")
        wanted = None
        if selection.ids is not None:
            wanted = wanted_blob(attempt.thing_id)
        order = BulkOrder(
            action=body.action,
            filter=body.selection.filter or "",
            wanted=wanted,
            note=body.note or "",
            drop_targets=body.drop_targets,
            expected_digest=body.expected_digest,
            within=selection.within,
        )
        return await ordered(attempt, body, order, selection.ids)

    return await write.once(acting.tenant, content_of(body), act)


class BulkOrder(Struct, frozen=True, kw_only=True):
    """What is particular to an order; the rest every order has."""

    action: BulkActionKind
    within: list[str] | None
    filter: str = ""
    wanted: str | None = None
    undo_of: str | None = None
    note: str = ""
    drop_targets: bool = False
    expected_digest: str | None = None


async def ordered(
    attempt: Act, body: ConfirmedOrder, order: BulkOrder, ids: list[str] | None = None
) -> Response:
    """Order a bulk action and answer with its operation. What was kept for it goes when it is refused."""
    within = bounded(order.within)
    gateway, key_id = attempt.write.gateway, attempt.part_id("key")
    passwords_key_id = attempt.part_id("passwords key") if order.action == "set_password" else None
    keys = [each for each in (key_id, passwords_key_id) if each is not None]
    for each in keys:
        await gateway.vault.create_key(each)
    if order.wanted is not None:
        sealer = await gateway.vault.sealer(key_id)
        await gateway.blobs.put(order.wanted, sealer.seal(msgspec.json.encode(ids)))
    command = StartBulkAction(
        job_id=attempt.thing_id,
        action=order.action,
        filter=order.filter,
        wanted=order.wanted,
        undo_of=order.undo_of,
        note=order.note,
        drop_targets=order.drop_targets,
        reason=body.reason,
        expected_count=body.expected_count,
        expected_digest=order.expected_digest,
        needs_approval=body.needs_approval or approval_needed(gateway, body.expected_count),
        key_id=key_id,
        passwords_key_id=passwords_key_id,
        within=within,
    )
    try:
        outcome = await attempt.order(BULKIO, attempt.tenant, command)
    except Problem:
        if order.wanted is not None:
            await gateway.blobs.delete(order.wanted)
        for each in keys:
            await gateway.vault.drop_key(each)
        raise
    operation = Operation(
        name=f"operations/{attempt.thing_id}",
        done=False,
        metadata=OperationMetadata(kind="bulk_action", state="requested"),
    )
    location = f"/v1/operations/{attempt.thing_id}"
    return written(BULKIO, outcome, operation, HTTPStatus.ACCEPTED, location)


async def is_begun(attempt: Act) -> bool:
    """Whether an earlier attempt at the same request got as far as its job, which may have changed what it selected."""
    return (
        await get_bulk_action(attempt.write.gateway.pool, attempt.tenant, None, attempt.thing_id) is not None
    )


def confirmation_needed(gateway: Gateway, action: BulkActionKind, count: int) -> ConfirmationNeeded | None:
    """Give what a confirmation of so many mailboxes must repeat; None when it needs none."""
    if count <= gateway.settings.bulk_confirm_above:
        return None
    return ConfirmationNeeded(count=count, word=action if action in DESTROYING else "")


def demand_confirmation(gateway: Gateway, action: BulkActionKind, body: ConfirmedOrder) -> None:
    """Raises Problem, naming what a confirmation must repeat, unless the order does or needs none."""
    needed = confirmation_needed(gateway, action, body.expected_count)
    given = body.confirmation
    if needed is None:
        return
    errors: list[FieldError] = []
    if given is None or given.count != needed.count:
        detail = f"repeat the count: {needed.count}"
        errors.append(FieldError(pointer="#/confirmation/count", code="confirmation_needed", detail=detail))
    if needed.word and (given is None or given.word != needed.word):
        detail = f"repeat the word: {needed.word}"
        errors.append(FieldError(pointer="#/confirmation/word", code="confirmation_needed", detail=detail))
    if errors:
        told = "; ".join(each.detail for each in errors)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, "confirmation_needed", told, errors=tuple(errors))


def approval_needed(gateway: Gateway, count: int) -> bool:
    """Whether so many mailboxes always need another person's approval."""
    return 0 < gateway.settings.bulk_approval_above < count


def selection_changed(detail: str) -> Problem:
    """Give the answer to an order that is no longer about what its preview was about."""
    return Problem(HTTPStatus.CONFLICT, "selection_changed", detail)


def demand_unchanged(found: int, expected: int) -> None:
    """Raises Problem unless as many mailboxes are selected as the order expects."""
    if found != expected:
        raise selection_changed(f"{expected} mailboxes were expected, and {found} found")


async def _selection(acting: Access, body: PlannedBulkAction) -> Selection:
    """Give what the body selects, where the caller may do the action. Raises Problem."""
    action = action_needed(body.action)
    within = await domains_reached(acting, action)
    if (body.note is None) == (body.action == "change_note"):
        raise invalid("#/note", "note_invalid", "a note is given for change_note, and for nothing else")
    wanted = body.selection
    if (wanted.mailbox_ids is None) == (wanted.filter is None):
        raise invalid("#/selection", "selection_invalid", "give either mailbox_ids or a filter")
    try:
        compiled = compile_filter(wanted.filter or "", MAILBOX_FILTER_FIELDS, first_argument=2)
    except FilterError as error:
        raise invalid("#/selection/filter", "filter_invalid", str(error)) from None
    ids = None
    if wanted.mailbox_ids is not None:
        ids = await _known(acting, wanted.mailbox_ids, within)
    return Selection(ids=ids, filter=compiled, within=within)


async def _known(acting: Access, wanted: tuple[str, ...], within: list[str] | None) -> list[str]:
    """Give the ids in their one form, each once. Raises Problem for what is not seen, or seen but not reached."""
    given = [_id_of(text, number) for number, text in enumerate(wanted)]
    gateway, person_id = acting.gateway, acting.principal.person_id
    domains = await domains_of(gateway.pool, acting.tenant, given)
    seen = await domains_within(gateway.pool, acting.tenant, acting.see, person_id)
    for number, mailbox_id in enumerate(given):
        domain = domains.get(mailbox_id)
        if domain is None or (seen is not None and domain not in seen):
            raise _unknown(number)
        if within is not None and domain not in within:
            raise page_forbidden()
    return list(dict.fromkeys(given))


def _id_of(text: str, number: int) -> str:
    try:
        return parse_uuid(text)
    except ValueError:
        raise _unknown(number) from None


def _unknown(number: int) -> Problem:
    return invalid(
        f"#/selection/mailbox_ids/{number}",
        "mailbox_unknown",
        "there is no such mailbox",
        HTTPStatus.NOT_FOUND,
    )


async def _survey(acting: Access, body: PlannedBulkAction, selection: Selection) -> Survey:
    return await survey(
        acting.gateway.pool,
        acting.tenant,
        body.action,
        selection,
        free_since=restored_free_since(acting.gateway.clock(), by_provider=acting.principal.is_operator),
        note=body.note or "",
        drop_targets=body.drop_targets,
    )
