"""What an import would do, row by row, as a dry run keeps it; and when it can be applied.

The plan names every row of the file, the bad ones too, and never a password. bulkio writes it, the gateway shows it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, json

from contracts.bulkio import PlanCounts
from contracts.import_report import RowProblem
from contracts.outcome import RefusalCode

PlanAction = Literal["create", "change", "skip", "refuse"]


class PlanRow(Struct, frozen=True, gc=False, array_like=True):
    """What a row of the file will do, and the version of the mailbox that it will change.

    `email` is the cell as it is in the file, cut where no address can be longer. A refused row has its `problems`.
    """

    row: int
    email: str
    action: PlanAction
    mailbox_id: str | None = None
    version: int | None = None
    problems: tuple[RowProblem, ...] = ()


class PlanState(Struct, frozen=True):
    """What an import that is to be applied has come to: its state, and its plan where it has one."""

    state: str
    plan_hash: str | None
    until: datetime | None
    applied_by: str | None


_plan: Final = json.Decoder(tuple[PlanRow, ...])


def decode_plan(content: bytes) -> tuple[PlanRow, ...]:
    """Give the rows of one segment."""
    return _plan.decode(content)


def count_of(counts: PlanCounts, action: PlanAction | None) -> int:
    """Give how many rows do that, or with None how many there are."""
    each: Mapping[PlanAction, int] = {
        "create": counts.create, "change": counts.change, "skip": counts.skip, "refuse": counts.refuse
    }  # fmt: skip
    return sum(each.values()) if action is None else each[action]


def why_not_applied(plan: PlanState, expected: str | None, now: datetime) -> tuple[RefusalCode, str] | None:
    """Give why the plan can't be applied; None when it can. The decider is the judge, the gateway only foresees it."""
    if plan.state != "planned" or plan.plan_hash is None or plan.until is None:
        return RefusalCode.JOB_STATE, "it is no dry run that ended with a plan"
    if expected != plan.plan_hash:
        return RefusalCode.PLAN_MISMATCH, "the hash is not that of the plan"
    if plan.applied_by is not None:
        return RefusalCode.PLAN_APPLIED, "a plan is applied once; make a new dry run"
    if now >= plan.until:
        return RefusalCode.PLAN_EXPIRED, "the time for the plan is over; make a new dry run"
    return None
