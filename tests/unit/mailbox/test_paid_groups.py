"""Paid groups: a plan is handed out to domains, and never more than it has."""

import pytest

from contracts import access as a
from tests.kit.given import Happened, refused
from tests.kit.given_tenant import (
    a_paid_group,
    a_placement,
    a_tenant,
    an_owner,
    by_user,
    create_paid_group,
    given_tenant,
    group_id,
    paid_group_created,
    place,
    placed,
    user_id,
)

BASIC = group_id("basic")


def removed(name: str) -> tuple[Happened[a.AccessEvent], ...]:
    return (Happened(a.PaidGroupRemoved(), group_id(name)),)


def test_a_plan_is_sold_once() -> None:
    given_tenant(a_tenant()).when(create_paid_group("basic")).then(paid_group_created("basic"))
    given_tenant(a_tenant(), a_paid_group("basic")).when(create_paid_group("basic")).then_nothing()


def test_a_known_id_is_no_other_plan() -> None:
    sold = given_tenant(a_tenant(), a_paid_group("basic"))
    sold.when(create_paid_group("basic", mailboxes=11)).then(refused("malformed"))
    gone = given_tenant(a_tenant(), a_paid_group("basic"), removed("basic"))
    gone.when(create_paid_group("basic")).then(refused("malformed"))


def test_a_paid_group_gets_another_title() -> None:
    sold = given_tenant(a_tenant(), an_owner("ina"), a_paid_group("basic"))
    sold.when(a.RenamePaidGroup(group_id=BASIC, title="Shops"), actor=by_user("ina")).then(
        a.PaidGroupRenamed(title="Shops")
    )
    sold.when(a.RenamePaidGroup(group_id=BASIC, title="basic")).then_nothing()


def change(domains: int, mailboxes: int, plan: str = "basic") -> a.ChangePlan:
    return a.ChangePlan(group_id=BASIC, plan=plan, domains_max=domains, mailboxes_max=mailboxes)


def test_a_plan_grows_and_shrinks_down_to_what_is_handed_out() -> None:
    sold = given_tenant(
        a_tenant(),
        a_paid_group("basic"),
        a_placement("a.example", "basic"),
        a_placement("b.example", "basic", 3),
    )
    sold.when(change(3, 20, "big")).then(a.PlanChanged(plan="big", domains_max=3, mailboxes_max=20))
    sold.when(change(2, 8)).then(a.PlanChanged(plan="basic", domains_max=2, mailboxes_max=8))
    sold.when(change(2, 7)).then(refused("plan_exceeded"))
    sold.when(change(1, 10)).then(refused("plan_exceeded"))
    sold.when(change(2, 10)).then_nothing()


def test_a_paid_group_without_domains_is_ended_once() -> None:
    end = a.RemovePaidGroup(group_id=BASIC)
    given_tenant(a_tenant(), a_paid_group("basic")).when(end).then(a.PaidGroupRemoved())
    given_tenant(a_tenant(), a_paid_group("basic"), removed("basic")).when(end).then_nothing()
    full = given_tenant(a_tenant(), a_paid_group("basic"), a_placement("a.example", "basic", 0))
    full.when(end).then(refused("paid_group_not_empty"))


@pytest.mark.parametrize(
    "command",
    [a.RenamePaidGroup(group_id=BASIC, title="x"), change(1, 1), place("a.example", "basic")],
    ids=lambda each: type(each).__name__,
)
def test_an_unknown_or_ended_paid_group_holds_nothing(command: a.AccessCommand) -> None:
    given_tenant(a_tenant()).when(command).then(refused("paid_group_unknown"))
    ended = given_tenant(a_tenant(), a_paid_group("basic"), removed("basic"))
    ended.when(command).then(refused("paid_group_unknown"))
    given_tenant(a_tenant()).when(a.RemovePaidGroup(group_id=BASIC)).then(refused("paid_group_unknown"))


