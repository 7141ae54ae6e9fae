"""Mailboxes over HTTP: every act once, reads that see the writes before them, versions, and lists."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import House, a_house, problem

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


def test_a_mailbox_is_created_read_and_listed(house: House) -> None:
    address = f"Ina.{uuid4().hex[:8]}@{house.domain.upper()}"
    created = house.post(
        "/v1/mailboxes", {"address": address, "password": "a long enough one", "note": "Büro 7"}
    )
    assert created.status_code == 201, created.text
    body = created.json()
    assert body["address"] == address.lower()
    assert (body["status"], body["has_password"], body["version"]) == ("active", True, 1)
    assert created.headers["ETag"] == '"1"'
    assert house.get(created.headers["Location"], created).json() == body
    listed = house.get("/v1/mailboxes", created, filter=f'address = "{address}"').json()
    assert (listed["mailboxes"], listed["total_size"], listed["total_size_is"]) == ([body], 1, "exact")


def test_everything_that_is_done_to_a_mailbox_shows(house: House) -> None:
    path = f"/v1/mailboxes/{house.a_mailbox()['mailbox_id']}"

    def act(verb: str, body: object = None) -> dict[str, object]:
        done = house.post(f"{path}:{verb}", body)
        assert done.status_code == 200, done.text
        assert done.json()["changed"] is True
        shown = house.get(path, done)
        assert shown.headers["ETag"] == done.headers["ETag"]
        return shown.json()

    noted = house.http.patch(path, json={"note": "hello"})
    assert house.get(path, noted).json()["note"] == "hello"
    assert act("setPassword", {"password": "correct horse battery"})["has_password"] is True
    assert act("allowSelfService")["self_service"] is True
    assert act("forbidSelfService")["self_service"] is False
    assert act("suspend", {"reason": "on leave"})["status"] == "suspended"
    assert act("resume")["status"] == "active"
    assert act("clean")["generation"] == 2
    deleted = act("delete")
    assert deleted["status"] == "deleted"
    assert deleted["expires_at"] is not None
    restored = act("restore")
    assert (restored["status"], restored["note"], restored["has_password"]) == ("active", "hello", True)


def test_a_goal_already_reached_changes_nothing(house: House) -> None:
    mailbox = house.a_mailbox(note="same")
    done = house.http.patch(f"/v1/mailboxes/{mailbox['mailbox_id']}", json={"note": "same"})
    assert (done.status_code, done.json()["changed"]) == (200, False)
    assert done.headers["ETag"] == '"1"'


def test_a_change_meant_for_another_version_is_refused(house: House) -> None:
    path = f"/v1/mailboxes/{house.a_mailbox()['mailbox_id']}"
    first = house.http.patch(path, json={"note": "one"}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    problem(
        house.http.patch(path, json={"note": "two"}, headers={"If-Match": '"1"'}), 412, "version_mismatch"
    )
    problem(house.http.patch(path, json={"note": "x"}, headers={"If-Match": "seven"}), 400, "invalid_header")
    assert house.http.patch(path, json={"note": "three"}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("no-at-sign", 422, "address_invalid"),
        ("two..dots@{domain}", 422, "address_invalid"),
        ("x" * 65 + "@{domain}", 422, "address_invalid"),
        ("ina@localhost", 422, "address_invalid"),
        ("ina@nobody-has-this.example", 404, "domain_unknown"),
    ],
)
def test_a_bad_address_is_refused_by_name(house: House, address: str, status: int, code: str) -> None:
    problem(house.post("/v1/mailboxes", {"address": address.format(domain=house.domain)}), status, code)


@pytest.mark.parametrize("password", ["short", "x" * 129, "password1", "bad\nline here"])
def test_a_bad_password_is_refused_before_anything_is_ordered(house: House, password: str) -> None:
    answer = house.post("/v1/mailboxes", {"address": f"p@{house.domain}", "password": password})
    assert problem(answer, 422, "password_policy")["errors"][0]["pointer"] == "#/password"
    assert password not in answer.text


def test_a_taken_address_and_a_quarantined_one_are_refused(house: House) -> None:
    mailbox = house.a_mailbox()
    problem(house.post("/v1/mailboxes", {"address": mailbox["address"]}), 409, "address_taken")
    house.post(f"/v1/mailboxes/{mailbox['mailbox_id']}:delete")
    problem(house.post("/v1/mailboxes", {"address": mailbox["address"]}), 409, "address_quarantined")
    problem(house.post(f"/v1/mailboxes/{mailbox['mailbox_id']}:clean"), 409, "mailbox_deleted")


def test_a_limit_is_exact(house: House) -> None:
    domain = f"l{uuid4().hex[:10]}.example"
    house.post("/v1/domains", {"domain": domain, "mailbox_limit": 1})
    house.post(f"/v1/domains/{domain}:activate")
    assert house.post("/v1/mailboxes", {"address": f"one@{domain}"}).status_code == 201
    problem(house.post("/v1/mailboxes", {"address": f"two@{domain}"}), 409, "mailbox_limit_reached")


@pytest.mark.parametrize(
    "order", ["address", "address desc", "created_at", "created_at desc", "changed_at desc"]
)
def test_pages_of_any_order_hold_every_mailbox_once(stack: Stack, order: str) -> None:
    with a_house(stack) as house:
        made = {house.a_mailbox(note=f"n{number}")["mailbox_id"] for number in range(7)}
        seen: list[dict[str, object]] = []
        token = None
        for _ in range(3):
            more = {"page_token": token} if token else {}
            page = house.get("/v1/mailboxes", page_size=3, order_by=order, **more).json()
            assert page["total_size"] == 7
            seen += page["mailboxes"]
            token = page.get("next_page_token")
        assert token is None
        assert len(seen) == 7
        assert {each["mailbox_id"] for each in seen} == made
        column, _, direction = order.partition(" ")
        values = [str(each[column]) for each in seen]
        assert values == sorted(values, reverse=direction == "desc")


@pytest.mark.parametrize("order", ["address", "address desc"])
@pytest.mark.parametrize(
    "condition", ["", "domain != {0}", "domain = {0} OR domain = {2}", "local_part = same"]
)
def test_pages_across_domains_hold_every_match_once_in_order(
    stack: Stack, order: str, condition: str
) -> None:
    with a_house(stack) as house:
        domains = sorted([house.domain, f"a{house.domain}", f"z{house.domain}"])
        for domain in domains[:1] + domains[2:]:
            house.post("/v1/domains", {"domain": domain})
            assert house.post(f"/v1/domains/{domain}:activate").status_code == 200
        addresses = [f"{name}@{domain}" for domain in domains for name in ("one", "same", "two")]
        for address in addresses:
            created = house.post("/v1/mailboxes", {"address": address})
            assert created.status_code == 201
            assert house.get(created.headers["Location"], created).status_code == 200
        wanted = condition.format(*domains)
        seen: list[str] = []
        more: dict[str, Any] = {}
        while len(seen) <= len(addresses):
            page = house.get("/v1/mailboxes", page_size=1, order_by=order, filter=wanted, **more).json()
            seen += [each["address"] for each in page["mailboxes"]]
            if "next_page_token" not in page:
                break
            more = {"page_token": page["next_page_token"]}
        expected = {
            "": addresses,
            "domain != {0}": addresses[3:],
            "domain = {0} OR domain = {2}": addresses[:3] + addresses[6:],
            "local_part = same": addresses[1::3],
        }[condition]
        assert seen == (expected[::-1] if order.endswith("desc") else expected)


def test_filters_find_what_they_say(stack: Stack) -> None:
    with a_house(stack) as house:
        plain = house.a_mailbox(note="Sales office")["mailbox_id"]
        secret = house.a_mailbox(note="night-12 shift", password="correct horse")["mailbox_id"]
        gone = house.a_mailbox()["mailbox_id"]
        deleted = house.post(f"/v1/mailboxes/{gone}:delete")

        def found(text: str, order_by: str = "address") -> set[str]:
            page = house.get("/v1/mailboxes", deleted, filter=text, order_by=order_by)
            assert page.status_code == 200, page.text
            return {each["mailbox_id"] for each in page.json()["mailboxes"]}

        for order in ("address", "created_at desc"):
            assert found("", order) == {plain, secret, gone}
            assert found("status = deleted", order) == {gone}
            assert found("status != deleted", order) == {plain, secret}
            assert found("has_password = true", order) == {secret}
            assert found("note:off", order) == {plain}
            assert found('note:"office sales"', order) == {plain}
            assert found("note:12", order) == {secret}
            assert found("note:s", order) == {plain, secret}
            assert found(f"domain = {house.domain} AND NOT has_password = true", order) == {plain, gone}
            assert found(f"domain != {house.domain}", order) == set()
            assert found("domain = g*", order) == {plain, secret, gone}
            assert found("note:night OR status = deleted", order) == {secret, gone}
            assert found("created_at > 2020-01-01T00:00:00Z AND note:shift", order) == {secret}
            assert found("created_at < 2020-01-01T00:00:00Z", order) == set()


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"filter": "colour = red"}, "filter_invalid"),
        ({"filter": "x" * 2001}, "invalid_parameter"),
        ({"filter": "note:'; DROP TABLE mailboxes; --"}, "filter_invalid"),
        ({"fliter": "status = active"}, "unknown_parameter"),
        ({"order_by": "note"}, "invalid_parameter"),
        ({"page_size": "many"}, "invalid_parameter"),
        ({"page_size": "0"}, "invalid_parameter"),
        ({"page_size": "9" * 400}, "invalid_parameter"),
        ({"page_token": "forged"}, "invalid_page_token"),
        ({"page_token": "x" * 3000}, "invalid_parameter"),
        ({"page_token": "\0\0"}, "invalid_page_token"),
    ],
)
def test_a_bad_list_request_is_refused(house: House, parameters: dict[str, str], code: str) -> None:
    problem(house.http.get("/v1/mailboxes", params=parameters), 400, code)


def test_a_token_of_another_list_is_refused(stack: Stack) -> None:
    with a_house(stack) as house:
        for _ in range(2):
            house.a_mailbox()
        token = house.get("/v1/mailboxes", page_size=1).json()["next_page_token"]
        problem(
            house.get("/v1/mailboxes", page_token=token, filter="status = active"), 400, "invalid_page_token"
        )


@pytest.mark.parametrize("mailbox_id", ["1", "%2e%2e", "%00", "' OR '1'='1", str(uuid4())])
def test_what_is_not_there_is_not_found(house: House, mailbox_id: str) -> None:
    problem(house.http.get(f"/v1/mailboxes/{mailbox_id}"), 404, "mailbox_unknown")
