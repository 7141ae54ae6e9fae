"""Domains at a real stack: proven by a real name server or by the domain above, reported on, listed, made somebody's."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import problem
from tests.kit.dns import Behaviour, Zone, dns_server
from tests.kit.people import Tenant, a_tenant, permission
from tests.kit.settled import Settled

pytestmark = pytest.mark.integration

UNKNOWN_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8200"


@pytest.fixture(scope="module")
def zone(stack: Stack) -> Iterator[Zone]:
    with dns_server(stack.ports.dns) as zone:
        yield zone


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Iterator[Tenant]:
    with a_tenant(stack) as made:
        yield made


@pytest.fixture
def owner(tenant: Tenant) -> Settled:
    return Settled(tenant.key("owner"))


def registered(owner: Settled, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Register a domain and give its path and what has to be published for it."""
    path = f"/v1/domains/n{uuid4().hex[:12]}.example"
    owner.done("/v1/domains", {"domain": path.rpartition("/")[2], **fields})
    return path, owner.shown(path)["challenge"]


def test_a_published_challenge_activates_the_domain(owner: Settled, zone: Zone) -> None:
    path, challenge = registered(owner)
    assert challenge["record_name"] == f"_postfach-challenge.{path.rpartition('/')[2]}"
    assert challenge["record_value"].startswith("postfach-verification=")
    zone.text(challenge["record_name"], "something else", challenge["record_value"])
    assert owner.done(f"{path}:verify")["changed"] is True
    assert owner.shown(path)["status"] == "active"
    assert owner.done(f"{path}:verify")["changed"] is False


def test_every_domain_has_a_challenge_of_its_own(owner: Settled) -> None:
    assert registered(owner)[1]["record_value"] != registered(owner)[1]["record_value"]


def test_without_the_record_it_is_said_what_was_seen(owner: Settled, zone: Zone) -> None:
    path, challenge = registered(owner)
    missing = problem(owner.refused(f"{path}:verify"), 409, "proof_missing")
    assert challenge["record_value"] in missing["detail"]
    zone.text(challenge["record_name"], "postfach-verification=of-somebody-else")
    wrong = problem(owner.refused(f"{path}:verify"), 409, "proof_missing")
    assert "of-somebody-else" in wrong["detail"]
    assert owner.shown(path)["status"] == "pending"


def test_a_cut_answer_is_read_in_full(owner: Settled, zone: Zone) -> None:
    path, challenge = registered(owner)
    others = [f"{number:03}" + "x" * 90 for number in range(30)]
    zone.text(challenge["record_name"], *others, challenge["record_value"])
    zone.behave(challenge["record_name"], "truncate")
    assert owner.done(f"{path}:verify")["changed"] is True


@pytest.mark.parametrize("behaviour", ["silence", "servfail", "nonsense"])
def test_an_outage_of_the_dns_is_no_missing_proof(owner: Settled, zone: Zone, behaviour: Behaviour) -> None:
    path, challenge = registered(owner)
    zone.text(challenge["record_name"], challenge["record_value"])
    zone.behave(challenge["record_name"], behaviour)
    answer = owner.refused(f"{path}:verify")
    problem(answer, 503, "dns_unreachable")
    assert answer.headers["Retry-After"]
    assert answer.elapsed.total_seconds() < 5
    zone.behave(challenge["record_name"], "answer")
    assert owner.done(f"{path}:verify")["changed"] is True


def test_below_an_active_domain_of_the_tenant_nothing_is_to_be_proven(tenant: Tenant, owner: Settled) -> None:
    above = tenant.domain()
    employee = tenant.person("sub_user", [permission("mailboxes", "change", scope="assigned")])
    owner.done("/v1/domains", {"domain": f"hans.{above}", "assigned_to": employee.user_id})
    shown = owner.shown(f"/v1/domains/hans.{above}")
    assert (shown["status"], shown["assigned_to"]) == ("active", employee.user_id)
    mine = employee.client.done("/v1/mailboxes", {"address": f"info@hans.{above}"})
    assert mine["domain"] == f"hans.{above}"
    problem(employee.client.post("/v1/mailboxes", {"address": f"info@{above}"}), 404, "domain_unknown")


def test_below_a_domain_of_somebody_else_the_proof_is_the_record(stack: Stack, owner: Settled) -> None:
    with a_tenant(stack) as other:
        name = f"sub.{other.domain()}"
    owner.done("/v1/domains", {"domain": name})
    assert owner.shown(f"/v1/domains/{name}")["status"] == "pending"
    problem(owner.refused(f"/v1/domains/{name}:verify"), 409, "proof_missing")


def test_a_domain_that_waited_for_the_one_above_is_verified_by_it(tenant: Tenant, owner: Settled) -> None:
    path, _ = registered(owner)
    above = path.rpartition("/")[2]
    owner.done("/v1/domains", {"domain": f"otto.{above}"})
    assert owner.shown(f"/v1/domains/otto.{above}")["status"] == "pending"
    Settled(tenant.operator).done(f"{path}:activate")
    owner.done(f"/v1/domains/otto.{above}:verify")
    assert owner.shown(f"/v1/domains/otto.{above}")["status"] == "active"