def test_a_domain_is_placed_and_placing_it_again_changes_nothing() -> None:
    sold = given_tenant(a_tenant(), an_owner("ina"), a_paid_group("basic"))
    sold.when(place("a.example", "basic", 10), actor=by_user("ina")).then(placed("a.example", "basic", 10))
    full = given_tenant(a_tenant(), a_paid_group("basic"), a_placement("a.example", "basic", 10))
    full.when(place("a.example", "basic", 10)).then_nothing()


def test_a_domain_moves_between_paid_groups() -> None:
    two = given_tenant(
        a_tenant(), a_paid_group("basic"), a_paid_group("big"), a_placement("a.example", "basic", 10)
    )
    two.when(place("a.example", "big", 4)).then(placed("a.example", "big", 4, before="basic"))


def test_a_moved_domain_leaves_its_mailboxes_to_the_group_that_it_was_in() -> None:
    history = given_tenant(
        a_tenant(),
        a_paid_group("basic", domains=1),
        a_paid_group("big"),
        a_placement("a.example", "basic", 10),
    ).history
    system = "system:test"
    for command in (place("a.example", "big", 4), place("b.example", "basic", 10)):
        history.obey(command, actor=system)  # pyright: ignore[reportArgumentType]
    groups = history.state.paid_groups
    assert [
        (groups[group_id(name)].domains, groups[group_id(name)].allotted) for name in ("basic", "big")
    ] == [
        (1, 10),
        (1, 4),
    ]


def test_a_plan_hands_out_no_more_than_it_has() -> None:
    sold = given_tenant(
        a_tenant(),
        a_paid_group("basic"),
        a_placement("a.example", "basic", 6),
        a_placement("b.example", "basic", 4),
    )
    sold.when(place("c.example", "basic", 0)).then(refused("plan_exceeded"))
    sold.when(place("a.example", "basic", 7)).then(refused("plan_exceeded"))
    sold.when(place("a.example", "basic", 5)).then(placed("a.example", "basic", 5, before="basic"))
    roomy = given_tenant(a_tenant(), a_paid_group("basic", domains=9), a_placement("a.example", "basic", 6))
    roomy.when(place("b.example", "basic", 5)).then(refused("plan_exceeded"))
    roomy.when(place("b.example", "basic", 4)).then(placed("b.example", "basic", 4))


def test_a_domain_is_withdrawn_and_its_mailboxes_are_free_again() -> None:
    history = given_tenant(
        a_tenant(), a_paid_group("basic", domains=1), a_placement("a.example", "basic", 10)
    ).history
    system = "system:test"
    history.obey(a.WithdrawDomain(domain="a.example"), actor=system)  # pyright: ignore[reportArgumentType]
    assert history.log[-1].data == a.DomainWithdrawn(domain="a.example", former_group_id=BASIC)
    group = history.state.paid_groups[BASIC]
    assert (group.domains, group.allotted) == (0, 0)
    assert history.state.version_of("a.example") == 2


def test_withdrawing_what_is_nowhere_changes_nothing() -> None:
    sold = given_tenant(a_tenant(), a_paid_group("basic"))
    sold.when(a.WithdrawDomain(domain="a.example")).then_nothing()
    withdrawn = Happened[a.AccessEvent](
        a.DomainWithdrawn(domain="a.example", former_group_id=BASIC), "a.example"
    )
    past = given_tenant(a_tenant(), a_paid_group("basic"), a_placement("a.example", "basic"), (withdrawn,))
    past.when(a.WithdrawDomain(domain="a.example")).then_nothing()


@pytest.mark.parametrize("domain", ["example", "-a.example", "a..example", user_id("ina"), "a.example."])
def test_what_is_no_mail_domain_is_not_placed(domain: str) -> None:
    sold = given_tenant(a_tenant(), a_paid_group("basic"))
    sold.when(place(domain, "basic")).then(refused("address_invalid"))
    sold.when(a.WithdrawDomain(domain=domain)).then(refused("address_invalid"))
