"""Looks at every row of an uploaded file before anything is changed, and fixes what each good row will do."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from contracts.addresses import AddressError, mixes_look_alike_scripts, parse_address
from contracts.bulkio import ImportMode
from contracts.ids import DomainName, LocalPart
from contracts.import_report import FormerMailbox, ImportReport, PlannedRow, RowProblem
from contracts.mailbox import NOTE_LENGTH_MAX
from contracts.outcome import RefusalCode
from contracts.views.mailbox import DomainStatus, MailboxStatus
from services.bulkio.first_rows import FirstRows
from services.bulkio.headings import HEADINGS, Column
from services.bulkio.sheet import CellIssue, SheetRow
from services.runtime.domain_names import to_a_label, to_u_label
from services.runtime.passwords import password_problem

SHOWN_VALUE_MAX: Final = 60
_NOTE_CONTROLS_ALLOWED: Final = frozenset("\n\t")
_CONTROL_CATEGORIES: Final = frozenset({"Cc", "Cs"})

_ISSUE_EXPECTED: Final = {
    "error_cell": "text, not an error of the spreadsheet",
    "number_imprecise": "text: the spreadsheet keeps only 15 digits of a number; format the cell as text",
    "date_cell": "text: the spreadsheet took it for a date; format the cell as text",
}

Address = tuple[LocalPart, DomainName]


class ExistingMailbox(Struct, frozen=True):
    """A mailbox that has, or had, an address of the file; `former` is what an import would change of it."""

    mailbox_id: str
    status: MailboxStatus
    former: FormerMailbox


class Surroundings(Struct, frozen=True):
    """What the check knows besides the file: the tenant's domains, and the mailboxes at the file's addresses.

    `room` says how many more mailboxes a domain with a limit may have, where that is to be foreseen.
    """

    domains: Mapping[str, DomainStatus]
    mailboxes: Mapping[Address, ExistingMailbox]
    room: Mapping[str, int] = {}


class AddressReader:
    """Parses addresses, each domain only once: a file has many rows and few domains."""

    def __init__(self) -> None:
        self._a_labels: dict[str, DomainName | AddressError] = {}

    def read(self, text: str) -> Address:
        """Give an address in its one form. Raises AddressError."""
        return parse_address(text, self._a_label)

    def _a_label(self, text: str) -> DomainName:
        known = self._a_labels.get(text)
        if known is None:
            try:
                known = to_a_label(text)
            except AddressError as error:
                known = error
            self._a_labels[text] = known
        if isinstance(known, AddressError):
            raise known
        return known


def readable_addresses(rows: Iterable[SheetRow]) -> list[Address]:
    """Give the addresses of some rows, so that the mailboxes there can be looked up; bad ones are left to the check."""
    reader = AddressReader()
    found: dict[Address, None] = {}
    for row in rows:
        try:
            found[reader.read(row.email)] = None
        except AddressError:
            continue
    return list(found)


class RowCheck:
    """The check of one file, some rows at a time: what was seen before counts for what comes after."""

    def __init__(self, letters: Mapping[Column, str], mode: ImportMode) -> None:
        self._letters = letters
        self._mode: ImportMode = mode
        self._around = Surroundings({}, {})
        self._addresses = AddressReader()
        self._first_rows = FirstRows()
        self._created = Counter[DomainName]()

    def check(self, rows: Iterable[SheetRow], around: Surroundings) -> ImportReport:
        """Give all problems of the next rows, and the plan of those without any."""
        self._around = around
        problems: list[RowProblem] = []
        plan: list[PlannedRow] = []
        bad_rows = 0
        for row in rows:
            row_problems, planned = self._row(row)
            problems.extend(row_problems)
            if planned is None:
                bad_rows += 1
            else:
                plan.append(planned)
        return ImportReport(bad_rows=bad_rows, problems=tuple(problems), plan=tuple(plan))

    def _row(self, row: SheetRow) -> tuple[list[RowProblem], PlannedRow | None]:
        problems = [self._issue(row, issue) for issue in row.issues]
        doubtful = {issue.column for issue in row.issues}
        planned: PlannedRow | None = None
        if "email" not in doubtful:
            answer = self._email(row)
            if isinstance(answer, PlannedRow):
                planned = answer
            else:
                problems.append(answer)
        if row.password and "password" not in doubtful:
            problem = password_problem(row.password, row.email.strip())
            if problem is not None:
                problems.append(self._problem(row, "password", "password_refused", problem))
        if "note" not in doubtful:
            problems.extend(self._note(row))
        if planned is not None and planned.action == "create" and self._around.room and not problems:
            problems.extend(self._room(row))
        return problems, None if problems else planned

    def _email(self, row: SheetRow) -> PlannedRow | RowProblem:
        if not row.email:
            return self._problem(row, "email", "email_missing", "an address in every row")
        try:
            address = self._addresses.read(row.email)
        except AddressError as error:
            return self._problem(row, "email", RefusalCode.ADDRESS_INVALID, str(error))
        if mixes_look_alike_scripts(address[0]):
            expected = "letters of one script: Latin, Greek and Cyrillic ones look alike"
            return self._problem(row, "email", "address_mixed_scripts", expected)
        first = self._first_rows.first("@".join(address), row.row)
        if first != row.row:
            return self._problem(row, "email", "duplicate", f"each address once; row {first} has it already")
        status = self._around.domains.get(address[1])
        if status is None or status == "removed":
            # The same answer for a domain of somebody else and one of nobody: who holds it is not ours to tell.
            expected = f"an address in one of your domains, not in {to_u_label(address[1])}"
            return self._problem(row, "email", RefusalCode.DOMAIN_UNKNOWN, expected)
        if status != "active":
            expected = f"an active domain; {to_u_label(address[1])} is {status}"
            return self._problem(row, "email", RefusalCode.DOMAIN_NOT_ACTIVE, expected)
        return self._plan(row, address)

    def _plan(self, row: SheetRow, address: Address) -> PlannedRow | RowProblem:
        existing = self._around.mailboxes.get(address)
        if existing is None:
            return PlannedRow(row.row, "create")
        if existing.status == "deleted":
            expected = "an address that is not quarantined after its deletion; restore the mailbox instead"
            return self._problem(row, "email", RefusalCode.ADDRESS_QUARANTINED, expected)
        match self._mode:
            case "create_only":
                expected = "an address that does not exist yet"
                return self._problem(row, "email", RefusalCode.ADDRESS_TAKEN, expected)
            case "skip_existing":
                return PlannedRow(row.row, "skip", existing.mailbox_id)
            case "update_existing":
                return PlannedRow(row.row, "change", existing.mailbox_id, existing.former)

    def _room(self, row: SheetRow) -> Iterator[RowProblem]:
        """Count a mailbox to be created, and say so when the file has more of them than its domain has room for."""
        _, domain = self._addresses.read(row.email)
        self._created[domain] += 1
        room = self._around.room.get(domain)
        if room is not None and self._created[domain] > room:
            expected = f"at most {room} more mailboxes in {to_u_label(domain)}, for its limit"
            yield self._problem(row, "email", RefusalCode.MAILBOX_LIMIT_REACHED, expected)

    def _note(self, row: SheetRow) -> Iterator[RowProblem]:
        if len(row.note) > NOTE_LENGTH_MAX:
            yield self._problem(row, "note", "note_too_long", f"at most {NOTE_LENGTH_MAX} characters")
        if any(
            unicodedata.category(character) in _CONTROL_CATEGORIES and character not in _NOTE_CONTROLS_ALLOWED
            for character in ("" if row.note.isprintable() else row.note)
        ):
            yield self._problem(row, "note", "control_character", "text without control characters")

    def _issue(self, row: SheetRow, issue: CellIssue) -> RowProblem:
        return self._problem(row, issue.column, issue.code, _ISSUE_EXPECTED[issue.code])

    def _problem(self, row: SheetRow, column: Column, code: str, expected: str) -> RowProblem:
        value = "" if column == "password" else row.email if column == "email" else row.note
        return RowProblem(
            row=row.row,
            column=self._letters[column],
            heading=HEADINGS[column],
            code=code,
            value=shortened(value, SHOWN_VALUE_MAX),
            expected=expected,
        )


def shortened(value: str, length_max: int) -> str:
    """Give a cell's text as it can be shown: nothing but printable characters, and no more than so many."""
    text = value[: length_max + 1]
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
