"""Where mail goes, at a real stack: rules, aliases, catch-all and contact, and who gets an address now and in the past."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import run_rebuild
from services.runtime.settings import read_settings
from tests.integration.gateway_house import problem
from tests.kit.people import Tenant, a_tenant, in_database, permission
from tests.kit.settled import Settled

pytestmark = pytest.mark.integration

UNKNOWN_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8200"


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as made:
        yield made


class Domain:
    """An active domain, with what a test asks of it."""

    def __init__(self, owner: Settled, name: str) -> None:
        self.owner = owner
        self.name = name
        self.path = f"/v1/domains/{name}"

    def mailbox(self, local_part: str) -> str:
        return self.owner.mailbox(f"{local_part}@{self.name}")

    def rule(self, pattern: str, target: str, **fields: Any) -> dict[str, Any]:
        return self.owner.done(f"{self.path}/rules", {"pattern": pattern, "target": target, **fields})

    def alias(self, local_part: str, target: str) -> dict[str, Any]:
        return self.owner.done(f"{self.path}/aliases", {"local_part": local_part, "target": target})

    def who(self, local_part: str, at: str = "") -> dict[str, Any]:
        moment = f"&at={quote(at)}" if at else ""
        return self.owner.shown(f"/v1/recipients?address={quote(f'{local_part}@{self.name}')}{moment}")

    def gets(self, local_part: str, at: str = "") -> tuple[str, str | None]:
        """The step that decides, and the mailbox."""
        found = self.who(local_part, at)
        return found["step"], found["mailbox"] and found["mailbox"]["mailbox_id"]


@pytest.fixture
def domain(tenant: Tenant) -> Domain:
    return Domain(Settled(tenant.operator), tenant.domain())


def test_the_order_is_mailbox_alias_untagged_rule_catch_all(domain: Domain) -> None:
    ina, main = domain.mailbox("ina"), domain.mailbox("main")
    domain.alias("sales", ina)
    assert domain.gets("nobody") == ("refused", None)
    domain.owner.done(f"{domain.path}:enableCatchAll", {"target": f"main@{domain.name}"})
    domain.rule("ina+{any}", main)
    domain.rule("tiktok_{number}", f"ina@{domain.name}")
    assert domain.gets("ina") == ("mailbox", ina)
    assert domain.gets("Sales") == ("alias", ina)
    assert domain.gets("ina+news") == ("mailbox_without_tag", ina)
    assert domain.gets("sales+news") == ("alias_without_tag", ina)
    assert domain.gets("tiktok_17") == ("rule", ina)
    assert domain.gets("tiktok_x") == ("catch_all", main)
    told = domain.who("tiktok_17")
    assert told["rule"]["pattern"] == "tiktok_{number}"
    assert told["mailbox"]["address"] == f"ina@{domain.name}"
    assert (told["copy_to"], told["alias"], told["domain_status"]) == (None, None, "active")


def test_the_catch_all_also_gets_copies_where_that_is_wanted(domain: Domain) -> None:
    ina, main = domain.mailbox("ina"), domain.mailbox("main")
    domain.owner.done(f"{domain.path}:enableCatchAll", {"target": main, "copy": True})
    assert domain.who("ina")["copy_to"]["mailbox_id"] == main
    assert domain.who("other")["copy_to"] is None
    shown = domain.owner.shown(domain.path)["catch_all"]
    assert (shown["copy"], shown["target"]["address"]) == (True, f"main@{domain.name}")
    domain.owner.done(f"{domain.path}:enableCatchAll", {"target": main})
    assert (domain.who("ina")["copy_to"], domain.gets("ina")) == (None, ("mailbox", ina))
    domain.owner.done(f"{domain.path}:disableCatchAll")
    assert domain.gets("other") == ("refused", None)
    assert domain.owner.shown(domain.path)["catch_all"] is None


def test_rules_are_tried_by_rank_then_by_longer_text(domain: Domain) -> None:
    boxes = {name: domain.mailbox(name) for name in ("a", "b", "c")}
    domain.rule("{any}", boxes["a"])
    domain.rule("shop{any}", boxes["b"])
    domain.rule("shop{number}", boxes["c"], rank=1)
    assert domain.gets("shop1") == ("rule", boxes["c"])
    assert domain.gets("shopx") == ("rule", boxes["b"])
    assert domain.gets("x") == ("rule", boxes["a"])
    rules = domain.owner.shown(f"{domain.path}/rules")["rules"]
    assert [each["pattern"] for each in rules] == ["shop{number}", "shop{any}", "{any}"]
    first = domain.owner.shown(f"{domain.path}/rules?page_size=2")
    rest = domain.owner.shown(f"{domain.path}/rules?page_token={first['next_page_token']}")
    assert [each["pattern"] for each in (*first["rules"], *rest["rules"])] == [
        each["pattern"] for each in rules
    ]


def test_what_is_odd_about_a_rule_is_told_with_it_and_in_the_list(domain: Domain) -> None:
    ina = domain.mailbox("ina")
    wide = domain.rule("shop{any}", ina, rank=1)
    assert wide["warnings"] == []
    hidden = domain.rule("shop{number}", ina, rank=2)
    assert [(each["code"], each["rule_id"]) for each in hidden["warnings"]] == [
        ("unreachable", wide["rule_id"])
    ]
    same = domain.rule("{word}1", ina, rank=1)
    assert [(each["code"], each["pattern"]) for each in same["warnings"]] == [("overlapping", "shop{any}")]
    listed = domain.owner.shown(f"{domain.path}/rules")["rules"]
    told = {each["pattern"]: [one["code"] for one in each["warnings"]] for each in listed}
    assert told == {"shop{any}": ["overlapping"], "shop{number}": ["unreachable"], "{word}1": ["overlapping"]}
    assert all(each["warnings_complete"] for each in listed)
    path = f"{domain.path}/rules/{hidden['rule_id']}"
    changed = domain.owner.done(path, {"rank": 0}, method="PATCH")
    assert (changed["rank"], changed["pattern"], changed["warnings"]) == (0, "shop{number}", [])
    assert domain.owner.shown(path) == changed


def test_a_rule_is_changed_and_removed(domain: Domain) -> None:
    ina, otto = domain.mailbox("ina"), domain.mailbox("otto")
    rule = domain.rule(" Shop_{NUMBER} ", ina)
    assert rule["pattern"] == "shop_{number}"
    path = f"{domain.path}/rules/{rule['rule_id']}"
    answer = domain.owner.client.get(path)
    assert answer.headers["ETag"] == '"1"'
    changed = domain.owner.done(path, {"target": otto, "pattern": "x{number}"}, method="PATCH")
    assert (changed["version"], changed["created_at"]) == (2, rule["created_at"])
    stale = domain.owner.client.ask("PATCH", path, {"rank": 3}, If_Match='"1"')
    problem(stale, 412, "version_mismatch")
    assert domain.gets("x1") == ("rule", otto)
    domain.owner.done(f"{path}:remove")
    assert domain.gets("x1") == ("refused", None)
    problem(domain.owner.refused(path, method="GET"), 404, "rule_unknown")
    assert domain.owner.shown(f"{domain.path}/rules")["rules"] == []


@pytest.mark.parametrize(
    "pattern", ["", "shop", "{number", "{digits}", "a@{any}", "{any}" * 9, ".{any}", "a b{any}", "x" * 201]
)
def test_a_bad_pattern_is_refused_with_a_pointer(domain: Domain, pattern: str) -> None:
    body = {"pattern": pattern, "target": f"nobody@{domain.name}"}
    answer = domain.owner.refused(f"{domain.path}/rules", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/pattern"
    assert domain.owner.shown(f"{domain.path}/rules")["total_size"] == 0


def test_a_target_must_be_a_mailbox_of_the_tenant(stack: Stack, domain: Domain) -> None:
    with a_tenant(stack) as other:
        theirs = Settled(other.operator).mailbox(f"x@{other.domain()}")
    deleted = domain.mailbox("gone")
    domain.owner.done(f"/v1/mailboxes/{deleted}:delete")
    orders = {
        f"{domain.path}/rules": {"pattern": "{any}"},
        f"{domain.path}/aliases": {"local_part": "sales"},
        f"{domain.path}:enableCatchAll": {},
        f"{domain.path}:setContact": {},
    }
    for path, body in orders.items():
        for target in (theirs, UNKNOWN_ID, deleted, f"gone@{domain.name}", f"nobody@{domain.name}"):
            document = problem(domain.owner.refused(path, {**body, "target": target}), 409, "target_unknown")
            assert document["errors"][0]["pointer"] == "#/target"
        problem(domain.owner.refused(path, {**body, "target": "no id"}), 422, "target_invalid")
        problem(domain.owner.refused(path, {**body, "target": "@"}), 422, "target_invalid")


def test_an_alias_shares_the_namespace_of_mailboxes(domain: Domain) -> None:
    ina = domain.mailbox("ina")
    alias = domain.alias("Sales", f"ina@{domain.name}")
    assert (alias["address"], alias["target"]["state"]) == (f"sales@{domain.name}", "active")
    path = f"{domain.path}/aliases/{alias['alias_id']}"
    assert domain.owner.shown(path) == alias
    assert domain.owner.shown(f"{domain.path}/aliases")["aliases"] == [alias]
    taken = {"local_part": "ina", "target": ina}
    problem(domain.owner.refused(f"{domain.path}/aliases", taken), 409, "address_taken")
    problem(domain.owner.refused("/v1/mailboxes", {"address": f"sales@{domain.name}"}), 409, "address_taken")
    bad = {"local_part": "a b", "target": ina}
    problem(domain.owner.refused(f"{domain.path}/aliases", bad), 422, "address_invalid")
    domain.owner.done(f"{path}:remove")
    problem(domain.owner.refused(path, method="GET"), 404, "alias_unknown")
    domain.mailbox("sales")


def test_mail_for_postmaster_never_goes_by_a_rule(domain: Domain) -> None:
    ina, otto = domain.mailbox("ina"), domain.mailbox("otto")
    domain.rule("{any}", ina)
    assert domain.gets("postmaster") == ("refused", None)
    domain.owner.done(f"{domain.path}:setContact", {"target": otto})
    assert domain.gets("postmaster") == ("contact", otto)
    assert domain.gets("abuse") == ("contact", otto)
    assert domain.owner.shown(domain.path)["contact"]["mailbox_id"] == otto
    domain.owner.done(f"{domain.path}:enableCatchAll", {"target": ina})
    assert domain.gets("abuse") == ("catch_all", ina)
    domain.owner.done(f"{domain.path}:setContact", {"target": None})
    assert domain.owner.shown(domain.path)["contact"] is None


def test_a_mailbox_that_mail_is_led_to_is_deleted_only_with_its_rules(domain: Domain) -> None:
    ina = domain.mailbox("ina")
    rule = domain.rule("x{number}", ina)
    domain.owner.done(f"{domain.path}:enableCatchAll", {"target": ina})
    problem(domain.owner.refused(f"/v1/mailboxes/{ina}:delete"), 409, "mailbox_is_target")
    domain.owner.done(f"/v1/mailboxes/{ina}:delete?drop_targets=true")
    assert domain.gets("x1") == ("refused", None)
    assert domain.owner.shown(domain.path)["catch_all"] is None
    path = f"{domain.path}/rules/{rule['rule_id']}"
    assert domain.owner.shown(path)["status"] == "dropped"
    domain.owner.done(f"/v1/mailboxes/{ina}:restore")
    assert domain.owner.shown(path)["status"] == "active"
    assert domain.gets("x1") == ("rule", ina)


def test_a_target_elsewhere_that_was_deleted_is_passed_over_and_said_to_be(
    tenant: Tenant, domain: Domain
) -> None:
    elsewhere = Domain(domain.owner, tenant.domain())
    there, main = elsewhere.mailbox("there"), domain.mailbox("main")
    rule = domain.rule("x{number}", there, rank=1)
    domain.rule("{any}", main)
    assert domain.gets("x1") == ("rule", there)
    domain.owner.done(f"/v1/mailboxes/{there}:delete")
    told = domain.who("x1")
    assert (told["step"], told["mailbox"]["mailbox_id"]) == ("rule", main)
    (passed,) = told["passed_over"]
    assert (passed["step"], passed["reason"], passed["rule"]["rule_id"]) == (
        "rule",
        "deleted",
        rule["rule_id"],
    )
    (listed,) = [
        each
        for each in domain.owner.shown(f"{domain.path}/rules")["rules"]
        if each["rule_id"] == rule["rule_id"]
    ]
    assert listed["target"]["state"] == "deleted"
    assert [each["code"] for each in listed["warnings"]] == ["target_gone"]
    domain.owner.done(f"/v1/mailboxes/{there}:restore")
    assert domain.gets("x1") == ("rule", there)


def test_the_past_is_answered_as_it_was(domain: Domain) -> None:
    ina = domain.mailbox("ina")
    moments: list[tuple[str, str, tuple[str, str | None]]] = []

    def now_is(local_part: str, answer: dict[str, Any], expected: tuple[str, str | None]) -> None:
        moment = answer.get("decided_at") or answer["changed_at"]
        assert domain.gets(local_part) == expected
        moments.append((local_part, moment, expected))

    rule = domain.rule("x{number}", ina)
    now_is("x1", rule, ("rule", ina))
    path = f"{domain.path}/rules/{rule['rule_id']}"
    now_is("x1", domain.owner.done(path, {"pattern": "y{number}"}, method="PATCH"), ("refused", None))
    now_is("y1", domain.owner.done(f"{domain.path}:enableCatchAll", {"target": ina}), ("rule", ina))
    now_is("x1", domain.owner.done(f"{domain.path}:setContact", {"target": ina}), ("catch_all", ina))
    alias = domain.alias("x1", ina)
    now_is("x1", alias, ("alias", ina))
    alias_path = f"{domain.path}/aliases/{alias['alias_id']}"
    now_is("x1", domain.owner.done(f"{alias_path}:remove"), ("catch_all", ina))
    deleted = domain.owner.done(f"/v1/mailboxes/{ina}:delete?drop_targets=true")
    now_is("ina", deleted, ("refused", None))
    now_is("ina", domain.owner.done(f"/v1/mailboxes/{ina}:restore"), ("mailbox", ina))
    now_is("y1", domain.owner.done(f"{domain.path}:suspend", {}), ("rule", ina))
    domain.owner.done(f"{domain.path}:resume")
    domain.owner.done(f"{path}:remove")
    otto = domain.mailbox("otto")
    now_is("otto", domain.owner.shown(f"/v1/mailboxes/{otto}"), ("mailbox", otto))
    for local_part, moment, expected in moments:
        assert domain.gets(local_part, moment) == expected, (local_part, moment)
    assert domain.who("x1", moments[0][1])["rule"]["pattern"] == "x{number}"
    assert domain.gets("otto", moments[0][1]) == ("refused", None)


def test_before_the_domain_was_the_tenants_nobody_got_anything(domain: Domain) -> None:
    domain.mailbox("ina")
    told = domain.who("ina", "2020-02-29T12:00:00Z")
    assert (told["step"], told["domain_status"], told["at"]) == ("refused", None, "2020-02-29T12:00:00Z")


@pytest.mark.parametrize(
    "at", ["yesterday", "2999-01-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "x" * 41]
)
def test_a_moment_that_is_none_or_to_come_is_refused(domain: Domain, at: str) -> None:
    path = f"/v1/recipients?address=ina@{domain.name}&at={at}"
    problem(domain.owner.refused(path, method="GET"), 400, "invalid_parameter")


@pytest.mark.timeout(180)
def test_a_past_that_was_never_read_is_known_after_a_rebuild(stack: Stack, domain: Domain) -> None:
    ina = domain.mailbox("ina")
    created = domain.owner.shown(f"/v1/mailboxes/{ina}")["created_at"]
    domain.owner.done(f"/v1/mailboxes/{ina}:delete")
    # As it is after an upgrade: domain and mailbox are there, but what happened to them was not kept.
    in_database(stack, "DELETE FROM routing_facts WHERE domain = $1", domain.name)
    path = f"/v1/recipients?address=ina@{domain.name}&at={quote(created)}"
    problem(domain.owner.refused(path, method="GET"), 409, "past_not_known")
    asyncio.run(run_rebuild(read_settings(GatewaySettings, stack.env()), "mailboxes"))
    assert domain.gets("ina", created) == ("mailbox", ina)
    assert domain.gets("ina") == ("refused", None)


def test_two_tenants_know_nothing_of_one_another(stack: Stack, domain: Domain) -> None:
    ina = domain.mailbox("ina")
    rule, alias = domain.rule("x{number}", ina), domain.alias("sales", ina)
    with a_tenant(stack) as other:
        stranger = Settled(other.key("owner"))
        for path, code in (
            (f"/v1/recipients?address=ina@{domain.name}", "domain_unknown"),
            (f"/v1/recipients?address=ina@{domain.name}&at=2026-01-01T00:00:00Z", "domain_unknown"),
            (domain.path, "domain_unknown"),
            (f"{domain.path}/dns", "domain_unknown"),
            (f"{domain.path}/rules", "domain_unknown"),
            (f"{domain.path}/rules/{rule['rule_id']}", "domain_unknown"),
            (f"{domain.path}/aliases/{alias['alias_id']}", "domain_unknown"),
        ):
            answer = stranger.refused(path, method="GET")
            problem(answer, 404, code)
        mine = f"/v1/domains/{other.domain()}"
        problem(stranger.refused(f"{mine}/rules/{rule['rule_id']}:remove"), 404, "rule_unknown")
        problem(stranger.refused(f"{mine}/aliases/{alias['alias_id']}:remove"), 404, "alias_unknown")
        body = {"pattern": "{any}", "target": ina}
        problem(stranger.refused(f"{domain.path}/rules", body), 404, "domain_unknown")
        problem(stranger.refused(f"{domain.path}:disableCatchAll"), 404, "domain_unknown")


def test_rules_are_seen_and_changed_where_that_is_allowed(tenant: Tenant, domain: Domain) -> None:
    seen, hidden = tenant.domain(), Domain(domain.owner, tenant.domain())
    ina, far = domain.mailbox("ina"), hidden.mailbox("far")
    limited = Settled(
        tenant.key(
            "sub_user",
            [
                permission("rules", "change", scope="domains", names=[domain.name]),
                permission("rules", "see", scope="domains", names=[seen]),
            ],
        )
    )
    body = {"pattern": "x{number}", "target": ina}
    assert limited.client.post(f"{domain.path}/rules", body).status_code == 201
    problem(limited.refused(f"/v1/domains/{seen}/rules", body), 403, "page_forbidden")
    problem(limited.refused(f"{hidden.path}/rules", body), 404, "domain_unknown")
    problem(limited.refused(f"{domain.path}/rules", {**body, "target": far}), 409, "target_unknown")
    problem(limited.refused(f"/v1/recipients?address=far@{hidden.name}", method="GET"), 404, "domain_unknown")
    domain.rule("y{number}", far)
    told = limited.shown(f"/v1/recipients?address=y1@{domain.name}")
    assert told["mailbox"] == {"mailbox_id": far, "address": None}
    assert told["rule"]["pattern"] == "y{number}"


def test_the_same_request_adds_one_rule(domain: Domain) -> None:
    body, key = {"pattern": "x{number}", "target": domain.mailbox("ina")}, str(uuid4())
    first = domain.owner.client.post(f"{domain.path}/rules", body, Idempotency_Key=key)
    again = domain.owner.client.post(f"{domain.path}/rules", body, Idempotency_Key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    domain.owner.settle(first)
    assert domain.owner.shown(f"{domain.path}/rules")["total_size"] == 1