def test_a_suspended_domain_is_not_verified_into_activity(tenant: Tenant, owner: Settled) -> None:
    domain = tenant.domain()
    Settled(tenant.operator).done(f"/v1/domains/{domain}:suspend", {"reason": "unpaid"})
    problem(owner.refused(f"/v1/domains/{domain}:verify"), 409, "domain_not_active")
    assert owner.shown(f"/v1/domains/{domain}")["suspended"] is True


@pytest.mark.parametrize("verb", ["activate", "suspend", "resume", "setMailboxLimit"])
def test_some_acts_are_the_operators(owner: Settled, verb: str) -> None:
    path, _ = registered(owner)
    body = {"suspend": {}, "setMailboxLimit": {"mailbox_limit": 1}}.get(verb)
    problem(owner.refused(f"{path}:{verb}", body), 403, "operators_only")
    problem(
        owner.refused("/v1/domains", {"domain": "limited.example", "mailbox_limit": 3}), 403, "operators_only"
    )


def test_the_report_compares_the_mail_records_with_what_is_expected(owner: Settled, zone: Zone) -> None:
    path, _ = registered(owner)
    name = path.rpartition("/")[2]
    zone.mail_servers(name, (10, "mx.postfach.example"))
    zone.text(name, "v=spf1 include:elsewhere.example -all")
    zone.text(f"own._domainkey.{name}", "v=DKIM1; p=MIGf")
    zone.text(f"_dmarc.{name}", "v=DMARC1; p=none")
    zone.behave(f"_dmarc.{name}", "servfail")
    report = owner.shown(f"{path}/dns")
    assert {each["kind"]: each["verdict"] for each in report["records"]} == {
        "mx": "ok",
        "spf": "different",
        "dkim": "missing",
        "dmarc": "unreachable",
    }
    (dkim,) = [each for each in owner.shown(f"{path}/dns?selector=own")["records"] if each["kind"] == "dkim"]
    assert (dkim["verdict"], dkim["found"]) == ("ok", ["v=DKIM1; p=MIGf"])
    problem(owner.refused(f"{path}/dns?selector=a..%20b", method="GET"), 400, "invalid_parameter")


def test_domains_are_found_by_filter_and_listed_in_order(stack: Stack) -> None:
    with a_tenant(stack) as tenant:
        owner = Settled(tenant.key("owner"))
        pending, active = registered(owner)[0].rpartition("/")[2], tenant.domain()
        person = tenant.person("sub_user", [])
        owner.done(f"/v1/domains/{active}:assign", {"assigned_to": person.user_id})

        def names(query: str) -> list[str]:
            return [each["domain"] for each in owner.shown(f"/v1/domains?{query}")["domains"]]

        assert names("") == sorted([pending, active])
        assert names("order_by=created_at desc") == [active, pending]
        assert names("filter=status = pending") == [pending]
        assert names(f"filter=assigned = {person.user_id}") == [active]
        assert names(f"filter=assigned != {person.user_id}") == [pending]
        assert names("filter=is_assigned = false AND in_group = false") == [pending]
        assert names(f"filter=domain = {pending[:6]}*") == [pending]
        page = owner.shown("/v1/domains?page_size=1&order_by=created_at")
        assert [each["domain"] for each in page["domains"]] == [pending]
        rest = owner.shown(f"/v1/domains?order_by=created_at&page_token={page['next_page_token']}")
        assert [each["domain"] for each in rest["domains"]] == [active]
        problem(owner.refused("/v1/domains?filter=colour = red", method="GET"), 400, "filter_invalid")


def test_nobody_makes_a_domain_somebodys_who_could_then_do_more_than_they(
    tenant: Tenant, owner: Settled
) -> None:
    domain = tenant.domain()
    strong = tenant.person("sub_user", [permission("mailboxes", "destroy", scope="assigned")])
    weak = Settled(tenant.key("sub_user", [permission("domains", "change")]))
    body = {"assigned_to": strong.user_id}
    problem(weak.refused(f"/v1/domains/{domain}:assign", body), 403, "permission_exceeded")
    problem(weak.refused("/v1/domains", {"domain": f"new.{domain}", **body}), 403, "permission_exceeded")
    unknown = {"assigned_to": UNKNOWN_ID}
    document = problem(owner.refused(f"/v1/domains/{domain}:assign", unknown), 409, "user_unknown")
    assert document["errors"][0]["pointer"] == "#/assigned_to"
    owner.done(f"/v1/domains/{domain}:assign", body)
    assert strong.client.shown("/v1/mailboxes")["mailboxes"] == []
    owner.done(f"/v1/domains/{domain}:assign", {"assigned_to": None})
    assert owner.shown(f"/v1/domains/{domain}")["assigned_to"] is None


def test_only_whoever_acts_everywhere_registers_domains(tenant: Tenant) -> None:
    domain = tenant.domain()
    limited = tenant.key("sub_user", [permission("domains", "change", scope="domains", names=[domain])])
    problem(limited.post("/v1/domains", {"domain": f"new.{domain}"}), 403, "page_forbidden")
